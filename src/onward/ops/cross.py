"""Crosses of categorical columns: every combination of one value of each, hashed or joined."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from onward.dims import product
from onward.dtypes import INT64, STRING
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.characters import explode
from onward.ops.hash import UINT64, Lanes, farm_hash

_FACTOR = np.array(0xC6A4A7935BD1E995, np.uint64)


@lower("SparseCross", since=20)
def sparse_cross(
    op: Builder, indices: list[Value], values: list[Value], shapes: list[Value], dense: list[Value], *,
    hashed_output: bool, num_buckets: int, hash_key: int,
) -> tuple[Value, Value, Value]:  # fmt: skip
    """The cross of dense columns ``[batch, n]`` as a sparse matrix; the last column varies fastest."""
    if not hashed_output:
        return _sparse(op, indices, dense, _joined(op, dense, b"_X_"))
    buckets = np.array(num_buckets or 2**63 - 1, np.uint64)
    return _sparse(op, indices, dense, op.Cast(op.Mod(_hashed(op, dense, hash_key), buckets), to=INT64))


@lower("SparseCrossV2", since=20)
def sparse_cross_v2(
    op: Builder, indices: list[Value], values: list[Value], shapes: list[Value], dense: list[Value], sep: Static
) -> tuple[Value, Value, Value]:
    return _sparse(op, indices, dense, _joined(op, dense, sep.item()))


def _sparse(op: Builder, indices: list[Value], dense: list[Value], crossed: Value) -> tuple[Value, Value, Value]:
    if indices:
        raise Unsupported("a cross of sparse columns")
    assert dense[0].shape is not None
    batch, width = dense[0].shape[0], product(x.shape[1] for x in dense if x.shape is not None)
    order = op.Range(np.array(0), op.size(batch * width), np.array(1))
    most = op.Max(op.size(width), 1)
    place = op.Concat(op.Unsqueeze(op.Div(order, most), axes=[1]), op.Unsqueeze(op.Mod(order, most), axes=[1]), axis=1)
    return place, op.Reshape(crossed, [-1]), op.sizes([batch, width])


def _hashed(op: Builder, columns: list[Value], key: int) -> Value:
    """FarmHash's way to put fingerprints together (FingerprintCat64), beginning with a key."""
    total = op.constant(np.array(key % 2**64, np.uint64))
    for x in _spread(op, [_fingerprint(op, x) for x in columns]):
        total = op.BitwiseXor(total, _FACTOR)
        total = op.BitwiseXor(total, _mixed(op, x * _FACTOR) * _FACTOR) * _FACTOR
        total = _mixed(op, _mixed(op, total) * _FACTOR)
    return total


def _mixed(op: Builder, x: Value) -> Value:
    return op.BitwiseXor(x, op.BitShift(x, np.array(47, np.uint64), direction="RIGHT"))


def _fingerprint(op: Builder, x: Value) -> Value:
    """An integer stands for itself."""
    if x.dtype != STRING:
        return op.Cast(x, to=UINT64)
    return op.Reshape(farm_hash(Lanes(op, *explode(op, op.Reshape(x, [-1])))), op.shape(x))


def _joined(op: Builder, columns: list[Value], separator: bytes) -> Value:
    glue = np.array(separator, object)
    texts = _spread(op, [op.Cast(x, to=STRING) for x in columns])
    return list(accumulate(texts, lambda a, b: op.StringConcat(op.StringConcat(a, glue), b)))[-1]


def _spread(op: Builder, columns: list[Value]) -> list[Value]:
    """Each column along an axis of its own, behind that of the batch."""
    count = len(columns)
    return [op.Unsqueeze(x, axes=[a for a in range(1, count + 1) if a != i + 1]) for i, x in enumerate(columns)]
