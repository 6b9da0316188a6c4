"""Isotonic regression: the nearest sequence that never rises."""

from __future__ import annotations

import numpy as np

from onward.dtypes import FLOAT64, INT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower


@lower("IsotonicRegression")
def isotonic_regression(op: Builder, x: Value, *, output_dtype: np.dtype) -> tuple[Value, Value]:
    """Along the last axis: the means of blocks, and which block each element is in.

    A block ends behind an element where no mean that ends there is below any mean that begins behind it (the min-max
    characterisation of R. E. Barlow et al., "Statistical inference under order restrictions", 1972), so that the
    blocks come from all means of neighbours at once, in memory that grows with the square of the length.
    """
    if x.rank is None:
        raise Unsupported("a tensor of unknown rank")
    size, wide = op.size(x.shape[-1]), op.Cast(x, to=FLOAT64)
    place = op.Range(0, size, 1)
    first, last = op.Unsqueeze(place, axes=[1]), op.Unsqueeze(place, axes=[0])
    sums = op.CumSum(wide, -1)
    spans = op.Unsqueeze(sums, axes=[-2]) - op.Unsqueeze(sums - wide, axes=[-1])  # from row to column, both included
    means = spans / op.Cast(op.Max(last - first + 1, 1), to=FLOAT64)
    valid = first <= last
    lowest = op.ReduceMin(op.Where(valid, means, np.inf), axes=[-2], keepdims=0)  # of those that end here
    highest = op.ReduceMax(op.Where(valid, means, -np.inf), axes=[-1], keepdims=0)  # of those that begin here
    ends = op.Slice(lowest, [0], [-1], [-1]) >= op.Slice(highest, [1], [np.iinfo(np.int64).max], [-1])
    widths = [0] * (2 * x.rank)
    widths[x.rank - 1] = 1
    blocks = op.CumSum(op.Pad(op.Cast(ends, to=INT64), widths, mode="constant"), -1)
    same = op.Cast(op.Equal(op.Unsqueeze(blocks, axes=[-1]), op.Unsqueeze(blocks, axes=[-2])), to=FLOAT64)
    totals = op.ReduceSum(same * op.Unsqueeze(wide, axes=[-2]), axes=[-1], keepdims=0)
    y = totals / op.ReduceSum(same, axes=[-1], keepdims=0)
    return op.Cast(y, to=output_dtype), op.Cast(blocks, to=INT32)
