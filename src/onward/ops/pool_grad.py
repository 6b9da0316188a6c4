"""Gradients of pooling, and of grey-scale dilation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from onward.dims import Size, product
from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last, lowest, padded, spatial, window
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.conv_transpose import extents_of, half_excess, spread
from onward.ops.patches import patches
from onward.ops.pool import dilation_terms
from onward.ops.scatter import scatter


@lower("AvgPoolGrad", "AvgPool3DGrad")
def avg_pool_grad(
    op: Builder, shape: Value, gradient: Value, *, ksize: list[int], strides: list[int], padding: str, data_format: str
) -> Value:
    """Each window spreads its gradient evenly over the elements that it has."""
    size, steps = spatial(ksize, data_format), spatial(strides, data_format)
    _spatial_only(ksize, size)
    extents = extents_of(op, shape, data_format)
    share = channels_first(op, gradient, data_format)
    if padding == "VALID":
        share = share / float(product(size))
    else:
        counts = zip(share.shape[2:], extents, size, steps, strict=True)
        for axis, frame in enumerate(counts):
            covered = op.Cast(_covered(op, *frame), to=gradient.dtype)
            share = share / op.Reshape(covered, [-1] + [1] * (len(size) - 1 - axis))
    ones = np.ones((1, *size), np.float32)
    whole = _folded(op, op.Unsqueeze(share, axes=[2]), ones, extents, strides, padding, [1] * len(ksize), data_format)
    return channels_last(op, whole, data_format)


def _covered(op: Builder, count: Size, extent: Size | Value, size: int, step: int) -> Value:
    """How many of the elements under each of ``count`` windows lie inside, with SAME padding."""
    before = half_excess(op, (count - 1) * step + size, extent)
    starts = op.Range(0, op.size(count * step), step) - before
    return op.Min(starts + size, op.lift(extent)) - op.Max(starts, 0)


@lower("MaxPoolGrad")
def max_pool_grad(
    op: Builder, x: Value, y: Value, gradient: Value, *, ksize: list[int], strides: list[int], padding: str,
    data_format: str, explicit_paddings: list[int] = [],  # noqa: B006
) -> Value:  # fmt: skip
    """The first element of a window that is its maximum takes the gradient."""
    first = channels_first(op, x, data_format)
    places = _winners(op, x, first, ksize, strides, padding, explicit_paddings, data_format)
    overlap = any(k > step for k, step in zip(ksize, strides, strict=True))
    flat = _placed(op, first, places, channels_first(op, gradient, data_format), overlap)
    return channels_last(op, flat, data_format)


@lower("MaxPoolGradV2")
def max_pool_grad_v2(
    op: Builder, x: Value, y: Value, gradient: Value, ksize: Static, strides: Static, *, padding: str, data_format: str
) -> Value:
    return max_pool_grad(
        op, x, y, gradient, ksize=ksize.tolist(), strides=strides.tolist(), padding=padding, data_format=data_format
    )


@lower("MaxPoolGradGrad", "MaxPool3DGradGrad")
def max_pool_grad_grad(
    op: Builder, x: Value, y: Value, gradient: Value, *, ksize: list[int], strides: list[int], padding: str,
    data_format: str,
) -> Value:  # fmt: skip
    """What the gradient's gradient holds where each window has its maximum."""
    places = _winners(op, x, channels_first(op, x, data_format), ksize, strides, padding, (), data_format)
    flat = op.Reshape(channels_first(op, gradient, data_format), [-1])
    return channels_last(op, op.Gather(flat, places, axis=0), data_format)


@lower("MaxPoolGradGradV2")
def max_pool_grad_grad_v2(
    op: Builder, x: Value, y: Value, gradient: Value, ksize: Static, strides: Static, *, padding: str, data_format: str
) -> Value:
    return max_pool_grad_grad(
        op, x, y, gradient, ksize=ksize.tolist(), strides=strides.tolist(), padding=padding, data_format=data_format
    )


@lower("MaxPoolGradWithArgmax")
def max_pool_grad_with_argmax(
    op: Builder, x: Value, gradient: Value, argmax: Value, *, ksize: list[int], strides: list[int],
    include_batch_in_index: bool,
) -> Value:  # fmt: skip
    overlap = any(k > step for k, step in zip(ksize, strides, strict=True))
    places = _in_batch(op, x, argmax, include_batch_in_index)
    return _placed(op, x, places, gradient, overlap)


@lower("MaxPool3DGrad")
def max_pool_3d_grad(
    op: Builder, x: Value, y: Value, gradient: Value, *, ksize: list[int], strides: list[int], padding: str,
    data_format: str,
) -> Value:  # fmt: skip
    """All elements of a window that are its maximum take the gradient, other than in two dimensions."""
    size, steps = spatial(ksize, data_format), spatial(strides, data_format)
    _spatial_only(ksize, size)
    last = channels_last(op, channels_first(op, x, data_format), "NDHWC")
    channels, count = last.shape[-1], product(size)
    windows = patches(op, last, size, steps, [1] * len(size), padding)
    windows = op.Reshape(windows, [*windows.shape[:-1], count, channels])
    y, gradient = (
        op.Unsqueeze(channels_last(op, channels_first(op, v, data_format), "NDHWC"), axes=[-2]) for v in (y, gradient)
    )
    parts = op.Transpose(op.Where(op.Equal(windows, y), gradient, 0), perm=[0, 5, 4, 1, 2, 3])
    extents = spatial(x.shape, data_format)
    whole = _folded(op, parts, _single_places(size), extents, strides, padding, [1] * len(ksize), data_format)
    return channels_last(op, whole, data_format)


