"""Normal numbers between limits, by rejection (C. P. Robert, "Simulation of truncated normal variables", 1995)."""

from __future__ import annotations

from onward.dtypes import FLOAT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops import philox
from onward.ops.distribution import first_fit, normals, uniforms, wide
from onward.ops.philox import Stream
from onward.ops.random import stateful

_CANDIDATES = 64  # three in ten fit at worst


@lower("StatelessParameterizedTruncatedNormal")
def stateless_truncated(
    op: Builder, shape: Value, seed: Value, means: Value, stddevs: Value, minvals: Value, maxvals: Value
) -> Value:
    drawn = truncated(op, philox.from_seed(op, seed), wide(op, shape), means, stddevs, minvals, maxvals)
    return op.Cast(drawn, to=means.dtype)


@lower("ParameterizedTruncatedNormal")
def stateful_truncated(
    op: Builder, shape: Value, means: Value, stdevs: Value, minvals: Value, maxvals: Value, *, seed: int, seed2: int
) -> Value:
    """Parameters are for the rows of the result, or one serves them all."""
    if not shape.shape or not isinstance(shape.shape[0], int):
        raise Unsupported("a shape of unknown rank")
    rows = [-1, *[1] * (shape.shape[0] - 1)]
    parameters = [op.Reshape(v, rows) for v in (means, stdevs, minvals, maxvals)]
    return op.Cast(truncated(op, stateful(op, seed, seed2), wide(op, shape), *parameters), to=means.dtype)


def truncated(
    op: Builder, stream: Stream, shape: Value, mean: Value, deviation: Value, low: Value, high: Value
) -> Value:
    """Wide limits around the mean take normal candidates, narrow ones uniform ones, tails exponential ones."""
    mean, deviation, low, high = (op.Cast(v, to=FLOAT64) for v in (mean, deviation, low, high))
    bottom, top = (low - mean) / deviation, (high - mean) / deviation
    turned = top < 0  # the lower tail is the upper one turned round
    ends = op.Where(turned, -top, bottom), op.Where(turned, -bottom, top)
    first, last = (op.Unsqueeze(op.Expand(end, shape), axes=[-1]) for end in ends)
    span, nearest = last - first, op.Max(first, 0)
    tail = op.And(first > 0.5, first * span > 2)
    central = op.And(op.Not(op.Or(tail, first > 0.5)), span > 2)

    chance = op.Log(uniforms(op, stream, shape, _CANDIDATES, 0))
    even = uniforms(op, stream, shape, _CANDIDATES, 1)
    flat = first + even * op.Where(op.Or(tail, central), 0, span)
    steep = first - op.Log(even) / op.Max(first, 0.5)
    z = op.Where(central, normals(op, stream, shape, _CANDIDATES, 2), op.Where(tail, steep, flat))
    gap = z - first
    allowed = op.Where(tail, gap * gap * -0.5, op.Where(central, 0, (nearest * nearest - z * z) * 0.5))
    fits = op.And(op.And(z >= first, z <= last), chance < allowed)
    drawn = first_fit(op, z, fits)
    return op.Where(turned, -drawn, drawn) * deviation + mean
