"""Attention, as Keras and KerasHub spell it, as one operator.

    softmax(mask(scale * q @ k)) @ v

with queries of shape (batch, heads, steps, units). A first rule finds the formula, a second one takes in the
transposes and reshapes that split heads off and join them again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onward import ir
from onward.dtypes import FLOAT32
from onward.fuse import contrib
from onward.fuse.engine import Rewrite, made_by, merged, sole_user
from onward.fuse.rule import Rule, table
from onward.ir import Node, Value
from onward.lowering.builder import Builder

HEADS_FIRST = [0, 2, 1, 3]
LOWEST = -1e8  # a score that a mask puts below this has no weight beside any other


class Attention(Rule):
    """The formula.

    Args:
        scaled: scores are multiplied by a number; queries may be too.
        masked: "" for not at all; "added" for a float mask; "where" for a boolean one; "cleared" where weights are set
            to zero behind it once more, so that a row that sees nothing yields zeros.
    """

    since = 23
    until = 24  # ONNX Runtime 1.32 has no kernel for what 25 changed, and takes it apart again

    def __init__(self, *, scaled: bool, masked: str) -> None:
        self._scaled = scaled
        self._masked = masked

    def serves(self, op: Builder) -> bool:
        return super().serves(op) or contrib.wanted(op)

    def pattern(self, op: Any, q: Any, k: Any, v: Any, scale: Any, mask: Any, low: Any) -> Any:
        scores = op.MatMul(q, k)
        scores = scores * scale if self._scaled else scores
        if self._masked == "added":
            scores = scores + mask
        elif self._masked:
            scores = op.Where(mask, scores, low)
        weights = op.Softmax(scores)
        weights = op.Where(mask, weights, 0) if self._masked == "cleared" else weights
        return op.MatMul(weights, v)

    def check(self, q: Value, k: Value, v: Value, scale: Value | None, mask: Value | None, low: Value | None) -> bool:
        if q.shape is None or k.shape is None or v.shape is None or any(x.dtype != FLOAT32 for x in (q, k, v)):
            return False
        if not len(q.shape) == len(k.shape) == len(v.shape) == 4 or not isinstance(q.shape[3], int):
            return False
        if q.shape[:2] != k.shape[:2] or q.shape[:2] != v.shape[:2] or not isinstance(q.shape[1], int):
            return False
        if scale is not None and (scale.array is None or scale.array.size != 1):
            return False
        if low is not None and (low.array is None or low.array.size != 1 or low.array.item() > LOWEST):
            return False
        if mask is None:
            return True
        if mask.shape is None or len(mask.shape) != 4 or mask.shape[3] == 1:
            return False
        return mask.shape[0] in (1, q.shape[0]) and mask.shape[1] in (1, q.shape[1])

    def rewrite(
        self, op: Builder, q: Value, k: Value, v: Value, scale: Value | None, mask: Value | None, low: Value | None
    ) -> Value:
        factor = 1.0 if scale is None or scale.array is None else float(scale.array.reshape(()))
        q, own = _unscaled(op, q)
        added = mask
        if self._masked == "where":
            assert low is not None
            added = op.Where(mask, op.constant(np.zeros((), q.dtype)), low)
        if added is not None and added.shape is not None and added.shape[2] == 1:
            # ONNX Runtime 1.32 repeats masks over heads and batches, but not over queries.
            steps = op.Gather(op.shape(q), np.array([2]))
            added = op.Expand(added, op.Concat(np.array([1, 1]), steps, np.array([1]), axis=0))
        keys, values = op.Transpose(k, perm=[0, 1, 3, 2]), v
        if super().serves(op):
            keys, values = (_ungrouped(op, x) for x in (keys, values))
            y: Value = op.Attention(q, keys, values, added, scale=factor * own)
        else:
            y = _side_by_side(op, q, keys, values, added, factor * own)
        if self._masked != "cleared":
            return y
        seen = op.ReduceMax(op.Cast(mask, to=np.dtype("int32")), axes=[3])
        result: Value = op.Where(op.Cast(seen, to=np.dtype(bool)), y, op.constant(np.zeros((), y.dtype)))
        return result


def _side_by_side(op: Builder, q: Value, k: Value, v: Value, added: Value | None, scale: float) -> Value:
    """Attention by ONNX Runtime's own operator, which wants the heads side by side and a float mask."""
    assert q.shape is not None
    assert v.shape is not None
    if added is not None and added.dtype.kind == "b":
        added = op.Where(added, op.constant(np.zeros((), q.dtype)), op.constant(np.full((), LOWEST * 10, q.dtype)))
    batch, heads, steps = q.shape[:3]
    parts = []
    for x in (q, k, v):
        assert x.shape is not None
        parts.append(op.Reshape(op.Transpose(x, perm=HEADS_FIRST), (batch, x.shape[2], heads * x.shape[3])))
    y = contrib.multi_head_attention(op, *parts, added, heads=heads, scale=scale)
    return op.Transpose(op.Reshape(y, (batch, steps, heads, v.shape[3])), perm=HEADS_FIRST)


