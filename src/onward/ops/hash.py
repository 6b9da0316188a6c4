"""Hashes of strings, exactly TensorFlow's, in 64-bit integer arithmetic.

FarmHash's ``Fingerprint64`` (farmhashna of github.com/google/farmhash), SipHash-2-4 (Aumasson and Bernstein 2012) and
MurmurHash64A (Appleby) with TensorFlow's seed. All strings are hashed at once, as lanes of a vector; what a length
class needs is computed for every lane and selected at the end.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onward import ir
from onward.dtypes import BOOL, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower
from onward.ops.characters import LAST, explode

UINT64 = np.dtype(np.uint64)
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_PADDING = 64  # zeros behind the bytes, so that words at fixed places can be read


@lower("StringToHashBucketFast")
def hash_bucket_fast(op: Builder, x: Value, *, num_buckets: int) -> Value:
    return _bucket(op, x, num_buckets, farm_hash)


@lower("StringToHashBucketStrong")
def hash_bucket_strong(op: Builder, x: Value, *, num_buckets: int, key: list[int]) -> Value:
    return _bucket(op, x, num_buckets, lambda lanes: sip_hash(lanes, *key))


@lower("StringToHashBucket")
def hash_bucket(op: Builder, x: Value, *, num_buckets: int) -> Value:
    return _bucket(op, x, num_buckets, murmur_hash)


def _bucket(op: Builder, x: Value, buckets: int, function: Callable[[Lanes], Value]) -> Value:
    lanes = Lanes(op, *explode(op, op.Reshape(x, [-1])))
    bucket = op.Mod(function(lanes), np.array(buckets, np.uint64))
    return op.Reshape(op.Cast(bucket, to=INT64), op.shape(x))


class Lanes:
    """Byte strings side by side, and the arithmetic of hashes on uint64 vectors of one word a string.

    Attributes:
        length: how many bytes each string has, int64 and uint64.
    """

    def __init__(self, op: Builder, codes: Value, length: Value) -> None:
        self.op = op
        self.length = length
        self.size = op.Cast(length, to=UINT64)
        padded = op.Pad(op.Max(codes, 0), np.array([0, 0, 0, _PADDING]), np.array(0, np.int64))
        self.bytes = op.Cast(padded, to=UINT64)
        halves = self._doubled(self.bytes, 1)
        self.quads = self._doubled(halves, 2)  # at each place the 4 bytes from there on, little-endian
        self.words = self._doubled(self.quads, 4)

    def _doubled(self, low: Value, count: int) -> Value:
        op = self.op
        high = op.BitShift(op.Slice(low, [count], [LAST], [1]), _u(8 * count), direction="LEFT")
        return op.Slice(low, [0], [-count], [1]) + high

    def all(self, number: int) -> Value:
        """The same word for every string."""
        return self.op.Expand(_u(number), self.op.shape(self.size))

    def at(self, place: Value | int, table: Value | None = None) -> Value:
        """The word that begins at a place of every string; a place before the beginning counts as the beginning."""
        op, table = self.op, self.words if table is None else table
        if isinstance(place, int):
            return op.Gather(table, np.array(place), axis=1)
        column = op.Unsqueeze(op.Max(place, 0), axes=[1])
        return op.Squeeze(op.GatherElements(table, column, axis=1), axes=[1])

    def from_end(self, count: int, table: Value | None = None) -> Value:
        """The word that begins ``count`` bytes before the end."""
        return self.at(self.length - count, table)

    def rotate(self, x: Value, count: int) -> Value:
        """Rotates to the right."""
        return self.shift(x, count) + self.op.BitShift(x, _u(64 - count), direction="LEFT")

    def shift(self, x: Value, count: int) -> Value:
        """Shifts to the right."""
        return self.op.BitShift(x, _u(count), direction="RIGHT")

    def xor(self, x: Value, y: Value) -> Value:
        return self.op.BitwiseXor(x, y)

    def mixed(self, x: Value, count: int = 47) -> Value:
        """``x ^ (x >> count)``."""
        return self.xor(x, self.shift(x, count))

    def each(self, turns: Value, begin: list[Value], turn: Callable[[Value, list[Value]], list[Value]]) -> list[Value]:
        """Repeats ``turn`` for every string as often as ``turns`` says of it.

        ``turn`` gets the number of the turn (once per string) and a state, and gives the next state.
        """
        op, body = self.op, ir.Graph("turn")
        with op.scope(body):
            number = op.input("", INT64, ())
            op.input("", BOOL, ())
            state = [op.input("", UINT64, value.shape) for value in begin]
            active = op.Cast(op.Less(number, turns), to=UINT64)
            changed = turn(op.Expand(number, op.shape(turns)), state)
            follows = [old + (new - old) * active for old, new in zip(state, changed, strict=True)]
            goes_on = op.node("Identity", [op.constant(np.array(True))], {}, [(BOOL, ())])
            body.outputs = [*goes_on, *follows]
        most = op.ReduceMax(op.Concat(turns, np.array([0]), axis=0), keepdims=0)
        types = [(value.dtype, value.shape) for value in begin]
        return list(op.node("Loop", [most, None, *begin], {"body": body}, types))

    def select(self, *cases: tuple[int, Callable[[], Value]], default: Callable[[], Value]) -> Value:
        """The first case whose length bound holds. All are computed."""
        result = default()
        for bound, case in reversed(cases):
            result = self.op.Where(self.length <= bound, case(), result)
        return result


def farm_hash(lanes: Lanes) -> Value:
    """``Fingerprint64``."""
    short = lanes.select(
        (0, lambda: lanes.all(_K2)),
        (3, lambda: _upto3(lanes)),
        (7, lambda: _upto7(lanes)),
        default=lambda: _upto16(lanes),
    )
    return _longer(lanes, 16, short, lambda: _medium(lanes))


def _medium(lanes: Lanes) -> Value:
    upto64 = lanes.select((32, lambda: _upto32(lanes)), default=lambda: _upto64(lanes))
    return _longer(lanes, 64, upto64, lambda: _long(lanes))


def _longer(lanes: Lanes, bound: int, short: Value, long: Callable[[], Value]) -> Value:
    """``short``, or for strings longer than ``bound`` what ``long`` gives; computed only where there are any."""
    op = lanes.op
    beyond = lanes.length > bound
    then, other = ir.Graph("longer"), ir.Graph("shorter")
    with op.scope(then):
        then.outputs = [op.Where(beyond, long(), short)]
    with op.scope(other):
        other.outputs = list(op.node("Identity", [short], {}, [(short.dtype, short.shape)]))
    some = op.Greater(op.ReduceSum(op.Cast(beyond, to=INT64), keepdims=0), 0)
    return op.node("If", [some], {"then_branch": then, "else_branch": other}, [(short.dtype, short.shape)])[0]


def _folded(lanes: Lanes, u: Value, v: Value, factor: Value) -> Value:
    """HashLen16: two words to one."""
    a = lanes.mixed(lanes.xor(u, v) * factor)
    return lanes.mixed(lanes.xor(v, a) * factor) * factor


def _factor(lanes: Lanes) -> Value:
    return lanes.size * _u(2) + _u(_K2)


def _upto3(lanes: Lanes) -> Value:
    half = lanes.op.Div(lanes.length, np.array(2))
    y = lanes.at(0, lanes.bytes) + lanes.at(half, lanes.bytes) * _u(256)
    z = lanes.size + lanes.from_end(1, lanes.bytes) * _u(4)
    return lanes.mixed(lanes.xor(y * _u(_K2), z * _u(_K0))) * _u(_K2)


def _upto7(lanes: Lanes) -> Value:
    start = lanes.size + lanes.at(0, lanes.quads) * _u(8)
    return _folded(lanes, start, lanes.from_end(4, lanes.quads), _factor(lanes))


def _upto16(lanes: Lanes) -> Value:
    factor = _factor(lanes)
    a, b = lanes.at(0) + _u(_K2), lanes.from_end(8)
    c = lanes.rotate(b, 37) * factor + a
    d = (lanes.rotate(a, 25) + b) * factor
    return _folded(lanes, c, d, factor)


def _ends(lanes: Lanes, first: int, factor: Value) -> tuple[Value, Value, Value]:
    """What the beginning and the last 16 bytes give: the beginning's first word, and two sums."""
    a, b = lanes.at(0) * _u(first), lanes.at(8)
    c, d = lanes.from_end(8) * factor, lanes.from_end(16) * _u(_K2)
    y = lanes.rotate(a + b, 43) + lanes.rotate(c, 30) + d
    return a, y, a + lanes.rotate(b + _u(_K2), 18) + c


