"""Resizing images to a size that is known or comes at run time."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dtypes import FLOAT16, FLOAT32
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last
from onward.lowering.registry import Unsupported, lower
from onward.ops import resample
from onward.ops.resample import Extent

_RESIZABLE = {FLOAT16, FLOAT32, np.dtype("int32"), np.dtype("int8"), np.dtype("uint8")}


@lower("ResizeNearestNeighbor")
def nearest_neighbor(op: Builder, x: Value, size: Value, *, align_corners: bool, half_pixel_centers: bool) -> Value:
    """Whole factors repeat pixels; elsewhere the indices are computed, as runtimes round coordinates differently."""
    targets = _targets(op, size)
    if _same(x, targets):
        return x
    factors = _factors(x, targets)
    if factors is not None and not align_corners and x.dtype in _RESIZABLE:
        return _resize(op, x, targets, mode="nearest", nearest_mode="floor",
                       coordinate_transformation_mode="asymmetric")  # fmt: skip
    for axis, target in enumerate(targets, 1):
        index = resample.nearest(op, x.shape[axis], target, align_corners, half_pixel_centers)
        x = op.Gather(x, index, axis=axis)
    return x


@lower("ResizeBilinear")
def bilinear(op: Builder, x: Value, size: Value, *, align_corners: bool, half_pixel_centers: bool) -> Value:
    targets, x = _targets(op, size), op.Cast(x, to=FLOAT32)
    if _same(x, targets):
        return x
    return _resize(
        op, x, targets, mode="linear", coordinate_transformation_mode=_mode(align_corners, half_pixel_centers)
    )


@lower("ResizeBicubic")
def bicubic(op: Builder, x: Value, size: Value, *, align_corners: bool, half_pixel_centers: bool) -> Value:
    """TensorFlow rounds offsets to 1/1024: ONNX's Resize is exact for doubling and quadrupling only."""
    targets, x = _targets(op, size), op.Cast(x, to=FLOAT32)
    if _same(x, targets):
        return x
    factors = _factors(x, targets)
    if factors is not None and not align_corners and all(1024 % (2 * k) == 0 for k in factors):
        return _resize(
            op, x, targets, mode="cubic", coordinate_transformation_mode=_mode(False, half_pixel_centers),
            cubic_coeff_a=-0.5 if half_pixel_centers else -0.75, exclude_outside=int(half_pixel_centers),
        )  # fmt: skip
    rows, columns = (
        resample.bicubic(op, extent, target, align_corners, half_pixel_centers)
        for extent, target in zip(_extents(x), targets, strict=True)
    )
    return resample.apply(op, x, rows, columns)


@lower("ResizeArea")
def area(op: Builder, x: Value, size: Value, *, align_corners: bool) -> Value:
    targets, x = _targets(op, size), op.Cast(x, to=FLOAT32)
    if _same(x, targets):
        return x
    shrink = [_whole(extent, target) for extent, target in zip(_extents(x), targets, strict=True)]
    if all(shrink) and not align_corners:
        y = op.AveragePool(channels_first(op, x, "NHWC"), kernel_shape=shrink, strides=shrink)
        return channels_last(op, y, "NHWC")
    rows, columns = (
        resample.area(op, extent, target, align_corners) for extent, target in zip(_extents(x), targets, strict=True)
    )
    return resample.apply(op, x, rows, columns)


@lower("ScaleAndTranslate")
def scale_and_translate(
    op: Builder, x: Value, size: Value, scale: Value, translation: Value, *, kernel_type: str, antialias: bool
) -> Value:
    """Samples with a kernel, stretched where that avoids aliasing."""
    if kernel_type not in resample.KERNELS:
        raise Unsupported(f"the kernel {kernel_type!r}")
    x = op.Cast(x, to=FLOAT32)
    rows, columns = (
        resample.scaled(op, extent, target, op.Gather(scale, i, axis=0), op.Gather(translation, i, axis=0),
                        kernel_type, antialias)
        for i, (extent, target) in enumerate(zip(_extents(x), _targets(op, size), strict=True))
    )  # fmt: skip
    return resample.apply(op, x, rows, columns)


def _resize(op: Builder, x: Value, targets: list[Extent], **how: Any) -> Value:
    """ONNX's Resize of the two spatial axes: by constant factors where these give the sizes, else to sizes.

    Not by ``axes``: ONNX Runtime moves transposes through Resize and forgets them there.
    """
    first = channels_first(op, x, "NHWC")
    scales = _scales(x, targets)
    if scales is not None:
        y = op.Resize(first, None, np.array([1, 1, *scales], np.float32), **how)
    else:
        y = op.Resize(first, sizes=op.sizes([*first.shape[:2], *targets]), **how)
    return channels_last(op, y, "NHWC")


def _scales(x: Value, targets: list[Extent]) -> list[float] | None:
    """Factors that lead from the image's size to the target; Resize rounds the products down."""
    factors = _factors(x, targets)
    if factors is not None:
        return list(factors)
    scales = [_scale(extent, target) for extent, target in zip(_extents(x), targets, strict=True)]
    return None if None in scales else scales  # type: ignore[return-value]


def _scale(extent: Extent, target: Extent) -> float | None:
    if not isinstance(extent, int) or not isinstance(target, int) or extent == 0:
        return None
    scale = np.float32(target / extent)
    if int(extent * float(scale)) != target:
        scale = np.nextafter(scale, np.float32(np.inf))
    exact = int(extent * float(scale)) == target == int(np.float32(extent) * scale)
    return float(scale) if exact else None


def _targets(op: Builder, size: Value) -> list[Extent]:
    """Height and width asked for; scalars where they are computed at run time."""
    if size.elements is not None:
        return list(size.elements)
    return [op.Gather(size, i, axis=0) for i in range(2)]


def _extents(x: Value) -> list[Any]:
    if x.rank != 4:
        raise Unsupported("images of unknown rank")
    return list(x.shape[1:3])


def _same(x: Value, targets: list[Extent]) -> bool:
    return all(not isinstance(t, Value) and t == extent for t, extent in zip(targets, _extents(x), strict=True))


def _factors(x: Value, targets: list[Extent]) -> list[int] | None:
    """By what whole numbers the image grows, None where it does not."""
    factors = [_whole(t, extent) for t, extent in zip(targets, _extents(x), strict=True)]
    return None if None in factors else factors  # type: ignore[return-value]


def _whole(large: Extent, small: Extent) -> int | None:
    if isinstance(large, Value) or isinstance(small, Value) or small == 0:
        return None
    factor = large // small
    return factor if isinstance(factor, int) and factor > 0 and small * factor == large else None


def _mode(align_corners: bool, half_pixel_centers: bool) -> str:
    return "align_corners" if align_corners else "half_pixel" if half_pixel_centers else "asymmetric"
