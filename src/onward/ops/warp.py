"""Reading images at computed places: crops and projective transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from onward.dtypes import FLOAT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.resample import Extent, number, ramp


@lower("CropAndResize")
def crop_and_resize(
    op: Builder, image: Value, boxes: Value, box_ind: Value, crop_size: Value, *, method: str,
    extrapolation_value: float,
) -> Value:  # fmt: skip
    """Crops (y1, x1, y2, x2), in units of the image's size less one, each scaled to the same size."""
    height, width = image.shape[1:3]
    edges = [op.Gather(boxes, [i], axis=1) for i in range(4)]
    rows = lattice(op, edges[0], edges[2], height, element(op, crop_size, 0))
    columns = lattice(op, edges[1], edges[3], width, element(op, crop_size, 1))
    inside = [op.And(at >= 0, at <= number(op, extent) - 1) for at, extent in ((rows, height), (columns, width))]
    rows, columns = op.Unsqueeze(rows, axes=[2]), op.Unsqueeze(columns, axes=[1])
    read = reader(op, op.Cast(image, to=FLOAT32), op.Reshape(op.Cast(box_ind, to=INT64), [-1, 1, 1]))
    if method == "nearest":
        y = read(op.Floor(rows + 0.5), op.Floor(columns + 0.5))
    else:
        top, left = op.Floor(rows), op.Floor(columns)
        down, right = op.Unsqueeze(rows - top, axes=[3]), op.Unsqueeze(columns - left, axes=[3])
        upper = _between(read(top, left), read(top, op.Ceil(columns)), right)
        lower_ = _between(read(op.Ceil(rows), left), read(op.Ceil(rows), op.Ceil(columns)), right)
        y = _between(upper, lower_, down)
    both = op.And(op.Unsqueeze(inside[0], axes=[2, 3]), op.Unsqueeze(inside[1], axes=[1, 3]))
    return op.Where(both, y, extrapolation_value)


@lower("ImageProjectiveTransformV2")
def projective_v2(
    op: Builder, image: Value, transforms: Value, shape: Value, *, interpolation: str, fill_mode: str
) -> Value:
    fill = op.constant(np.zeros((), np.float32))
    return projective_v3(op, image, transforms, shape, fill, interpolation=interpolation, fill_mode=fill_mode)


@lower("ImageProjectiveTransformV3")
def projective_v3(
    op: Builder, image: Value, transforms: Value, shape: Value, fill: Value, *, interpolation: str, fill_mode: str
) -> Value:
    """``(x, y)`` of the result is read at ``(a0 x + a1 y + a2, b0 x + b1 y + b2)`` over ``c0 x + c1 y + 1``."""
    if fill_mode not in _FILL_MODES:
        raise Unsupported(f"the fill mode {fill_mode!r}")
    y = op.Unsqueeze(ramp(op, element(op, shape, 0)), axes=[0, 2])
    x = op.Unsqueeze(ramp(op, element(op, shape, 1)), axes=[0, 1])
    a0, a1, a2, b0, b1, b2, c0, c1 = (op.Reshape(op.Gather(transforms, i, axis=1), [-1, 1, 1]) for i in range(8))
    scale = c0 * x + c1 * y + 1
    extents = image.shape[1:3]
    places = [(b0 * x + b1 * y + b2) / scale, (a0 * x + a1 * y + a2) / scale]
    rows, columns = (_FILL_MODES[fill_mode](op, at, number(op, n)) for at, n in zip(places, extents, strict=True))
    finite = op.Not(op.Equal(scale, 0))
    wide = op.Cast(image, to=FLOAT32)
    read = _filling_reader(op, wide, op.Cast(fill, to=FLOAT32), finite)
    if interpolation == "NEAREST":
        return op.Cast(read(_round(op, rows), _round(op, columns)), to=image.dtype)
    top, left = op.Floor(rows), op.Floor(columns)
    down, right = op.Unsqueeze(rows - top, axes=[3]), op.Unsqueeze(columns - left, axes=[3])
    upper = (1 - right) * read(top, left) + right * read(top, left + 1)
    lower_ = (1 - right) * read(top + 1, left) + right * read(top + 1, left + 1)
    y = (1 - down) * upper + down * lower_
    return op.Cast(op.Where(op.Unsqueeze(finite, axes=[3]), y, op.Cast(fill, to=FLOAT32)), to=image.dtype)


