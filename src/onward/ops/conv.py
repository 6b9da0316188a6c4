"""Convolutions."""

from __future__ import annotations

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last, kernel_first, window
from onward.lowering.registry import lower


@lower("Conv2D", "Conv3D")
def conv(
    op: Builder, x: Value, kernel: Value, *, strides: list[int], padding: str, dilations: list[int],
    data_format: str, explicit_paddings: list[int] = [],  # noqa: B006
) -> Value:  # fmt: skip
    frame = window(x, kernel.shape[:-2], strides, dilations, padding, explicit_paddings, data_format)
    first = channels_first(op, x, data_format)
    group = first.shape[1] // kernel.shape[-2]
    y = op.Conv(first, kernel_first(op, kernel), **frame, group=group)
    return channels_last(op, y, data_format)


@lower("DepthwiseConv2dNative")
def depthwise_conv(
    op: Builder, x: Value, kernel: Value, *, strides: list[int], padding: str, dilations: list[int],
    data_format: str, explicit_paddings: list[int],
) -> Value:  # fmt: skip
    height, width, channels, multiplier = kernel.shape
    frame = window(x, (height, width), strides, dilations, padding, explicit_paddings, data_format)
    weights = op.Reshape(op.Transpose(kernel, perm=[2, 3, 0, 1]), [channels * multiplier, 1, height, width])
    y = op.Conv(channels_first(op, x, data_format), weights, **frame, group=channels)
    return channels_last(op, y, data_format)
