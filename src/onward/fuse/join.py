"""Joins of joins."""

from __future__ import annotations

from onward import ir
from onward.dims import Dim
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


def reshape_back(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """reshape(reshape(x)) = x, where the shape is that of x again."""
    inner = made_by(node.inputs[0], "Reshape")
    x = inner.inputs[0] if inner is not None else None
    return x if x is not None and x.shape is not None and x.shape == node.output.shape else None


def reshape_twice(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """One reshape for two."""
    inner = made_by(node.inputs[0], "Reshape")
    if inner is None or inner.inputs[0] is None or node.output.shape is None:
        return None
    if sum(isinstance(size, Dim) for size in node.output.shape) > 1:
        return None  # the sizes would have to be computed again
    result: Value = op.Reshape(inner.inputs[0], node.output.shape)
    return result


def concat_of_stack(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """reshape(stack(a, b, axis)) = concat(a, b, axis), where the reshape joins that axis with the one behind it."""
    stack = made_by(node.inputs[0], "Concat")
    shape, joined = node.output.shape, stack.output.shape if stack is not None else None
    if stack is None or shape is None or joined is None or not sole_user(graph, stack.output):
        return None
    axis = stack.attrs["axis"] % len(joined)
    parts = []
    for value in stack.inputs:
        added = made_by(value, "Unsqueeze")
        axes = added.inputs[1].array if added is not None and len(added.inputs) > 1 and added.inputs[1] else None
        if added is None or axes is None or [int(a) % len(joined) for a in axes] != [axis]:
            return None
        parts.append(added.inputs[0])
    first = parts[0]
    if first is None or first.shape is None or axis >= len(first.shape):
        return None
    wanted = (*first.shape[:axis], len(parts) * first.shape[axis], *first.shape[axis + 1 :])
    return op.Concat(*parts, axis=axis) if shape == wanted else None


EARLY: dict[str, list[Rewrite]] = {"Reshape": [reshape_back, concat_of_stack]}
RULES: dict[str, list[Rewrite]] = {"Concat": [flatten_concat], "Reshape": [reshape_back, reshape_twice]}
