"""Convolutions with TFLite's weights (output channels first, channels last) and a bias of their own."""

from __future__ import annotations

from onward.dims import product
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last, padded, window
from onward.lowering.registry import Unsupported, lower
from onward.ops.pool import avg_pool

_LAYOUT = "NHWC"


@lower("tfl.conv_2d")
def conv_2d(
    op: Builder, x: Value, kernel: Value, bias: Value | None, *, strides: list[int], padding: str, dilations: list[int]
) -> Value:  # fmt: skip
    """The kernel is output, height, width, input; fewer inputs than channels make groups."""
    channels, each = x.shape[-1] if x.shape is not None else None, kernel.shape[3]
    group = channels // each if isinstance(channels, int) and isinstance(each, int) else 1
    return _convolve(op, x, op.Transpose(kernel, perm=[0, 3, 1, 2]), bias, strides, padding, dilations, group)


@lower("tfl.depthwise_conv_2d")
def depthwise_conv_2d(
    op: Builder, x: Value, kernel: Value, bias: Value | None, *, strides: list[int], padding: str, dilations: list[int]
) -> Value:  # fmt: skip
    """The kernel is 1, height, width, channels times multiplier."""
    channels = x.shape[-1]
    if not isinstance(channels, int):
        raise Unsupported("an unknown number of channels")
    return _convolve(op, x, op.Transpose(kernel, perm=[3, 0, 1, 2]), bias, strides, padding, dilations, channels)


def _convolve(
    op: Builder, x: Value, weights: Value, bias: Value | None, strides: list[int], padding: str, dilations: list[int],
    group: int,
) -> Value:  # fmt: skip
    frame = window(x, weights.shape[2:], [1, *strides, 1], [1, *dilations, 1], padding, (), _LAYOUT)
    first, frame = padded(op, channels_first(op, x, _LAYOUT), frame)
    return channels_last(op, op.Conv(first, weights, bias, **frame, group=group), _LAYOUT)


@lower("tfl.fully_connected")
def fully_connected(op: Builder, x: Value, weights: Value, bias: Value | None, *, keep_num_dims: bool) -> Value:
    """The weights are output, input."""
    depth = weights.shape[1]
    if x.rank == 2 and x.shape[1] == depth:
        return op.Gemm(x, weights, bias, transB=1)
    if keep_num_dims and x.rank != 2:
        y = op.MatMul(x, op.Transpose(weights, perm=[1, 0]))
        return y if bias is None else y + bias
    rows = product(x.shape) // depth if x.shape is not None else -1
    return op.Gemm(op.Reshape(x, [rows, depth]), weights, bias, transB=1)


@lower("tfl.l2_pool_2d")
def l2_pool_2d(op: Builder, x: Value, *, ksize: list[int], strides: list[int], padding: str) -> Value:
    """The root of the mean of squares, as TFLite has it."""
    return op.Sqrt(avg_pool(op, x * x, ksize=ksize, strides=strides, padding=padding, data_format=_LAYOUT))
