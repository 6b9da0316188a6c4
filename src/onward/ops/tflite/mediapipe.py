"""Operators of MediaPipe's own: transposed convolution, pooling that can be undone, and what moves faces into place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onward.dtypes import FLOAT32, INT64
from onward.ir import Value
from onward.lowering.layout import channels_first, channels_last
from onward.lowering.registry import Unsupported, lower
from onward.ops.math import atan2

if TYPE_CHECKING:
    from onward.lowering.builder import Builder

_LAYOUT = "NHWC"
_FRACTION = 0.1  # added to the place of a maximum, so that it survives being a float


@lower("tfl.transpose_conv_bias")
def transpose_conv_bias(op: Builder, x: Value, kernel: Value, bias: Value, *, strides: list[int], same: bool) -> Value:
    """The kernel is output, height, width, input."""
    before, after = [], []
    for extent, size, stride in zip(_extents(x), kernel.shape[1:3], strides, strict=True):
        cut = max(0, size - (extent - 1) % stride - 1) if same else 0
        before.append(cut // 2)
        after.append(cut - cut // 2)
    weights = op.Transpose(kernel, perm=[3, 0, 1, 2])
    y = op.ConvTranspose(channels_first(op, x, _LAYOUT), weights, bias, strides=strides, pads=before + after)
    return channels_last(op, y, _LAYOUT)


@lower("tfl.max_pool_argmax")
def max_pool_argmax(op: Builder, x: Value, *, size: list[int], strides: list[int], same: bool) -> tuple[Value, Value]:
    """Maxima, and the place of each in its window, row by row; the first where there are several."""
    before, after, counts = [], [], []
    for extent, width, stride in zip(_extents(x), size, strides, strict=True):
        count = -(-extent // stride) if same else (extent - width + stride) // stride
        cut = max(0, (count - 1) * stride + width - extent)
        before.append(cut // 2)
        after.append(cut - cut // 2)
        counts.append(count)
    wide = op.Pad(x, np.array([0, *before, 0, 0, *after, 0]), np.finfo(np.float32).min)
    parts = []
    for down in range(size[0]):
        for right in range(size[1]):
            ends = [down + (counts[0] - 1) * strides[0] + 1, right + (counts[1] - 1) * strides[1] + 1]
            parts.append(op.Unsqueeze(op.Slice(wide, [down, right], ends, [1, 2], strides), axes=[0]))
    seen = op.Concat(*parts, axis=0)
    place = op.Cast(op.ArgMax(seen, axis=0, keepdims=0), to=FLOAT32) + np.float32(_FRACTION)
    return op.ReduceMax(seen, axes=[0], keepdims=0), place


@lower("tfl.max_unpooling")
def max_unpooling(op: Builder, x: Value, places: Value, *, size: list[int], strides: list[int]) -> Value:
    """Each element at its place in a window of zeros."""
    if size != strides or x.rank != 4:
        raise Unsupported("windows that overlap or leave gaps")
    rows, height, width, channels = x.shape
    window = np.arange(size[0] * size[1]).reshape(1, 1, size[0], 1, size[1], 1)

    def spread(v: Value) -> Value:
        return op.Reshape(v, [rows, height, 1, width, 1, channels])

    here = op.Equal(spread(op.Cast(places, to=INT64)), window)
    return op.Reshape(op.Where(here, spread(x), 0), [rows, height * size[0], width * size[1], channels])


@lower("tfl.transform_tensor")
def transform_tensor(op: Builder, x: Value, matrix: Value, *, output_size: list[int], centred: bool) -> Value:
    """A picture read where a matrix sends the output's places, between pixels linearly and outside zero.

    With `centred`, places are the middles of pixels.
    """
    height, width = _extents(x)
    down, right = np.mgrid[: output_size[0], : output_size[1]].astype(np.float32)
    places = np.stack([right.ravel(), down.ravel()], axis=1) + np.float32(0.5 if centred else 0)
    at = _moved(op, op.constant(places), matrix, 1.0) - np.float32(0.5 if centred else 0)
    columns, rows = op.Gather(at, 0, axis=1), op.Gather(at, 1, axis=1)
    inside = op.And(op.And(columns >= 0, columns <= width - 1), op.And(rows >= 0, rows <= height - 1))
    table = op.Reshape(x, [height * width, x.shape[3]])
    top, left = op.Floor(rows), op.Floor(columns)

    def read(row: Value, column: Value) -> Value:
        index = op.Clip(row, 0, height - 1) * width + op.Clip(column, 0, width - 1)
        return op.Gather(table, op.Cast(index, to=INT64), axis=0)

    def share(fraction: Value) -> Value:
        return op.Unsqueeze(fraction, axes=[1])

    across, along = share(columns - left), share(rows - top)
    upper = (1 - across) * read(top, left) + across * read(top, left + 1)
    lower_ = (1 - across) * read(top + 1, left) + across * read(top + 1, left + 1)
    y = op.Where(share(inside), along * lower_ + (1 - along) * upper, 0)
    return op.Reshape(y, [1, *output_size, x.shape[3]])


@lower("tfl.transform_landmarks")
def transform_landmarks(op: Builder, x: Value, matrix: Value, *, dimensions: int, scale: float) -> Value:
    """Points moved by a matrix as (1, 4, 4); a third coordinate stays."""
    points = op.Reshape(x, [-1, dimensions])
    moved = _moved(op, op.Slice(points, [0], [2], [1]), matrix, scale)
    y = op.Concat(moved, op.Slice(points, [2], [3], [1]), axis=1) if dimensions == 3 else moved
    return op.Reshape(y, op.shape(x))


@lower("tfl.landmarks_to_transform_matrix")
def landmarks_to_transform_matrix(
    op: Builder, x: Value, *, left: int, right: int, angle: float, subset: list[int], output_size: list[int],
    scales: list[float],
) -> Value:  # fmt: skip
    """The matrix (1, 4, 4) from a picture's places to those around some points, turned by the line between two."""
    points = op.Slice(op.Reshape(x, [-1, 3]), [0], [2], [1])
    across = op.Gather(points, right, axis=0) - op.Gather(points, left, axis=0)
    turn = angle - atan2(op, op.Gather(across, 1, axis=0), op.Gather(across, 0, axis=0))
    cos, sin = op.Cos(turn), op.Sin(turn)
    chosen = op.Gather(points, np.array(subset), axis=0)
    xs, ys = op.Gather(chosen, 0, axis=1), op.Gather(chosen, 1, axis=1)
    turned = [xs * cos - ys * sin, xs * sin + ys * cos]
    low, high = ([extreme(t, keepdims=0) for t in turned] for extreme in (op.ReduceMin, op.ReduceMax))
    middle = [(a + b) * 0.5 for a, b in zip(low, high, strict=True)]
    wide, tall = ((b - a) * (s / n) for a, b, s, n in zip(low, high, scales, output_size, strict=True))
    rows = [[cos * wide, sin * tall], [-sin * wide, cos * tall]]
    centre = [middle[0] * cos + middle[1] * sin, middle[1] * cos - middle[0] * sin]
    ends = [c - a * (output_size[0] / 2) - b * (output_size[1] / 2) for (a, b), c in zip(rows, centre, strict=True)]
    zero = op.constant(np.float32(0))
    numbers = [v for (a, b), end in zip(rows, ends, strict=True) for v in (a, b, zero, end)]
    first = op.Concat(*(op.Reshape(v, [1]) for v in numbers), axis=0)
    return op.Reshape(op.Concat(first, np.array([0, 0, 1, 0, 0, 0, 0, 1], np.float32), axis=0), [1, 4, 4])


def _moved(op: Builder, points: Value, matrix: Value, scale: float) -> Value:
    """Points (n, 2) by the first two rows of a matrix, whose last column is scaled."""
    rows = op.Slice(op.Reshape(matrix, [4, 4]), [0], [2], [0])
    turn = op.Transpose(op.Slice(rows, [0], [2], [1]), perm=[1, 0])
    return op.MatMul(points, turn) + op.Reshape(op.Slice(rows, [3], [4], [1]), [1, 2]) * scale


def _extents(x: Value) -> list[int]:
    """Height and width, which must be known."""
    if x.rank != 4 or not all(isinstance(d, int) for d in x.shape[1:3]):
        raise Unsupported("a picture of unknown size")
    return list(x.shape[1:3])