@lower("Dilation2DBackpropInput")
def dilation_input_grad(
    op: Builder, x: Value, kernel: Value, gradient: Value, *, strides: list[int], rates: list[int], padding: str
) -> Value:
    parts = _dilation_parts(op, x, kernel, gradient, strides, rates, padding)
    places = _single_places(kernel.shape[:2])
    whole = _folded(op, parts, places, list(x.shape[1:3]), strides, padding, rates, "NHWC")
    return channels_last(op, whole, "NHWC")


@lower("Dilation2DBackpropFilter")
def dilation_filter_grad(
    op: Builder, x: Value, kernel: Value, gradient: Value, *, strides: list[int], rates: list[int], padding: str
) -> Value:
    parts = _dilation_parts(op, x, kernel, gradient, strides, rates, padding)
    total = op.ReduceSum(parts, axes=[0, 3, 4], keepdims=0)
    return op.Reshape(op.Transpose(total, perm=[1, 0]), list(kernel.shape))


def _dilation_parts(
    op: Builder, x: Value, kernel: Value, gradient: Value, strides: list[int], rates: list[int], padding: str
) -> Value:
    """The gradient at the place of the kernel that gave the maximum: (batch, channels, places, height, width)."""
    terms = [op.Unsqueeze(t, axes=[0]) for t in dilation_terms(op, x, kernel, strides, rates, padding)]
    best = op.ArgMax(op.Concat(*terms, axis=0), axis=0, keepdims=0)
    best, gradient = (op.Unsqueeze(channels_first(op, v, "NHWC"), axes=[2]) for v in (best, gradient))
    return op.Where(op.Equal(best, np.arange(len(terms)).reshape(-1, 1, 1)), gradient, 0)


def _folded(
    op: Builder, parts: Value, places: np.ndarray, extents: Sequence[Any], strides: list[int], padding: str,
    gaps: list[int], data_format: str,
) -> Value:  # fmt: skip
    """Windows put back where they came from, overlaps added up.

    Args:
        parts: (batch, channels, parts of a window, windows...).
        places: (parts, window...), how much of a part goes to each place of a window.
    """
    batch, channels, count, *windows = parts.shape
    planes = op.Reshape(parts, [batch * channels, count, *windows])
    weights = op.Cast(op.constant(places[:, None]), to=parts.dtype)
    whole = spread(op, planes, weights, extents, places.shape[1:], 1, strides, padding, gaps, data_format, [])
    return op.Reshape(whole, [batch, channels, *extents])


def _single_places(size: Sequence[int]) -> np.ndarray:
    """Part i of a window is its i-th place."""
    count = int(np.prod(size))
    return np.eye(count, dtype=np.float32).reshape(count, *size)


def _winners(
    op: Builder, x: Value, first: Value, ksize: list[int], strides: list[int], padding: str,
    explicit_paddings: Sequence[int], data_format: str,
) -> Value:  # fmt: skip
    """The place, in the flattened channels-first tensor, of the maximum of each window."""
    size = spatial(ksize, data_format)
    _spatial_only(ksize, size)
    frame = window(x, size, strides, (), padding, explicit_paddings, data_format)
    wide, rest = padded(op, first, frame, lowest(x.dtype))
    _, places = op.MaxPool(wide, kernel_shape=size, **rest, outputs=2)
    if rest is frame:
        return places
    strides_wide, strides_first = _strides(op, wide), _strides(op, first)
    outer = op.Div(places, strides_wide[0])  # which plane
    total, left = outer * strides_first[0], places - outer * strides_wide[0]
    for axis, before in enumerate(frame["pads"][: len(size)], 1):
        index = op.Div(left, strides_wide[axis])
        left = left - index * strides_wide[axis]
        total = total + (index - op.size(before)) * strides_first[axis]
    return total


def _strides(op: Builder, first: Value) -> list[Value]:
    """How far apart neighbours are in the flattened tensor, for whole planes and along each spatial axis."""
    return [op.size(product(first.shape[axis:])) for axis in range(2, first.rank + 1)]


def _in_batch(op: Builder, x: Value, argmax: Value, included: bool) -> Value:
    """Places in the flattened tensor from those that may count within one image only."""
    places = op.Cast(argmax, to=INT64)
    if included:
        return places
    batch = op.Range(0, op.size(x.shape[0]), 1) * op.size(product(x.shape[1:]))
    return places + op.Reshape(batch, [-1, 1, 1, 1])


def _placed(op: Builder, like: Value, places: Value, updates: Value, overlap: bool) -> Value:
    """Zeros in the shape of a tensor with updates at, or added to, places in it counted flat."""
    zeros = op.Expand(op.constant(0, updates.dtype), op.sizes([product(like.shape)]))
    where, what = op.Reshape(places, [-1, 1]), op.Reshape(updates, [-1])
    return op.Reshape(scatter(op, zeros, where, what, "add" if overlap else "none"), list(like.shape))


def _spatial_only(ksize: Sequence[int], size: Sequence[int]) -> None:
    if product(ksize) != product(size):
        raise Unsupported("the gradient of pooling over the batch or the channels")
