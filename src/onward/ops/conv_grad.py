"""Gradients of convolutions by their kernel; those by their input are transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, padded, same_pads, spatial, window
from onward.lowering.registry import Unsupported, lower


@lower("Conv2DBackpropFilter", "Conv3DBackpropFilterV2")
def filter_grad(
    op: Builder, x: Value, filter_sizes: Value, gradient: Value, *, strides: list[int], padding: str,
    dilations: list[int], data_format: str, explicit_paddings: list[int] = [],  # noqa: B006
) -> Value:  # fmt: skip
    shape = _known(filter_sizes.elements)
    group = _groups(channels_first(op, x, data_format), shape)
    y = _correlated(op, x, gradient, shape[:-2], group, strides, padding, dilations, data_format, explicit_paddings)
    return op.Transpose(y, perm=[*range(2, len(shape)), 0, 1])


@lower("DepthwiseConv2dNativeBackpropFilter")
def depthwise_filter_grad(
    op: Builder, x: Value, filter_sizes: Value, gradient: Value, *, strides: list[int], padding: str,
    dilations: list[int], data_format: str, explicit_paddings: list[int],
) -> Value:  # fmt: skip
    height, width, channels, multiplier = _known(filter_sizes.elements)
    y = _correlated(
        op, x, gradient, [height, width], channels, strides, padding, dilations, data_format, explicit_paddings
    )
    return op.Transpose(op.Reshape(y, [channels, multiplier, height, width]), perm=[2, 3, 0, 1])


def _correlated(
    op: Builder, x: Value, gradient: Value, size: Sequence[int], group: int, strides: list[int], padding: str,
    dilations: list[int], data_format: str, explicit_paddings: list[int],
) -> Value:  # fmt: skip
    """(channels in of a group, channels out, spatial...): a convolution of the input by the output's gradient, where
    channels and batch have changed places, and strides and dilations too."""
    first, axes = channels_first(op, x, data_format), list(range(2, 2 + len(size)))
    frame = window(x, size, strides, dilations, padding, explicit_paddings, data_format)
    if "auto_pad" in frame:
        steps, gaps = frame["strides"], frame.get("dilations", [1] * len(size))
        pads = [same_pads(*axis) for axis in zip(spatial(x.shape, data_format), size, steps, gaps, strict=True)]
        frame = {"strides": steps, "pads": [before for before, _ in pads] + [after for _, after in pads]}
    first, frame = padded(op, first, frame)
    batch, channels, *rest = first.shape
    if group == 1:
        swapped = op.Transpose(first, perm=[1, 0, *axes])
    else:
        apart = op.Reshape(first, [batch, group, channels // group, *rest])
        swapped = op.Transpose(apart, perm=[2, 1, 0, *(axis + 1 for axis in axes)])
        swapped = op.Reshape(swapped, [channels // group, group * batch, *rest])
    how: dict[str, Any] = {"dilations": frame["strides"], "strides": frame.get("dilations", [1] * len(size))}
    weights = op.Transpose(channels_first(op, gradient, data_format), perm=[1, 0, *axes])
    y = op.Conv(swapped, weights, **how, pads=frame.get("pads"), group=group)
    return op.Slice(y, [0] * len(size), list(size), axes=axes)


def _groups(first: Value, shape: Sequence[int]) -> int:
    channels = first.shape[1]
    return channels // shape[-2] if isinstance(channels, int) else 1


def _known(elements: Any) -> list[int]:
    if elements is None or not all(isinstance(n, int) for n in elements):
        raise Unsupported("the gradient of a kernel of unknown size")
    return list(elements)
