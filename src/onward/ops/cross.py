"""Crosses of categorical columns: every combination of one value of each, hashed or joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from onward.dtypes import INT64, STRING
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.characters import explode
from onward.ops.hash import UINT64, Lanes, farm_hash, sip_hash
from onward.ops.ragged import laid_out, splits_of
from onward.ops.scatter import scatter

_FACTOR = np.array(0xC6A4A7935BD1E995, np.uint64)
Combine = Callable[[list[Value]], Value]


class Column(NamedTuple):
    """The values of all rows one after the other, where each row begins, and how many it has."""

    values: Value
    starts: Value
    lengths: Value


class Crossed(NamedTuple):
    """The row of each combination, its place in the row, what it gives, and how many each row has."""

    rows: Value
    places: Value
    values: Value
    lengths: Value


@lower("SparseCross", since=20)
def sparse_cross(
    op: Builder, indices: list[Value], values: list[Value], shapes: list[Value], dense: list[Value], *,
    hashed_output: bool, num_buckets: int, hash_key: int,
) -> tuple[Value, Value, Value]:  # fmt: skip
    """A sparse matrix; the last column varies fastest."""
    columns = [*_sparse_columns(op, indices, values, shapes), *_dense_columns(op, dense)]
    return _sparse(op, _crossed(op, columns, _combining(op, hashed_output, num_buckets, hash_key)))


@lower("SparseCrossV2", since=20)
def sparse_cross_v2(
    op: Builder, indices: list[Value], values: list[Value], shapes: list[Value], dense: list[Value], sep: Static
) -> tuple[Value, Value, Value]:
    columns = [*_sparse_columns(op, indices, values, shapes), *_dense_columns(op, dense)]
    return _sparse(op, _crossed(op, columns, lambda parts: _joined(op, parts, sep.item())))


@lower("SparseCrossHashed", since=20)
def sparse_cross_hashed(
    op: Builder, indices: list[Value], values: list[Value], shapes: list[Value], dense: list[Value],
    num_buckets: Static, strong_hash: Static, salt: Static,
) -> tuple[Value, Value, Value]:  # fmt: skip
    """The hashes are put together without a key; the salt is for strong ones."""
    columns = [*_sparse_columns(op, indices, values, shapes), *_dense_columns(op, dense)]
    if strong_hash and any(column.values.dtype != STRING for column in columns):
        raise Unsupported("strong hashes of integers, at which TensorFlow crashes")

    def hashed(x: Value) -> Value:
        return sip_hash(Lanes(op, *explode(op, x)), *salt.tolist()) if strong_hash else _fingerprint(op, x)

    def combine(parts: list[Value]) -> Value:
        first, *rest = (hashed(x) for x in parts)
        return _bucket(op, _concatenated(op, first, rest), int(num_buckets))

    return _sparse(op, _crossed(op, columns, combine))


@lower("RaggedCross", since=20)
def ragged_cross(
    op: Builder, ragged_values: list[Value], ragged_splits: list[Value], indices: list[Value], values: list[Value],
    shapes: list[Value], dense: list[Value], *, input_order: str | bytes, hashed_output: bool, num_buckets: int,
    hash_key: int, out_row_splits_type: np.dtype,
) -> tuple[Value, Value]:  # fmt: skip
    """The columns are of three kinds, in an order of which each letter names one."""
    kinds = {
        "R": iter([_ragged_column(op, *pair) for pair in zip(ragged_values, ragged_splits, strict=True)]),
        "S": iter(_sparse_columns(op, indices, values, shapes)),
        "D": iter(_dense_columns(op, dense)),
    }
    order = input_order.decode() if isinstance(input_order, bytes) else input_order
    columns = [next(kinds[letter]) for letter in order]
    crossed = _crossed(op, columns, _combining(op, hashed_output, num_buckets, hash_key))
    return crossed.values, op.Cast(splits_of(op, crossed.lengths), to=out_row_splits_type)


def _dense_columns(op: Builder, dense: Sequence[Value]) -> list[Column]:
    columns = []
    for x in dense:
        if x.shape is None:
            raise Unsupported("a column of unknown rank")
        batch, width = x.shape
        lengths = op.Expand(op.size(width), op.sizes([batch]))
        columns.append(Column(op.Reshape(x, [-1]), op.Range(0, op.size(batch), 1) * op.size(width), lengths))
    return columns


def _sparse_columns(
    op: Builder, indices: Sequence[Value], values: Sequence[Value], shapes: Sequence[Value]
) -> list[Column]:
    columns = []
    for places, x, shape in zip(indices, values, shapes, strict=True):
        rows = op.Slice(places, [0], [1], [1])
        none = op.Expand(op.constant(0, INT64), op.Slice(shape, [0], [1], [0]))
        lengths = scatter(op, none, rows, op.Expand(op.constant(1, INT64), op.shape(x)), "add")
        columns.append(Column(x, op.CumSum(lengths, 0, exclusive=1), lengths))
    return columns


def _ragged_column(op: Builder, values: Value, splits: Value) -> Column:
    splits = op.Cast(splits, to=INT64)
    starts = op.Slice(splits, [0], [-1], [0])
    return Column(values, starts, op.Slice(splits, [1], [np.iinfo(np.int64).max], [0]) - starts)


def _crossed(op: Builder, columns: Sequence[Column], combine: Combine) -> Crossed:
    """All combinations, row by row."""
    lengths = columns[0].lengths
    for column in columns[1:]:
        lengths = lengths * column.lengths
    _, rows, places = laid_out(op, lengths * 0, lengths)
    left = places
    parts: list[Value] = []
    for column in reversed(columns):
        size = op.Gather(column.lengths, rows, axis=0)
        index = op.Gather(column.starts, rows, axis=0) + op.Mod(left, size)
        parts.insert(0, op.Gather(column.values, index, axis=0))
        left = op.Div(left, size)
    return Crossed(rows, places, combine(parts), lengths)


def _sparse(op: Builder, crossed: Crossed) -> tuple[Value, Value, Value]:
    place = op.Concat(op.Unsqueeze(crossed.rows, axes=[1]), op.Unsqueeze(crossed.places, axes=[1]), axis=1)
    most = op.ReduceMax(op.Concat(crossed.lengths, op.constant([0], INT64), axis=0), axes=[0], keepdims=0)
    return place, crossed.values, op.Concat(op.shape(crossed.lengths), op.Reshape(most, [1]), axis=0)


def _combining(op: Builder, hashed: bool, buckets: int, key: int) -> Combine:
    def combine(parts: list[Value]) -> Value:
        if not hashed:
            return _joined(op, parts, b"_X_")
        first = op.constant(np.array(key % 2**64, np.uint64))
        return _bucket(op, _concatenated(op, first, [_fingerprint(op, x) for x in parts]), buckets)

    return combine


def _bucket(op: Builder, x: Value, buckets: int) -> Value:
    return op.Cast(op.Mod(x, np.array(buckets or 2**63 - 1, np.uint64)), to=INT64)


def _concatenated(op: Builder, total: Value, fingerprints: Sequence[Value]) -> Value:
    """FarmHash's way to put fingerprints together (FingerprintCat64)."""
    for x in fingerprints:
        total = op.BitwiseXor(total, _FACTOR)
        total = op.BitwiseXor(total, _mixed(op, x * _FACTOR) * _FACTOR) * _FACTOR
        total = _mixed(op, _mixed(op, total) * _FACTOR)
    return total


def _mixed(op: Builder, x: Value) -> Value:
    return op.BitwiseXor(x, op.BitShift(x, np.array(47, np.uint64), direction="RIGHT"))


def _fingerprint(op: Builder, x: Value) -> Value:
    """An integer stands for itself."""
    return farm_hash(Lanes(op, *explode(op, x))) if x.dtype == STRING else op.Cast(x, to=UINT64)


def _joined(op: Builder, parts: Sequence[Value], separator: bytes) -> Value:
    glue = np.array(separator, object)
    texts = [op.Cast(x, to=STRING) for x in parts]
    return list(accumulate(texts, lambda a, b: op.StringConcat(op.StringConcat(a, glue), b)))[-1]
