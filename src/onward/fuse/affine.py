"""Runs of multiplications and additions by constants become one of each."""

from __future__ import annotations

from onward import ir
from onward.dtypes import is_float
from onward.fuse.engine import Rewrite, constant_operand, made_by, sole_user
from onward.ir import Node, Value
from onward.lowering.builder import Builder


def subtract_to_add(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """x - c = x + (-c)."""
    x, c = node.inputs
    assert x is not None
    assert c is not None
    if x.is_const or not c.is_const or not is_float(x.dtype):
        return None
    result: Value = x + (-c)
    return result


def divide_to_multiply(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """x / c = x * (1 / c), where no element of c is zero or so small that its inverse overflows."""
    x, c = node.inputs
    assert x is not None
    assert c is not None
    if x.is_const or c.const is None or not is_float(x.dtype) or c.const.size > 1 << 16:
        return None
    array = c.array
    assert array is not None
    if not ((abs(array) > 1e-30) & (abs(array) < 1e30)).all():
        return None
    result: Value = x * (1 / c)
    return result


def _chain(combine: str) -> Rewrite:
    def merge(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
        outer = constant_operand(node)
        inner_node = made_by(outer[0], combine) if outer else None
        if outer is None or inner_node is None or not sole_user(graph, outer[0]) or not is_float(outer[0].dtype):
            return None
        inner = constant_operand(inner_node)
        if inner is None:
            return None
        x, first = inner
        both = op.emit(combine, first, outer[1])
        if both.rank is None or x.rank is None or both.rank > x.rank or not both.is_const:
            return None
        result: Value = op.emit(combine, x, both)
        return result

    return merge


RULES: dict[str, list[Rewrite]] = {
    "Add": [_chain("Add")],
    "Div": [divide_to_multiply],
    "Mul": [_chain("Mul")],
    "Sub": [subtract_to_add],
}