def _unscaled(op: Builder, q: Value) -> tuple[Value, float]:
    """Queries without a number that all are multiplied by, and the number."""
    moved = made_by(q, "Transpose")
    product = made_by(moved.inputs[0] if moved is not None else q, "Mul")
    if product is None:
        return q, 1.0
    for number, other in (product.inputs, product.inputs[::-1]):
        if number is not None and other is not None and number.array is not None and number.array.size == 1:
            whole = other if moved is None else op.Transpose(other, perm=moved.attrs["perm"])
            return (whole, float(number.array.reshape(()))) if whole.shape == q.shape else (q, 1.0)
    return q, 1.0


def _ungrouped(op: Builder, x: Value) -> Value:
    """Keys or values before each head was repeated for the queries that share it."""
    moved = made_by(x, "Transpose")
    joined = made_by(moved.inputs[0], "Reshape") if moved is not None and moved.attrs["perm"] == HEADS_FIRST else None
    tiled = made_by(joined.inputs[0], "Tile", "Expand") if joined is not None else None
    added = made_by(tiled.inputs[0], "Unsqueeze") if tiled is not None else None
    if moved is None or joined is None or tiled is None or added is None or added.output.rank != 5:
        return x
    few, many, shape = added.output.shape, tiled.output.shape, joined.output.shape
    before = added.inputs[0]
    if few is None or many is None or shape is None or before is None or before.rank != 4:
        return x
    same = few[3] == 1 and isinstance(many[3], int) and (*few[:3], *few[4:]) == (*many[:3], *many[4:])
    if not same or shape != (*many[:2], many[2] * many[3], many[4]):
        return x
    result: Value = op.Transpose(before, perm=HEADS_FIRST)
    return result


def join_heads(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """reshape(transpose(attention of heads)) = attention of queries, keys and values with their heads side by side."""
    moved = made_by(node.inputs[0], "Transpose")
    if moved is None or moved.attrs["perm"] != HEADS_FIRST or not sole_user(graph, moved.output):
        return None
    inner, cleared = moved.inputs[0], made_by(moved.inputs[0], "Where")
    attention = made_by(cleared.inputs[1] if cleared is not None else inner, "Attention")
    if attention is None or "q_num_heads" in attention.attrs or not sole_user(graph, attention.output):
        return None
    if inner is None or not sole_user(graph, inner) or moved.output.shape is None:
        return None
    batch, _, heads, units = moved.output.shape
    if node.output.shape is None or node.output.shape[2:] != (heads * units,) or node.output.shape[0] != batch:
        return None
    parts = [_joined(op, x) for x in attention.inputs[:3]]
    if any(part is None for part in parts):
        return None
    kept = cleared.inputs[0] if cleared is not None else None
    if kept is not None and (kept.shape is None or len(kept.shape) != 4 or kept.shape[1] != 1):
        return None
    counts = [x.shape[1] for x in attention.inputs[:2] if x is not None and x.shape is not None]
    attrs = {**attention.attrs, "q_num_heads": counts[0], "kv_num_heads": counts[1]}
    y: Value = op.Attention(*parts, *attention.inputs[3:], **attrs)
    if kept is None or cleared is None:
        return y
    result: Value = op.Where(op.Squeeze(kept, axes=[1]), y, cleared.inputs[2])
    return result


def _joined(op: Builder, x: Value | None) -> Value | None:
    """(batch, heads, steps, units) as (batch, steps, heads * units), where that takes no transpose."""
    moved = made_by(x, "Transpose")
    if moved is None or moved.attrs["perm"] != HEADS_FIRST:
        return None
    source = moved.inputs[0]
    if source is None or source.shape is None or not all(isinstance(d, int) for d in source.shape[2:]):
        return None
    batch, steps, heads, units = source.shape
    result: Value = op.Reshape(source, (batch, steps, heads * units))
    return result


_JOIN: dict[str, list[Rewrite]] = {"Reshape": [join_heads]}
RULES = merged(
    table(*(Attention(scaled=scaled, masked=m) for m in ("cleared", "where", "added", "") for scaled in (True, False))),
    _JOIN,
)
