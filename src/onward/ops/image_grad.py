"""Gradients of resizing and cropping: the transposes of the matrices that resample each axis."""

from __future__ import annotations

import numpy as np

from onward.dtypes import FLOAT32
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower
from onward.ops import resample
from onward.ops.linalg import swap_last
from onward.ops.resample import Extent, number, ramp
from onward.ops.segment import combined
from onward.ops.warp import element, lattice


@lower("ResizeBilinearGrad")
def bilinear_grad(
    op: Builder, gradient: Value, image: Value, *, align_corners: bool, half_pixel_centers: bool
) -> Value:
    rows, columns = (
        resample.bilinear(op, extent, target, align_corners, half_pixel_centers)
        for extent, target in zip(image.shape[1:3], gradient.shape[1:3], strict=True)
    )
    return _spread(op, op.Cast(gradient, to=FLOAT32), rows, columns, image.dtype)


@lower("ResizeBicubicGrad")
def bicubic_grad(op: Builder, gradient: Value, image: Value, *, align_corners: bool, half_pixel_centers: bool) -> Value:
    rows, columns = (
        resample.bicubic(op, extent, target, align_corners, half_pixel_centers)
        for extent, target in zip(image.shape[1:3], gradient.shape[1:3], strict=True)
    )
    return _spread(op, gradient, rows, columns, image.dtype)


@lower("ResizeNearestNeighborGrad")
def nearest_neighbor_grad(
    op: Builder, gradient: Value, size: Value, *, align_corners: bool, half_pixel_centers: bool
) -> Value:
    extents: list[Extent] = [element(op, size, axis) for axis in range(2)]
    rows, columns = (
        _chosen(op, resample.nearest(op, extent, target, align_corners, half_pixel_centers), extent)
        for extent, target in zip(extents, gradient.shape[1:3], strict=True)
    )
    return _spread(op, op.Cast(gradient, to=FLOAT32), rows, columns, gradient.dtype)


@lower("ScaleAndTranslateGrad")
def scale_and_translate_grad(
    op: Builder, gradient: Value, image: Value, scale: Value, translation: Value, *, kernel_type: str, antialias: bool
) -> Value:
    rows, columns = (
        resample.scaled(op, extent, target, op.Gather(scale, i, axis=0), op.Gather(translation, i, axis=0),
                        kernel_type, antialias)
        for i, (extent, target) in enumerate(zip(image.shape[1:3], gradient.shape[1:3], strict=True))
    )  # fmt: skip
    return _spread(op, gradient, rows, columns, image.dtype)


def _spread(op: Builder, gradient: Value, rows: Value, columns: Value, dtype: np.dtype) -> Value:
    return op.Cast(resample.apply(op, gradient, swap_last(op, rows), swap_last(op, columns)), to=dtype)


def _chosen(op: Builder, index: Value, extent: Extent) -> Value:
    """A matrix with a one in each row, at an index."""
    cells = op.Range(0, resample.scalar(op, extent), 1)
    return op.Cast(op.Equal(op.Unsqueeze(index, axes=[1]), cells), to=FLOAT32)


@lower("CropAndResizeGradImage")
def crop_grad_by_image(
    op: Builder, gradient: Value, boxes: Value, box_ind: Value, image_size: Value, *, T: np.dtype, method: str
) -> Value:
    batch, *extents, channels = (element(op, image_size, i) for i in range(4))
    count, height, width, _ = gradient.shape
    rows, columns = (
        _weights(op, at, extent, method)
        for at, extent in zip(_samples(op, boxes, extents, (height, width)), extents, strict=True)
    )
    y = swap_last(op, rows) @ op.Reshape(gradient, [count, height, -1])
    y = op.Reshape(y, op.sizes([count, extents[0], width, channels]))
    whole = op.Unsqueeze(swap_last(op, columns), axes=[1]) @ y
    return op.Cast(combined(op, whole, box_ind, batch, "add", 0), to=T)


@lower("CropAndResizeGradBoxes")
def crop_grad_by_boxes(op: Builder, gradient: Value, image: Value, boxes: Value, box_ind: Value) -> Value:
    """A box moves the places that are read; at each, the image's slope says what that changes."""
    extents, counts = image.shape[1:3], gradient.shape[1:3]
    taken = op.Cast(op.Gather(image, box_ind, axis=0), to=FLOAT32)
    samples = _samples(op, boxes, extents, counts)
    weights = [_weights(op, at, n, "bilinear") for at, n in zip(samples, extents, strict=True)]
    slopes = [_slopes(op, at, n) for at, n in zip(samples, extents, strict=True)]
    corners: list[list[Value]] = []
    for axis, (rows, columns) in enumerate(((slopes[0], weights[1]), (weights[0], slopes[1]))):
        steep = op.ReduceSum(_crops(op, taken, rows, columns) * gradient, axes=[3], keepdims=0)
        steep = op.ReduceSum(steep, axes=[2 - axis], keepdims=0) * (number(op, extents[axis]) - 1)
        share = _shares(op, counts[axis])
        corners.append([op.ReduceSum(steep * part, axes=[1]) for part in (1 - share, share)])
    (top, bottom), (left, right) = corners
    return op.Concat(top, left, bottom, right, axis=1)


def _samples(op: Builder, boxes: Value, extents: list[Extent], counts: tuple) -> list[Value]:
    """Where each crop reads along the rows and along the columns, (crops, samples)."""
    edges = [op.Gather(boxes, [i], axis=1) for i in range(4)]
    return [lattice(op, edges[i], edges[i + 2], extents[i], counts[i]) for i in range(2)]


def _weights(op: Builder, at: Value, extent: Extent, method: str) -> Value:
    """How much each sample takes of each cell, (crops, samples, cells); nothing outside the image."""
    place = op.Unsqueeze(op.Floor(at + 0.5) if method == "nearest" else at, axes=[2])
    return op.Where(_inside(op, at, extent), op.Max(1 - op.Abs(place - ramp(op, extent)), 0), 0)


def _slopes(op: Builder, at: Value, extent: Extent) -> Value:
    """The difference of the cells on both sides of a sample, (crops, samples, cells)."""
    cells = ramp(op, extent)
    above, below = (op.Equal(op.Unsqueeze(side, axes=[2]), cells) for side in (op.Ceil(at), op.Floor(at)))
    slope = op.Cast(above, to=FLOAT32) - op.Cast(below, to=FLOAT32)
    return op.Where(_inside(op, at, extent), slope, 0)


def _inside(op: Builder, at: Value, extent: Extent) -> Value:
    return op.Unsqueeze(op.And(at >= 0, at <= number(op, extent) - 1), axes=[2])


def _crops(op: Builder, taken: Value, rows: Value, columns: Value) -> Value:
    count, height, width, channels = taken.shape
    y = rows @ op.Reshape(taken, [count, height, width * channels])
    return op.Unsqueeze(columns, axes=[1]) @ op.Reshape(y, [count, y.shape[1], width, channels])


def _shares(op: Builder, count: Extent) -> Value:
    """How far along a crop each of its samples lies, from 0 to 1; one alone lies in the middle."""
    if count == 1:
        return op.constant(np.array([0.5], np.float32))
    along = ramp(op, count) / op.Max(number(op, count) - 1, 1)
    return along if isinstance(count, int) else op.Where(number(op, count) > 1, along, 0.5)
