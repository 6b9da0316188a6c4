"""Transposed convolutions: the gradients of convolutions by their input, which decoders and generators use forwards."""

from __future__ import annotations

from typing import Any

from onward.dims import Dim, Size, maximum
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last, kernel_first, spatial
from onward.lowering.registry import Unsupported, lower
from onward.ops.conv import depthwise_kernel


@lower("Conv2DBackpropInput", "Conv2DBackpropInputV2", "Conv3DBackpropInput", "Conv3DBackpropInputV2")
def conv_transpose(
    op: Builder, sizes: Value, kernel: Value, y: Value, *, strides: list[int], padding: str, dilations: list[int],
    data_format: str = "NDHWC", explicit_paddings: list[int] = [],  # noqa: B006
) -> Value:  # fmt: skip
    """The result's sizes or a tensor that has them, a kernel (spatial..., channels out, in), and what to spread."""
    sizes = op.shape(sizes) if sizes.rank == len(data_format) else sizes
    first = channels_first(op, y, data_format)
    group = _groups(_channels(op, sizes, data_format), kernel)
    x = spread(op, first, kernel_first(op, kernel), extents_of(op, sizes, data_format), kernel.shape[:-2], group,
                strides, padding, dilations, data_format, explicit_paddings)  # fmt: skip
    return channels_last(op, x, data_format)


@lower("DepthwiseConv2dNativeBackpropInput")
def depthwise_transpose(
    op: Builder, sizes: Value, kernel: Value, y: Value, *, strides: list[int], padding: str, dilations: list[int],
    data_format: str, explicit_paddings: list[int],
) -> Value:  # fmt: skip
    group = kernel.shape[2]
    if not isinstance(group, int):
        raise Unsupported("a depthwise kernel with an unknown number of channels")
    first = channels_first(op, y, data_format)
    x = spread(op, first, depthwise_kernel(op, kernel), extents_of(op, sizes, data_format), kernel.shape[:2], group,
                strides, padding, dilations, data_format, explicit_paddings)  # fmt: skip
    return channels_last(op, x, data_format)


def spread(
    op: Builder, y: Value, weights: Value, extents: list[Size | Value], size: Any, group: int, strides: list[int],
    padding: str, dilations: list[int], data_format: str, explicit_paddings: list[int],
) -> Value:  # fmt: skip
    """ConvTranspose of channels-first ``y``, with weights in ONNX's layout, to the spatial sizes asked for.

    Strides, dilations and explicit paddings are TensorFlow's, one entry for each axis of ``data_format``.
    """
    steps, gaps = spatial(strides, data_format), spatial(dilations, data_format)
    starts = [0] * len(steps)
    if padding == "EXPLICIT":
        starts = spatial(explicit_paddings[::2], data_format)
    fits = [
        _fit(extent, inner, k, step, gap, None if padding == "SAME" else start)
        for extent, inner, k, step, gap, start in zip(extents, y.shape[2:], size, steps, gaps, starts, strict=True)
    ]
    frame: dict[str, Any] = {"strides": steps, "group": group}
    if any(gap != 1 for gap in gaps):
        frame["dilations"] = gaps
    if all(fit is not None for fit in fits):
        before, after, extra = (list(part) for part in zip(*fits, strict=True))
        return op.ConvTranspose(
            y, weights, **frame, pads=[*before, *after] if any(before + after) else None,
            output_padding=extra if any(extra) else None,
        )  # fmt: skip
    # The sizes are known at run time only: make the largest result that the strides allow, and cut it out.
    whole = op.ConvTranspose(y, weights, **frame, output_padding=[step - 1 for step in steps])
    reaches = [(inner - 1) * step + (k - 1) * gap + 1
               for inner, k, step, gap in zip(y.shape[2:], size, steps, gaps, strict=True)]  # fmt: skip
    first = [
        half_excess(op, reach, extent) if padding == "SAME" else op.size(start)
        for reach, extent, start in zip(reaches, extents, starts, strict=True)
    ]
    last = [start + op.lift(extent) for start, extent in zip(first, extents, strict=True)]
    return op.Slice(whole, op.sizes(first), op.sizes(last), axes=list(range(2, 2 + len(steps))))


def _fit(
    extent: Size | Value, inner: Size, k: Size, step: int, gap: int, start: int | None
) -> tuple[int, int, int] | None:
    """Pads before and after, and output padding, that make an axis right; None where they depend on sizes."""
    if isinstance(extent, Value):
        return None
    surplus = (inner - 1) * step + (k - 1) * gap + 1 - extent
    if isinstance(surplus, Dim):
        return None
    before = max(surplus, 0) // 2 if start is None else start
    after = surplus - before
    return before, max(after, 0), max(-after, 0)


def half_excess(op: Builder, reach: Size, extent: Size | Value) -> Value:
    """Half of what windows reach beyond an axis: where SAME padding begins."""
    if isinstance(extent, Value):
        return op.Div(op.Max(op.size(reach) - extent, 0), 2)
    return op.size(maximum(reach - extent, 0) // 2)


def extents_of(op: Builder, sizes: Value, data_format: str) -> list[Size | Value]:
    """The spatial sizes asked for, as numbers and symbols where they are known, else as scalars."""
    if sizes.elements is not None:
        known = list(sizes.elements)
        # Keras 1-D and 2-D layers pass whole shapes, tf.nn may pass the spatial part alone.
        return spatial(known, data_format) if len(known) == len(data_format) else known
    count = len(data_format) - 2
    whole = sizes.shape is None or sizes.shape[0] != count
    axes = spatial(range(len(data_format)), data_format) if whole else range(count)
    return [op.Cast(op.Gather(sizes, axis, axis=0), to="int64") for axis in axes]


def _channels(op: Builder, sizes: Value, data_format: str) -> Size | None:
    if sizes.elements is None or len(sizes.elements) != len(data_format):
        return None
    return sizes.elements[data_format.index("C")]


def _groups(channels: Size | None, kernel: Value) -> int:
    each = kernel.shape[-2]
    return channels // each if isinstance(channels, int) and isinstance(each, int) else 1
