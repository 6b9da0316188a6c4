"""Sequences that are turned round, and turned round again."""

from __future__ import annotations

import numpy as np

from onward import ir
from onward.fuse.engine import Rewrite, made_by
from onward.ir import Node, Value
from onward.lowering.builder import Builder

LOWEST = np.iinfo(np.int64).min


def reverse(op: Builder, x: Value) -> Value:
    """The same from the last to the first along the first axis."""
    result: Value = op.Slice(x, [-1], [LOWEST], [0], [-1])
    return result


def unreversed(x: Value, axis: int = 0) -> Value | None:
    """What a value is the reverse of, along an axis."""
    found = _backwards(x)
    return found[0] if found is not None and found[1] == axis else None


def _backwards(x: Value) -> tuple[Value, int] | None:
    """What a value is the reverse of, and along which axis."""
    node = made_by(x, "Slice")
    if node is None or len(node.inputs) != 5:
        return None
    whole, *bounds = node.inputs
    if any(b is None or b.const is None or b.const.size != 1 for b in bounds):
        return None
    start, end, axis, step = (int(np.ravel(b.array)[0]) for b in bounds if b is not None)
    assert whole is not None
    return (whole, axis) if (start, step) == (-1, -1) and axis >= 0 and end < -(2**31) + 2 else None


def forward_again(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """The reverse of a reverse, a transposition between them or not, is the value itself."""
    found = _backwards(node.output)
    if found is None:
        return None
    x, axis = found
    transpose = made_by(x, "Transpose")
    if transpose is None or transpose.inputs[0] is None:
        return unreversed(x, axis)
    perm = transpose.attrs["perm"]
    whole = unreversed(transpose.inputs[0], perm[axis])
    if whole is None:
        return None
    result: Value = op.Transpose(whole, perm=perm)
    return result


RULES: dict[str, list[Rewrite]] = {"Slice": [forward_again]}
