"""Arithmetic on quantised tensors that carry their range, as TensorFlow 1's graph transforms wrote it.

A tensor of integers comes with the numbers that its lowest and its highest step stand for. Steps are computed as
TensorFlow's kernels do (core/kernels/quantization_utils.h), in integers and float64, so that results are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dtypes import FLOAT32, FLOAT64, INT32, INT64, storage
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last, kernel_first, padded, window
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.linalg import swap_last
from onward.ops.pool import avg_pool, max_pool
from onward.ops.requantize import along, half_away

UINT8 = np.dtype("uint8")
Ranged = tuple[Value, Value, Value]
_SHIFT = 16  # bits behind the point in a requantisation


@lower("QuantizedMatMul")
def matmul(
    op: Builder, a: Value, b: Value, min_a: Value, max_a: Value, min_b: Value, max_b: Value, *, transpose_a: bool,
    transpose_b: bool,
) -> Ranged:  # fmt: skip
    left, right = _centred(op, a, min_a, max_a), _centred(op, b, min_b, max_b)
    left, right = (swap_last(op, x) if turned else x for x, turned in ((left, transpose_a), (right, transpose_b)))
    return left @ right, *_product_range(op, (a, min_a, max_a), (b, min_b, max_b))


@lower("QuantizedMul")
def multiply(
    op: Builder, x: Value, y: Value, min_x: Value, max_x: Value, min_y: Value, max_y: Value
) -> Ranged:  # fmt: skip
    product = _centred(op, x, min_x, max_x) * _centred(op, y, min_y, max_y)
    return product, *_product_range(op, (x, min_x, max_x), (y, min_y, max_y))


@lower("QuantizedConcat")
def concat(op: Builder, axis: Static, values: list[Value], mins: list[Value], maxes: list[Value]) -> Ranged:
    """Over the range that holds all of them; steps stay as they are where that is their own."""
    low, high = op.Min(*mins, np.zeros((), np.float32)), op.Max(*maxes)
    first, last = _bounds(values[0].dtype)
    parts = []
    for x, bottom, top in zip(values, mins, maxes, strict=True):
        moved = op.Clip(_nearest_step(op, _number(op, x, x.dtype, bottom, top), x.dtype, low, high), first, last)
        own = op.And(op.Equal(bottom, low), op.Equal(top, high))
        parts.append(op.Where(own, x, op.Cast(moved, to=x.dtype)))
    return op.Concat(*parts, axis=int(axis)), low, high


@lower("QuantizedConv2D")
def conv(
    op: Builder, x: Value, kernel: Value, min_input: Value, max_input: Value, min_filter: Value, max_filter: Value, *,
    strides: list[int], padding: str, dilations: list[int],
) -> Ranged:  # fmt: skip
    """Zero is taken to be one of the steps of both ranges."""
    first = channels_first(op, x, "NHWC")
    frame = window(x, kernel.shape[:-2], strides, dilations, padding, (), "NHWC")
    zeros = [_step_of_zero(op, *ranged) for ranged in ((x, min_input, max_input), (kernel, min_filter, max_filter))]
    points = [op.Cast(op.Clip(zero, 0, 255), to=UINT8) for zero in zeros]
    if any(not isinstance(p, int) for p in frame.get("pads", ())):
        raise Unsupported("SAME padding of images of unknown size")
    y = op.ConvInteger(first, kernel_first(op, kernel), *points, **padded(op, first, frame)[1])
    product = _product_range(op, (x, min_input, max_input), (kernel, min_filter, max_filter))
    return channels_last(op, y, "NHWC"), *product


@lower("QuantizedRelu")
def relu(op: Builder, x: Value, low: Value, high: Value) -> Ranged:
    return op.Max(x, _step(op, x, 0.0, low, high)), low, high


@lower("QuantizedRelu6")
def relu6(op: Builder, x: Value, low: Value, high: Value) -> Ranged:
    return op.Min(op.Max(x, _step(op, x, 0.0, low, high)), _step(op, x, 6.0, low, high)), low, high


@lower("QuantizedReshape")
def reshape(op: Builder, x: Value, shape: Value, low: Value, high: Value) -> Ranged:
    return op.Reshape(x, shape, allowzero=1) if op.opset >= 14 else op.Reshape(x, shape), low, high


@lower("QuantizedMaxPool")
def quantized_max_pool(
    op: Builder, x: Value, low: Value, high: Value, *, ksize: list[int], strides: list[int], padding: str
) -> Ranged:
    return max_pool(op, x, ksize=ksize, strides=strides, padding=padding, data_format="NHWC"), low, high


@lower("QuantizedAvgPool")
def quantized_avg_pool(
    op: Builder, x: Value, low: Value, high: Value, *, ksize: list[int], strides: list[int], padding: str
) -> Ranged:
    """Of the steps, rounded down."""
    wide = op.Cast(x, to=FLOAT32)
    mean = avg_pool(op, wide, ksize=ksize, strides=strides, padding=padding, data_format="NHWC")
    return op.Cast(op.Floor(mean + 1e-3), to=x.dtype), low, high  # a mean of integers is not that close below one


@lower("RequantizationRange")
def requantization_range(op: Builder, x: Value, low: Value, high: Value) -> tuple[Value, Value]:
    """What is used of a range, zero included."""
    ends = [_number(op, op.emit(f"Reduce{end}", x, keepdims=0), x.dtype, low, high) for end in ("Min", "Max")]
    return op.Cast(op.Min(ends[0], 0), to=FLOAT32), op.Cast(ends[1], to=FLOAT32)


@lower("Requantize")
def requantize(
    op: Builder, x: Value, low: Value, high: Value, wanted_low: Value, wanted_high: Value, *, out_type: np.dtype
) -> Ranged:
    """To eight bits over another range, in fixed point with 16 bits behind the point."""
    if storage(out_type) != UINT8:
        raise Unsupported("requantisation to other integers than unsigned bytes")
    out_range = wanted_high - wanted_low
    some = op.Not(op.Equal(out_range, 0))

    def fixed(number: Value) -> Value:
        return op.Cast(op.Where(some, number, 0), to=INT64)  # towards zero

    wide = [op.Cast(v, to=FLOAT64) for v in (low, high, wanted_low, out_range)]
    factor = fixed((wide[1] - wide[0]) * (255.0 * 2**_SHIFT) / wide[3])
    middle = (low + high) / 2
    before = op.Cast(middle * op.Where(some, 255.0 / out_range, 0) * float(2**_SHIFT), to=INT64)
    after = fixed(half_away(op, wide[2] * (255.0 * 2**_SHIFT) / wide[3]))
    value = _halved(op, op.Cast(x, to=INT64) * factor, 32) + before - after
    steps = _halved(op, value + 2 ** (_SHIFT - 1), _SHIFT)
    return op.Cast(op.Clip(steps, 0, 255), to=UINT8), wanted_low, wanted_high


@lower("QuantizeDownAndShrinkRange")
def shrink(op: Builder, x: Value, low: Value, high: Value, *, out_type: np.dtype) -> Ranged:
    return requantize(op, x, low, high, *requantization_range(op, x, low, high), out_type=out_type)


@lower("UniformQuantizedClipByValue")
def clip(
    op: Builder, x: Value, low: Value, high: Value, scales: Value, zero_points: Value, *, quantization_axis: int
) -> Value:
    return op.Min(op.Max(x, along(op, low, x, quantization_axis)), along(op, high, x, quantization_axis))


def _halved(op: Builder, x: Value, times: int) -> Value:
    """An arithmetic shift to the right: the quotient rounded down."""
    return op.Div(x - op.Mod(x, 2**times), 2**times)


def _centred(op: Builder, x: Value, low: Value, high: Value) -> Value:
    """Steps counted from that of zero."""
    return op.Cast(x, to=INT32) - op.Cast(_step_of_zero(op, x, low, high), to=INT32)


def _bounds(dtype: np.dtype) -> tuple[int, int]:
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def _step_of_zero(op: Builder, x: Value, low: Value, high: Value) -> Value:
    return _unclipped(op, x.dtype, 0.0, low, high)


def _step(op: Builder, x: Value, number: float, low: Value, high: Value) -> Value:
    """The step of the tensor that is nearest to a number."""
    return op.Cast(op.Clip(_unclipped(op, x.dtype, number, low, high), *_bounds(x.dtype)), to=x.dtype)


def _unclipped(op: Builder, dtype: np.dtype, number: float, low: Value, high: Value) -> Value:
    """Which step a number is, counted on beyond both ends of the range, int64."""
    return _nearest_step(op, op.constant(number, FLOAT64), dtype, low, high)


def _nearest_step(op: Builder, number: Value, dtype: np.dtype, low: Value, high: Value) -> Value:
    first, last = _bounds(dtype)
    bottom, top = op.Cast(low, to=FLOAT64), op.Cast(high, to=FLOAT64)
    scale = float(last - first) / (top - bottom)
    steps = half_away(op, scale * number) - half_away(op, bottom * scale)
    return op.Cast(op.Where(op.Equal(low, high), 0, steps + float(first)), to=INT64)


def _number(op: Builder, step: Value, dtype: np.dtype, low: Value, high: Value) -> Value:
    """What a step stands for, in float64."""
    first, last = _bounds(dtype)
    bottom, top = op.Cast(low, to=FLOAT64), op.Cast(high, to=FLOAT64)
    scale = (top - bottom) / float(last - first)
    narrow = op.Cast(op.Cast(scale, to=FLOAT32), to=FLOAT64)
    return half_away(op, bottom / narrow) * narrow + (op.Cast(step, to=FLOAT64) - float(first)) * scale


def _product_range(op: Builder, a: tuple[Value, Value, Value], b: tuple[Value, Value, Value]) -> tuple[Value, Value]:
    """The range of 32-bit steps, each of which is a step of one factor times one of the other."""
    steps: list[Any] = []
    for x, low, high in (a, b):
        first, last = _bounds(x.dtype)
        steps.append((high - low) / float(last - first))
    one = steps[0] * steps[1]
    return one * float(-(2**31)), one * float(2**31 - 1)
