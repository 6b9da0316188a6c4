"""Order: largest elements, sorting, searching, distinct elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.shape import permuted


@lower("TopKV2")
def top_k_v2(
    op: Builder, x: Value, k: Value, *, sorted: bool, index_type: np.dtype = np.dtype("int32"),  # noqa: B008
) -> tuple[Value, Value]:  # fmt: skip
    values, indices = op.TopK(x, op.Reshape(k, [1]), axis=-1, largest=1, sorted=int(sorted), outputs=2)
    return values, op.Cast(indices, to=index_type)


@lower("TopK")
def top_k(op: Builder, x: Value, *, k: int, sorted: bool) -> tuple[Value, Value]:
    values, indices = op.TopK(x, [k], axis=-1, largest=1, sorted=int(sorted), outputs=2)
    return values, op.Cast(indices, to=np.int32)


@lower("NthElement")
def nth_element(op: Builder, x: Value, n: Value, *, reverse: bool) -> Value:
    """The n-th smallest (largest where reversed) along the last axis."""
    n = op.Cast(n, to=INT64)
    values, _ = op.TopK(x, op.Reshape(n + 1, [1]), axis=-1, largest=int(reverse), sorted=1, outputs=2)
    return op.Gather(values, n, axis=-1)


@lower("InTopKV2")
def in_top_k_v2(op: Builder, predictions: Value, targets: Value, k: Value) -> Value:
    """Whether each target is among the k best: fewer than k classes beat it, and its own prediction is finite."""
    index = op.Unsqueeze(op.Cast(targets, to=INT64), axes=[1])
    assert predictions.shape is not None
    inside = op.And(index >= 0, index < op.size(predictions.shape[1]))
    own = op.GatherElements(predictions, op.Where(inside, index, 0), axis=1)
    better = op.ReduceSum(op.Cast(predictions > own, to=INT64), axes=[1], keepdims=1)
    finite = op.Not(op.Or(op.IsInf(own), op.IsNaN(own)))
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
