"""Lengths of strings and parts of them, by bytes or by characters."""

from __future__ import annotations

import numpy as np

from onward.dtypes import INT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower
from onward.ops.characters import begins, blank, explode, implode


@lower("StringLength", since=20)
def string_length(op: Builder, x: Value, *, unit: str) -> Value:
    codes, length = explode(op, op.Reshape(x, [-1]))
    if unit == "UTF8_CHAR":
        length = op.ReduceSum(op.Cast(begins(op, codes), to=INT64), axes=[1], keepdims=0)
    return op.Reshape(op.Cast(length, to=INT32), op.shape(x))


@lower("Substr", since=20)
def substr(op: Builder, x: Value, position: Value, count: Value, *, unit: str) -> Value:
    """``count`` bytes or characters from a position, which counts from the end where it is negative.

    What lies outside the string is left away; TensorFlow refuses a position outside it.
    """
    if position.rank != 0:
        x = op.Expand(x, op.shape(position))
        position, count = (op.Reshape(op.Expand(v, op.shape(x)), [-1, 1]) for v in (position, count))
    position, count = op.Cast(position, to=INT64), op.Cast(count, to=INT64)
    codes, total = explode(op, op.Reshape(x, [-1]))
    index = op.Range(np.array(0), op.Gather(op.append("Shape", [codes], {}), 1), np.array(1))
    if unit == "UTF8_CHAR":
        first = op.Cast(begins(op, codes), to=INT64)
        index = op.CumSum(first, np.array(1)) - 1
        total = op.ReduceSum(first, axes=[1], keepdims=0)
    start = op.Where(position < 0, position + op.Unsqueeze(total, axes=[1]), position)
    kept = op.And(op.GreaterOrEqual(index, start), op.Less(index, start + count))
    return op.Reshape(implode(op, op.Where(kept, codes, -1)), op.shape(x))


@lower("StringStrip", since=20)
def string_strip(op: Builder, x: Value) -> Value:
    """Without ASCII whitespace at both ends."""
    codes, _ = explode(op, op.Reshape(x, [-1]))
    solid = op.Cast(op.Not(op.Or(blank(op, codes), codes < 0)), to=INT64)
    before, behind = op.CumSum(solid, np.array(1)), op.CumSum(solid, np.array(1), reverse=1)
    return op.Reshape(implode(op, op.Where(op.Greater(before * behind, 0), codes, -1)), op.shape(x))
