"""Convolutions."""

from __future__ import annotations

from typing import Any

from onward.dims import Size
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last, kernel_first, padded, window
from onward.lowering.registry import Unsupported, lower


@lower("Conv2D", "Conv3D")
def conv(
    op: Builder, x: Value, kernel: Value, *, strides: list[int], padding: str, dilations: list[int],
    data_format: str, explicit_paddings: list[int] = [],  # noqa: B006
) -> Value:  # fmt: skip
    first = channels_first(op, x, data_format)
    frame = window(x, kernel.shape[:-2], strides, dilations, padding, explicit_paddings, data_format)
    y = _convolve(op, first, kernel_first(op, kernel), frame, groups(first, kernel))
    return channels_last(op, y, data_format)


@lower("DepthwiseConv2dNative")
def depthwise_conv(
    op: Builder, x: Value, kernel: Value, *, strides: list[int], padding: str, dilations: list[int],
    data_format: str, explicit_paddings: list[int],
) -> Value:  # fmt: skip
    frame = window(x, kernel.shape[:-2], strides, dilations, padding, explicit_paddings, data_format)
    weights = depthwise_kernel(op, kernel)
    y = _convolve(op, channels_first(op, x, data_format), weights, frame, _known(kernel.shape[2]))
    return channels_last(op, y, data_format)


@lower("Conv")
def any_conv(
    op: Builder, x: Value, kernel: Value, *, strides: list[int], padding: str, explicit_paddings: list[int],
    data_format: str, dilations: list[int], batch_dims: int, groups: int,
) -> Value:  # fmt: skip
    """The op for every rank: several batch axes are folded into one."""
    rank = kernel.rank - 2
    layout = f"N{'DHW'[-rank:]}C" if data_format == "CHANNELS_LAST" else f"NC{'DHW'[-rank:]}"
    lead = x.shape[:batch_dims]
    folded = op.Reshape(x, [-1, *x.shape[batch_dims:]]) if batch_dims != 1 else x
    y = conv(
        op, folded, kernel, strides=strides, padding=padding, dilations=dilations or [1] * (rank + 2),
        data_format=layout, explicit_paddings=explicit_paddings,
    )  # fmt: skip
    return op.Reshape(y, [*lead, *y.shape[1:]]) if batch_dims != 1 else y


def groups(first: Value, kernel: Value) -> int:
    """How many groups a kernel (spatial..., in, out) makes of the channels; 1 where these are unknown."""
    channels, each = first.shape[1] if first.shape is not None else None, kernel.shape[-2]
    return channels // each if isinstance(channels, int) and isinstance(each, int) else 1


def depthwise_kernel(op: Builder, kernel: Value) -> Value:
    """From height, width, channels, multiplier to channels * multiplier, 1, height, width."""
    height, width, channels, multiplier = kernel.shape
    return op.Reshape(op.Transpose(kernel, perm=[2, 3, 0, 1]), [channels * multiplier, 1, height, width])


def _convolve(op: Builder, x: Value, weights: Value, frame: dict[str, Any], group: int) -> Value:
    x, frame = padded(op, x, frame)
    return op.Conv(x, weights, **frame, group=group)


def _known(size: Size) -> int:
    if not isinstance(size, int):
        raise Unsupported("a depthwise kernel with an unknown number of channels")
    return size
