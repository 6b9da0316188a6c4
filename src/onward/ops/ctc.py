"""Decoding connectionist temporal classification (Graves et al. 2006)."""

from __future__ import annotations

import numpy as np

from onward.dims import Size
from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower


@lower("CTCGreedyDecoder")
def greedy_decoder(
    op: Builder, x: Value, lengths: Value, *, merge_repeated: bool, blank_index: int
) -> tuple[Value, Value, Value, Value]:
    """The likeliest label of each step, without blanks and, if asked, repetitions, as a sparse matrix by batch.

    The input is (time, batch, labels); the score is the negated sum of the largest inputs.
    """
    if x.shape is None or not isinstance(x.shape[2], int):
        raise Unsupported("an unknown number of labels")
    steps, batch, labels = x.shape
    lengths = op.Unsqueeze(op.Cast(lengths, to=INT64), axes=[1])
    running = _ramp(op, steps) < lengths
    best = op.Transpose(op.ArgMax(x, axis=2, keepdims=0), perm=[1, 0])
    score = op.Transpose(op.ReduceMax(x, axes=[2], keepdims=0), perm=[1, 0])
    kept = op.And(running, op.Not(op.Equal(best, blank_index % labels)))
    if merge_repeated:
        before = op.Pad(op.Slice(best, [0], [-1], axes=[1]), [0, 1, 0, 0], op.constant(-1, INT64), mode="constant")
        kept = op.And(kept, op.Not(op.Equal(best, before)))
    total = -op.ReduceSum(op.Where(running, score, 0), axes=[1])
    return *sparse_labels(op, kept, best, batch), total


def sparse_labels(op: Builder, kept: Value, labels: Value, batch: Size) -> tuple[Value, Value, Value]:
    """Those of the labels, (batch, time), that are kept, moved to the front of their rows: a sparse matrix."""
    counted = op.Cast(kept, to=INT64)
    place = op.CumSum(counted, 1) - 1
    found = op.NonZero(kept)
    rows = op.Gather(found, [0], axis=0)
    pairs = op.Transpose(found, perm=[1, 0])
    columns = op.GatherND(place, pairs)
    indices = op.Transpose(op.Concat(rows, op.Unsqueeze(columns, axes=[0]), axis=0), perm=[1, 0])
    counts = op.ReduceSum(counted, axes=[1], keepdims=0)
    longest = op.ReduceMax(op.Concat(counts, np.array([0]), axis=0), keepdims=0)
    return indices, op.GatherND(labels, pairs), op.sizes([batch, longest])


def _ramp(op: Builder, size: Size) -> Value:
    return op.Range(0, op.size(size), 1)
