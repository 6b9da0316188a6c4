"""Folds what surrounds a convolution or matrix product into its weights, bias and pads.

A constant factor or offset per output channel (batch normalisation, rescaling, bias) moves into the weights; zeros
padded before it become its pads.
"""

from __future__ import annotations

import numpy as np

from onward import ir
from onward.dtypes import is_float
from onward.fuse.engine import Rewrite, constant_operand, made_by, sole_user
from onward.ir import Node, Value
from onward.lowering.builder import Builder

LINEAR = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def _channel_axis(node: Node) -> int:
    """The axis of the output that the weights' output channel becomes."""
    return 1 if node.op in ("Conv", "ConvTranspose") else -1


def _per_channel(node: Node, constant: Value) -> Value | None:
    """The constant as a vector over the output channels (or a single number), None where it varies elsewhere."""
    rank, shape = node.output.rank, constant.shape
    if rank is None or shape is None or len(shape) > rank:
        return None
    op = constant.builder
    if all(d == 1 for d in shape):
        return op.Reshape(constant, [1])
    full = (1,) * (rank - len(shape)) + tuple(shape)
    axis = _channel_axis(node) % rank
    if any(d != 1 for i, d in enumerate(full) if i != axis) or full[axis] != node.output.shape[axis]:  # type: ignore[index]
        return None
    return op.Reshape(constant, [full[axis]])


def _linear_before(graph: ir.Graph, value: Value) -> Node | None:
    node = made_by(value, *LINEAR)
    if node is None or not sole_user(graph, value) or not is_float(value.dtype):
        return None
    weights = node.inputs[1]
    if weights is None or not weights.is_const or weights.rank is None:
        return None
    if node.op == "MatMul" and weights.rank != 2:
        return None
    if node.op == "Gemm" and (node.attrs.get("alpha", 1.0) != 1.0 or node.attrs.get("beta", 1.0) != 1.0):
        return None
    return node


def _scaled_weights(op: Builder, node: Node, factor: Value) -> Value | None:
    weights = node.inputs[1]
    assert weights is not None
    assert weights.rank is not None
    if factor.shape == (1,):
        return weights * factor
    if node.op == "Conv":
        return weights * op.Reshape(factor, [-1] + [1] * (weights.rank - 1))
    if node.op == "ConvTranspose":
        if node.attrs.get("group", 1) != 1:
            return None
        return weights * op.Reshape(factor, [1, -1] + [1] * (weights.rank - 2))
    return weights * (op.Reshape(factor, [-1, 1]) if node.attrs.get("transB") else factor)


def _again(op: Builder, node: Node, inputs: list[Value | None]) -> Value:
    op.origin = node.origin
    result: Value = op.emit(node.op, *inputs, **node.attrs)
    return result


