"""The gamma function and its relatives (A & S chapter 6), the Hurwitz zeta and the incomplete beta function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial

import numpy as np

from onward import ir
from onward.dtypes import BOOL, FLOAT64, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.ops.special import special

# Lanczos' coefficients for g = 7 and n = 9 (P. Godfrey, "A note on the computation of the convergent Lanczos complex
# Gamma approximation", 2001).
_LANCZOS = np.array(
    [676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
     -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7]
)  # fmt: skip
_BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510]  # B2, B4, ...
_TURNS = 512  # of the series and continued fractions; enough to 1e-9 for parameters up to some ten thousand
_TINY = 1e-300


@special("Lgamma")
def lgamma(op: Builder, x: Value) -> Value:
    """log |Gamma(x)|, left of 1/2 by reflection (A & S 6.1.17)."""
    left = x < 0.5
    z = op.Where(left, -x, x - 1)
    terms = op.Unsqueeze(z, axes=[-1]) + np.arange(1.0, 9.0)
    total = op.ReduceSum(op.constant(_LANCZOS) / terms, axes=[-1], keepdims=0) + 0.99999999999980993
    base = z + 7.5
    value = (z + 0.5) * op.Log(base) - base + op.Log(total) + float(0.5 * np.log(2 * np.pi))
    sine = op.Abs(op.Sin((x - op.Round(x)) * np.pi))
    reflected = float(np.log(np.pi)) - op.Log(sine) - value
    return op.Where(op.IsInf(x), np.inf, op.Where(left, reflected, value))


@special("Digamma")
def digamma(op: Builder, x: Value) -> Value:
    """Eight steps up (A & S 6.3.5) to the asymptotic series (6.3.18), left of 0 by reflection (6.3.7)."""
    left = x < 0
    z = op.Where(left, 1 - x, x)
    steps = op.ReduceSum(op.Reciprocal(op.Unsqueeze(z, axes=[-1]) + np.arange(8.0)), axes=[-1], keepdims=0)
    top = z + 8
    inverse = op.Reciprocal(top * top)
    series = _horner(inverse, [b / (2 * k) for k, b in enumerate(_BERNOULLI[:6], 1)]) * inverse
    value = op.Log(top) - 0.5 / top - series - steps
    fraction = (x - op.Round(x)) * np.pi
    return op.Where(left, value - np.pi / op.Tan(fraction), value)


def _horner(x: Value, coefficients: Sequence[float]) -> Value:
    total: Value | float = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = x * total + coefficient
    assert isinstance(total, Value)
    return total


@special("Zeta")
def zeta(op: Builder, x: Value, q: Value) -> Value:
    """Hurwitz' zeta by Euler and Maclaurin's formula after ten terms (A & S 23.2.9 for the remainder)."""
    first = op.Pow(op.Unsqueeze(q, axes=[-1]) + np.arange(10.0), -op.Unsqueeze(x, axes=[-1]))
    top = q + 10
    power = op.Pow(top, -x)
    total = op.ReduceSum(first, axes=[-1], keepdims=0) + power * top / (x - 1) + power * 0.5
    inverse = op.Reciprocal(top * top)
    rising = x * power / top
    for k, bernoulli in enumerate(_BERNOULLI, 1):
        total = total + rising * (bernoulli / factorial(2 * k))
        rising = rising * (x + (2 * k - 1)) * (x + 2 * k) * inverse
    pole = op.Or(op.Equal(x, 1), op.And(q <= 0, op.Equal(op.Floor(q), q)))
    return op.Where(x < 1, np.nan, op.Where(pole, np.inf, total))


@special("Polygamma")
def polygamma(op: Builder, order: Value, x: Value) -> Value:
    """A & S 6.4.10; not a number where the order is not a natural one."""
    next_order = order + 1
    sign = op.Where(op.Equal(op.Mod(next_order, 2.0, fmod=1), 0), 1.0, op.constant(np.array(-1.0)))
    value = sign * op.Exp(lgamma(op, next_order)) * zeta(op, op.Max(next_order, 2), x)
    value = op.Where(op.Equal(order, 0), digamma(op, x), value)
    natural = op.And(op.Equal(op.Floor(order), order), order >= 0)
    return op.Where(natural, value, np.nan)


def repeat(op: Builder, turns: int, state: Sequence[Value], body: Callable[..., Sequence[Value]]) -> list[Value]:
    """Applies ``body``, which takes the number of the turn (float64, from 1) and the state, so many times."""
    graph = ir.Graph("repeat")
    with op.scope(graph):
        turn, going = op.input("", INT64, ()), op.input("", BOOL, ())
        inner = [op.input("", v.dtype, v.shape) for v in state]
        results = body(op.Cast(turn + 1, to=FLOAT64), *inner)
        graph.outputs = [op.append("Identity", [going], {}), *results]
    return list(op.node("Loop", [op.size(turns), None, *state], {"body": graph}, [(v.dtype, v.shape) for v in state]))


def _incomplete(op: Builder, a: Value, x: Value) -> tuple[Value, Value]:
    """The regularised lower and upper incomplete gamma functions: A & S 6.5.29 below a + 1, 6.5.31 above."""
    shape = op.shape(a + x)
    a, x = op.Expand(a, shape), op.Expand(x, shape)
    below = x < a + 1
    small, large = op.Where(below, x, a), op.Where(below, a + 2, x)

    def series(turn: Value, term: Value, total: Value) -> tuple[Value, Value]:
        term = term * small / (a + turn)
        return term, total + term

    one = op.Expand(op.constant(np.array(1.0)), shape)
    _, total = repeat(op, _TURNS, [one, one], series)
    scale = op.Exp(a * op.Log(x) - x - lgamma(op, a))

    def fraction(turn: Value, c: Value, d: Value, h: Value) -> tuple[Value, Value, Value]:
        factor = turn * (a - turn)
        denominator = large - a + (turn * 2 + 1)
        d = op.Reciprocal(_nonzero(op, factor * d + denominator))
        c = _nonzero(op, denominator + factor / c)
        return c, d, h * d * c

    start = op.Reciprocal(large + 1 - a)
    _, _, upper = repeat(op, _TURNS, [op.Expand(op.constant(np.array(1 / _TINY)), shape), start, start], fraction)
    low, high = scale * total / a, scale * upper
    lower = op.Where(below, low, 1 - high)
    return lower, op.Where(below, 1 - low, high)


def _nonzero(op: Builder, x: Value) -> Value:
    """Lentz' guard against a zero denominator."""
    return op.Where(op.Equal(x, 0), _TINY, x)


