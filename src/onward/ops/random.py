"""Random numbers.

Stateless ops give TensorFlow's numbers. A stateful op with a seed gives, in every run, those of TensorFlow's first;
without a seed its numbers are new in every run up to opset 21 and fixed from opset 22 on, where ONNX Runtime no longer
has a source of randomness.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onward.dtypes import FLOAT64, INT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops import philox
from onward.ops.philox import UINT64, Stream

_PHILOX, _AUTO = 1, (1, 3)
Draw = Callable[[Builder, Stream, Value, np.dtype], Value]
_DRAWS: dict[str, Draw] = {
    "Uniform": philox.uniform,
    "Normal": philox.normal,
    "TruncatedNormal": philox.truncated_normal,
}


def stateful(op: Builder, seed: int, seed2: int) -> Stream:
    """The stream of a stateful op: its seeds', or one drawn anew in every run."""
    if seed or seed2 or op.opset >= 22:
        return philox.seeded(op, seed, seed2)
    drawn = op.RandomUniform(dtype=11, shape=[2], low=0.0, high=float(2**31))
    whole = op.Cast(op.Cast(drawn, to=INT64), to=UINT64)
    key, high = (op.Gather(whole, np.int64(i), axis=0) for i in (0, 1))
    return Stream(key, op.constant(np.array(0, np.uint64)), high)


def keyed(op: Builder, key: Value, counter: Value, alg: np.ndarray) -> Stream:
    """The stream of a stateless op that was given its key, counter and kind of generator."""
    if int(alg) not in _AUTO:
        raise Unsupported("generators other than Philox")
    return philox.from_counter(op, key, counter)


@lower("StatelessRandomGetKeyCounter")
def get_key_counter(op: Builder, seed: Value) -> tuple[Value, Value]:
    stream = philox.from_seed(op, seed)
    ends = [op.Reshape(part, [1]) for part in (stream.low, stream.high)]
    return op.Reshape(stream.key, [1]), op.Concat(*ends, axis=0)


@lower("StatelessRandomGetKeyCounterAlg")
def get_key_counter_alg(op: Builder, seed: Value) -> tuple[Value, Value, Value]:
    return *get_key_counter(op, seed), get_alg(op)


@lower("StatelessRandomGetAlg")
def get_alg(op: Builder) -> Value:
    return op.constant(np.array(_PHILOX, np.int32))


def _register(name: str, draw: Draw) -> None:
    @lower(f"StatelessRandom{name}" if name != "TruncatedNormal" else "StatelessTruncatedNormal")
    def stateless(op: Builder, shape: Value, seed: Value, *, dtype: np.dtype) -> Value:
        return draw(op, philox.from_seed(op, seed), shape, dtype)

    @lower(f"StatelessRandom{name}V2" if name != "TruncatedNormal" else "StatelessTruncatedNormalV2")
    def stateless_v2(
        op: Builder, shape: Value, key: Value, counter: Value, alg: Static, *, dtype: np.dtype
    ) -> Value:  # fmt: skip
        return draw(op, keyed(op, key, counter, alg), shape, dtype)


for _name, _draw in _DRAWS.items():
    _register(_name, _draw)


@lower("RandomUniform")
def random_uniform(op: Builder, shape: Value, *, seed: int, seed2: int, dtype: np.dtype) -> Value:
    if not (seed or seed2) and op.opset < 22 and dtype.itemsize >= 4:
        return op.RandomUniformLike(op.Expand(op.constant(np.zeros((), dtype)), shape))
    return philox.uniform(op, stateful(op, seed, seed2), shape, dtype)


@lower("RandomStandardNormal")
def random_normal(op: Builder, shape: Value, *, seed: int, seed2: int, dtype: np.dtype) -> Value:
    if not (seed or seed2) and op.opset < 22 and dtype.itemsize >= 4:
        return op.RandomNormalLike(op.Expand(op.constant(np.zeros((), dtype)), shape))
    return philox.normal(op, stateful(op, seed, seed2), shape, dtype)


@lower("TruncatedNormal")
def truncated_normal(op: Builder, shape: Value, *, seed: int, seed2: int, dtype: np.dtype) -> Value:
    return philox.truncated_normal(op, stateful(op, seed, seed2), shape, dtype)


