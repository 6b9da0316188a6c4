"""Moves of data that move nothing."""

from __future__ import annotations

from onward import ir
from onward.fuse.engine import Rewrite, made_by
from onward.ir import Node, Value
from onward.lowering.builder import Builder


def reshape_units(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """A transpose that moves axes of size 1 only is a reshape, which costs nothing."""
    (x,) = node.inputs
    if x is None or x.shape is None:
        return None
    moved = [p for p in node.attrs["perm"] if x.shape[p] != 1]
    return op.Reshape(x, tuple(x.shape[p] for p in node.attrs["perm"])) if moved == sorted(moved) else None


def transpose_twice(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """One transpose for two, or none."""
    inner = made_by(node.inputs[0], "Transpose")
    if inner is None or inner.inputs[0] is None:
        return None
    first: list[int] = inner.attrs["perm"]
    result: Value = op.Transpose(inner.inputs[0], perm=[first[p] for p in node.attrs["perm"]])
    return result


EARLY: dict[str, list[Rewrite]] = {"Transpose": [transpose_twice]}
RULES: dict[str, list[Rewrite]] = {"Transpose": [transpose_twice, reshape_units]}
