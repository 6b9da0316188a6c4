"""Ragged tensors inside a function: values in one tensor, rows given by where they begin (their splits)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from onward.dims import Shape, Size, product, unknown
from onward.dtypes import INT64, is_float
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.lists import TensorList
from onward.lowering.registry import Unsupported, lower
from onward.ops.scatter import scatter
from onward.ops.shape import unravel_index


class Rows(NamedTuple):
    """One ragged level: where each row begins and how long it is, both with one more empty row at the end.

    ``number`` is the number of rows without that one, ``total`` the number of values in them, scalars of int64.
    """

    starts: Value
    lengths: Value
    number: Value
    total: Value


def extent(op: Builder, x: Value) -> Value:
    """The size of the first axis, a scalar of int64."""
    return op.size(x.shape[0]) if x.shape is not None else op.Gather(op.Shape(x), 0, axis=0)


def rows_of_splits(op: Builder, splits: Value) -> Rows:
    splits = op.Cast(splits, to=INT64)
    lengths = op.Slice(splits, [1], [np.iinfo(np.int64).max], [0]) - op.Slice(splits, [0], [-1], [0])
    return Rows(
        splits, op.Concat(lengths, op.constant([0], INT64), axis=0), extent(op, splits) - 1,
        op.Gather(splits, -1, axis=0),
    )  # fmt: skip


def rows_of_ids(op: Builder, ids: Value, count: Value) -> Rows:
    """From the row that each value is in."""
    ids = op.Cast(ids, to=INT64)
    zeros = op.Expand(op.constant(0, INT64), op.Reshape(count + 1, [1]))
    ones = op.Expand(op.constant(1, INT64), op.shape(ids))
    lengths = scatter(op, zeros, op.Unsqueeze(ids, axes=[1]), ones, "add")
    return Rows(op.CumSum(lengths, 0, exclusive=1), lengths, count, extent(op, ids))


def splits_of(op: Builder, lengths: Value) -> Value:
    """Where rows of these lengths begin, and the end of the last one."""
    return op.Concat(op.constant([0], INT64), op.CumSum(lengths, 0), axis=0)


def row_ids(op: Builder, splits: Value, total: Value) -> Value:
    """The row of each value: how many rows have ended before it."""
    zeros = op.Expand(op.constant(0, INT64), op.Reshape(total + 1, [1]))
    ends = op.Slice(splits, [1], [np.iinfo(np.int64).max], [0])
    ended = scatter(op, zeros, op.Unsqueeze(ends, axes=[1]), op.Expand(op.constant(1, INT64), op.shape(ends)), "add")
    return op.Slice(op.CumSum(ended, 0), [0], [-1], [0])


def laid_out(op: Builder, starts: Value, lengths: Value) -> tuple[Value, Value, Value]:
    """The splits of rows of these lengths, the row of each value, and the value's place: start, start + 1, ..."""
    splits = splits_of(op, lengths)
    total = op.Gather(splits, -1, axis=0)
    ids = row_ids(op, splits, total)
    shift = starts - op.Slice(splits, [0], [-1], [0])
    return splits, ids, op.Range(0, total, 1) + op.Gather(shift, ids, axis=0)


@lower("RaggedTensorToTensor")
def to_tensor(
    op: Builder, target: Value, values: Value, default: Value, partitions: list[Value], *,
    row_partition_types: list[str],
) -> Value:  # fmt: skip
    """Level by level, the place of each cell's value; cells without one take the default, put after the values."""
    levels = _levels(op, partitions, row_partition_types)
    count = levels[0].number
    places = op.Min(op.Range(0, _asked(op, target, 0, count), 1), count)
    for i, rows in enumerate(levels, 1):
        longest = op.ReduceMax(rows.lengths, axes=[0], keepdims=0)
        column = op.Range(0, _asked(op, target, i, longest), 1)
        first, length = (op.Unsqueeze(op.Gather(v, places, axis=0), axes=[-1]) for v in (rows.starts, rows.lengths))
        places = op.Where(column < length, first + column, rows.total)
    if values.shape is None:
        raise Unsupported("ragged values of unknown rank")
    filler = op.Expand(op.Unsqueeze(default, axes=[0]), op.sizes([1, *values.shape[1:]]))
    return op.Gather(op.Concat(values, filler, axis=0), places, axis=0)


