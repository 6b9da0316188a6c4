"""Order: largest elements, sorting, searching, distinct elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dtypes import INT64, STRING
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.shape import permuted


@lower("TopKV2")
def top_k_v2(
    op: Builder, x: Value, k: Value, *, sorted: bool, index_type: np.dtype = np.dtype("int32"),  # noqa: B008
) -> tuple[Value, Value]:  # fmt: skip
    values, indices = op.TopK(x, op.Reshape(k, [1]), axis=-1, largest=1, sorted=int(sorted), outputs=2)
    return values, op.Cast(indices, to=index_type)


@lower("TopK")
def top_k(op: Builder, x: Value, *, k: int, sorted: bool) -> tuple[Value, Value]:
    return top_k_v2(op, x, op.constant(k, INT64), sorted=sorted)


@lower("ApproxTopK")
def approx_top_k(
    op: Builder, x: Value, *, k: int, reduction_dimension: int, is_max_k: bool, aggregate_to_topk: bool
) -> tuple[Value, Value]:
    """Exactly, as TensorFlow does it on a CPU."""
    if not aggregate_to_topk:
        raise Unsupported("candidates that are not put together, whose number depends on the hardware")
    values, indices = op.TopK(
        x, np.array([k]), axis=reduction_dimension, largest=int(is_max_k), sorted=1, outputs=2
    )  # fmt: skip
    return values, op.Cast(indices, to=np.int32)


@lower("NthElement")
def nth_element(op: Builder, x: Value, n: Value, *, reverse: bool) -> Value:
    """The n-th smallest (largest where reversed) along the last axis."""
    n = op.Cast(n, to=INT64)
    values, _ = op.TopK(x, op.Reshape(n + 1, [1]), axis=-1, largest=int(reverse), sorted=1, outputs=2)
    return op.Gather(values, n, axis=-1)


@lower("InTopKV2")
def in_top_k_v2(op: Builder, predictions: Value, targets: Value, k: Value) -> Value:
    """Whether each target is among the k best: fewer than k classes beat it, and no prediction is infinite or NaN."""
    index = op.Unsqueeze(op.Cast(targets, to=INT64), axes=[1])
    assert predictions.shape is not None
    inside = op.And(index >= 0, index < op.size(predictions.shape[1]))
    own = op.GatherElements(predictions, op.Where(inside, index, 0), axis=1)
    better = op.ReduceSum(op.Cast(predictions > own, to=INT64), axes=[1], keepdims=1)
    strange = op.Cast(op.Or(op.IsInf(predictions), op.IsNaN(predictions)), to=INT64)
    finite = op.Equal(op.ReduceMax(strange, axes=[1], keepdims=1), 0)
    return op.Squeeze(op.And(op.And(better < op.Cast(k, to=INT64), inside), finite), axes=[1])


@lower("InTopK")
def in_top_k(op: Builder, predictions: Value, targets: Value, *, k: int) -> Value:
    return in_top_k_v2(op, predictions, targets, op.constant(k, INT64))


def _extreme(name: str) -> Any:
    def extreme(op: Builder, x: Value, axis: Value, *, output_type: np.dtype = np.dtype("int64")) -> Value:  # noqa: B008
        if axis.array is None:
            x, along = _axis_last(op, x, axis), -1
        else:
            along = int(axis.array)
        return op.Cast(op.emit(name, x, axis=along, keepdims=0), to=output_type)

    return extreme


for _name in ("ArgMax", "ArgMin"):
    lower(_name)(_extreme(_name))


def _axis_last(op: Builder, x: Value, axis: Value) -> Value:
    """The tensor with an axis that is known only at run time moved to the end."""
    if x.rank is None:
        raise Unsupported("an axis known only at run time, of a tensor of unknown rank")
    axis = op.Cast(axis, to=INT64)
    axis = op.Where(axis < 0, axis + x.rank, axis)
    axes = np.arange(x.rank)
    others = op.Compress(axes, op.Not(op.Equal(axes, axis)), axis=0)
    return permuted(op, x, op.Concat(others, op.Reshape(axis, [1]), axis=0))


@lower("Unique")
def unique(op: Builder, x: Value, *, out_idx: np.dtype) -> tuple[Value, ...]:
    return _unique(op, x, None, out_idx)[:2]


@lower("UniqueV2")
def unique_v2(op: Builder, x: Value, axis: Static, *, out_idx: np.dtype) -> tuple[Value, ...]:
    return _unique(op, x, axis, out_idx)[:2]


@lower("UniqueWithCounts")
def unique_with_counts(op: Builder, x: Value, *, out_idx: np.dtype) -> tuple[Value, ...]:
    return _unique(op, x, None, out_idx)


@lower("UniqueWithCountsV2")
def unique_with_counts_v2(op: Builder, x: Value, axis: Static, *, out_idx: np.dtype) -> tuple[Value, ...]:
    return _unique(op, x, axis, out_idx)


def _unique(op: Builder, x: Value, axis: np.ndarray | None, out_idx: np.dtype) -> tuple[Value, ...]:
    """The distinct elements in the order of their first occurrence, where each element's is, and how many it has."""
    along = int(axis.item()) if axis is not None and axis.size else None
    values, _, inverse, counts = op.Unique(x, axis=along, sorted=0, outputs=4)
    return values, op.Cast(inverse, to=out_idx), op.Cast(counts, to=out_idx)


@lower("ListDiff")
def list_diff(op: Builder, x: Value, y: Value, *, out_idx: np.dtype) -> tuple[Value, Value]:
    """What of ``x`` is not in ``y``, and where it was."""
    if x.array is not None and y.array is not None:
        left = np.flatnonzero(~np.isin(x.array, y.array))
        return op.constant(x.array[left]), op.constant(left.astype(out_idx))
    places = op.Range(0, op.size(x.shape[0]), 1)  # type: ignore[index]
    first, second = x, y
    if x.dtype == STRING:  # compared by number, as strings are from opset 19 on only
        _, _, codes, _ = op.Unique(op.Concat(x, y, axis=0), outputs=4)
        edge = op.Reshape(op.size(x.shape[0]), [1])  # type: ignore[index]
        first, second = op.Slice(codes, [0], edge, [0]), op.Slice(codes, edge, [np.iinfo(np.int64).max], [0])
    same = op.Cast(op.Equal(op.Unsqueeze(first, axes=[1]), op.Unsqueeze(second, axes=[0])), to=np.int32)
    missing = op.Equal(op.ReduceSum(same, axes=[1], keepdims=0), 0)
    return op.Compress(x, missing, axis=0), op.Cast(op.Compress(places, missing, axis=0), to=out_idx)


def _bound(comparison: str) -> Any:
    def bound(op: Builder, ordered: Value, values: Value, *, out_type: np.dtype) -> Value:
        """How many elements of each sorted row come before each value."""
        before = op.emit(comparison, op.Unsqueeze(ordered, axes=[1]), op.Unsqueeze(values, axes=[2]))
        return op.Cast(op.ReduceSum(op.Cast(before, to=np.int32), axes=[2], keepdims=0), to=out_type)

    return bound


lower("LowerBound")(_bound("Less"))
lower("UpperBound")(_bound("LessOrEqual"))
