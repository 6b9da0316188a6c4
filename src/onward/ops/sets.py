"""Sets in the rows of tensors, and counts of distinct numbers given as sparse tensors."""

from __future__ import annotations

from typing import Any

from onward.dims import product
from onward.dtypes import INT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.array import flatten
from onward.ops.ragged import row_ids, rows_of_splits
from onward.ops.sparse import Sparse, column, coordinates, entry, extent, linear, rank_of, summed

# Which values belong to the result, by whether the first and the second set have them.
_KEPT: dict[str, Any] = {
    "a-b": lambda op, a, b: op.And(a, op.Not(b)),
    "b-a": lambda op, a, b: op.And(b, op.Not(a)),
    "intersection": lambda op, a, b: op.And(a, b),
    "union": lambda op, a, b: op.Or(a, b),
}


def _rows_of(op: Builder, group: Value, last: Value) -> Value:
    """For a dense tensor the row that each element is in."""
    return op.Reshape(
        op.Expand(op.Unsqueeze(op.Range(0, group, 1), axes=[1]), op.Concat(op.Reshape(group, [1]), last, axis=0)), [-1]
    )


def _dense(op: Builder, x: Value) -> tuple[Value, Value, Value]:
    """The row of each element, the elements, and the shape of the rows' axes."""
    if x.shape is None:
        raise Unsupported("sets in a tensor of unknown rank")
    rows = _rows_of(op, op.size(product(x.shape[:-1])), op.sizes(x.shape[-1:]))
    return rows, flatten(op, x), op.sizes(x.shape[:-1])


def _sparse(op: Builder, indices: Value, values: Value, shape: Value) -> tuple[Value, Value, Value]:
    leading = list(range(rank_of(indices, shape) - 1))
    return linear(op, indices, shape, leading), values, op.Slice(op.Cast(shape, to=INT64), [0], [-1], [0])


def _operation(op: Builder, a: tuple[Value, ...], b: tuple[Value, ...], name: str) -> Sparse:
    """Values become numbers by their order, and (row, number) pairs are what the two sides are compared by."""
    if name not in _KEPT:
        raise Unsupported(f"the set operation {name}")
    first = op.Reshape(extent(op, a[1]), [1])
    distinct, _, codes, _ = op.Unique(op.Concat(a[1], b[1], axis=0), sorted=1, outputs=4)
    kinds = op.Max(extent(op, distinct), 1)
    keys = op.Concat(a[0], b[0], axis=0) * kinds + codes
    pairs, _, which, _ = op.Unique(keys, sorted=1, outputs=4)
    count = extent(op, pairs)
    ones = op.Expand(op.constant(1, INT32), op.shape(which))
    mine = summed(op, op.Slice(which, [0], first, [0]), op.Slice(ones, [0], first, [0]), count)
    other = summed(op, which, ones, count) - mine
    kept = op.Compress(pairs, _KEPT[name](op, mine > 0, other > 0), axis=0)
    row, value = kept / kinds, op.Gather(distinct, op.Mod(kept, kinds), axis=0)
    groups = op.ReduceProd(a[2], axes=[0], keepdims=0)
    lengths = summed(op, row, op.Expand(op.constant(1, INT64), op.shape(row)), groups)
    place = op.Range(0, extent(op, row), 1) - op.Gather(op.CumSum(lengths, 0, exclusive=1), row, axis=0)
    longest = op.ReduceMax(op.Concat(lengths, op.constant([0], INT64), axis=0), axes=[0])
    where = op.Concat(coordinates(op, row, a[2]), op.Unsqueeze(place, axes=[1]), axis=1)
    return where, value, op.Concat(a[2], longest, axis=0)


@lower("DenseToDenseSetOperation")
def dense_to_dense(op: Builder, a: Value, b: Value, *, set_operation: str) -> Sparse:
    return _operation(op, _dense(op, a), _dense(op, b), set_operation)


@lower("DenseToSparseSetOperation")
def dense_to_sparse(
    op: Builder, a: Value, indices: Value, values: Value, shape: Value, *, set_operation: str
) -> Sparse:  # fmt: skip
    return _operation(op, _dense(op, a), _sparse(op, indices, values, shape), set_operation)


