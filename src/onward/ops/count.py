"""Counting values: buckets, bins and histograms."""

from __future__ import annotations

import numpy as np

from onward.dtypes import FLOAT32, FLOAT64, INT32, INT64, is_integer
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower


@lower("Bucketize")
def bucketize(op: Builder, x: Value, *, boundaries: list[float]) -> Value:
    """How many boundaries each number has reached; NaN has passed them all."""
    if is_integer(x.dtype):
        x = op.Cast(x, to=FLOAT32)
    if not boundaries:
        return op.Expand(op.constant(np.zeros((), INT32)), op.shape(x))
    limits = np.array(boundaries, np.float32).astype(x.dtype)
    reached = op.Not(op.Unsqueeze(x, axes=[-1]) < limits)
    return op.ReduceSum(op.Cast(reached, to=INT32), axes=[-1], keepdims=0)


@lower("Bincount")
def bincount(op: Builder, x: Value, size: Value, weights: Value) -> Value:
    return bins(op, op.Reshape(x, [-1]), size, weights, binary=False)


@lower("DenseBincount")
def dense_bincount(op: Builder, x: Value, size: Value, weights: Value, *, binary_output: bool) -> Value:
    return bins(op, x, size, weights, binary=binary_output)


def bins(op: Builder, x: Value, size: Value, weights: Value, binary: bool) -> Value:
    """The count, or sum of weights, of each number below ``size`` along the last axis; others are not counted.

    Args:
        x: non-negative integers, of rank 1 or 2.
        size: the number of bins, a scalar.
        weights: shaped like ``x``; without elements every number counts 1.
        binary: only whether a number occurs.
    """
    weighted = not binary and weights.shape is not None and 0 not in weights.shape
    size = op.Reshape(op.Cast(size, to=INT64), [1])
    x = op.Cast(x, to=INT64)
    if op.opset < 16:
        return _compared(op, x, size, weights, weighted, binary)
    one = op.constant(np.ones((), weights.dtype))
    updates = op.Reshape(weights, op.shape(x)) if weighted else op.Expand(one, op.shape(x))
    leading = [] if x.shape is None else list(x.shape[:-1])
    room = op.Concat(op.known(leading), size + 1, axis=0) if leading else size + 1  # the last bin takes the rest
    empty = op.Expand(op.constant(np.zeros((), weights.dtype)), room)
    reduction = "none" if binary else "add"
    counts = op.ScatterElements(empty, op.Min(x, size), updates, axis=-1, reduction=reduction)
    return op.Slice(counts, [0], size, [-1])


def _compared(op: Builder, x: Value, size: Value, weights: Value, weighted: bool, binary: bool) -> Value:
    """Every number against every bin, where ScatterElements cannot add yet."""
    numbers = op.Range(op.size(0), op.Squeeze(size, axes=[0]), op.size(1))
    hits = op.Cast(op.Equal(op.Unsqueeze(x, axes=[-1]), numbers), to=weights.dtype)
    if weighted:
        hits = hits * op.Unsqueeze(op.Reshape(weights, op.shape(x)), axes=[-1])
    return op.emit("ReduceMax" if binary else "ReduceSum", hits, axes=[-2], keepdims=0)


@lower("HistogramFixedWidth")
def histogram_fixed_width(
    op: Builder, values: Value, value_range: Value, nbins: Value, *, dtype: np.dtype
) -> Value:  # fmt: skip
    """Bins of equal width, in double precision whatever the values are; what lies outside counts at the ends."""
    low, high = op.Split(value_range, split=[1, 1], axis=0, outputs=2)
    bin_count = op.Cast(nbins, to=FLOAT64)
    step = op.Cast(high - low, to=FLOAT64) / bin_count
    distance = op.Cast(op.Max(op.Reshape(values, [-1]), low) - low, to=FLOAT64)
    place = op.Cast(op.Min(distance / step, bin_count - 1), to=INT64)
    return bins(op, place, nbins, op.constant(np.zeros(0, dtype)), binary=False)
