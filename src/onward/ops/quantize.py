"""Quantisation: fake quantisation becomes QuantizeLinear and DequantizeLinear pairs where the ranges are constants.

Ranges and rounding follow the op documentation of TensorFlow (FakeQuantWithMinMaxVars, QuantizeAndDequantizeV2,
QuantizeV2, Dequantize, UniformQuantize).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dtypes import FLOAT32, INT32, storage
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, lower
from onward.ops.requantize import along, half_away, round_up, symmetric_scale


@lower("FakeQuantWithMinMaxArgs")
def fake_quant(
    op: Builder, x: Value, *, min: float, max: float, num_bits: int, narrow_range: bool
) -> Value:  # fmt: skip
    low, high = (op.constant(np.array(limit, np.float32)) for limit in (min, max))
    return fake_quant_vars(op, x, low, high, num_bits=num_bits, narrow_range=narrow_range)


@lower("FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel")
def fake_quant_vars(
    op: Builder, x: Value, low: Value, high: Value, *, num_bits: int, narrow_range: bool
) -> Value:  # fmt: skip
    """The range, one or one for each place of the last axis, moves a little so that zero is a step."""
    first, last = int(narrow_range), 2**num_bits - 1
    scale, bottom, top, zero = nudged(op, low, high, num_bits, narrow_range)
    clipped = op.Min(op.Max(x, bottom), top)
    if scale.array is not None and zero.array is not None and num_bits <= 8 and scale.array.all():
        whole = (first, last) == (0, 255)
        return _there_and_back(op, x if whole else clipped, scale, op.Cast(zero, to=np.dtype("uint8")))
    quantized = op.Floor((clipped - bottom) / scale + 0.5) * scale + bottom
    nothing = op.And(op.Equal(low, 0), op.Equal(high, 0))
    return op.Where(nothing, 0, quantized)


def nudged(op: Builder, low: Value, high: Value, num_bits: int, narrow_range: bool) -> tuple[Value, ...]:
    """The size of a step, the range moved such that zero is a step, and which step that is."""
    first, last = int(narrow_range), 2**num_bits - 1
    scale = (high - low) / float(last - first)
    zero = op.Clip(round_up(op, first - low / scale), first, last)
    return scale, (first - zero) * scale, (last - zero) * scale, zero


def _there_and_back(op: Builder, x: Value, scale: Value, zero: Value, axis: int = -1) -> Value:
    attrs: dict[str, Any] = {"axis": axis} if scale.rank else {}
    return op.DequantizeLinear(op.QuantizeLinear(x, scale, zero, **attrs), scale, zero, **attrs)


@lower("QuantizeAndDequantize")
def quantize_and_dequantize(
    op: Builder, x: Value, *, signed_input: bool, num_bits: int, range_given: bool, input_min: float, input_max: float
) -> Value:  # fmt: skip
    low, high = (op.constant(np.array(limit, x.dtype)) for limit in (input_min, input_max))
    return _simulated(op, x, low, high, num_bits, signed_input, range_given, False, -1, "HALF_TO_EVEN")


@lower("QuantizeAndDequantizeV2", "QuantizeAndDequantizeV4")
def quantize_and_dequantize_v2(
    op: Builder, x: Value, low: Value, high: Value, *, signed_input: bool, num_bits: int, range_given: bool,
    narrow_range: bool, axis: int, round_mode: str,
) -> Value:  # fmt: skip
    return _simulated(op, x, low, high, num_bits, signed_input, range_given, narrow_range, axis, round_mode)


@lower("QuantizeAndDequantizeV3")
def quantize_and_dequantize_v3(
    op: Builder, x: Value, low: Value, high: Value, num_bits: Static, *, signed_input: bool, range_given: bool,
    narrow_range: bool, axis: int,
) -> Value:  # fmt: skip
    bits = int(num_bits)
    return _simulated(op, x, low, high, bits, signed_input, range_given, narrow_range, axis, "HALF_TO_EVEN")


def _simulated(
    op: Builder, x: Value, low: Value, high: Value, bits: int, signed: bool, given: bool, narrow: bool, axis: int,
    rounding: str,
) -> Value:  # fmt: skip
    """Rounds to steps symmetric about zero, whose size the range decides."""
    first = -(2 ** (bits - 1)) + narrow if signed else 0
    last = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    if not given:
        axes = None if axis < 0 or x.rank is None else [i for i in range(x.rank) if i != axis]
        low, high = (op.emit(f"Reduce{end}", x, axes=axes, keepdims=0) for end in ("Min", "Max"))
    step = op.Reciprocal(symmetric_scale(op, low, high, first, last))
    constant = step.array is not None and bits == 8 and rounding == "HALF_TO_EVEN" and x.dtype == FLOAT32
    wide = along(op, step, x, axis)
    clipped = op.Min(op.Max(x, wide * first), wide * last) if given else x
    if constant:
        whole = not narrow
        zero = op.Cast(op.Expand(op.constant(np.zeros((), np.int32)), op.shape(step)), to=_byte(signed))
        return _there_and_back(op, x if whole else clipped, step, zero, axis)
    steps = clipped / wide
    return (op.Round(steps) if rounding == "HALF_TO_EVEN" else op.Floor(steps + 0.5)) * wide


def _byte(signed: bool) -> np.dtype:
    return np.dtype("int8" if signed else "uint8")


@lower("QuantizeV2")
def quantize_v2(
    op: Builder, x: Value, low: Value, high: Value, *, T: np.dtype, mode: str, round_mode: str, narrow_range: bool,
    axis: int, ensure_minimum_range: float,
) -> tuple[Value, Value, Value]:  # fmt: skip
    dtype = storage(T)
    first, last = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    size = op.Max(op.Max(op.Abs(low), op.Abs(high)), 1) * ensure_minimum_range
    low = op.Min(low, 0)
    high = op.Max(op.Max(high, low + size), 0)
    if mode == "SCALED":
        scale = symmetric_scale(op, low, high, first + narrow_range, last)
        low, high = (first + narrow_range) / scale, last / scale
        steps = _within(op, x, low, high, axis) * along(op, scale, x, axis)
        rounded = op.Round(steps) if round_mode == "HALF_TO_EVEN" else half_away(op, steps)
    elif mode == "MIN_FIRST":
        scale = (last - first) / (high - low)
        offset = half_away(op, low * scale) - first
        rounded = op.Clip(half_away(op, x * along(op, scale, x, axis)) - along(op, offset, x, axis), first, last)
    else:
        scale = along(op, (last - first) / (high - low), x, axis)
        steps = (_within(op, x, low, high, axis) - along(op, low, x, axis)) * scale
        rounded = half_away(op, steps - (last - first + 1) / 2) if first < 0 else op.Floor(steps + 0.5)
    return op.Cast(rounded, to=dtype), low, high


def _within(op: Builder, x: Value, low: Value, high: Value, axis: int) -> Value:
    return op.Max(op.Min(x, along(op, high, x, axis)), along(op, low, x, axis))


@lower("Dequantize")
def dequantize(
    op: Builder, x: Value, low: Value, high: Value, *, T: np.dtype, mode: str, narrow_range: bool, axis: int,
    dtype: np.dtype,
) -> Value:  # fmt: skip
    info = np.iinfo(storage(T))
    first, last = float(info.min), float(info.max)
    if mode == "SCALED":
        scale = high / last
        if first < 0:
            scale = op.Max(scale, low / (first + narrow_range))
        offset = low * 0
    elif mode == "MIN_FIRST":
        scale = (high - low) / (last - first)
        offset = half_away(op, low / scale) * scale - first * scale
    else:
        scale = (high - low) / (last - first)
        offset = low + ((last - first + 1) / 2 if first < 0 else 0.0) * scale
    scale, offset = (along(op, v, x, axis) for v in (scale, offset))
    return op.Cast(op.Cast(x, to=FLOAT32) * scale + offset, to=dtype)


@lower("UniformQuantize")
def uniform_quantize(
    op: Builder, x: Value, scales: Value, zero_points: Value, *, Tout: np.dtype, quantization_axis: int,
    quantization_min_val: int, quantization_max_val: int,
) -> Value:  # fmt: skip
    steps = op.Floor(op.Cast(x, to=FLOAT32) / along(op, scales, x, quantization_axis) + 0.5)
    shifted = op.Cast(steps, to=INT32) + along(op, zero_points, x, quantization_axis)
    return op.Cast(op.Clip(shifted, quantization_min_val, quantization_max_val), to=storage(Tout))


@lower("UniformDequantize")
def uniform_dequantize(
    op: Builder, x: Value, scales: Value, zero_points: Value, *, Tout: np.dtype, quantization_axis: int
) -> Value:  # fmt: skip
    centred = op.Cast(x, to=INT32) - along(op, zero_points, x, quantization_axis)
    return op.Cast(op.Cast(centred, to=FLOAT32) * along(op, scales, x, quantization_axis), to=Tout)
