"""Fingerprints of the rows of a tensor."""

from __future__ import annotations

import numpy as np

from onward.dims import product
from onward.dtypes import INT64, STRING
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.bitcast import to_bits
from onward.ops.characters import explode
from onward.ops.hash import UINT64, Lanes, farm_hash


@lower("Fingerprint")
def fingerprint(op: Builder, x: Value, method: Static) -> Value:
    """FarmHash's ``Fingerprint64`` of each row's bytes as eight uint8, the lowest first, [rows, 8].

    Strings count by their own fingerprints; a row of one string has that string's.
    """
    if method.item() not in (b"farmhash64", "farmhash64"):
        raise Unsupported(f"the method {method.item()!r}")
    if x.shape is None:
        raise Unsupported("a tensor of unknown rank")
    rows, each = x.shape[0], product(x.shape[1:])
    words = x
    if x.dtype == STRING:
        words = farm_hash(Lanes(op, *explode(op, op.Reshape(x, [-1]))))
    if x.dtype != STRING or each != 1:
        flat = _bytes(op, words, 8 if x.dtype == STRING else x.dtype.itemsize)
        length = each * (8 if x.dtype == STRING else x.dtype.itemsize)
        table = op.Reshape(flat, [rows, length])
        words = farm_hash(Lanes(op, op.Cast(table, to=INT64), op.Expand(op.size(length), op.sizes([rows]))))
    return op.Cast(op.Reshape(_bytes(op, words, 8), [rows, 8]), to=np.dtype("uint8"))


def _bytes(op: Builder, x: Value, count: int) -> Value:
    """The bytes of each number along a new last axis, the lowest first."""
    bits = x if x.dtype == UINT64 else to_bits(op, x)
    shifted = op.BitShift(op.Unsqueeze(bits, axes=[-1]), np.arange(0, 8 * count, 8, dtype=np.uint64), direction="RIGHT")
    return op.Mod(shifted, np.array(256, np.uint64))
