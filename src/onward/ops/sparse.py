"""Sparse tensors inside a function: coordinates [n, rank], values [n] and a dense shape [rank]."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.ragged import counts, extent
from onward.ops.scatter import scatter
from onward.ops.shape import unravel_index
from onward.ops.slicing import LAST

Sparse = tuple[Value, Value, Value]


def rank_of(indices: Value, shape: Value) -> int:
    """The rank of the dense tensor."""
    for sizes, axis in ((shape.shape, 0), (indices.shape, 1)):
        if sizes is not None and isinstance(sizes[axis], int):
            return sizes[axis]  # type: ignore[return-value]
    raise Unsupported("a sparse tensor of unknown rank")


def entry(op: Builder, vector: Value, i: int) -> Value:
    """One element of a vector, a scalar of int64."""
    return op.Cast(op.Gather(vector, i, axis=0), to=INT64)


def column(op: Builder, indices: Value, i: int) -> Value:
    """The coordinates along one axis, [n]."""
    return op.Cast(op.Gather(indices, i, axis=1), to=INT64)


def linear(op: Builder, indices: Value, shape: Value, axes: list[int]) -> Value:
    """The row-major place of each coordinate among some axes, [n]."""
    place = op.Expand(op.constant(0, INT64), op.Reshape(extent(op, indices), [1])) if not axes else None
    for axis in axes:
        along = column(op, indices, axis)
        place = along if place is None else place * entry(op, shape, axis) + along
    assert place is not None
    return place


def coordinates(op: Builder, places: Value, shape: Value) -> Value:
    """From row-major places back to coordinates, [n, rank]."""
    return op.Transpose(unravel_index(op, places, op.Cast(shape, to=INT64)), perm=[1, 0])


def ordered(op: Builder, keys: Value) -> Value:
    """The order that sorts keys upwards; equal ones stay as they are."""
    _, order = op.TopK(keys, op.Reshape(extent(op, keys), [1]), axis=0, largest=0, sorted=1, outputs=2)
    return order


def sized(op: Builder, sizes: list[Value]) -> Value:
    """Scalars as a vector."""
    return op.Concat(*(op.Reshape(s, [1]) for s in sizes), axis=0) if sizes else op.constant([], INT64)


def summed(op: Builder, places: Value, values: Value, count: Value, reduction: str = "add", start: Any = 0) -> Value:
    """[count] numbers, each combined from the values that have its place."""
    base = op.Expand(op.constant(start, values.dtype), op.Reshape(count, [1]))
    return scatter(op, base, op.Unsqueeze(places, axes=[1]), values, reduction)


@lower("SparseReorder")
def reorder(op: Builder, indices: Value, values: Value, shape: Value) -> tuple[Value, Value]:
    order = ordered(op, linear(op, indices, shape, list(range(rank_of(indices, shape)))))
    return op.Gather(indices, order, axis=0), op.Gather(values, order, axis=0)


@lower("SparseReshape")
def reshape(op: Builder, indices: Value, shape: Value, target: Value) -> tuple[Value, Value]:
    rank = rank_of(indices, shape)
    total = op.ReduceProd(shape, axes=[0], keepdims=0)
    wanted = op.Cast(target, to=INT64)
    rest = total / op.Max(op.Abs(op.ReduceProd(wanted, axes=[0], keepdims=0)), 1)  # one -1 only changes the sign
    wanted = op.Where(op.Equal(wanted, -1), rest, wanted)
    return coordinates(op, linear(op, indices, shape, list(range(rank))), wanted), wanted


@lower("SparseTensorDenseMatMul")
def matmul(
    op: Builder, indices: Value, values: Value, shape: Value, b: Value, *, adjoint_a: bool, adjoint_b: bool
) -> Value:  # fmt: skip
    """Rows of the dense matrix, each times an element, added up where the element's row is."""
    if adjoint_b:
        b = op.Transpose(b, perm=[1, 0])
    rows, inner = (1, 0) if adjoint_a else (0, 1)
    terms = op.Gather(b, column(op, indices, inner), axis=0) * op.Unsqueeze(values, axes=[1])
    assert b.shape is not None
    base = op.Expand(op.constant(0, b.dtype), sized(op, [entry(op, shape, rows), op.size(b.shape[1])]))
    return scatter(op, base, op.Unsqueeze(column(op, indices, rows), axes=[1]), terms, "add")


@lower("SparseFillEmptyRows")
def fill_empty_rows(
    op: Builder, indices: Value, values: Value, shape: Value, default: Value
) -> tuple[Value, Value, Value, Value]:  # fmt: skip
    """Every row without an element gets one at its beginning; also which rows were empty, and where elements went."""
    rank = rank_of(indices, shape)
    added, filled, empty, order, went = filled_rows(op, column(op, indices, 0), values, entry(op, shape, 0), default)
    corner = op.Pad(op.Unsqueeze(added, axes=[1]), [0, 0, 0, rank - 1], mode="constant")
    return op.Gather(op.Concat(indices, corner, axis=0), order, axis=0), filled, empty, went


