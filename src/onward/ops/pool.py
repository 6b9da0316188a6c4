"""Pooling."""

from __future__ import annotations

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last, spatial, window
from onward.lowering.registry import lower


@lower("MaxPool", "MaxPool3D")
def max_pool(
    op: Builder, x: Value, *, ksize: list[int], strides: list[int], padding: str, data_format: str,
    explicit_paddings: list[int] = [],  # noqa: B006
) -> Value:  # fmt: skip
    size = spatial(ksize, data_format)
    frame = window(x, size, strides, (), padding, explicit_paddings, data_format)
    y = op.MaxPool(channels_first(op, x, data_format), kernel_shape=size, **frame)
    return channels_last(op, y, data_format)


@lower("AvgPool", "AvgPool3D")
def avg_pool(
    op: Builder, x: Value, *, ksize: list[int], strides: list[int], padding: str, data_format: str
) -> Value:
    size = spatial(ksize, data_format)
    frame = window(x, size, strides, (), padding, (), data_format)
    y = op.AveragePool(channels_first(op, x, data_format), kernel_shape=size, **frame)
    return channels_last(op, y, data_format)