def between(op: Builder, stream: Stream, shape: Value, low: Value, high: Value) -> Value:
    """Integers from ``low`` up to ``high``, as TensorFlow takes them: the remainder of a random number."""
    dtype = low.dtype
    span = op.Cast(op.Cast(high, to=INT64) - op.Cast(low, to=INT64), to=UINT64)
    rest = op.Mod(philox.integers(op, stream, shape, dtype), span)
    return op.Cast(op.Cast(rest, to=INT64) + op.Cast(low, to=INT64), to=dtype)


@lower("RandomUniformInt")
def random_uniform_int(op: Builder, shape: Value, low: Value, high: Value, *, seed: int, seed2: int) -> Value:
    return between(op, stateful(op, seed, seed2), shape, low, high)


@lower("StatelessRandomUniformInt")
def stateless_uniform_int(op: Builder, shape: Value, seed: Value, low: Value, high: Value) -> Value:
    return between(op, philox.from_seed(op, seed), shape, low, high)


@lower("StatelessRandomUniformIntV2")
def stateless_uniform_int_v2(
    op: Builder, shape: Value, key: Value, counter: Value, alg: Static, low: Value, high: Value
) -> Value:  # fmt: skip
    return between(op, keyed(op, key, counter, alg), shape, low, high)


def full(op: Builder, stream: Stream, shape: Value, dtype: np.dtype) -> Value:
    """Integers of the whole range of their dtype."""
    unsigned = np.dtype(f"uint{dtype.itemsize * 8}")
    return op.Cast(op.Cast(philox.integers(op, stream, shape, dtype), to=unsigned), to=dtype)


@lower("StatelessRandomUniformFullInt")
def stateless_full_int(op: Builder, shape: Value, seed: Value, *, dtype: np.dtype) -> Value:
    return full(op, philox.from_seed(op, seed), shape, dtype)


@lower("StatelessRandomUniformFullIntV2")
def stateless_full_int_v2(
    op: Builder, shape: Value, key: Value, counter: Value, alg: Static, *, dtype: np.dtype
) -> Value:  # fmt: skip
    return full(op, keyed(op, key, counter, alg), shape, dtype)


@lower("RandomShuffle")
def random_shuffle(op: Builder, x: Value, *, seed: int, seed2: int) -> Value:
    """The first axis in the order of random keys."""
    length = op.Slice(op.shape(x), [0], [1], [0])
    keys = philox.uniform(op, stateful(op, seed, seed2), length, FLOAT64)
    _, order = op.TopK(keys, length, axis=0, outputs=2)
    return op.Gather(x, order, axis=0)


def _categories(op: Builder, stream: Stream, logits: Value, samples: Value, dtype: np.dtype) -> Value:
    """Draws by the running sum of the probabilities: how many of its steps lie at or below a uniform number."""
    samples = op.Reshape(op.Cast(samples, to=INT64), [1])
    rows = op.Slice(op.shape(logits), [0], [1], [0])
    chances = philox.uniform(op, stream, op.Concat(rows, samples, axis=0), FLOAT64)
    weights = op.Softmax(op.Cast(logits, to=FLOAT64), axis=-1)
    steps = op.CumSum(weights, np.int64(1))
    total = op.ReduceSum(weights, axes=[1])
    passed = op.Unsqueeze(steps, axes=[1]) <= op.Unsqueeze(chances * total, axes=[2])
    return op.Cast(op.ReduceSum(op.Cast(passed, to=INT32), axes=[2], keepdims=0), to=dtype)


@lower("Multinomial")
def multinomial(
    op: Builder, logits: Value, samples: Value, *, seed: int, seed2: int, output_dtype: np.dtype
) -> Value:  # fmt: skip
    return _categories(op, stateful(op, seed, seed2), logits, samples, output_dtype)


@lower("StatelessMultinomial")
def stateless_multinomial(
    op: Builder, logits: Value, samples: Value, seed: Value, *, output_dtype: np.dtype
) -> Value:  # fmt: skip
    return _categories(op, philox.from_seed(op, seed), logits, samples, output_dtype)
