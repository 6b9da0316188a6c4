"""Philox 4x32-10, the counter-based generator behind TensorFlow's random ops, in ONNX operators.

J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
With key and counter known the numbers are TensorFlow's own, bit for bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from onward.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, INT64
from onward.ir import Value
from onward.lowering.builder import Builder

UINT64 = np.dtype("uint64")
_WORD = np.uint64(1 << 32)
_MULTIPLIERS = np.array([[0xD2511F53], [0xCD9E8D57]], np.uint64)
_WEYL = np.array([[0x9E3779B9], [0xBB67AE85]], np.uint64)
_ROUNDS = 10
# What TensorFlow scrambles the seeds of its stateless ops with (core/kernels/stateless_random_ops.cc).
_SCRAMBLE = 0x3EC8F720 | 0x02461E29 << 32
# Bits of randomness in a float: those of its significand.
_FRACTIONS = {FLOAT16: 10, BFLOAT16: 7, FLOAT32: 23}


class Stream(NamedTuple):
    """A place in the generator's sequence: a key of 64 bits and a counter of 128, as uint64 scalars."""

    key: Value
    low: Value
    high: Value


def seeded(op: Builder, seed: int, seed2: int) -> Stream:
    """Where a stateful op with these seeds starts."""
    key, high = (op.constant(np.array(s & (2**64 - 1), np.uint64)) for s in (seed, seed2))
    return Stream(key, op.constant(np.array(0, np.uint64)), high)


def from_seed(op: Builder, seed: Value) -> Stream:
    """Where a stateless op with a seed of two integers starts."""
    seed = op.Cast(op.Cast(seed, to=INT64), to=UINT64)
    key = op.constant(np.array(_SCRAMBLE, np.uint64))
    low, high = (op.Gather(seed, np.int64(i), axis=0) for i in (0, 1))
    mixed = words(op, Stream(key, low, high), op.size(1))
    mixed = op.Reshape(mixed, [2, 2])
    pairs = op.MatMul(mixed, np.array([1, 1 << 32], np.uint64))
    key, high = (op.Gather(pairs, np.int64(i), axis=0) for i in (0, 1))
    return Stream(key, op.constant(np.array(0, np.uint64)), high)


def from_counter(op: Builder, key: Value, counter: Value) -> Stream:
    """The place that a key and a counter name, as tensors of one and two uint64."""
    low, high = (op.Gather(counter, np.int64(i), axis=0) for i in (0, 1))
    return Stream(op.Reshape(key, []), low, high)


def words(op: Builder, stream: Stream, groups: Any, stride: int = 1, count: int = 1) -> Value:
    """Random words below 2**32, as uint64 of shape (groups, 4 * count).

    Args:
        groups: how many groups, a scalar.
        stride: how far the counter moves from group to group.
        count: how many successive counters a group uses.
    """
    steps = op.Cast(op.Range(op.size(0), groups, op.size(1)), to=UINT64)
    if (stride, count) != (1, 1):
        steps = op.Unsqueeze(steps * np.uint64(stride), axes=[1]) + np.arange(count, dtype=np.uint64)
        steps = op.Reshape(steps, [-1])
    low = stream.low + steps
    high = op.Expand(stream.high, op.shape(low))
    if stream.low.array is None or stream.low.array > 2**63:
        high = high + op.Cast(low < stream.low, to=UINT64)  # the carry
    halves = op.Concat(op.Unsqueeze(low, axes=[0]), op.Unsqueeze(high, axes=[0]), axis=0)
    even, odd = op.Mod(halves, _WORD), _upper(op, halves)
    key = op.Reshape(stream.key, [1, 1])
    keys = op.Concat(op.Mod(key, _WORD), _upper(op, key), axis=0)
    for turn in range(_ROUNDS):
        product = even * _MULTIPLIERS
        if turn:
            keys = op.Mod(keys + _WEYL, _WORD)
        # Each half takes the product of the other.
        upper, lower = (
            op.Gather(part, np.array([1, 0]), axis=0) for part in (_upper(op, product), op.Mod(product, _WORD))
        )
        even, odd = op.BitwiseXor(op.BitwiseXor(upper, odd), keys), lower
    pairs = op.Concat(op.Unsqueeze(even, axes=[1]), op.Unsqueeze(odd, axes=[1]), axis=1)
    return op.Reshape(op.Transpose(op.Reshape(pairs, [4, -1]), perm=[1, 0]), [-1, 4 * count])