def _levels(op: Builder, partitions: list[Value], kinds: list[str]) -> list[Rows]:
    levels: list[Rows] = []
    count: Value | None = None
    for partition, kind in zip(partitions, kinds, strict=True):
        if kind == "FIRST_DIM_SIZE":
            count = op.Reshape(op.Cast(partition, to=INT64), [])
        elif kind == "ROW_SPLITS":
            levels.append(rows_of_splits(op, partition))
        elif kind == "VALUE_ROWIDS":
            before = levels[-1].total if levels else count
            assert before is not None
            levels.append(rows_of_ids(op, partition, before))
        else:
            raise Unsupported(f"row partitions of the kind {kind}")
    return levels


def _asked(op: Builder, target: Value, i: int, longest: Value) -> Value | Size:
    """The size asked for along an axis, or what the longest row decides."""
    if target.rank == 0:
        return longest
    if target.elements is not None:
        size: Size = target.elements[i]
        return longest if isinstance(size, int) and size < 0 else op.size(size)
    asked = op.Cast(op.Gather(target, i, axis=0), to=INT64)
    return op.Where(asked < 0, longest, asked)


@lower("RaggedRange")
def ragged_range(op: Builder, starts: Value, limits: Value, deltas: Value, *, Tsplits: np.dtype) -> tuple[Value, Value]:
    """A range a row; scalars serve all rows."""
    ones = op.constant(np.ones(1, starts.dtype))
    vectors = [op.Reshape(v, [1]) if v.rank == 0 else v for v in (starts, limits, deltas)]
    shape = op.shape(vectors[0] * ones)
    for v in vectors:
        if v.shape != (1,):
            shape = op.shape(v)
    starts, limits, deltas = (op.Expand(v, shape) for v in vectors)
    span, step = op.Where(deltas > 0, limits - starts, starts - limits), op.Abs(deltas)
    if is_float(starts.dtype):
        lengths = op.Cast(op.Ceil(span / step), to=INT64)
    else:
        lengths = op.Cast((span + step - 1) / step, to=INT64)
    lengths = op.Max(op.Where(span > 0, lengths, 0), 0)
    splits, ids, place = laid_out(op, op.Expand(op.constant(0, INT64), op.shape(lengths)), lengths)
    first, delta = (op.Gather(v, ids, axis=0) for v in (starts, deltas))
    return op.Cast(splits, to=Tsplits), first + op.Cast(place, to=starts.dtype) * delta


@lower("RaggedGather")
def ragged_gather(
    op: Builder, nested: list[Value], values: Value, indices: Value, *, Tsplits: np.dtype
) -> tuple[Value, ...]:  # fmt: skip
    """Rows by index, level by level."""
    if indices.shape is None:
        raise Unsupported("indices of unknown rank")
    result = []
    for i in range(len(indices.shape) - 1):  # the indices' own axes are rows of one length
        width = op.size(indices.shape[i + 1])
        result.append(op.Range(0, op.size(product(indices.shape[: i + 1])) + 1, 1) * width)
    chosen = op.Cast(op.Reshape(indices, [-1]) if len(indices.shape) != 1 else indices, to=INT64)
    for splits in nested:
        rows = rows_of_splits(op, splits)
        picked, _, chosen = laid_out(
            op, op.Gather(rows.starts, chosen, axis=0), op.Gather(rows.lengths, chosen, axis=0)
        )
        result.append(picked)
    return *(op.Cast(s, to=Tsplits) for s in result), op.Gather(values, chosen, axis=0)


@lower("RaggedTensorToSparse")
def to_sparse(op: Builder, nested: list[Value], values: Value) -> tuple[Value, Value, Value]:
    """Coordinates: for each value its place in its row, its row's place in its own, and so on outwards."""
    if values.shape is None:
        raise Unsupported("ragged values of unknown rank")
    inner = values.shape[1:]
    each = product(inner)
    element = op.Range(0, op.size(product(values.shape)), 1)
    row = element / op.size(each) if inner else element
    columns = []
    sizes = []
    for splits in reversed(nested):
        rows = rows_of_splits(op, splits)
        ids = row_ids(op, rows.starts, rows.total)
        owner = op.Gather(ids, row, axis=0)
        columns.append(row - op.Gather(rows.starts, owner, axis=0))
        sizes.append(op.ReduceMax(rows.lengths, axes=[0], keepdims=1))
        row = owner
    columns.append(row)
    sizes.append(op.Reshape(rows_of_splits(op, nested[0]).number, [1]))
    coordinates = op.Concat(*(op.Unsqueeze(c, axes=[1]) for c in reversed(columns)), axis=1)
    if inner:
        within = unravel_index(op, op.Mod(element, op.size(each)), op.sizes(inner))
        coordinates = op.Concat(coordinates, op.Transpose(within, perm=[1, 0]), axis=1)
        sizes.insert(0, op.sizes(inner))
    dense = op.Concat(*[*reversed(sizes[1:] if inner else sizes), *(sizes[:1] if inner else [])], axis=0)
    return coordinates, op.Reshape(values, [product(values.shape)]), dense