def _domain(op: Builder, a: Value, x: Value, value: Value, zero: float) -> Value:
    value = op.Where(op.Equal(x, 0), zero, op.Where(op.IsInf(x), 1 - zero, value))
    return op.Where(op.Or(x < 0, a <= 0), np.nan, value)


@special("Igamma")
def igamma(op: Builder, a: Value, x: Value) -> Value:
    return _domain(op, a, x, _incomplete(op, a, x)[0], 0.0)


@special("Igammac")
def igammac(op: Builder, a: Value, x: Value) -> Value:
    return _domain(op, a, x, _incomplete(op, a, x)[1], 1.0)


@special("Betainc")
def betainc(op: Builder, a: Value, b: Value, x: Value) -> Value:
    """The continued fraction of A & S 26.5.8, on the side where it converges fast."""
    shape = op.shape(a + b + x)
    a, b, x = (op.Expand(v, shape) for v in (a, b, x))
    swap = x > (a + 1) / (a + b + 2)
    p, q = op.Where(swap, b, a), op.Where(swap, a, b)
    y = op.Where(swap, 1 - x, x)

    def step(turn: Value, c: Value, d: Value, h: Value) -> tuple[Value, Value, Value]:
        for numerator in (
            turn * (q - turn) * y / ((p + turn * 2 - 1) * (p + turn * 2)),
            -(p + turn) * (p + q + turn) * y / ((p + turn * 2) * (p + turn * 2 + 1)),
        ):
            d = op.Reciprocal(_nonzero(op, numerator * d + 1))
            c = _nonzero(op, numerator / c + 1)
            h = h * d * c
        return c, d, h

    one = op.Expand(op.constant(np.array(1.0)), shape)
    start = op.Reciprocal(_nonzero(op, 1 - (p + q) * y / (p + 1)))
    _, _, h = repeat(op, _TURNS // 2, [one, start, start], step)
    logs = lgamma(op, p + q) - lgamma(op, p) - lgamma(op, q)
    value = op.Exp(logs + p * op.Log(y) + q * op.Log(1 - y)) * h / p
    value = op.Where(swap, 1 - value, value)
    value = op.Where(op.Equal(x, 0), 0, op.Where(op.Equal(x, 1), 1, value))
    inside = op.And(op.And(a > 0, b > 0), op.And(x >= 0, x <= 1))
    return op.Where(inside, value, np.nan)
