"""Windows over sequences, which TensorFlow slides over pictures of height 1.

    squeeze(conv2d(unsqueeze(x))) = conv1d(x)

and so for transposed convolutions, pooling and rows of these, whichever of the two axes was added, channels first or
last.
"""

from __future__ import annotations

from typing import Any

from onward import ir
from onward.fuse.engine import Rewrite, made_by, sole_user
from onward.ir import Node, Value
from onward.lowering.builder import Builder

WINDOWS = ("Conv", "ConvTranspose", "MaxPool", "AveragePool")
CHANNELS_LAST, CHANNELS_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


def one_axis(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """The formula above, for an axis along which no window sees two places or pads anything."""
    last = made_by(node.inputs[0], "Transpose")
    y = node.inputs[0] if last is None else last.inputs[0]
    if last is not None and not sole_user(graph, last.output):
        return None
    windows: list[Node] = []
    while (window := made_by(y, *WINDOWS)) is not None and sole_user(graph, window.output):
        if window.output.rank != 4 or len(window.outputs) > 1:
            return None
        windows.append(window)
        y = window.inputs[0]
    first = made_by(y, "Transpose")
    added = made_by(y if first is None else first.inputs[0], "Unsqueeze")
    if not windows or added is None or added.inputs[0] is None or added.inputs[0].rank != 3:
        return None
    axis = _channels_first_axis(added, first, CHANNELS_FIRST)
    if axis not in (2, 3) or axis != _channels_first_axis(node, last, CHANNELS_LAST):
        return None
    frames = [_without(window, axis - 2) for window in windows]
    if any(frame is None for frame in frames):
        return None
    result = added.inputs[0] if first is None else op.Transpose(added.inputs[0], perm=[0, 2, 1])
    for window, frame in zip(reversed(windows), reversed(frames), strict=True):
        assert frame is not None
        op.origin = window.origin
        rest = list(window.inputs[1:])
        if rest and rest[0] is not None:
            rest[0] = op.Squeeze(rest[0], axes=[axis])
        result = op.emit(window.op, result, *rest, **frame)
    return result if last is None else op.Transpose(result, perm=[0, 2, 1])


def _channels_first_axis(node: Node, moved: Node | None, perm: list[int]) -> int | None:
    """The axis that a node adds or takes, where the channels are first; None unless it is a single known one."""
    axes = node.inputs[1].array if len(node.inputs) > 1 and node.inputs[1] is not None else None
    if axes is None or axes.size != 1:
        return None
    axis = int(axes[0]) % 4
    if moved is None:
        return axis
    if moved.attrs["perm"] != perm:
        return None
    return {0: 0, 3: 1, 1: 2, 2: 3}[axis]


def _without(window: Node, place: int) -> dict[str, Any] | None:
    """The attributes for the other axis alone; None where the window does something along this one."""
    weights = window.inputs[1] if len(window.inputs) > 1 else None
    size = window.attrs.get("kernel_shape") or (weights.shape[2:] if weights is not None and weights.shape else None)
    if size is None or size[place] != 1 or (weights is not None and not weights.is_const):
        return None
    attrs = dict(window.attrs)
    pads = attrs.pop("pads", None)
    if pads is not None:
        if pads[place] or pads[place + 2]:
            return None
        attrs["pads"] = [pads[1 - place], pads[3 - place]]
    if attrs.get("output_padding", (0, 0))[place]:
        return None
    for name in ("strides", "dilations", "kernel_shape", "output_padding", "output_shape"):
        if attrs.get(name):
            attrs[name] = [attrs[name][1 - place]]
    return attrs


RULES: dict[str, list[Rewrite]] = {"Squeeze": [one_axis]}
