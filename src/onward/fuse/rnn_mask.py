"""Which steps of a recurrent layer count.

A mask is a sequence of (steps, rows, 1) booleans, or, where each row counts up to a length, these lengths (rows,). A
step that does not count carries the states on. So those that count are moved to the front, in order, the operator runs
over as many of them as there are, and its outputs are moved back: exact for any mask, not only padding. Steps below a
length are in front already.
"""

from __future__ import annotations

import numpy as np

from onward.dims import Size
from onward.dtypes import INT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder

# Comparisons of a step's number with a length: whether they hold for the steps that count, and up to which length.
COMPARISONS = {"Less": (True, 0), "LessOrEqual": (True, 1), "GreaterOrEqual": (False, 0), "Greater": (False, 1)}
MIRRORED = {"Less": "Greater", "Greater": "Less", "LessOrEqual": "GreaterOrEqual", "GreaterOrEqual": "LessOrEqual"}


def is_lengths(mask: Value) -> bool:
    return mask.dtype.kind == "i"


def rows(mask: Value) -> Size | None:
    """How many rows a mask speaks of."""
    return None if mask.shape is None else mask.shape[0 if is_lengths(mask) else 1]


def count(op: Builder, mask: Value, trips: Value) -> Value:
    """How many steps count, (rows,)."""
    counts: Value
    if is_lengths(mask):
        most = op.Reshape(op.Cast(trips, to=INT32), [1])
        counts = op.Min(op.Max(op.Cast(mask, to=INT32), np.int32(0)), most)
    else:
        counts = op.Squeeze(op.ReduceSum(op.Cast(mask, to=INT32), axes=[0], keepdims=0), axes=[1])
    return counts


def steps(op: Builder, mask: Value, trips: Value) -> Value:
    """Which steps count, (steps, rows, 1)."""
    if not is_lengths(mask):
        return mask
    below: Value = op.Less(_numbers(op, trips), op.Reshape(op.Cast(mask, to=INT64), [1, -1, 1]))
    return below


def packed(op: Builder, x: Value, mask: Value, trips: Value) -> Value:
    """A sequence with the steps that count in front of the others."""
    if is_lengths(mask):
        return x
    # Of equal elements TopK takes the earlier ones first.
    steps = op.Reshape(trips, [1])
    order = op.TopK(op.Cast(mask, to=INT64), steps, axis=0, outputs=2)[1]
    return _taken(op, x, order)


def held(op: Builder, y: Value, mask: Value, trips: Value) -> Value:
    """A packed sequence at its steps again, what does not count as the step before; zero before the first.

    Args:
        y: zero beyond the steps that count.
    """
    # Before the first step that counts the place is -1: the last row, which is then beyond the count, and zero.
    if is_lengths(mask):
        last = op.Reshape(op.Cast(count(op, mask, trips), to=INT64), [1, -1, 1]) - 1
        return _taken(op, y, op.Min(_numbers(op, trips), last))
    return _taken(op, y, op.CumSum(op.Cast(mask, to=INT64), np.array(0)) - 1)


def zeroed(op: Builder, y: Value, mask: Value, trips: Value) -> Value:
    """A packed sequence at its steps again, what does not count zero."""
    if is_lengths(mask):
        return y
    result: Value = op.Where(mask, held(op, y, mask, trips), np.float32(0))
    return result


def _numbers(op: Builder, trips: Value) -> Value:
    """The steps' numbers, (steps, 1, 1)."""
    numbers: Value = op.Reshape(op.Range(np.int64(0), op.Cast(trips, to=INT64), np.int64(1)), [-1, 1, 1])
    return numbers


def _taken(op: Builder, x: Value, places: Value) -> Value:
    """For each step and row, the vector of another step: (steps, rows, width) by (steps, rows, 1)."""
    # The shape is read by a node of its own: what lowering read sizes from may be gone by now.
    wide = op.Expand(places, op.append("Shape", [x], {}))
    wide.shape = x.shape
    result: Value = op.GatherElements(x, wide, axis=0)
    return result
