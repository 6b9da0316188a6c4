"""Means over pictures, between quantised tensors, as the pooling that ONNX Runtime has an integer kernel for."""

from __future__ import annotations

from onward import ir
from onward.ir import Node
from onward.lowering.builder import Builder


def pool_means(op: Builder, graph: ir.Graph) -> None:
    """ReduceMean over height and width becomes GlobalAveragePool where it reads and makes quantised numbers.

    Axes that go are taken out of the integers behind it.
    """
    for node in list(graph.nodes):
        if node.op != "ReduceMean" or not node.inputs or not _is_dequantized(node) or not _over_pictures(node):
            continue
        users = list(node.output.users)
        if len(users) != 1 or users[0].op != "QuantizeLinear" or any(v is node.output for v in graph.outputs):
            continue
        op.origin = node.origin
        result = op.QuantizeLinear(op.GlobalAveragePool(node.inputs[0]), *users[0].inputs[1:], **users[0].attrs)
        if not node.attrs.get("keepdims", 1):
            result = op.Squeeze(result, axes=[2, 3])
        graph.replace(users[0].output, result)


def _is_dequantized(node: Node) -> bool:
    maker = node.inputs[0].producer
    return maker is not None and maker.op == "DequantizeLinear" and not maker.inputs[0].is_const


def _over_pictures(node: Node) -> bool:
    axes = node.attrs.get("axes")
    if axes is None and len(node.inputs) > 1 and node.inputs[1] is not None:
        axes = None if node.inputs[1].array is None else node.inputs[1].array.tolist()
    return node.inputs[0].rank == 4 and axes is not None and sorted(a % 4 for a in axes) == [2, 3]
