"""Joins of joins."""

from __future__ import annotations

from onward import ir
from onward.fuse.engine import Rewrite, made_by, sole_user
from onward.ir import Node, Value
from onward.lowering.builder import Builder


def flatten_concat(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """concat(concat(a, b), c) = concat(a, b, c) along one axis."""
    rank = node.output.rank
    if rank is None:
        return None
    axis = node.attrs["axis"] % rank
    parts: list[Value | None] = []
    for value in node.inputs:
        inner = made_by(value, "Concat")
        joined = inner is not None and value is not None and sole_user(graph, value)
        if inner is not None and joined and inner.attrs["axis"] % rank == axis:
            parts.extend(inner.inputs)
        else:
            parts.append(value)
    return op.Concat(*parts, axis=axis) if len(parts) > len(node.inputs) else None


RULES: dict[str, list[Rewrite]] = {"Concat": [flatten_concat]}
