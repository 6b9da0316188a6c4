"""Sequences as pictures of height 1 where that makes convolutions faster.

ONNX Runtime convolves pictures of 16, 32, .. channels in a blocked layout, and sequences never: convolutions of them
take up to 1.5 times as long. What stands between such convolutions stays with the pictures, as does whatever costs
the same either way.

    conv1d(x) = squeeze(conv2d(unsqueeze(x)))        f(squeeze(x)) = squeeze(f(x))
"""

from __future__ import annotations

from onward import ir
from onward.dtypes import FLOAT32
from onward.fuse.engine import Rewrite, made_by, rewriting
from onward.ir import Node, Value
from onward.lowering.builder import Builder
from onward.passes.layout import ELEMENTWISE

HEIGHT = 2
BLOCK = 16  # of the widest vectors; other processors have 8 or 4
_PER_AXIS = {"strides": 1, "dilations": 1, "kernel_shape": 1}


def convolve_pictures(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """A convolution of sequences that has a faster twin, or whose sequence comes from pictures."""
    x, weights, *bias = node.inputs
    if x is None or x.rank != 3 or x.dtype != FLOAT32 or weights is None or not weights.is_const:
        return None
    if _picture(x) is None and not _blocked(node, weights):
        return None
    return _of_pictures(op, node, [x], [op.Unsqueeze(weights, axes=[HEIGHT]), *bias])


def _blocked(node: Node, weights: Value) -> bool:
    assert weights.shape is not None
    filters, channels, size = weights.shape
    if not isinstance(filters, int) or not isinstance(channels, int) or filters % BLOCK or size == 1:
        return False
    return (channels < BLOCK or channels % BLOCK == 0) and node.attrs.get("group", 1) == 1


def pool_pictures(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """Pooling of a sequence that comes from pictures."""
    x = node.inputs[0]
    if x is None or x.rank != 3 or _picture(x) is None or len(node.outputs) > 1:
        return None
    return _of_pictures(op, node, [x], [])


def after_squeeze(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """f(squeeze(x), squeeze(y), numbers) = squeeze(f(x, y, numbers)), element by element."""
    pictures: list[Value | None] = []
    found = False
    for value in node.inputs:
        picture = None if value is None else _picture(value)
        found = found or picture is not None
        if picture is None and value is not None and value.rank:
            picture = _raised(op, value)
            if picture is None:
                return None
        pictures.append(value if picture is None else picture)
    if not found or node.output.rank != 3 or len(node.outputs) > 1:
        return None
    result: Value = op.emit(node.op, *pictures, **node.attrs)
    return op.Squeeze(result, axes=[HEIGHT])


def _raised(op: Builder, value: Value) -> Value | None:
    """A constant that broadcasts to sequences, as one that broadcasts to pictures."""
    if not value.is_const or value.rank is None or value.rank > 3:
        return None
    return op.Unsqueeze(value, axes=[value.rank - 1]) if value.rank > 1 else value


def join_pictures(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """Sequences from pictures, joined along their channels."""
    pictures = [None if v is None else _picture(v) for v in node.inputs]
    if any(v is None for v in pictures) or node.attrs["axis"] % 3 != 1:
        return None
    return op.Squeeze(op.Concat(*pictures, axis=1), axes=[HEIGHT])


def _picture(x: Value) -> Value | None:
    """The picture of height 1 that a sequence was."""
    node = made_by(x, "Squeeze")
    axes = node.inputs[1].array if node is not None and len(node.inputs) > 1 and node.inputs[1] is not None else None
    if node is None or axes is None or x.rank != 3:
        return None
    return node.inputs[0] if axes.size == 1 and int(axes[0]) % 4 == HEIGHT else None


def _of_pictures(op: Builder, node: Node, data: list[Value], rest: list[Value | None]) -> Value:
    attrs = dict(node.attrs)
    for name, one in _PER_AXIS.items():
        if attrs.get(name):
            attrs[name] = [one, *attrs[name]]
    if attrs.get("pads"):
        before, after = attrs["pads"]
        attrs["pads"] = [0, before, 0, after]
    op.origin = node.origin
    y: Value = op.emit(node.op, *(op.Unsqueeze(x, axes=[HEIGHT]) for x in data), *rest, **attrs)
    return op.Squeeze(y, axes=[HEIGHT])


RULES: dict[str, list[Rewrite]] = {
    **{name: [after_squeeze] for name in (*ELEMENTWISE, "Clip")},
    "AveragePool": [pool_pictures],
    "Concat": [join_pictures],
    "Conv": [convolve_pictures],
    "MaxPool": [pool_pictures],
}
use_pictures = rewriting("use_pictures", RULES)