def _upto32(lanes: Lanes) -> Value:
    factor = _factor(lanes)
    _, y, z = _ends(lanes, _K1, factor)
    return _folded(lanes, y, z, factor)


def _upto64(lanes: Lanes) -> Value:
    factor = _factor(lanes)
    a, y, z = _ends(lanes, _K2, factor)
    z = _folded(lanes, y, z, factor)
    e, f = lanes.at(16) * factor, lanes.at(24)
    g, h = (y + lanes.from_end(32)) * factor, (z + lanes.from_end(24)) * factor
    first = lanes.rotate(e + f, 43) + lanes.rotate(g, 30) + h
    return _folded(lanes, first, e + lanes.rotate(f + a, 18) + g, factor)


def _long(lanes: Lanes) -> Value:
    """Blocks of 64 bytes, and at the end the last 64 bytes once more."""
    op = lanes.op
    seed = 81
    second = (seed * _K1 + 113) % 2**64
    third = (second * _K2 + 113) % 2**64
    third = (third ^ third >> 47) * _K2 % 2**64
    begin = [lanes.at(0) + _u(seed * _K2 % 2**64), *(lanes.all(n) for n in (second, third, 0, 0, 0, 0))]
    blocks = op.Div(lanes.length - 1, np.array(64))
    state = lanes.each(blocks, begin, lambda i, state: _block(lanes, i * 64, state, _u(_K1)))
    factor = op.BitwiseAnd(state[2], _u(255)) * _u(2) + _u(_K1)
    w0 = state[5] + op.Cast(op.Mod(lanes.length - 1, np.array(64)), to=UINT64)
    v0 = state[3] + w0
    last = [*state[:3], v0, state[4], w0 + v0, state[6]]
    x, y, z, v0, v1, w0, w1 = _block(lanes, lanes.length - 64, last, factor, weight=9)
    first = _folded(lanes, v0, w0, factor) + lanes.mixed(y) * _u(_K0) + z
    return _folded(lanes, first, _folded(lanes, v1, w1, factor) + x, factor)