@lower("RaggedFillEmptyRows")
def fill_empty_ragged_rows(
    op: Builder, ids: Value, values: Value, count: Value, default: Value
) -> tuple[Value, Value, Value, Value]:  # fmt: skip
    added, filled, empty, order, went = filled_rows(op, ids, values, count, default)
    return op.Gather(op.Concat(ids, added, axis=0), order, axis=0), filled, empty, went


def filled_rows(op: Builder, rows: Value, values: Value, count: Value, default: Value) -> tuple[Value, ...]:
    """The rows that were empty, all values with theirs, which rows these are, the order, and where each value went."""
    ones = op.Expand(op.constant(1, INT64), op.shape(rows))
    empty = op.Equal(summed(op, rows, ones, count), 0)
    added = op.Compress(op.Range(0, count, 1), empty, axis=0)
    order = ordered(op, op.Concat(rows, added, axis=0))
    filled = op.Gather(op.Concat(values, op.Expand(default, op.shape(added)), axis=0), order, axis=0)
    places = op.Range(0, extent(op, order), 1)
    went = op.ScatterElements(op.Expand(op.constant(0, INT64), op.shape(order)), order, places, axis=0)
    return added, filled, empty, order, op.Slice(went, [0], op.Reshape(extent(op, values), [1]), [0])


@lower("SparseConcat")
def concat(
    op: Builder, indices: list[Value], values: list[Value], shapes: list[Value], *, concat_dim: int
) -> Sparse:  # fmt: skip
    rank = rank_of(indices[0], shapes[0])
    axis, begin = concat_dim % rank, op.constant(0, INT64)
    here = np.arange(rank) == axis
    moved = []
    for coordinate, shape in zip(indices, shapes, strict=True):
        moved.append(coordinate + op.Where(here, begin, 0))
        begin = begin + entry(op, shape, axis)
    shape = op.Where(here, begin, shapes[0])
    together = op.Concat(*moved, axis=0)
    return *reorder(op, together, op.Concat(*values, axis=0), shape), shape


@lower("SparseSlice")
def slice_(op: Builder, indices: Value, values: Value, shape: Value, start: Value, size: Value) -> Sparse:
    first, last = op.Cast(start, to=INT64), op.Cast(start, to=INT64) + op.Cast(size, to=INT64)
    return _cut(op, indices, values, first, op.Max(op.Min(last, shape), first))


def _cut(op: Builder, indices: Value, values: Value, first: Value, last: Value) -> Sparse:
    inside = op.Cast(op.And(indices >= first, indices < last), to=np.int32)
    kept = op.Equal(op.ReduceMin(inside, axes=[1], keepdims=0), 1)
    return op.Compress(indices, kept, axis=0) - first, op.Compress(values, kept, axis=0), last - first


@lower("SparseSplit")
def split(
    op: Builder, split_dim: Static, indices: Value, values: Value, shape: Value, *, num_split: int
) -> tuple[Value, ...]:  # fmt: skip
    """Parts as even as they can be, the longer ones first."""
    rank = rank_of(indices, shape)
    here = np.arange(rank) == int(split_dim) % rank
    whole = entry(op, shape, int(split_dim) % rank)
    part, longer = whole / num_split, op.Mod(whole, num_split)
    parts = []
    for i in range(num_split):
        first, last = (op.constant(j, INT64) * part + op.Min(op.constant(j, INT64), longer) for j in (i, i + 1))
        parts.append(_cut(op, indices, values, op.Where(here, first, 0), op.Where(here, last, shape)))
    return tuple(value for group in zip(*parts, strict=True) for value in group)


def _groups(
    op: Builder, indices: Value, shape: Value, axes: np.ndarray, keep_dims: bool
) -> tuple[Value, Value, Value]:  # fmt: skip
    """The place of each element in the reduced tensor, that tensor's shape, and the number of its elements."""
    rank = rank_of(indices, shape)
    reduced = {int(a) % rank for a in np.atleast_1d(axes)} or set(range(rank))
    kept = [i for i in range(rank) if i not in reduced]
    sizes = [entry(op, shape, i) if i in kept else op.size(1) for i in range(rank) if keep_dims or i in kept]
    target = sized(op, sizes)
    count = op.ReduceProd(target, axes=[0], keepdims=0) if sizes else op.constant(1, INT64)
    return linear(op, indices, shape, kept), target, count


def _reduce(reduction: str) -> Any:
    start = _lowest if reduction == "max" else lambda dtype: 0

    def reduce(
        op: Builder, indices: Value, values: Value, shape: Value, axes: Static, *, keep_dims: bool
    ) -> Value:  # fmt: skip
        """A dense tensor; what has no element is 0."""
        places, target, count = _groups(op, indices, shape, axes, keep_dims)
        result = summed(op, places, values, count, reduction, start(values.dtype))
        if reduction == "max":
            present = summed(op, places, op.Expand(op.constant(1, INT64), op.shape(values)), count)
            result = op.Where(present > 0, result, 0)
        return op.Reshape(result, target)

    def reduce_sparse(
        op: Builder, indices: Value, values: Value, shape: Value, axes: Static, *, keep_dims: bool
    ) -> Sparse:  # fmt: skip
        places, target, _ = _groups(op, indices, shape, axes, keep_dims)
        if target.shape == (0,):
            raise Unsupported("a sparse tensor without axes")
        present, _, which, _ = op.Unique(places, sorted=1, outputs=4)
        result = summed(op, which, values, extent(op, present), reduction, start(values.dtype))
        return coordinates(op, present, target), result, target

    return reduce, reduce_sparse


