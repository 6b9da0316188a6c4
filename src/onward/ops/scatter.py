"""Scattering by index: updates put into, or combined with, what is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from onward.dims import Size, product
from onward.dtypes import BFLOAT16, BOOL, FLOAT16, FLOAT32, INT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.array import flatten, zero


def scatter(op: Builder, x: Value, indices: Value, updates: Value, reduction: str = "none", policy: str = "") -> Value:
    """``x`` with updates at coordinates, [..., depth], of its leading axes.

    Args:
        reduction: none (the update replaces), add, mul, max or min; duplicates all count.
        policy: TensorFlow's bad_indices_policy; IGNORE drops what lies outside.
    """
    indices = op.Cast(indices, to=INT64)
    if x.dtype == BOOL and reduction != "none":
        x, updates = op.Cast(x, to=INT32), op.Cast(updates, to=INT32)
        return op.Cast(scatter(op, x, indices, updates, reduction, policy), to=BOOL)
    if policy == "IGNORE":
        return _ignoring(op, x, indices, updates, reduction)
    if reduction == "none":
        return op.ScatterND(x, indices, updates)
    if x.dtype in (FLOAT16, BFLOAT16):  # no kernel combines these
        wide = scatter(op, op.Cast(x, to=FLOAT32), indices, op.Cast(updates, to=FLOAT32), reduction)
        return op.Cast(wide, to=x.dtype)
    if op.opset < _REDUCES[reduction][1]:
        return _compared(op, x, indices, updates, _REDUCES[reduction][0])
    return _combined(op, x, indices, updates, reduction)


def _combined(op: Builder, x: Value, indices: Value, updates: Value, reduction: str) -> Value:
    """Combines by element: ONNX Runtime's ScatterND takes updates of one place in several threads at once, and loses
    some of them."""
    depth = indices.shape[-1] if indices.shape else None
    if x.shape is None or not isinstance(depth, int) or _distinct(indices):
        return op.ScatterND(x, indices, updates, reduction=reduction)
    count, rest = product(indices.shape[:-1]), x.shape[depth:]
    rows, row = flat_rows(op, x.shape[:depth], indices) if depth > 1 else (x.shape[0], indices)
    flat = x if depth == 1 else op.Reshape(x, [rows, *rest])
    values = op.Reshape(updates, [count, *rest])
    places = op.Reshape(row, [count, *[1] * len(rest)])
    if rest:
        places = op.Expand(places, op.sizes([count, *rest]))
    made = op.ScatterElements(flat, places, values, axis=0, reduction=reduction)
    return made if depth == 1 else op.Reshape(made, list(x.shape))


# How candidates for an element combine, and since when ScatterND does it.
_REDUCES = {"add": ("ReduceSum", 16), "mul": ("ReduceProd", 16), "max": ("ReduceMax", 18), "min": ("ReduceMin", 18)}
_NEUTRAL = {"ReduceSum": 0, "ReduceProd": 1}


def _compared(op: Builder, x: Value, indices: Value, updates: Value, reduce: str) -> Value:
    """Combines without ScatterND: each row of ``x`` is reduced together with the updates that mean it."""
    if x.shape is None or indices.shape is None or not isinstance(indices.shape[-1], int):
        raise Unsupported(f"before opset {max(since for _, since in _REDUCES.values())}, shapes of unknown rank")
    rows, row = flat_rows(op, x.shape[: indices.shape[-1]], indices)
    rest = product(x.shape[indices.shape[-1] :])
    hit = op.Equal(op.Reshape(op.Range(0, op.size(rows), 1), [-1, 1, 1]), op.Reshape(row, [1, -1, 1]))
    updates = op.Reshape(updates, [1, product(indices.shape[:-1]), rest])
    x2 = op.Reshape(x, [rows, 1, rest])
    candidates = op.Where(hit, updates, _NEUTRAL.get(reduce, x2))
    return op.Reshape(op.emit(reduce, op.Concat(x2, candidates, axis=1), axes=[1], keepdims=0), list(x.shape))


def flat_rows(op: Builder, sizes: Sequence[Size], indices: Value) -> tuple[Size, Value]:
    """The number of rows that leading axes of these sizes make, and the row that each coordinate [..., depth] means."""
    strides = op.sizes([product(sizes[i + 1 :]) for i in range(len(sizes))])
    return product(sizes), op.ReduceSum(op.Cast(indices, to=INT64) * strides, axes=[-1], keepdims=1)


def _ignoring(op: Builder, x: Value, indices: Value, updates: Value, reduction: str) -> Value:
    """Sends what lies outside into one more row, which is cut off again."""
    if x.shape is None or indices.shape is None or not isinstance(indices.shape[-1], int):
        raise Unsupported("bad_indices_policy=IGNORE with shapes of unknown rank")
    depth = indices.shape[-1]
    sizes, rest = x.shape[:depth], x.shape[depth:]
    inside = op.And(indices >= 0, indices < op.sizes(sizes))
    valid = op.Equal(op.ReduceMin(op.Cast(inside, to=INT32), axes=[-1], keepdims=1), 1)
    rows, row = flat_rows(op, sizes, indices)
    spare = op.Expand(zero(op, x.dtype), op.sizes([1, *rest]))
    flat = op.Concat(op.Reshape(x, [rows, *rest]), spare, axis=0)
    y = scatter(op, flat, op.Where(valid, row, op.size(rows)), updates, reduction)
    return op.Reshape(op.Slice(y, [0], [-1], [0]), list(x.shape))


@lower("ScatterNd")
def scatter_nd(op: Builder, indices: Value, updates: Value, target: Value, *, bad_indices_policy: str = "") -> Value:
    """Into zeros; duplicates add up."""
    zeros = op.Expand(zero(op, updates.dtype), target)
    if indices.shape is not None and indices.shape[-1] == 0:
        updates = op.ReduceSum(updates, axes=list(range(len(indices.shape) - 1)), keepdims=0)
        return op.Reshape(updates, target)
    reduction = "none" if _distinct(indices) or updates.dtype == np.dtype(object) else "add"
    return scatter(op, zeros, indices, updates, reduction, bad_indices_policy)


def _distinct(indices: Value) -> bool:
    """Whether the coordinates are known and none occurs twice."""
    if indices.array is None:
        return False
    rows = indices.array.reshape(-1, indices.array.shape[-1])
    return bool(len(np.unique(rows, axis=0)) == len(rows))


def _tensor_scatter(reduction: str) -> Any:
    def tensor_scatter(
        op: Builder, x: Value, indices: Value, updates: Value, *, bad_indices_policy: str = ""
    ) -> Value:  # fmt: skip
        return scatter(op, x, indices, updates, reduction, bad_indices_policy)

    return tensor_scatter


lower("TensorScatterUpdate")(_tensor_scatter("none"))
lower("TensorScatterAdd", "ScatterNdNonAliasingAdd")(_tensor_scatter("add"))
lower("TensorScatterMax")(_tensor_scatter("max"))
lower("TensorScatterMin")(_tensor_scatter("min"))


@lower("TensorScatterSub")
def tensor_scatter_sub(
    op: Builder, x: Value, indices: Value, updates: Value, *, bad_indices_policy: str = ""
) -> Value:  # fmt: skip
    return scatter(op, x, indices, 0 - updates, "add", bad_indices_policy)


def _rows(op: Builder, indices: Value) -> Value:
    return op.Unsqueeze(op.Reshape(indices, [-1]), axes=[1])


@lower("InplaceUpdate")
def inplace_update(op: Builder, x: Value, rows: Value, updates: Value) -> Value:
    return scatter(op, x, _rows(op, rows), updates)


@lower("InplaceAdd")
def inplace_add(op: Builder, x: Value, rows: Value, updates: Value) -> Value:
    return scatter(op, x, _rows(op, rows), updates, "add")


@lower("InplaceSub")
def inplace_sub(op: Builder, x: Value, rows: Value, updates: Value) -> Value:
    return scatter(op, x, _rows(op, rows), 0 - updates, "add")


@lower("DynamicPartition")
def dynamic_partition(op: Builder, x: Value, partitions: Value, *, num_partitions: int) -> tuple[Value, ...]:
    if partitions.rank is None or x.rank is None:
        raise Unsupported("partitions of unknown rank")
    rank = partitions.rank
    if rank == 0:
        x, partitions = op.Unsqueeze(x, axes=[0]), op.Unsqueeze(partitions, axes=[0])
    elif rank > 1:
        x = op.Reshape(x, [-1, *x.shape[rank:]]) if x.shape is not None else x
        partitions = op.Reshape(partitions, [-1])
    return tuple(op.Compress(x, op.Equal(partitions, i), axis=0) for i in range(num_partitions))


@lower("DynamicStitch", "ParallelDynamicStitch")
def dynamic_stitch(op: Builder, indices: list[Value], data: list[Value]) -> Value:
    """Row ``indices[m][i]`` of the result is ``data[m][i]``; of duplicates the last one counts."""
    ranks = [i.rank for i in indices]
    if any(r is None for r in ranks) or data[0].shape is None:
        raise Unsupported("indices of unknown rank")
    rest = list(data[0].shape[ranks[0] :])
    rows = [op.Reshape(d, [product(i.shape), *rest]) for i, d in zip(indices, data, strict=True)]  # type: ignore[arg-type]
    values = op.Concat(*rows, axis=0)
    if all(i.array is not None for i in indices):
        places = np.concatenate([i.array.ravel() for i in indices]) if indices else np.array([], np.int32)  # type: ignore[union-attr]
        source = np.zeros(places.max(initial=-1) + 1, np.int64)
        source[places] = np.arange(len(places))
        if len(np.unique(places)) == len(source):  # every row is given
            return values if np.array_equal(source, np.arange(len(places))) else op.Gather(values, source, axis=0)
    where = op.Concat(*(flatten(op, i) for i in indices), axis=0)
    count = op.ReduceMax(op.Concat(op.Cast(where, to=INT64), op.constant([-1], INT64), axis=0), axes=[0]) + 1
    zeros = op.Expand(zero(op, values.dtype), op.Concat(count, op.sizes(rest), axis=0) if rest else count)
    return scatter(op, zeros, op.Unsqueeze(where, axes=[1]), values)


@lower("SparseToDense")
def sparse_to_dense(op: Builder, indices: Value, target: Value, values: Value, default: Value) -> Value:
    """Indices are coordinates [n, rank], or positions [n] or () of a vector; one value may serve them all."""
    base = op.Expand(default, target)
    if indices.rank is None:
        raise Unsupported("indices of unknown rank")
    if indices.rank < 2:
        indices = op.Reshape(indices, [-1, 1])
    if values.rank == 0:
        values = op.Expand(values, op.sizes([indices.shape[0]]))  # type: ignore[index]
    return scatter(op, base, indices, values)
