"""Pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dims import Size, product
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import (
    channels_first,
    channels_last,
    is_channels_last,
    lowest,
    padded,
    same_pads,
    spatial,
    window,
)
from onward.lowering.registry import Static, Unsupported, lower


@lower("MaxPool", "MaxPool3D")
def max_pool(
    op: Builder, x: Value, *, ksize: list[int], strides: list[int], padding: str, data_format: str,
    explicit_paddings: list[int] = [],  # noqa: B006
) -> Value:  # fmt: skip
    channel_axis = -1 if is_channels_last(data_format) else 1
    if ksize[0] != 1:
        raise Unsupported("pooling over the batch")
    if ksize[channel_axis] != 1:
        return _depth_pool(op, x, ksize[channel_axis], strides[channel_axis], padding, channel_axis)
    size = spatial(ksize, data_format)
    frame = window(x, size, strides, (), padding, explicit_paddings, data_format)
    first, frame = padded(op, channels_first(op, x, data_format), frame, lowest(x.dtype))
    return channels_last(op, op.MaxPool(first, kernel_shape=size, **frame), data_format)


@lower("MaxPoolV2")
def max_pool_v2(op: Builder, x: Value, ksize: Static, strides: Static, *, padding: str, data_format: str) -> Value:
    return max_pool(op, x, ksize=ksize.tolist(), strides=strides.tolist(), padding=padding, data_format=data_format)


@lower("AvgPool", "AvgPool3D")
def avg_pool(op: Builder, x: Value, *, ksize: list[int], strides: list[int], padding: str, data_format: str) -> Value:
    """The mean of the elements that exist: padding does not count."""
    size = spatial(ksize, data_format)
    if product(ksize) != product(size):
        raise Unsupported("average pooling over the batch or the channels")
    frame = window(x, size, strides, (), padding, (), data_format)
    first = channels_first(op, x, data_format)
    wide, rest = padded(op, first, frame)
    y = op.AveragePool(wide, kernel_shape=size, **rest)
    if rest is not frame:  # strides above the window and unknown sizes: the padding was counted as zeros
        ones = op.Expand(op.constant(np.ones((), x.dtype)), [1, 1, *first.shape[2:]])
        y = y / op.AveragePool(padded(op, ones, frame)[0], kernel_shape=size, **rest)
    return channels_last(op, y, data_format)


@lower("MaxPoolWithArgmax")
def max_pool_with_argmax(
    op: Builder, x: Value, *, ksize: list[int], strides: list[int], padding: str, include_batch_in_index: bool,
    Targmax: np.dtype,
) -> tuple[Value, Value]:  # fmt: skip
    """The maxima and where they were: positions in the flattened image, row-major with the channels last."""
    size = spatial(ksize, "NHWC")
    frame = window(x, size, strides, (), padding, (), "NHWC")
    first = channels_first(op, x, "NHWC")
    wide, rest = padded(op, first, frame, lowest(x.dtype))
    y, index = op.MaxPool(wide, kernel_shape=size, **rest, outputs=2)
    batch, height, width, channels = x.shape
    pixel = index
    if rest is not frame:
        pixel = _unpadded(op, index, wide, frame, width)
    else:
        pixel = op.Mod(index, op.size(height * width))
    place = pixel * op.size(channels) + _ramp(op, channels, 2)
    if include_batch_in_index:
        place = place + _ramp(op, batch, 3) * op.size(product(x.shape[1:]))
    return channels_last(op, y, "NHWC"), op.Cast(channels_last(op, place, "NHWC"), to=Targmax)


@lower("Dilation2D")
def dilation(op: Builder, x: Value, kernel: Value, *, strides: list[int], rates: list[int], padding: str) -> Value:
    """Grey-scale dilation: the maximum of window plus kernel.

    ``y[b, i, j, c] = max over (di, dj) of x[b, i * s + di * r, j * s + dj * r, c] + kernel[di, dj, c]``
    """
    return op.Max(*dilation_terms(op, x, kernel, strides, rates, padding))


def dilation_terms(
    op: Builder, x: Value, kernel: Value, strides: list[int], rates: list[int], padding: str
) -> list[Value]:
    """What each place of the kernel gives, of which a dilation takes the maximum."""
    size, steps, gaps = kernel.shape[:2], strides[1:3], rates[1:3]
    if not all(isinstance(k, int) for k in size):
        raise Unsupported("a kernel of unknown size")
    extents = list(x.shape[1:3])
    wide = x
    if padding == "SAME":
        pads = [same_pads(*frame) for frame in zip(extents, size, steps, gaps, strict=True)]
        widths = op.sizes([0, pads[0][0], pads[1][0], 0, 0, pads[0][1], pads[1][1], 0])
        wide = op.Pad(x, widths, op.constant(np.asarray(lowest(x.dtype), x.dtype)), mode="constant")
        extents = [e + before + after for e, (before, after) in zip(extents, pads, strict=True)]
    counts = [(e - (k - 1) * gap - 1) // step + 1 for e, k, step, gap in zip(extents, size, steps, gaps, strict=True)]
    terms = []
    for offset in np.ndindex(*size):
        starts = [o * gap for o, gap in zip(offset, gaps, strict=True)]
        ends = [start + (n - 1) * step + 1 for start, n, step in zip(starts, counts, steps, strict=True)]
        part = op.Slice(wide, starts, op.sizes(ends), axes=[1, 2], steps=steps)
        terms.append(part + op.Squeeze(op.Slice(kernel, offset, [o + 1 for o in offset], axes=[0, 1]), axes=[0, 1]))
    return terms


def _depth_pool(op: Builder, x: Value, size: int, step: int, padding: str, axis: int) -> Value:
    """A maximum over groups of channels: these become the only spatial axis."""
    rank = x.rank
    moved = op.Transpose(x, perm=[0, *range(2, rank), 1]) if axis == 1 else x
    rows = op.Reshape(moved, [-1, 1, moved.shape[-1]])
    frame: dict[str, Any] = {"strides": [step]}
    if padding == "SAME":
        before, after = same_pads(moved.shape[-1], size, step)
        frame["pads"] = [before, after]
    y = op.MaxPool(rows, kernel_shape=[size], **frame)
    y = op.Reshape(y, [*moved.shape[:-1], y.shape[-1]])
    return op.Transpose(y, perm=[0, rank - 1, *range(1, rank - 1)]) if axis == 1 else y


def _ramp(op: Builder, size: Size, trailing: int) -> Value:
    """0, 1, .. along an axis that so many axes follow."""
    return op.Reshape(op.Range(0, op.size(size), 1), [-1] + [1] * trailing)


def _unpadded(op: Builder, index: Value, wide: Value, frame: dict[str, Any], width: Size) -> Value:
    """Positions within the padded image as positions within the image."""
    tall, broad = wide.shape[2:]
    top, left = frame["pads"][:2]
    pixel = op.Mod(index, op.size(tall * broad))
    row, column = op.Div(pixel, op.size(broad)), op.Mod(pixel, op.size(broad))
    return (row - op.size(top)) * op.size(width) + column - op.size(left)
