"""Resampling matrices: how much each input sample weighs in each output sample along one axis.

With known sizes a matrix is a constant; otherwise the same formula runs in the graph. The formulas are those of
TensorFlow's kernels (``resize_area_op``, ``resize_bicubic_op``, ``scale_and_translate_op``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from onward.dims import Size
from onward.dtypes import FLOAT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder

Extent: TypeAlias = "Size | Value"


def number(op: Builder, extent: Extent) -> Value:
    """A size as a float32 scalar."""
    return op.Cast(scalar(op, extent), to=FLOAT32)


def scalar(op: Builder, extent: Extent) -> Value:
    """A size as an int64 scalar."""
    return op.Cast(extent, to=INT64) if isinstance(extent, Value) else op.size(extent)


def ramp(op: Builder, extent: Extent) -> Value:
    """0, 1, .. up to a size, in float32."""
    return op.Cast(op.Range(0, scalar(op, extent), 1), to=FLOAT32)


def ratio(op: Builder, inner: Extent, outer: Extent, align_corners: bool) -> Value:
    """Input samples per output sample."""
    if not align_corners:
        return number(op, inner) / number(op, outer)
    gaps = number(op, outer) - 1
    return op.Where(gaps > 0, (number(op, inner) - 1) / op.Max(gaps, 1), number(op, inner) / number(op, outer))


def nearest(op: Builder, inner: Extent, outer: Extent, align_corners: bool, half_pixel_centers: bool) -> Value:
    """The input index that each output index takes."""
    with op.folding():
        at = ramp(op, outer)
        at = (at + 0.5 if half_pixel_centers else at) * ratio(op, inner, outer, align_corners)
        at = op.Floor(at + 0.5 if align_corners else at)
        return op.Cast(op.Max(op.Min(at, number(op, inner) - 1), 0), to=INT64)


def bilinear(op: Builder, inner: Extent, outer: Extent, align_corners: bool, half_pixel_centers: bool) -> Value:
    """Two taps, the edge repeated."""
    with op.folding():
        at, step = ramp(op, outer), ratio(op, inner, outer, align_corners)
        at = (at + 0.5) * step - 0.5 if half_pixel_centers else at * step
        at = op.Max(op.Min(at, number(op, inner) - 1), 0)
        return op.Max(1 - op.Abs(op.Unsqueeze(at, axes=[1]) - ramp(op, inner)), 0)


def area(op: Builder, inner: Extent, outer: Extent, align_corners: bool) -> Value:
    """Each output sample is the mean over its share of the input; beyond the end the last sample repeats."""
    with op.folding():
        step = ratio(op, inner, outer, align_corners)
        starts = op.Unsqueeze(ramp(op, outer) * step, axes=[1])
        cells = ramp(op, inner)
        ends = op.Where(op.Equal(cells, number(op, inner) - 1), 1e30, cells + 1)
        overlap = op.Min(starts + step, ends) - op.Max(starts, cells)
        return op.Max(overlap, 0) / step


def bicubic(op: Builder, inner: Extent, outer: Extent, align_corners: bool, half_pixel_centers: bool) -> Value:
    """Four taps, their offset rounded to 1/1024 as TensorFlow's table of coefficients has it.

    With half-pixel centres: Keys' kernel (a = -0.5), taps outside left out and the rest scaled up. Without: a = -0.75,
    the edge repeated.
    """
    with op.folding():
        at = ramp(op, outer)
        step = ratio(op, inner, outer, align_corners)
        at = (at + 0.5) * step - 0.5 if half_pixel_centers else at * step
        base = op.Floor(at)
        offset = op.Round((at - base) * 1024.0) / 1024.0
        cells, last = ramp(op, inner), number(op, inner) - 1
        parts: list[Value] = []
        for tap in range(-1, 3):
            weight = cubic(op, op.Abs(tap - offset), -0.5 if half_pixel_centers else -0.75)
            index = op.Max(op.Min(base + tap, last), 0)
            if half_pixel_centers:
                weight = op.Where(op.Equal(index, base + tap), weight, 0)
            hit = op.Equal(op.Unsqueeze(index, axes=[1]), cells)
            parts.append(op.Where(hit, op.Unsqueeze(weight, axes=[1]), 0))
        total = parts[0] + parts[1] + parts[2] + parts[3]
        return total / op.ReduceSum(total, axes=[1]) if half_pixel_centers else total


def cubic(op: Builder, x: Value, a: float) -> Value:
    """The cubic convolution kernel (Keys 1981) for non-negative ``x``."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return op.Where(x <= 1, near, op.Where(x < 2, far, 0))


