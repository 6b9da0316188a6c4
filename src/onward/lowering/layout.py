"""Data layout: the one place that knows about NHWC.

ONNX is channels-first. Mappings go through ``channels_first`` and ``channels_last``; the layout pass removes the
transposes that meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.dims import Dim, Size, ceildiv, maximum, unknown
from onward.ir import Value

if TYPE_CHECKING:
    from onward.lowering.builder import Builder


def is_channels_last(data_format: str) -> bool:
    """Whether TensorFlow's data_format (NHWC, NDHWC, NCHW, NCDHW, NWC, ..) has the channels at the end."""
    return data_format.endswith("C")


def channels_first(op: Builder, x: Value, data_format: str) -> Value:
    """N, C, spatial... whatever the source's layout."""
    rank = len(data_format) if x.rank is None else x.rank
    return op.Transpose(x, perm=[0, rank - 1, *range(1, rank - 1)]) if is_channels_last(data_format) else x


def channels_last(op: Builder, y: Value, data_format: str) -> Value:
    """Back from N, C, spatial... to the source's layout."""
    rank = len(data_format) if y.rank is None else y.rank
    return op.Transpose(y, perm=[0, *range(2, rank), 1]) if is_channels_last(data_format) else y


def spatial(numbers: Sequence[Any], data_format: str) -> list[Any]:
    """The spatial part of a list with one entry per dimension (strides, dilations, window sizes)."""
    return list(numbers[1:-1] if is_channels_last(data_format) else numbers[2:])


def kernel_first(op: Builder, kernel: Value) -> Value:
    """From spatial..., in, out to out, in, spatial..."""
    assert kernel.rank is not None
    rank = kernel.rank
    return op.Transpose(kernel, perm=[rank - 1, rank - 2, *range(rank - 2)])


def window(
    x: Value,
    size: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    padding: str,
    explicit_paddings: Sequence[int],
    data_format: str,
) -> dict[str, Any]:
    """The attributes that ONNX convolutions and poolings share.

    Args:
        x: the input in the source's layout.
        size: the window's spatial size.
        strides, dilations: one entry per dimension, TensorFlow's way; dilations may be empty.
        padding: SAME, VALID or EXPLICIT. SAME puts the odd element at the end, ONNX's SAME_UPPER; with sizes known
            the pads are written out. Pads that depend on sizes are symbolic: ``padded`` makes them a ``Pad``.
    """
    steps = spatial(strides, data_format)
    gaps = spatial(dilations, data_format) if dilations else [1] * len(size)
    frame: dict[str, Any] = {"strides": steps}
    if any(g != 1 for g in gaps):
        frame["dilations"] = gaps
    if padding == "EXPLICIT":
        pairs = spatial(list(zip(explicit_paddings[::2], explicit_paddings[1::2], strict=True)), data_format)
        frame["pads"] = [before for before, _ in pairs] + [after for _, after in pairs]
    elif padding == "SAME":
        frame |= same_padding(x, size, steps, gaps, data_format)
    return frame


def same_padding(
    x: Value, size: Sequence[Size], steps: Sequence[int], gaps: Sequence[int], data_format: str
) -> dict[str, Any]:
    """``pads`` where they do not depend on an unknown size, else ``auto_pad`` where runtimes take it.

    ONNX Runtime refuses ``auto_pad`` with dilations, and in MaxPool with strides above the window: there the pads
    stay symbolic.
    """
    extents = spatial(x.shape or [unknown() for _ in range(len(size) + 2)], data_format)
    frames = list(zip(extents, size, steps, gaps, strict=True))
    pads = [same_pads(*frame) for frame in frames]
    if any(isinstance(p, Dim) for pair in pads for p in pair):
        if all(isinstance(k, int) and gap == 1 and k >= step for _, k, step, gap in frames):
            return {"auto_pad": "SAME_UPPER"}
    elif not any(before or after for before, after in pads):
        return {}
    return {"pads": [before for before, _ in pads] + [after for _, after in pads]}


def same_pads(extent: Size, size: Size, step: int, gap: int = 1) -> tuple[Size, Size]:
    """How far TensorFlow's SAME pads one axis at its start and end."""
    reach = (size - 1) * gap + 1
    if step == 1 or reach == 1:
        total = reach - 1 if step == 1 else 0
    else:
        total = maximum((ceildiv(extent, step) - 1) * step + reach - extent, 0)
    return total // 2, total - total // 2


def padded(op: Builder, x: Value, frame: dict[str, Any], fill: Any = 0) -> tuple[Value, dict[str, Any]]:
    """Turns symbolic pads into a ``Pad`` of the channels-first ``x``; the frame comes back without them."""
    pads = frame.get("pads", ())
    if not any(isinstance(p, Dim) for p in pads):
        return x, frame
    half = len(pads) // 2
    widths = op.sizes([0, 0, *pads[:half], 0, 0, *pads[half:]])
    fill = op.constant(np.asarray(fill, x.dtype)) if fill else None
    return op.Pad(x, widths, fill, mode="constant"), {k: v for k, v in frame.items() if k != "pads"}


def lowest(dtype: np.dtype) -> Any:
    """What loses every maximum."""
    return np.iinfo(dtype).min if dtype.kind in "iu" else dtype.type(-np.inf)