def _upper(op: Builder, x: Value) -> Value:
    return op.BitShift(x, np.uint64(32), direction="RIGHT")


def pairs(op: Builder, numbers: Value) -> Value:
    """Two words at a time as one of 64 bits, the first the lower half."""
    return op.MatMul(op.Reshape(numbers, [-1, 2]), np.array([1, 1 << 32], np.uint64))


def uniform(op: Builder, stream: Stream, shape: Value, dtype: np.dtype) -> Value:
    """Uniform numbers from 0 up to 1."""
    total, group = _total(op, shape), 2 if dtype == FLOAT64 else 4
    numbers = words(op, stream, _groups(op, total, group))
    return _shaped(op, fractions(op, numbers, dtype), total, shape)


def fractions(op: Builder, numbers: Value, dtype: np.dtype) -> Value:
    """Uniform floats, flat, from words: the lowest bits make the significand; a float64 takes two words."""
    if dtype == FLOAT64:
        upper, lower = op.Split(op.Reshape(numbers, [-1, 2]), split=[1, 1], axis=1, outputs=2)
        bits = op.Mod(upper, np.uint64(1 << 20)) * _WORD + lower
        return op.Cast(op.Cast(op.Reshape(bits, [-1]), to=INT64), to=FLOAT64) * 2.0**-52
    fraction = _FRACTIONS[dtype]
    bits = op.Mod(op.Reshape(numbers, [-1]), np.uint64(1 << fraction))
    return op.Cast(op.Cast(op.Cast(bits, to=INT64), to=FLOAT32) * 2.0**-fraction, to=dtype)


def normal(op: Builder, stream: Stream, shape: Value, dtype: np.dtype) -> Value:
    """Standard normal numbers."""
    total, group = _total(op, shape), 2 if dtype == FLOAT64 else 4
    return _shaped(op, normals(op, words(op, stream, _groups(op, total, group)), dtype), total, shape)


def normals(op: Builder, numbers: Value, dtype: np.dtype) -> Value:
    """Normal numbers, flat, from words: two from each pair of uniform ones, by Box and Muller."""
    wide = dtype if dtype == FLOAT64 else FLOAT32
    chances = op.Reshape(fractions(op, numbers, wide), [-1, 2])
    first, second = op.Split(chances, split=[1, 1], axis=1, outputs=2)
    radius = op.Sqrt(op.Log(op.Max(first, 1e-7)) * -2)
    turn = second * (2 * np.pi)
    both = op.Concat(op.Sin(turn) * radius, op.Cos(turn) * radius, axis=1)
    return op.Cast(op.Reshape(both, [-1]), to=dtype)


def truncated_normal(op: Builder, stream: Stream, shape: Value, dtype: np.dtype) -> Value:
    """Normal numbers within two standard deviations: of 16 candidates in a group of counters the first that fit.

    Fewer than needed fit about once in 10**15 groups. TensorFlow sets 256 counters apart for each number.
    """
    wide = dtype if dtype == FLOAT64 else FLOAT32
    total, group = _total(op, shape), 2 if dtype == FLOAT64 else 4
    numbers = words(op, stream, _groups(op, total, group), 64 * group, 8 if dtype == FLOAT64 else 4)
    candidates = op.Reshape(normals(op, numbers, wide), [-1, 16])
    order = op.Where(op.Abs(candidates) < 2, np.arange(16), np.arange(16) + 16)
    _, places = op.TopK(order, np.array([group]), axis=-1, largest=0, sorted=1, outputs=2)
    chosen = op.Reshape(op.GatherElements(candidates, places, axis=1), [-1])
    return _shaped(op, op.Cast(chosen, to=dtype), total, shape)


def integers(op: Builder, stream: Stream, shape: Value, dtype: np.dtype) -> Value:
    """Uniform unsigned numbers of all the bits of a dtype, as uint64."""
    total, wide = _total(op, shape), dtype.itemsize == 8
    numbers = words(op, stream, _groups(op, total, 2 if wide else 4))
    return _shaped(op, pairs(op, numbers) if wide else op.Reshape(numbers, [-1]), total, shape)


def _total(op: Builder, shape: Value) -> Value:
    return op.ReduceProd(op.Cast(shape, to=INT64), keepdims=0)


def _groups(op: Builder, total: Value, size: int) -> Value:
    return (total + (size - 1)) / size


def _shaped(op: Builder, flat: Value, total: Value, shape: Value) -> Value:
    return op.Reshape(op.Slice(flat, [0], op.Reshape(total, [1]), [0]), shape)