@lower("SparseToSparseSetOperation")
def sparse_to_sparse(
    op: Builder, a_indices: Value, a_values: Value, a_shape: Value, b_indices: Value, b_values: Value, b_shape: Value,
    *, set_operation: str,
) -> Sparse:  # fmt: skip
    a, b = _sparse(op, a_indices, a_values, a_shape), _sparse(op, b_indices, b_values, b_shape)
    return _operation(op, a, b, set_operation)


@lower("SetSize")
def set_size(op: Builder, indices: Value, values: Value, shape: Value) -> Value:
    """How many distinct values each row has."""
    rows, values, outer = _sparse(op, indices, values, shape)
    distinct, _, codes, _ = op.Unique(values, outputs=4)
    kinds = op.Max(extent(op, distinct), 1)
    pairs, _, _, _ = op.Unique(rows * kinds + codes, outputs=4)
    ones = op.Expand(op.constant(1, INT32), op.shape(pairs))
    return op.Reshape(summed(op, pairs / kinds, ones, op.ReduceProd(outer, axes=[0], keepdims=0)), outer)


def _counted(
    op: Builder, rows: Value | None, row_count: Value | None, values: Value, weights: Value, minlength: int,
    maxlength: int, binary: bool,
) -> Sparse:  # fmt: skip
    """The counts (or sums of weights) of the distinct numbers in each row, in order."""
    dtype, weighted = weights.dtype, weights.shape is not None and 0 not in weights.shape
    values = op.Cast(values, to=INT64)
    if maxlength >= 0:
        kept, size = values < maxlength, op.constant(maxlength, INT64)
        values = op.Compress(values, kept, axis=0)
        rows = None if rows is None else op.Compress(rows, kept, axis=0)
        weights = op.Compress(weights, kept, axis=0) if weighted else weights
    else:
        seen = op.ReduceMax(op.Concat(values, op.constant([-1], INT64), axis=0), axes=[0], keepdims=0)
        size = op.Max(seen + 1, minlength)
    pairs, _, which, times = op.Unique(values if rows is None else rows * op.Max(size, 1) + values, sorted=1, outputs=4)
    if binary:
        counts = op.Expand(op.constant(1, dtype), op.shape(pairs))
    else:
        counts = summed(op, which, weights, extent(op, pairs)) if weighted else op.Cast(times, to=dtype)
    if rows is None:
        return op.Unsqueeze(pairs, axes=[1]), counts, op.Reshape(size, [1])
    assert row_count is not None
    shape = op.Concat(op.Reshape(row_count, [1]), op.Reshape(size, [1]), axis=0)
    return coordinates(op, pairs, shape), counts, shape


@lower("DenseCountSparseOutput")
def dense_count(
    op: Builder, values: Value, weights: Value, *, minlength: int, maxlength: int, binary_output: bool
) -> Sparse:  # fmt: skip
    rows = count = None
    if values.shape is None:
        raise Unsupported("counts in a tensor of unknown rank")
    if len(values.shape) == 2:
        count = op.size(values.shape[0])
        rows = _rows_of(op, count, op.sizes(values.shape[1:]))
        values = flatten(op, values)
        weights = flatten(op, weights)
    return _counted(op, rows, count, values, weights, minlength, maxlength, binary_output)


@lower("SparseCountSparseOutput")
def sparse_count(
    op: Builder, indices: Value, values: Value, shape: Value, weights: Value, *, minlength: int, maxlength: int,
    binary_output: bool,
) -> Sparse:  # fmt: skip
    matrix = rank_of(indices, shape) == 2
    rows, count = (column(op, indices, 0), entry(op, shape, 0)) if matrix else (None, None)
    return _counted(op, rows, count, values, weights, minlength, maxlength, binary_output)


@lower("RaggedCountSparseOutput")
def ragged_count(
    op: Builder, splits: Value, values: Value, weights: Value, *, minlength: int, maxlength: int, binary_output: bool
) -> Sparse:  # fmt: skip
    rows = rows_of_splits(op, splits)
    ids = row_ids(op, rows.starts, rows.total)
    return _counted(op, ids, rows.number, values, weights, minlength, maxlength, binary_output)
