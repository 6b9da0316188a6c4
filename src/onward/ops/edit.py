"""The Levenshtein distance of sequences."""

from __future__ import annotations

import numpy as np

from onward.dtypes import FLOAT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.loop import repeat
from onward.lowering.registry import lower
from onward.ops.scatter import scatter
from onward.ops.sparse import extent, linear, rank_of, summed


@lower("EditDistance")
def edit_distance(
    op: Builder, a_indices: Value, a_values: Value, a_shape: Value, b_indices: Value, b_values: Value, b_shape: Value,
    *, normalize: bool,
) -> Value:  # fmt: skip
    """How many insertions, deletions and replacements make the second sequence of the first, row by row.

    All rows at once, one element of the first sequences a step. Within a step each cell is
    ``min over k <= j of (t[k] + j - k)`` where ``t`` takes the moves from the step before (Wagner and Fischer 1974).
    """
    leading = list(range(rank_of(a_indices, a_shape) - 1))
    outer = op.Max(*(op.Slice(op.Cast(s, to=INT64), [0], [-1], [0]) for s in (a_shape, b_shape)))
    groups = op.ReduceProd(outer, axes=[0], keepdims=0)
    _, _, codes, _ = op.Unique(op.Concat(a_values, b_values, axis=0), outputs=4)
    edge = op.Reshape(extent(op, a_values), [1])
    a, a_lengths = _sequences(op, linear(op, a_indices, outer, leading), op.Slice(codes, [0], edge, [0]), groups, -1)
    rest = op.Slice(codes, edge, [np.iinfo(np.int64).max], [0])
    b, b_lengths = _sequences(op, linear(op, b_indices, outer, leading), rest, groups, -2)
    width = op.Gather(op.Shape(b), 1, axis=0) + 1
    columns = op.Range(0, width, 1)
    detour = op.Unsqueeze(columns, axes=[1]) - op.Unsqueeze(columns, axes=[0])  # from column k on to column j
    start = op.Expand(columns, op.Concat(op.Reshape(groups, [1]), op.Reshape(width, [1]), axis=0))

    def step(i: Value, row: Value, answer: Value) -> list[Value]:
        other = op.Cast(op.Not(op.Equal(b, op.Unsqueeze(op.Gather(a, i, axis=1), axes=[1]))), to=INT64)
        moved = op.Min(op.Slice(row, [0], [-1], [1]) + other, op.Slice(row, [1], [np.iinfo(np.int64).max], [1]) + 1)
        first = op.Slice(row, [0], [1], [1]) + 1
        taken = op.Unsqueeze(op.Concat(first, moved, axis=1), axes=[1])
        row = op.ReduceMin(op.Where(detour >= 0, taken + detour, np.iinfo(np.int64).max), axes=[2], keepdims=0)
        return [row, op.Where(op.Unsqueeze(op.Equal(a_lengths, i + 1), axes=[1]), row, answer)]

    _, answer = repeat(op, op.Gather(op.Shape(a), 1, axis=0), [start, start], step)
    distance = op.Cast(op.GatherElements(answer, op.Unsqueeze(b_lengths, axes=[1]), axis=1), to=FLOAT32)
    distance = op.Squeeze(distance, axes=[1])
    if normalize:
        length = op.Cast(b_lengths, to=FLOAT32)
        distance = op.Where(op.And(op.Equal(length, 0), op.Equal(distance, 0)), 0, distance / length)
    return op.Reshape(distance, outer)


def _sequences(op: Builder, rows: Value, codes: Value, groups: Value, filler: int) -> tuple[Value, Value]:
    """The elements of each row from its left end on, [groups, longest], and how many there are."""
    lengths = summed(op, rows, op.Expand(op.constant(1, INT64), op.shape(rows)), groups)
    longest = op.ReduceMax(op.Concat(lengths, op.constant([0], INT64), axis=0), axes=[0])
    place = op.Range(0, extent(op, rows), 1) - op.Gather(op.CumSum(lengths, 0, exclusive=1), rows, axis=0)
    base = op.Expand(op.constant(filler, INT64), op.Concat(op.Reshape(groups, [1]), longest, axis=0))
    where = op.Concat(op.Unsqueeze(rows, axes=[1]), op.Unsqueeze(place, axes=[1]), axis=1)
    return scatter(op, base, where, codes), lengths