def _block(lanes: Lanes, place: Value, state: list[Value], factor: Value | np.ndarray, weight: int = 1) -> list[Value]:
    """One block of 64 bytes; the state is x, y, z and the pairs v and w."""
    x, y, z, v0, v1, w0, w1 = state
    x = lanes.rotate(x + y + v0 + lanes.at(place + 8), 37) * factor
    y = lanes.rotate(y + v1 + lanes.at(place + 48), 42) * factor
    x = lanes.xor(x, w1 * _u(weight))
    y = y + v0 * _u(weight) + lanes.at(place + 40)
    z = lanes.rotate(z + w0, 33) * factor
    v0, v1 = _seeded(lanes, place, v1 * factor, x + w0)
    w0, w1 = _seeded(lanes, place + 32, z + w1, y + lanes.at(place + 16))
    return [z, y, x, v0, v1, w0, w1]


def _seeded(lanes: Lanes, place: Value, a: Value, b: Value) -> tuple[Value, Value]:
    """WeakHashLen32WithSeeds."""
    first, second, third, fourth = (lanes.at(place + 8 * i) for i in range(4))
    a = a + first
    b = lanes.rotate(b + a + fourth, 21)
    c = a + second + third
    return c + fourth, b + lanes.rotate(c, 44) + a


def murmur_hash(lanes: Lanes) -> Value:
    """MurmurHash64A with the seed 0xDECAFCAFFE; the rest of the string, zeros behind it, is a last word."""
    op, factor = lanes.op, _u(0xC6A4A7935BD1E995)
    blocks = op.Div(lanes.length, np.array(8))
    begin = [lanes.xor(lanes.size * factor, lanes.all(0xDECAFCAFFE))]
    (h,) = lanes.each(
        blocks,
        begin,
        lambda i, state: [lanes.xor(state[0], lanes.mixed(lanes.at(i * 8) * factor) * factor) * factor],
    )
    whole = op.Equal(blocks * 8, lanes.length)
    h = op.Where(whole, h, lanes.xor(h, lanes.at(blocks * 8)) * factor)
    return lanes.mixed(lanes.mixed(h) * factor)


def sip_hash(lanes: Lanes, low: int, high: int) -> Value:
    """SipHash-2-4; the last word holds the rest of the string and, in its highest byte, the length."""
    op = lanes.op
    keys = low % 2**64, high % 2**64
    constants = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    begin = [lanes.all(n ^ keys[i % 2]) for i, n in enumerate(constants)]
    last = op.Div(lanes.length, np.array(8))
    tail = op.BitShift(lanes.size, _u(56), direction="LEFT")

    def turn(i: Value, state: list[Value]) -> list[Value]:
        word = lanes.at(i * 8) + op.Cast(op.Equal(i, last), to=UINT64) * tail
        v0, v1, v2, v3 = _rounds(lanes, [*state[:3], lanes.xor(state[3], word)], 2)
        return [lanes.xor(v0, word), v1, v2, v3]

    v0, v1, v2, v3 = lanes.each(last + 1, begin, turn)
    v0, v1, v2, v3 = _rounds(lanes, [v0, v1, lanes.xor(v2, lanes.all(255)), v3], 4)
    return lanes.xor(lanes.xor(v0, v1), lanes.xor(v2, v3))


def _rounds(lanes: Lanes, state: list[Value], count: int) -> list[Value]:
    v0, v1, v2, v3 = state
    for _ in range(count):
        v0, v2 = v0 + v1, v2 + v3
        v1, v3 = lanes.xor(lanes.rotate(v1, 64 - 13), v0), lanes.xor(lanes.rotate(v3, 64 - 16), v2)
        v0 = lanes.rotate(v0, 32)
        v2, v0 = v2 + v1, v0 + v3
        v1, v3 = lanes.xor(lanes.rotate(v1, 64 - 17), v2), lanes.xor(lanes.rotate(v3, 64 - 21), v0)
        v2 = lanes.rotate(v2, 32)
    return [v0, v1, v2, v3]


def _u(number: int) -> np.ndarray:
    return np.array(number, np.uint64)
