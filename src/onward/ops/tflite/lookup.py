"""TFLite's legacy hash tables, and its locality-sensitive hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onward.dims import product
from onward.dtypes import FLOAT64, INT32, INT64, STRING
from onward.ir import Value
from onward.lowering.registry import Unsupported, lower
from onward.ops.bitcast import to_bits
from onward.ops.hash import Lanes, farm_hash

if TYPE_CHECKING:
    from onward.lowering.builder import Builder


@lower("tfl.hashtable_lookup")
def hashtable_lookup(op: Builder, wanted: Value, keys: Value, values: Value) -> tuple[Value, Value]:
    """The rows of ``values`` whose keys are wanted (zero or empty where none is), and whether each was found."""
    same = op.Equal(op.Unsqueeze(wanted, axes=[1]), op.Unsqueeze(keys, axes=[0]))
    hits = op.ReduceMax(op.Cast(same, to=INT32), axes=[1], keepdims=0)
    row = op.ArgMax(op.Cast(same, to=INT32), axis=1, keepdims=0)
    found = op.Gather(values, row, axis=0)
    mask = op.Cast(hits, to=np.dtype(bool))
    if values.rank is None:
        raise Unsupported("values of unknown rank")
    for _ in range(values.rank - 1):
        mask = op.Unsqueeze(mask, axes=[-1])
    nothing = op.constant("", STRING) if values.dtype == STRING else op.constant(np.zeros((), values.dtype))
    return op.Where(mask, found, nothing), op.Cast(hits, to=np.dtype(np.uint8))


@lower("tfl.lsh_projection")
def lsh_projection(op: Builder, seeds: Value, x: Value, weights: Value | None, *, sparse: bool) -> Value:
    """Signs of sums of hashes (Ravi and Diao 2016): one bit for each seed of (hashes, bits), from all rows of ``x``.

    A row's hash is FarmHash's ``Fingerprint64`` of the bytes of the seed and the row, as a signed number. With `sparse`
    the bits of a hash make one number, and each hash has a range of its own.
    """
    if x.dtype == STRING or x.rank is None or seeds.rank != 2:
        raise Unsupported("an input of strings or of unknown rank")
    hashes, bits = seeds.shape
    rows, count = x.shape[0], hashes * bits
    own = _bytes(op, op.Reshape(x, [rows, product(x.shape[1:])]))
    seed = op.Unsqueeze(_bytes(op, op.Reshape(seeds, [count, 1])), axes=[1])
    width = own.shape[1] + 4
    keys = op.Concat(op.Expand(seed, [count, rows, 4]), op.Expand(own, [count, rows, width - 4]), axis=2)
    keys = op.Reshape(keys, [count * rows, width])
    hashed = farm_hash(Lanes(op, keys, op.Expand(op.size(width), [count * rows])))
    terms = op.Cast(op.Reshape(_signed(op, hashed), [count, rows]), to=FLOAT64)
    if weights is not None:
        terms = terms * op.Cast(weights, to=FLOAT64)
    signs = op.Cast(op.ReduceSum(terms, axes=[1], keepdims=0) > 0, to=INT32)
    if not sparse:
        return signs
    if not isinstance(bits, int):
        raise Unsupported("an unknown number of bits")
    places = np.array([1 << (bits - 1 - i) for i in range(bits)], np.int32)
    numbers = op.ReduceSum(op.Reshape(signs, [hashes, bits]) * places, axes=[1], keepdims=0)
    return op.Cast(numbers, to=INT32) + op.Cast(op.Range(0, op.size(hashes), 1), to=INT32) * (1 << bits)


def _bytes(op: Builder, x: Value) -> Value:
    """The bytes of each row of a matrix, the lowest of a number first, int64."""
    count = x.dtype.itemsize
    shifts = np.arange(0, 8 * count, 8, dtype=np.uint64)
    shifted = op.BitShift(op.Unsqueeze(to_bits(op, x), axes=[-1]), shifts, direction="RIGHT")
    parts = op.Cast(op.Mod(shifted, np.array(256, np.uint64)), to=INT64)
    return op.Reshape(parts, [x.shape[0], x.shape[1] * count])


def _signed(op: Builder, x: Value) -> Value:
    """uint64 as int64 with the same bits, by halves: casts of what does not fit differ from machine to machine."""
    half = np.array(1 << 32, np.uint64)
    high, low = op.Cast(op.Div(x, half), to=INT64), op.Cast(op.Mod(x, half), to=INT64)
    high = op.Where(high >= 1 << 31, high - (1 << 32), high)
    return high * (1 << 32) + low
