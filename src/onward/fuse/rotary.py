"""Rotary position embedding: every pair of units turned by an angle that grows with the step.

    y = x * cos(a) + concat(-x2, x1) * sin(a),  x = concat(x1, x2),  a = concat(b, b)

for queries or keys of shape (batch, steps, heads, units), the pairs lying half the units apart.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from onward import ir
from onward.dtypes import FLOAT32
from onward.fuse import contrib
from onward.fuse.engine import Rewrite, made_by, sole_user
from onward.ir import Node, Value
from onward.lowering.builder import Builder

UNARY = frozenset({"Cast", "Cos", "Neg", "Sin"})
BINARY = frozenset({"Add", "Div", "Mul", "Sub"})


def rotate(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """The formula above as one operator, of opset 23 or ONNX Runtime's own."""
    if not op.has("RotaryEmbedding") and not contrib.wanted(op):
        return None
    products = [made_by(v, "Mul") for v in node.inputs]
    if any(p is None or not sole_user(graph, p.output) for p in products):
        return None
    for straight, turned in (products, products[::-1]):
        assert straight is not None
        assert turned is not None
        for (x, cosine), (swapped, sine) in product(_orders(straight), _orders(turned)):
            if _turned(graph, swapped, x) and _fits(x, cosine) and _fits(x, sine):
                return _rotated(op, x, cosine, sine)
    return None


def _orders(node: Node) -> list[tuple[Value, Value]]:
    a, b = node.inputs
    assert a is not None
    assert b is not None
    return [(a, b), (b, a)]


def _turned(graph: ir.Graph, y: Value, x: Value) -> bool:
    """Whether y = concat(-x2, x1)."""
    joined = made_by(y, "Concat")
    if joined is None or not sole_user(graph, y) or len(joined.inputs) != 2 or x.rank != 4 or x.dtype != FLOAT32:
        return False
    negated = made_by(joined.inputs[0], "Neg")
    split = made_by(joined.inputs[1], "Split")
    if negated is None or split is None or negated.inputs[0] is None or split.inputs[0] is not x:
        return False
    first, second = joined.inputs[1], negated.inputs[0]
    halves = len(split.outputs) == 2 and first is split.outputs[0] and second is split.outputs[1]
    last = {n.attrs.get("axis", 0) % 4 for n in (joined, split)} == {3}
    return halves and last and first is not None and first.shape == second.shape and isinstance(x.shape[2], int)  # type: ignore[index]


def _fits(x: Value, angles: Value) -> bool:
    """Whether these are numbers for each step and unit, the same for every head and batch, in equal halves."""
    assert x.shape is not None
    shape = angles.shape
    if (
        shape is None
        or len(shape) not in (3, 4)
        or shape[-2] != 1
        or shape[-3] != x.shape[1]
        or shape[-1] != x.shape[3]
    ):
        return False
    return shape[:-3] in ((), (1,)) and isinstance(shape[-1], int) and _in_halves(angles, shape[-1])


def _in_halves(v: Value, units: int) -> bool:
    """Whether the last axis, of so many units, provably holds the same numbers twice over."""
    if v.shape is None or not v.shape or v.shape[-1] != units:
        return False
    if v.array is not None:
        return bool((v.array[..., : units // 2] == v.array[..., units // 2 :]).all())
    node, last = v.producer, len(v.shape) - 1
    if node is None or node.domain:
        return False
    if node.op == "Concat":
        return node.attrs["axis"] % len(v.shape) == last and len(node.inputs) == 2 and node.inputs[0] is node.inputs[1]
    x = node.inputs[0]
    if x is None:
        return False
    if node.op in UNARY:
        return _in_halves(x, units)
    if node.op in BINARY:
        return all(i is not None and (_the_same(i) or _in_halves(i, units)) for i in node.inputs)
    return node.op == "Unsqueeze" and _in_halves(x, units)


def _the_same(v: Value) -> bool:
    """Whether it has one number for the whole last axis."""
    return v.shape is not None and (not v.shape or v.shape[-1] == 1)


def _half(op: Builder, v: Value) -> Value:
    """The first half of what ``_in_halves`` has approved."""
    if v.array is not None:
        return op.constant(np.ascontiguousarray(v.array[..., : v.array.shape[-1] // 2]))
    node = v.producer
    assert node is not None
    if node.op == "Concat":
        assert node.inputs[0] is not None
        return node.inputs[0]
    many = node.inputs if node.op in BINARY else node.inputs[:1]
    parts = [i if i is None or (node.op in BINARY and _the_same(i)) else _half(op, i) for i in many]
    result: Value = op.emit(node.op, *parts, *node.inputs[len(many) :], **node.attrs)
    return result


def _rotated(op: Builder, x: Value, cosine: Value, sine: Value) -> Value:
    assert x.shape is not None
    batch, steps, heads, units = x.shape
    flat = op.Reshape(x, (batch, steps, heads * units))
    tables = [op.Reshape(_half(op, v), (steps, units // 2)) for v in (cosine, sine)]
    if contrib.wanted(op) and not op.has("RotaryEmbedding"):
        y = contrib.rotary_embedding(op, flat, *tables, heads=heads)
    else:
        whole = [op.Expand(op.Unsqueeze(t, axes=[0]), (batch, steps, units // 2)) for t in tables]
        y = op.RotaryEmbedding(flat, *whole, num_heads=heads)
    result: Value = op.Reshape(y, x.shape)
    return result


RULES: dict[str, list[Rewrite]] = {"Add": [rotate]}