def _lanczos(radius: float) -> Callable[[Builder, Value], Value]:
    def kernel(op: Builder, x: Value) -> Value:
        safe = op.Max(x, 1e-3) * math.pi
        wave = radius * op.Sin(safe) * op.Sin(safe / radius) / (safe * safe)
        return op.Where(x > radius, 0, op.Where(x <= 1e-3, 1, wave))

    return kernel


def _gaussian(op: Builder, x: Value) -> Value:
    return op.Where(x >= 1.5, 0, op.Exp(x * x * -2.0))


def _box(op: Builder, x: Value) -> Value:
    return op.Where(x < 0.5, 1, op.Where(x <= 0.5, op.constant(0.5, FLOAT32), 0))


def _triangle(op: Builder, x: Value) -> Value:
    return op.Max(1 - x, 0)


def _mitchell(op: Builder, x: Value) -> Value:
    """Mitchell and Netravali's cubic with B = C = 1/3."""
    near = (7 / 6 * x - 2) * x * x + 8 / 9
    far = ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9
    return op.Where(x < 1, near, op.Where(x < 2, far, 0))


# The kernels of ScaleAndTranslate by name: radius and function of a non-negative distance.
KERNELS: dict[str, tuple[float, Callable[[Builder, Value], Value]]] = {
    "lanczos1": (1.0, _lanczos(1.0)),
    "lanczos3": (3.0, _lanczos(3.0)),
    "lanczos5": (5.0, _lanczos(5.0)),
    "gaussian": (1.5, _gaussian),
    "box": (0.5, _box),
    "triangle": (1.0, _triangle),
    "keyscubic": (2.0, lambda op, x: cubic(op, x, -0.5)),
    "mitchellcubic": (2.0, _mitchell),
}


def scaled(
    op: Builder, inner: Extent, outer: Extent, scale: Value, translation: Value, kernel: str, antialias: bool
) -> Value:
    """Samples at ``(x + 0.5 - translation) / scale``, zero where that lies outside the input."""
    radius, function = KERNELS[kernel]
    with op.folding():
        step = 1 / scale
        stretch = op.Max(step, 1) if antialias else op.constant(1.0, FLOAT32)
        at = op.Unsqueeze((ramp(op, outer) + 0.5) * step - step * translation, axes=[1])
        centres = ramp(op, inner) + 0.5
        distance = op.Abs(centres - at)
        weight = function(op, distance * (1 / stretch))
        # The kernel's last sample is found by rounding its span inwards: nothing beyond the radius is taken.
        weight = op.Where(distance <= stretch * radius, weight, 0)
        total = op.ReduceSum(weight, axes=[1])
        weight = op.Where(op.Abs(total) >= 1.2e-35, weight / total, weight)
        inside = op.And(at >= 0, at <= number(op, inner))
        return op.Where(inside, weight, 0)


def apply(op: Builder, x: Value, rows: Value, columns: Value) -> Value:
    """``rows @ image @ columns.T`` for a batch of channels-last images."""
    batch, height, width, channels = x.shape
    y = rows @ op.Reshape(x, [batch, height, width * channels])
    y = op.Reshape(y, [batch, y.shape[1], width, channels])
    return columns @ y
