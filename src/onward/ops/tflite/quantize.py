"""Integers that stand for reals: ``real = (integer - zero_point) * scale``."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dtypes import FLOAT32, INT32
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower

_BYTES = frozenset({np.dtype(np.int8), np.dtype(np.uint8)})
_HALVES = frozenset({np.dtype(np.int16), np.dtype(np.uint16)})
_HALVES_SINCE = 21


@lower("tfl.no_value")
def no_value(op: Builder) -> None:
    return None


@lower("tfl.quantize")
def quantize(op: Builder, x: Value, *, scale: Any, zero_point: Any, axis: int, dtype: np.dtype) -> Value:
    x = op.Cast(x, to=FLOAT32)
    if _native(op, dtype):
        return op.QuantizeLinear(x, *_parameters(op, scale, zero_point, dtype), **_axis(scale, axis))
    scale, zero_point = (_along(v, axis, x.rank) for v in (scale, zero_point))
    steps = op.Round(x / op.constant(scale.astype(np.float32))) + op.constant(zero_point.astype(np.float32))
    if dtype.itemsize < 4:
        steps = op.Clip(steps, float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))
    return op.Cast(steps, to=dtype)


@lower("tfl.dequantize")
def dequantize(op: Builder, x: Value, *, scale: Any, zero_point: Any, axis: int, dtype: np.dtype) -> Value:
    if _native(op, x.dtype):
        return op.DequantizeLinear(x, *_parameters(op, scale, zero_point, x.dtype), **_axis(scale, axis))
    if x.dtype == INT32 and not np.any(zero_point):
        return op.DequantizeLinear(x, op.constant(np.asarray(scale, np.float32)), **_axis(scale, axis))
    scale, zero_point = (_along(v, axis, x.rank) for v in (scale, zero_point))
    centred = op.Cast(x, to=FLOAT32) - op.constant(zero_point.astype(np.float32))
    return centred * op.constant(scale.astype(np.float32))


def _native(op: Builder, dtype: np.dtype) -> bool:
    return dtype in _BYTES or (dtype in _HALVES and op.opset >= _HALVES_SINCE)


def _parameters(op: Builder, scale: Any, zero_point: Any, dtype: np.dtype) -> tuple[Value, Value]:
    return op.constant(np.asarray(scale, np.float32)), op.constant(np.asarray(zero_point).astype(dtype))


def _axis(scale: Any, axis: int) -> dict[str, int]:
    return {"axis": axis} if np.ndim(scale) else {}


def _along(numbers: Any, axis: int, rank: int | None) -> np.ndarray:
    numbers = np.asarray(numbers)
    if not numbers.ndim:
        return numbers
    assert rank is not None
    return numbers.reshape([-1] + [1] * (rank - 1 - axis))