def _lowest(dtype: np.dtype) -> Any:
    return np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


for _name, _reduction in {"Sum": "add", "Max": "max"}.items():
    for _suffix, _function in zip(("", "Sparse"), _reduce(_reduction), strict=True):
        lower(f"SparseReduce{_name}{_suffix}")(_function)


@lower("SparseSoftmax")
def softmax(op: Builder, indices: Value, values: Value, shape: Value) -> Value:
    """Over the last axis, among the elements that there are."""
    leading = list(range(rank_of(indices, shape) - 1))
    rows = linear(op, indices, shape, leading)
    count = op.ReduceProd(op.Slice(shape, [0], [-1], [0]), axes=[0], keepdims=0)
    highest = summed(op, rows, values, count, "max", _lowest(values.dtype))
    powers = op.Exp(values - op.Gather(highest, rows, axis=0))
    return powers / op.Gather(summed(op, rows, powers, count), rows, axis=0)


def _united(op: Builder, a: Sparse, b: Sparse) -> tuple[Value, Value, Value]:
    """The coordinates that occur in either, and the values of both there, 0 where one has none."""
    axes = list(range(rank_of(a[0], a[2])))
    first, second = linear(op, a[0], a[2], axes), linear(op, b[0], a[2], axes)
    both = op.Concat(first, second, axis=0)
    places, _, where, _ = op.Unique(both, sorted=1, outputs=4)
    edge, count = op.Reshape(extent(op, first), [1]), extent(op, places)
    mine = summed(op, op.Slice(where, [0], edge, [0]), a[1], count)
    other = summed(op, op.Slice(where, edge, [LAST], [0]), b[1], count)
    return coordinates(op, places, a[2]), mine, other


@lower("SparseAdd")
def add(
    op: Builder, a_indices: Value, a_values: Value, a_shape: Value, b_indices: Value, b_values: Value, b_shape: Value,
    thresh: Value,
) -> Sparse:  # fmt: skip
    """Sums smaller than the threshold are left out."""
    places, mine, other = _united(op, (a_indices, a_values, a_shape), (b_indices, b_values, b_shape))
    total = mine + other
    if thresh.array is not None and thresh.array <= 0:
        return places, total, a_shape
    kept = op.Abs(total) >= thresh
    return op.Compress(places, kept, axis=0), op.Compress(total, kept, axis=0), a_shape


def _extreme(name: str) -> Any:
    def extreme(
        op: Builder, a_indices: Value, a_values: Value, a_shape: Value, b_indices: Value, b_values: Value,
        b_shape: Value,
    ) -> tuple[Value, Value]:  # fmt: skip
        places, mine, other = _united(op, (a_indices, a_values, a_shape), (b_indices, b_values, b_shape))
        return places, op.emit(name, mine, other)

    return extreme


lower("SparseSparseMaximum")(_extreme("Max"))
lower("SparseSparseMinimum")(_extreme("Min"))


def _with_dense(name: str) -> Any:
    def combine(op: Builder, indices: Value, values: Value, shape: Value, dense: Value) -> Value:
        """The elements, each combined with the dense tensor's there, which broadcasts."""
        return op.emit(name, values, op.GatherND(op.Expand(dense, shape), indices))

    return combine


for _name, _onnx_name in {"Add": "Add", "Mul": "Mul", "Div": "Div"}.items():
    lower(f"SparseDenseCwise{_name}")(_with_dense(_onnx_name))


@lower("SparseTensorDenseAdd")
def dense_add(op: Builder, indices: Value, values: Value, shape: Value, dense: Value) -> Value:
    return scatter(op, dense, indices, values, "add")


@lower("SparseBincount")
def bincount(
    op: Builder, indices: Value, values: Value, shape: Value, size: Value, weights: Value, *, binary_output: bool
) -> Value:  # fmt: skip
    """How often each number below ``size`` occurs: [size], or [rows, size] of a matrix."""
    if rank_of(indices, shape) == 1:
        none = op.Expand(op.constant(0, INT64), op.shape(values))
        table = counts(op, none, op.constant(1, INT64), values, size, weights, binary_output)
        return op.Squeeze(table, axes=[0])
    return counts(op, column(op, indices, 0), entry(op, shape, 0), values, size, weights, binary_output)


@lower("SparseMatMul")
def mostly_zero_matmul(op: Builder, a: Value, b: Value, *, transpose_a: bool, transpose_b: bool) -> Value:
    """Dense matrices of which many elements are zero, which changes nothing; the product is in float32."""
    a, b = (op.Cast(v, to=np.dtype("float32")) for v in (a, b))
    a = op.Transpose(a, perm=[1, 0]) if transpose_a else a
    return op.MatMul(a, op.Transpose(b, perm=[1, 0]) if transpose_b else b)