def element(op: Builder, sizes: Value, index: int) -> Extent:
    """One of some sizes: a number or symbol where it is known, else a scalar."""
    return sizes.elements[index] if sizes.elements is not None else op.Gather(sizes, index, axis=0)


def lattice(op: Builder, first: Value, last: Value, extent: Any, count: Extent) -> Value:
    """Where the samples of each crop lie along one axis, (crops, samples)."""
    room = number(op, extent) - 1
    centre = 0.5 * (first + last) * room
    if not isinstance(count, Value) and count == 1:
        return centre
    gaps = op.Max(number(op, count) - 1, 1)
    spread = first * room + ramp(op, count) * ((last - first) * room / gaps)
    return op.Where(number(op, count) > 1, spread, centre) if isinstance(count, Value) else spread


def _between(a: Value, b: Value, weight: Value) -> Value:
    return a + (b - a) * weight


def _round(op: Builder, x: Value) -> Value:
    """To the nearest integer, halves away from zero."""
    return op.Sign(x) * op.Floor(op.Abs(x) + 0.5)


def reader(op: Builder, image: Value, batch: Value) -> Callable[[Value, Value], Value]:
    """A function of rows and columns (broadcasting, float) that reads pixels, at the edge where they lie outside."""
    _, height, width, channels = image.shape
    pixels = op.Reshape(image, [-1, channels])

    def read(rows: Value, columns: Value) -> Value:
        row, column = _clamped(op, rows, height), _clamped(op, columns, width)
        return op.Gather(pixels, (batch * op.size(height) + row) * op.size(width) + column, axis=0)

    return read


def _clamped(op: Builder, at: Value, extent: Any) -> Value:
    limited = op.Max(op.Min(at, number(op, extent) - 1), 0)
    return op.Cast(limited, to=INT64)


def _filling_reader(op: Builder, image: Value, fill: Value, finite: Value) -> Callable[[Value, Value], Value]:
    batch, height, width, _ = image.shape
    inner = reader(op, image, op.Reshape(op.Range(0, op.size(batch), 1), [-1, 1, 1]))

    def read(rows: Value, columns: Value) -> Value:
        inside = [op.And(at >= 0, at < number(op, n)) for at, n in ((rows, height), (columns, width))]
        known = op.Unsqueeze(op.And(op.And(*inside), finite), axes=[3])
        return op.Where(known, inner(rows, columns), fill)

    return read


def _reflect(op: Builder, at: Value, n: Value) -> Value:
    """dcba|abcd|dcba."""
    period = 2 * n
    place = at - period * op.Floor(at / period)
    folded = op.Where(place >= n, period - place - 1, place)
    return op.Max(op.Min(op.Where(op.And(at >= 0, at <= n - 1), at, folded), n - 1), 0)


def _wrap(op: Builder, at: Value, n: Value) -> Value:
    """abcd|abcd|abcd, as TensorFlow's kernel counts the turns."""
    last = op.Max(n - 1, 1)
    below = at + n * (op.Floor(-at / last) + 1)
    above = at - n * op.Floor(at / last)
    turned = op.Where(at < 0, below, op.Where(at > n - 1, above, at))
    return op.Max(op.Min(turned, n - 1), 0)


# How a place outside the image is mapped into it, by TensorFlow's name.
_FILL_MODES: dict[str, Callable[[Builder, Value, Value], Value]] = {
    "CONSTANT": lambda op, at, n: at,
    "NEAREST": lambda op, at, n: op.Max(op.Min(at, n - 1), 0),
    "REFLECT": _reflect,
    "WRAP": _wrap,
}
