"""Random numbers of other distributions: by rejection, with so many candidates at once that one always fits.

They are distributed as TensorFlow's, and with a seed repeatable, but not the same numbers.
"""

from __future__ import annotations

import numpy as np

from onward.dtypes import FLOAT64, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops import philox
from onward.ops.gamma import lgamma
from onward.ops.philox import Stream
from onward.ops.random import keyed, stateful

_CANDIDATES = 12  # one in twenty is refused at worst
_FEW = 10.0  # below this mean, Poisson numbers are found by multiplying
_FACTORS = 64  # of which so many are ever needed


def uniforms(op: Builder, stream: Stream, shape: Value, count: int, part: int) -> Value:
    """Numbers in (0, 1), ``count`` on a new last axis; each part of a draw takes them from a stream of its own."""
    apart = Stream(stream.key, stream.low + np.uint64(part << 48), stream.high)
    numbers = philox.uniform(op, apart, op.Concat(shape, op.known([count]), axis=0), FLOAT64)
    return numbers + 2.0**-54


def normals(op: Builder, stream: Stream, shape: Value, count: int, part: int) -> Value:
    """Standard normal numbers, as above."""
    apart = Stream(stream.key, stream.low + np.uint64(part << 48), stream.high)
    return philox.normal(op, apart, op.Concat(shape, op.known([count]), axis=0), FLOAT64)


def first_fit(op: Builder, candidates: Value, fits: Value) -> Value:
    """Along the last axis, the first candidate that fits."""
    place = op.ArgMax(op.Cast(fits, to=np.dtype("int32")), axis=-1, keepdims=1)
    return op.Squeeze(op.GatherElements(candidates, place, axis=-1), axes=[-1])


def gamma(op: Builder, stream: Stream, shape: Value, alpha: Value) -> Value:
    """G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000)."""
    alpha = op.Expand(op.Cast(alpha, to=FLOAT64), shape)
    small = alpha < 1
    d = op.Unsqueeze(op.Where(small, alpha + 1, alpha) - 1 / 3, axes=[-1])
    x = normals(op, stream, shape, _CANDIDATES, 0)
    v = x / op.Sqrt(d * 9) + 1
    v = v * v * v
    log_v = op.Log(op.Max(v, 1e-300))
    log_u = op.Log(uniforms(op, stream, shape, _CANDIDATES, 1))
    fits = op.And(v > 0, log_u < x * x * 0.5 + d * (1 - v + log_v))
    boost = op.Squeeze(uniforms(op, stream, shape, 1, 2), axes=[-1])
    scale = op.Where(small, op.Pow(boost, op.Reciprocal(alpha)), 1)
    return first_fit(op, d * v, fits) * scale


def poisson(op: Builder, stream: Stream, shape: Value, rate: Value) -> Value:
    """Small means by multiplication, others by W. Hörmann's transformed rejection PTRS (IME 12, 1993)."""
    rate = op.Expand(op.Cast(rate, to=FLOAT64), shape)
    logs = op.CumSum(op.Log(uniforms(op, stream, shape, _FACTORS, 0)), np.int64(-1))
    few = op.ReduceSum(op.Cast(logs > op.Unsqueeze(-op.Min(rate, _FEW), axes=[-1]), to=FLOAT64), axes=[-1], keepdims=0)
    mean = op.Unsqueeze(op.Max(rate, _FEW), axes=[-1])
    log_mean = op.Log(mean)
    b = op.Sqrt(mean) * 2.53 + 0.931
    a = b * 0.02483 - 0.059
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    u = uniforms(op, stream, shape, _CANDIDATES, 1) - 0.5
    v = uniforms(op, stream, shape, _CANDIDATES, 2)
    us = 0.5 - op.Abs(u)
    k = op.Floor((a * 2 / us + b) * u + mean + 0.43)
    quick = op.And(us >= 0.07, v <= 0.9277 - 3.6224 / (b - 2))
    slow = op.Log(v * inverse_alpha / (a / (us * us) + b)) <= k * log_mean - mean - lgamma(op, op.Max(k, 0) + 1)
    fits = op.And(k >= 0, op.Or(quick, op.And(op.Or(us >= 0.013, v <= us), slow)))
    return op.Where(rate < _FEW, few, first_fit(op, k, fits))


def binomial(op: Builder, stream: Stream, shape: Value, counts: Value, chances: Value) -> Value:
    """The sum of the trials."""
    trials = None if counts.array is None else int(counts.array.max(initial=0))
    if trials is None or trials > 4096:
        raise Unsupported("counts of trials that are computed or above 4096")
    counts, chances = (op.Unsqueeze(op.Expand(op.Cast(v, to=FLOAT64), shape), axes=[-1]) for v in (counts, chances))
    hits = uniforms(op, stream, shape, max(trials, 1), 0) < chances
    counted = op.And(hits, np.arange(max(trials, 1), dtype=np.float64) < counts)
    return op.ReduceSum(op.Cast(counted, to=FLOAT64), axes=[-1], keepdims=0)


def _outer(op: Builder, shape: Value, parameter: Value) -> Value:
    """Stateful ops draw a tensor of ``shape`` for each parameter; the parameters' axes come last."""
    return op.Concat(op.Cast(shape, to=INT64), op.shape(parameter), axis=0)


def wide(op: Builder, shape: Value) -> Value:
    """A shape in int64."""
    return op.Cast(shape, to=INT64)


@lower("RandomGamma")
def random_gamma(op: Builder, shape: Value, alpha: Value, *, seed: int, seed2: int) -> Value:
    drawn = gamma(op, stateful(op, seed, seed2), _outer(op, shape, alpha), alpha)
    return op.Cast(drawn, to=alpha.dtype)


@lower("StatelessRandomGammaV2")
def stateless_gamma(op: Builder, shape: Value, seed: Value, alpha: Value) -> Value:
    return op.Cast(gamma(op, philox.from_seed(op, seed), wide(op, shape), alpha), to=alpha.dtype)


@lower("StatelessRandomGammaV3")
def stateless_gamma_v3(
    op: Builder, shape: Value, key: Value, counter: Value, alg: Static, alpha: Value
) -> Value:  # fmt: skip
    return op.Cast(gamma(op, keyed(op, key, counter, alg), wide(op, shape), alpha), to=alpha.dtype)


@lower("RandomPoissonV2", "RandomPoisson")
def random_poisson(
    op: Builder, shape: Value, rate: Value, *, seed: int, seed2: int, dtype: np.dtype
) -> Value:  # fmt: skip
    return op.Cast(poisson(op, stateful(op, seed, seed2), _outer(op, shape, rate), rate), to=dtype)


@lower("StatelessRandomPoisson")
def stateless_poisson(op: Builder, shape: Value, seed: Value, rate: Value, *, dtype: np.dtype) -> Value:
    return op.Cast(poisson(op, philox.from_seed(op, seed), wide(op, shape), rate), to=dtype)


@lower("StatelessRandomBinomial")
def stateless_binomial(
    op: Builder, shape: Value, seed: Value, counts: Value, probs: Value, *, dtype: np.dtype
) -> Value:  # fmt: skip
    return op.Cast(binomial(op, philox.from_seed(op, seed), wide(op, shape), counts, probs), to=dtype)


@lower("StatelessShuffle")
def stateless_shuffle(op: Builder, x: Value, key: Value, counter: Value, alg: Static) -> Value:
    length = op.Slice(op.shape(x), [0], [1], [0])
    keys = philox.uniform(op, keyed(op, key, counter, alg), length, FLOAT64)
    _, order = op.TopK(keys, length, axis=0, outputs=2)
    return op.Gather(x, order, axis=0)
