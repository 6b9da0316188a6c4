"""Special functions, computed in float64 by piecewise polynomials and identities.

Section numbers are those of M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions (A & S). The polynomials
are in special.tsv, which scripts/fit_special.py makes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path

import numpy as np

from onward.dtypes import FLOAT64, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower

Function = Callable[..., Value]


@cache
def _table(name: str) -> tuple[float, float, np.ndarray]:
    """The interval of a table and its coefficients, a row for each piece."""
    for line in Path(__file__).with_name("special.tsv").read_text().splitlines():
        label, _, rest = line.partition("\t")
        if label == name:
            low, high, rows = rest.split("\t")
            pieces = [np.array(row.split(","), np.float64) for row in rows.split(";")]
            width = max(map(len, pieces))
            return float(low), float(high), np.stack([np.pad(p, (0, width - len(p))) for p in pieces])
    raise KeyError(name)


def piecewise(op: Builder, name: str, x: Value) -> Value:
    """A table's polynomial at float64 numbers inside its interval."""
    low, high, pieces = _table(name)
    place = (x - low) * (len(pieces) / (high - low))
    index = op.Clip(op.Cast(op.Floor(place), to=INT64), 0, len(pieces) - 1)  # after the cast, which makes NaN a number
    t = (place - op.Cast(index, to=FLOAT64)) * 2 - 1
    if len(pieces) == 1:
        total: Value | float = pieces[0, -1]
        for coefficient in pieces[0, -2::-1]:
            total = t * total + float(coefficient)
        assert isinstance(total, Value)
        return total
    powers = op.Pow(op.Unsqueeze(t, axes=[-1]), np.arange(pieces.shape[1], dtype=np.float64))
    return op.ReduceSum(op.Gather(op.constant(pieces), index, axis=0) * powers, axes=[-1], keepdims=0)


def special(*names: str) -> Callable[[Function], Function]:
    """Registers a function of float64 tensors for whatever float dtype an op has."""

    def register(function: Function) -> Function:
        @wraps(function)
        def lowering(op: Builder, *inputs: Value) -> Value:
            wide = [op.Cast(x, to=FLOAT64) for x in inputs]
            return op.Cast(function(op, *wide), to=inputs[0].dtype)

        lower(*names)(lowering)
        return function

    return register


def odd(op: Builder, x: Value, size: Value) -> Value:
    """The value for x from that for |x|."""
    return op.Where(x < 0, -size, size)


# --- error functions ----------------------------------------------------------------------------------------------


@special("Erfinv")
def erfinv(op: Builder, x: Value) -> Value:
    return _erfinv(op, x, (1 - x) * (x + 1))


@special("Ndtri")
def ndtri(op: Builder, p: Value) -> Value:
    """The normal quantile: erfinv at 2 p - 1, with 1 - (2 p - 1)**2 taken from p itself."""
    return _erfinv(op, p * 2 - 1, p * (1 - p) * 4) * float(np.sqrt(2))


def _erfinv(op: Builder, x: Value, rest: Value) -> Value:
    """erfinv(x), given 1 - x * x too."""
    result = x * piecewise(op, "erfinv", op.Sqrt(-op.Log(rest)))
    return op.Where(op.Equal(rest, 0), op.Sign(x) * np.inf, op.Where(rest < 0, np.nan, result))


@special("Dawsn")
def dawsn(op: Builder, x: Value) -> Value:
    size = op.Abs(x)
    inverse = 8 / op.Max(size, 8)
    far = piecewise(op, "dawsn_far", inverse * inverse) * inverse / 8
    return odd(op, x, op.Where(size > 8, far, piecewise(op, "dawsn", size)))


# --- integrals ----------------------------------------------------------------------------------------------------


@special("Expint")
def expint(op: Builder, x: Value) -> Value:
    """Ei (A & S 5.1)."""
    inverse = 8 / op.Max(x, 8)
    far = op.Exp(x) * (inverse / 8) * piecewise(op, "expint_far", inverse)
    near = piecewise(op, "expint", x) + op.Log(x)
    return op.Where(op.Equal(x, np.inf), np.inf, op.Where(x > 8, far, near))


@special("Spence")
def spence(op: Builder, x: Value) -> Value:
    """The dilogarithm of 1 - x, brought to between 1/2 and 1 by the reflections of A & S 27.7."""
    inverse = op.Where(x > 1, op.Reciprocal(x), x)
    reflected = op.Where(inverse < 0.5, 1 - inverse, inverse)
    inside = piecewise(op, "spence", reflected)
    log = op.Log(inverse)
    mirror = np.pi**2 / 6 - log * op.Log(1 - inverse) - inside
    value = op.Where(inverse < 0.5, mirror, inside)
    value = op.Where(op.Equal(inverse, 0), np.pi**2 / 6, value)
    return op.Where(x > 1, log * log * -0.5 - value, value)


def _fresnel(op: Builder, x: Value, table: str) -> Value:
    """A & S 7.3.9 and 7.3.10 beyond 4."""
    size = op.Abs(x)
    inverse = 4 / op.Max(size, 4)
    z = inverse * inverse
    f = piecewise(op, "fresnel_f", z) * inverse * (1 / (4 * np.pi))
    g = piecewise(op, "fresnel_g", z) * inverse * z * (1 / (64 * np.pi**2))
    angle = op.Mod(size * size * 0.5, 2.0, fmod=1) * np.pi
    sine, cosine = op.Sin(angle), op.Cos(angle)
    far = f * sine - g * cosine if table == "fresnel_cos" else -(f * cosine) - g * sine
    return odd(op, x, op.Where(size > 4, far + 0.5, piecewise(op, table, size)))


@special("FresnelCos")
def fresnel_cos(op: Builder, x: Value) -> Value:
    return _fresnel(op, x, "fresnel_cos")


@special("FresnelSin")
def fresnel_sin(op: Builder, x: Value) -> Value:
    return _fresnel(op, x, "fresnel_sin")