@lower("RaggedBincount")
def ragged_bincount(
    op: Builder, splits: Value, values: Value, size: Value, weights: Value, *, binary_output: bool
) -> Value:  # fmt: skip
    """How often each number below ``size`` occurs in each row, [rows, size]."""
    rows = rows_of_splits(op, splits)
    ids = row_ids(op, rows.starts, rows.total)
    return counts(op, ids, rows.number, values, size, weights, binary_output)


def counts(
    op: Builder, ids: Value, count: Value, values: Value, size: Value, weights: Value, binary: bool
) -> Value:  # fmt: skip
    """[count, size]: the weights, 1 where there are none, of the numbers in each row; what is too large is left out."""
    size, values = op.Cast(size, to=INT64), op.Cast(values, to=INT64)
    size = op.Reshape(size, [])
    kept = values < size
    place = op.Where(kept, ids * size + values, count * size)
    base = op.Expand(op.constant(0, weights.dtype), op.Reshape(count * size + 1, [1]))
    one = op.constant(1, weights.dtype)
    given = weights.shape is not None and 0 not in weights.shape and not binary
    updates = weights if given else op.Expand(one, op.shape(values))
    flat = scatter(op, base, op.Unsqueeze(place, axes=[1]), updates, "add")
    flat = op.Slice(flat, [0], [-1], [0])
    table = op.Reshape(flat, op.Concat(op.Reshape(count, [1]), op.Reshape(size, [1]), axis=0))
    return op.Min(table, one) if binary else table


class RaggedVariant(NamedTuple):
    """A ragged tensor that TensorFlow packed into a variant: it has no value of its own in ONNX."""

    splits: tuple[Value, ...]
    values: Value


class RaggedRows(TensorList):
    """The rows of a ragged tensor, each a variant: what ``tf.map_fn`` reads one by one."""

    def __init__(self, whole: RaggedVariant) -> None:
        self.whole = whole
        self.dtype = whole.values.dtype

    @property
    def shape(self) -> Shape:
        (splits,) = self.whole.splits[0].shape or (unknown(),)
        return (splits - 1,)

    @property
    def unwritten(self) -> bool:
        return False

    @property
    def stacked(self) -> Value | None:  # type: ignore[override]
        raise Unsupported("rows of a ragged tensor as one tensor")

    def length(self) -> Value:
        return self.whole.values.builder.size(self.shape[0])

    def item(self, index: Value) -> Any:
        """One row, which is ragged itself where there are more levels: these begin at zero again."""
        op = self.whole.values.builder
        rows, *levels = (op.Cast(s, to=INT64) for s in self.whole.splits)
        at = op.Reshape(op.Cast(index, to=INT64), [1])
        begin, end = op.Gather(rows, at, axis=0), op.Gather(rows, at + 1, axis=0)
        inner = []
        for level in levels:
            part, first = op.Slice(level, begin, end + 1, [0]), op.Gather(level, begin, axis=0)
            inner.append(part - first)
            begin, end = first, op.Gather(level, end, axis=0)
        return RaggedVariant(tuple(inner), op.Slice(self.whole.values, begin, end, [0]))


@lower("RaggedTensorToVariant")
def to_variant(op: Builder, splits: list[Value], values: Value, *, batched_input: bool) -> Any:
    whole = RaggedVariant(tuple(splits), values)
    return (RaggedRows(whole) if batched_input else whole,)


@lower("RaggedTensorFromVariant")
def from_variant(op: Builder, variant: Any, *, output_ragged_rank: int, Tsplits: np.dtype) -> Any:
    if not isinstance(variant, RaggedVariant) or len(variant.splits) != output_ragged_rank:
        raise Unsupported("a variant that is not one whole ragged tensor")
    return *(op.Cast(s, to=Tsplits) for s in variant.splits), variant.values