def scale_weights(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """linear(x, w) * c = linear(x, w * c), the bias scaled alike."""
    operands = constant_operand(node)
    linear = _linear_before(graph, operands[0]) if operands else None
    factor = _per_channel(linear, operands[1]) if linear and operands else None
    if linear is None or factor is None or operands is None:
        return None
    weights = _scaled_weights(op, linear, factor)
    if weights is None:
        return None
    bias = linear.inputs[2] if len(linear.inputs) > 2 else None
    return _again(op, linear, [linear.inputs[0], weights, *([bias * factor] if bias is not None else [])])


def add_to_bias(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """linear(x, w) + c = linear(x, w, bias=c)."""
    operands = constant_operand(node)
    linear = _linear_before(graph, operands[0]) if operands else None
    if linear is None or operands is None or linear.op == "MatMul":
        return None
    offset = _per_channel(linear, operands[1])
    if offset is None:
        return None
    bias = linear.inputs[2] if len(linear.inputs) > 2 else None
    channels = linear.output.shape[_channel_axis(linear)]  # type: ignore[index]
    if bias is not None and not bias.is_const:
        return None
    total = offset if bias is None else bias + offset
    return _again(op, linear, [linear.inputs[0], linear.inputs[1], op.Expand(total, [channels])])


def gemm(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """A matrix times constant weights, plus a bias."""
    operands = constant_operand(node)
    product = made_by(operands[0], "MatMul") if operands else None
    if product is None or operands is None or not sole_user(graph, operands[0]):
        return None
    a, weights = product.inputs
    assert a is not None
    assert weights is not None
    if a.rank != 2 or weights.rank != 2 or not is_float(a.dtype) or not weights.is_const:
        return None
    offset = _per_channel(product, operands[1])
    if offset is None:
        return None
    op.origin = product.origin
    result: Value = op.Gemm(a, weights, op.Expand(offset, [weights.shape[1]]))  # type: ignore[index]
    return result


def fold_batch_norm(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """Batch normalisation by constants is a factor and an offset per channel."""
    linear = _linear_before(graph, node.inputs[0]) if node.inputs[0] is not None else None
    if linear is None or linear.op not in ("Conv", "ConvTranspose"):
        return None
    scale, offset, mean, variance = (v for v in node.inputs[1:5] if v is not None)
    if not all(v.is_const for v in (scale, offset, mean, variance)):
        return None
    factor = scale / op.Sqrt(variance + node.attrs.get("epsilon", 1e-5))
    weights = _scaled_weights(op, linear, factor)
    if weights is None:
        return None
    bias = linear.inputs[2] if len(linear.inputs) > 2 else None
    shift = offset - mean * factor if bias is None else offset + (bias - mean) * factor
    return _again(op, linear, [linear.inputs[0], weights, shift])


def fold_pad(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """Zeros padded around the spatial axes become the convolution's own pads, if all that see them are convolutions."""
    x = node.inputs[0]
    pad = made_by(x, "Pad")
    if pad is None or x is None or any(v is x for v in graph.outputs) or not all(_pads(user, x) for user in x.users):
        return None
    pads = _spatial_pads(pad)
    if pads is None or not _zero(pad):
        return None
    old = node.attrs.get("pads") or [0] * len(pads)
    op.origin = node.origin
    attrs = {**node.attrs, "pads": [a + b for a, b in zip(old, pads, strict=True)]}
    result: Value = op.emit("Conv", pad.inputs[0], *node.inputs[1:], **attrs)
    return result


def _pads(conv: Node, x: Value) -> bool:
    """Whether a convolution of `x` can pad itself."""
    explicit = conv.op == "Conv" and not conv.domain and conv.attrs.get("auto_pad", "NOTSET") == "NOTSET"
    return explicit and conv.inputs[0] is x and all(v is not x for v in conv.inputs[1:])


def fold_pad_into_pool(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """Zeros around values that are never negative never win a maximum that sees one real element."""
    x = node.inputs[0]
    pad = made_by(x, "Pad")
    if pad is None or x is None or not sole_user(graph, x) or len(node.outputs) > 1:
        return None
    pads = _spatial_pads(pad)
    if pads is None or not _zero(pad) or node.attrs.get("auto_pad", "NOTSET") != "NOTSET":
        return None
    if made_by(pad.inputs[0], "Relu", "Sigmoid") is None or node.attrs.get("ceil_mode") or node.attrs.get("dilations"):
        return None
    kernel = node.attrs["kernel_shape"]
    total = [a + b for a, b in zip(node.attrs.get("pads") or [0] * len(pads), pads, strict=True)]
    if any(p >= k for p, k in zip(total, [*kernel, *kernel], strict=True)):
        return None
    op.origin = node.origin
    result: Value = op.emit("MaxPool", pad.inputs[0], **{**node.attrs, "pads": total})
    return result


def fold_pad_into_average(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """Zeros that are averaged with the rest are pads that count."""
    x = node.inputs[0]
    pad = made_by(x, "Pad")
    if pad is None or x is None or not sole_user(graph, x) or any(node.attrs.get("pads", ())):
        return None
    pads = _spatial_pads(pad)
    if (
        pads is None
        or not _zero(pad)
        or node.attrs.get("auto_pad", "NOTSET") != "NOTSET"
        or node.attrs.get("ceil_mode")
    ):
        return None
    kernel = node.attrs["kernel_shape"]
    if any(p >= k for p, k in zip(pads, [*kernel, *kernel], strict=True)):
        return None
    op.origin = node.origin
    result: Value = op.AveragePool(pad.inputs[0], **{**node.attrs, "pads": pads, "count_include_pad": 1})
    return result


def _spatial_pads(pad: Node) -> list[int] | None:
    """The pads of the spatial axes, None where others are padded, any is negative or unknown."""
    amounts = pad.inputs[1].array if pad.inputs[1] is not None else None
    rank = pad.output.rank
    if amounts is None or rank is None or len(amounts) != 2 * rank or (amounts < 0).any():
        return None
    if pad.attrs.get("mode", "constant") != "constant" or amounts[[0, 1, rank, rank + 1]].any():
        return None
    return [int(a) for a in (*amounts[2:rank], *amounts[rank + 2 :])]


def _zero(pad: Node) -> bool:
    value = pad.inputs[2] if len(pad.inputs) > 2 else None
    return value is None or (value.array is not None and not np.any(value.array))


RULES: dict[str, list[Rewrite]] = {
    "Add": [add_to_bias, gemm],
    "AveragePool": [fold_pad_into_average],
    "BatchNormalization": [fold_batch_norm],
    "Conv": [fold_pad],
    "MaxPool": [fold_pad_into_pool],
    "Mul": [scale_weights],
}
