"""Bessel functions of orders 0 and 1 (A & S chapter 9)."""

from __future__ import annotations

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.ops.special import odd, piecewise, special


def _scaled_i(op: Builder, x: Value, order: int) -> Value:
    """exp(-|x|) I(|x|), the sign of an odd order left out."""
    size = op.Abs(x)
    inverse = 8 / op.Max(size, 8)
    far = piecewise(op, f"i{order}e_far", inverse) * op.Sqrt(inverse / 8)
    return op.Where(size > 8, far, piecewise(op, f"i{order}e", size))


@special("BesselI0e")
def i0e(op: Builder, x: Value) -> Value:
    return _scaled_i(op, x, 0)


@special("BesselI0")
def i0(op: Builder, x: Value) -> Value:
    return _scaled_i(op, x, 0) * op.Exp(op.Abs(x))


@special("BesselI1e")
def i1e(op: Builder, x: Value) -> Value:
    return odd(op, x, _scaled_i(op, x, 1))


@special("BesselI1")
def i1(op: Builder, x: Value) -> Value:
    return odd(op, x, _scaled_i(op, x, 1) * op.Exp(op.Abs(x)))


def _k(op: Builder, x: Value, order: int, scaled: bool) -> Value:
    """Beyond 2 by the table of the scaled function, below with the logarithm taken out (A & S 9.6.13)."""
    inverse = 2 / op.Max(x, 2)
    far = piecewise(op, f"k{order}_far", inverse) * op.Sqrt(inverse / 2)
    analytic = piecewise(op, f"k{order}", x)
    if order:
        near = op.Log(x) * i1(op, x) + analytic / x
    else:
        near = analytic - op.Log(x) * i0(op, x)
    value = op.Where(x > 2, far, near * op.Exp(x)) if scaled else op.Where(x > 2, far * op.Exp(-x), near)
    return op.Where(op.Equal(x, 0), np.inf, value)


@special("BesselK0")
def k0(op: Builder, x: Value) -> Value:
    return _k(op, x, 0, scaled=False)


@special("BesselK0e")
def k0e(op: Builder, x: Value) -> Value:
    return _k(op, x, 0, scaled=True)


@special("BesselK1")
def k1(op: Builder, x: Value) -> Value:
    return _k(op, x, 1, scaled=False)


@special("BesselK1e")
def k1e(op: Builder, x: Value) -> Value:
    return _k(op, x, 1, scaled=True)


def _hankel(op: Builder, size: Value, order: int) -> tuple[Value, Value, Value, Value]:
    """P, Q and the sine and cosine of the phase, times the amplitude (A & S 9.2.5 and 9.2.6)."""
    beyond = op.Max(size, 8)
    inverse = 8 / beyond
    z = inverse * inverse
    p, q = piecewise(op, f"j{order}_p", z), piecewise(op, f"j{order}_q", z) * inverse
    amplitude = op.Sqrt(inverse * (1 / (4 * np.pi)))
    phase = beyond - (2 * order + 1) * np.pi / 4
    return p, q, op.Sin(phase) * amplitude, op.Cos(phase) * amplitude


def _j(op: Builder, x: Value, order: int) -> Value:
    size = op.Abs(x)
    p, q, sine, cosine = _hankel(op, size, order)
    value = op.Where(size > 8, p * cosine - q * sine, piecewise(op, f"j{order}", size))
    return odd(op, x, value) if order else value


@special("BesselJ0")
def j0(op: Builder, x: Value) -> Value:
    return _j(op, x, 0)


@special("BesselJ1")
def j1(op: Builder, x: Value) -> Value:
    return _j(op, x, 1)


def _y(op: Builder, x: Value, order: int) -> Value:
    p, q, sine, cosine = _hankel(op, x, order)
    singular = op.Log(x) * piecewise(op, f"j{order}", x)
    if order:
        singular = singular - op.Reciprocal(x)
    near = singular * (2 / np.pi) + piecewise(op, f"y{order}", x)
    value = op.Where(x > 8, p * sine + q * cosine, near)
    return op.Where(op.Equal(x, 0), -np.inf, value)


@special("BesselY0")
def y0(op: Builder, x: Value) -> Value:
    return _y(op, x, 0)


@special("BesselY1")
def y1(op: Builder, x: Value) -> Value:
    return _y(op, x, 1)
