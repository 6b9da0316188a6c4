"""Reductions over segments: rows that share an id are combined into one."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dims import Dim, Size, product
from onward.dtypes import BFLOAT16, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.array import flatten
from onward.ops.gather import indexed
from onward.ops.scatter import scatter


def combined(op: Builder, x: Value, ids: Value, count: Size | Value, reduction: str, start: Any) -> Value:
    """[count, ...]: rows that begin as ``start``, combined with the rows of ``x``, [n, ...], that have their id."""
    if x.shape is None:
        raise Unsupported("segments of a tensor of unknown rank")
    base = op.Expand(op.constant(start, x.dtype), op.sizes([count, *x.shape[1:]]))
    return scatter(op, base, op.Unsqueeze(ids, axes=[1]), x, reduction)


def counted(op: Builder, ids: Value, count: Size | Value, dtype: np.dtype) -> Value:
    """How many rows each segment has."""
    ones = op.Expand(op.constant(1, dtype), op.shape(ids))
    return combined(op, ones, ids, count, "add", 0)


def highest(op: Builder, ids: Value) -> Size | Value:
    """One more than the largest id, 0 where there is none."""
    if ids.array is not None:
        return int(ids.array.max(initial=-1)) + 1
    return op.ReduceMax(op.Concat(op.Cast(ids, to=INT64), op.constant([-1], INT64), axis=0), axes=[0], keepdims=0) + 1


def column(op: Builder, per_segment: Value, rows: Value) -> Value:
    """A number for each segment in the shape of the segments' rows."""
    rank = rows.rank or 1
    return op.Unsqueeze(per_segment, axes=list(range(1, rank))) if rank > 1 else per_segment


@lower("SegmentSum")
def segment_sum(op: Builder, x: Value, ids: Value) -> Value:
    return combined(op, x, ids, highest(op, ids), "add", 0)


@lower("SegmentProd")
def segment_prod(op: Builder, x: Value, ids: Value) -> Value:
    return combined(op, x, ids, highest(op, ids), "mul", 1)


@lower("SegmentMean")
def segment_mean(op: Builder, x: Value, ids: Value) -> Value:
    return _mean(op, x, ids, highest(op, ids))


def _mean(op: Builder, x: Value, ids: Value, count: Size | Value) -> Value:
    total = combined(op, x, ids, count, "add", 0)
    return total / column(op, op.Max(counted(op, ids, count, x.dtype), 1), total)


@lower("SegmentMax")
def segment_max(op: Builder, x: Value, ids: Value) -> Value:
    return _extreme(op, x, ids, "max")


@lower("SegmentMin")
def segment_min(op: Builder, x: Value, ids: Value) -> Value:
    return _extreme(op, x, ids, "min")


def _extreme(op: Builder, x: Value, ids: Value, reduction: str) -> Value:
    """An empty segment gives 0."""
    count = highest(op, ids)
    low, high = (-np.inf, np.inf) if _real(x.dtype) else _limits(x.dtype)
    rows = combined(op, x, ids, count, reduction, low if reduction == "max" else high)
    if ids.array is not None and len(np.unique(ids.array)) == count:
        return rows
    return op.Where(column(op, op.Equal(counted(op, ids, count, INT64), 0), rows), 0, rows)


def _real(dtype: np.dtype) -> bool:
    return dtype.kind == "f" or dtype == BFLOAT16


def _limits(dtype: np.dtype) -> tuple[Any, Any]:
    """The lowest and the highest finite number."""
    if _real(dtype):
        import ml_dtypes

        info: Any = ml_dtypes.finfo(dtype)
    else:
        info = np.iinfo(dtype)
    return info.min, info.max


def _unsorted(reduction: str, start: Any) -> Any:
    def unsorted(op: Builder, x: Value, ids: Value, num_segments: Value) -> Value:
        """Ids may have several axes; negative ones are dropped."""
        if ids.rank is None or x.shape is None:
            raise Unsupported("segments of a tensor of unknown rank")
        rows = op.Reshape(x, [product(x.shape[: ids.rank]), *x.shape[ids.rank :]]) if ids.rank != 1 else x
        ids = op.Cast(flatten(op, ids) if ids.rank != 1 else ids, to=INT64)
        count: Size | Value = op.Cast(num_segments, to=INT64)
        if num_segments.elements is not None:
            count = num_segments.elements.item()
        first = start(x.dtype) if callable(start) else start
        if ids.array is not None and (ids.array >= 0).all():
            return combined(op, rows, ids, count, reduction, first)
        ids = op.Where(ids < 0, op.lift(count, INT64), ids)  # into one more row, which is cut off
        y = combined(op, rows, ids, count + 1, reduction, first)
        kept = op.Slice(y, [0], [-1], [0])
        if isinstance(count, (int, Dim)) and kept.shape is not None:
            kept.shape = (count, *kept.shape[1:])
        return kept

    return unsorted


lower("UnsortedSegmentSum", "SegmentSumV2")(_unsorted("add", 0))
lower("UnsortedSegmentProd", "SegmentProdV2")(_unsorted("mul", 1))
lower("UnsortedSegmentMax", "SegmentMaxV2")(_unsorted("max", lambda dtype: _limits(dtype)[0]))
lower("UnsortedSegmentMin", "SegmentMinV2")(_unsorted("min", lambda dtype: _limits(dtype)[1]))


def _sparse(kind: str, numbered: bool) -> Any:
    def reduced(op: Builder, x: Value, indices: Value, ids: Value, count: Size | Value) -> Value:
        rows = op.Gather(x, indexed(op, indices), axis=0)
        if kind == "mean":
            return _mean(op, rows, ids, count)
        total = combined(op, rows, ids, count, "add", 0)
        if kind == "sum":
            return total
        return total / column(op, op.Sqrt(op.Max(counted(op, ids, count, x.dtype), 1)), total)

    def sparse(op: Builder, x: Value, indices: Value, ids: Value) -> Value:
        return reduced(op, x, indices, ids, highest(op, ids))

    def sparse_numbered(op: Builder, x: Value, indices: Value, ids: Value, num_segments: Value) -> Value:
        known = num_segments.elements
        return reduced(op, x, indices, ids, op.Cast(num_segments, to=INT64) if known is None else known.item())

    return sparse_numbered if numbered else sparse


for _kind, _name in {"sum": "Sum", "mean": "Mean", "sqrtn": "SqrtN"}.items():
    lower(f"SparseSegment{_name}")(_sparse(_kind, numbered=False))
    lower(f"SparseSegment{_name}WithNumSegments")(_sparse(_kind, numbered=True))
