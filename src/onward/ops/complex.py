"""Complex numbers: between them and their parts, and the functions of a complex variable.

Formulas for real and imaginary parts as in Abramowitz & Stegun, chapters 3.7, 4.1, 4.3 and 4.5.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onward.dtypes import is_complex
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.composite import PART_DTYPES, Complex
from onward.lowering.registry import lower
from onward.ops.math import quadrant_angle


@lower("Complex")
def complex_(op: Builder, real: Value, imag: Value) -> Complex:
    if real.shape is None or real.shape != imag.shape:
        shape = op.shape(real + imag)
        real, imag = op.Expand(real, shape), op.Expand(imag, shape)
    return Complex(real, imag)


@lower("Cast", complex=True)
def cast(op: Builder, z: Complex, *, DstT: np.dtype) -> Complex | Value:
    if is_complex(DstT):
        part = PART_DTYPES[DstT]
        return Complex(op.Cast(z.real, to=part), op.Cast(z.imag, to=part))
    return op.Cast(z.real, to=DstT)


@lower("Real", complex=True)
def real(op: Builder, z: Complex) -> Value:
    return z.real


@lower("Imag", complex=True)
def imag(op: Builder, z: Complex) -> Value:
    return z.imag


@lower("Conj", complex=True)
def conj(op: Builder, z: Complex) -> Complex:
    return z.conjugate


@lower("Real", "Conj")
def real_of_real(op: Builder, x: Value) -> Value:
    return x


@lower("ConjugateTranspose", complex=True)
def conjugate_transpose(op: Builder, z: Complex, perm: Value) -> Complex:
    order = perm.array.tolist() if perm.array is not None else None
    return Complex(op.Transpose(z.real, perm=order), -op.Transpose(z.imag, perm=order))


@lower("ComplexAbs", "Abs", complex=True)
def absolute(op: Builder, z: Complex) -> Value:
    return op.Sqrt(z.norm)


@lower("Angle", complex=True)
def angle(op: Builder, z: Complex) -> Value:
    return quadrant_angle(op, z.imag, z.real)


@lower("OnesLike", complex=True)
def ones_like(op: Builder, z: Complex) -> Complex:
    shape = op.shape(z.real)
    one, zero = (op.constant(np.array(number, z.real.dtype)) for number in (1, 0))
    return Complex(op.Expand(one, shape), op.Expand(zero, shape))


@lower("Equal", complex=True)
def equal(op: Builder, x: Complex, y: Complex) -> Value:
    return op.And(op.Equal(x.real, y.real), op.Equal(x.imag, y.imag))


@lower("NotEqual", complex=True)
def not_equal(op: Builder, x: Complex, y: Complex) -> Value:
    return op.Not(equal(op, x, y))


@lower("Div", "RealDiv", complex=True)
def divide(op: Builder, x: Complex, y: Complex) -> Complex:
    return x / y


@lower("DivNoNan", complex=True)
def divide_no_nan(op: Builder, x: Complex, y: Complex) -> Complex:
    quotient, zero = x / y, op.Equal(y.norm, 0)
    return Complex(op.Where(zero, 0, quotient.real), op.Where(zero, 0, quotient.imag))


@lower("Square", complex=True)
def square(op: Builder, z: Complex) -> Complex:
    product = z.real * z.imag
    return Complex(z.real * z.real - z.imag * z.imag, product + product)


@lower("SquaredDifference", complex=True)
def squared_difference(op: Builder, x: Complex, y: Complex) -> Complex:
    norm = (x - y).norm
    return Complex(norm, op.Expand(op.constant(np.zeros((), norm.dtype)), op.shape(norm)))


@lower("Reciprocal", "Inv", complex=True)
def reciprocal(op: Builder, z: Complex) -> Complex:
    return z.conjugate / z.norm


@lower("Sign", complex=True)
def sign(op: Builder, z: Complex) -> Complex:
    length = op.Sqrt(z.norm)
    return z / op.Where(op.Equal(length, 0), 1, length)


@lower("Exp", complex=True)
def exp(op: Builder, z: Complex) -> Complex:
    scale = op.Exp(z.real)
    return Complex(scale * op.Cos(z.imag), scale * op.Sin(z.imag))


@lower("Expm1", complex=True)
def expm1(op: Builder, z: Complex) -> Complex:
    return exp(op, z) - 1


@lower("Log", complex=True)
def log(op: Builder, z: Complex) -> Complex:
    return Complex(op.Log(z.norm) * 0.5, quadrant_angle(op, z.imag, z.real))


@lower("Log1p", complex=True)
def log1p(op: Builder, z: Complex) -> Complex:
    return log(op, z + 1)


@lower("Sqrt", complex=True)
def sqrt(op: Builder, z: Complex) -> Complex:
    """The larger part by a sum, the smaller from it, so that nothing cancels."""
    larger = op.Sqrt((op.Sqrt(z.norm) + op.Abs(z.real)) * 0.5)
    smaller = op.Where(op.Equal(larger, 0), 0, op.Abs(z.imag) / (larger + larger))
    right, below = z.real >= 0, z.imag < 0
    height = op.Where(right, smaller, larger)
    return Complex(op.Where(right, larger, smaller), op.Where(below, -height, height))


@lower("Rsqrt", complex=True)
def rsqrt(op: Builder, z: Complex) -> Complex:
    return reciprocal(op, sqrt(op, z))


@lower("Pow", complex=True)
def power(op: Builder, base: Complex, exponent: Complex) -> Complex:
    result = exp(op, exponent * log(op, base))
    zero = op.Equal(base.norm, 0)
    limit = op.Cast(op.Equal(exponent.norm, 0), to=base.real.dtype)
    return Complex(op.Where(zero, limit, result.real), op.Where(zero, 0, result.imag))


@lower("Sinh", complex=True)
def sinh(op: Builder, z: Complex) -> Complex:
    return Complex(op.Sinh(z.real) * op.Cos(z.imag), op.Cosh(z.real) * op.Sin(z.imag))


@lower("Cosh", complex=True)
def cosh(op: Builder, z: Complex) -> Complex:
    return Complex(op.Cosh(z.real) * op.Cos(z.imag), op.Sinh(z.real) * op.Sin(z.imag))


@lower("Tanh", complex=True)
def tanh(op: Builder, z: Complex) -> Complex:
    """Beyond 20 the result is 1 to the last bit, while cosh runs over."""
    twice, turn = op.Clip(z.real, -20, 20) * 2, z.imag * 2
    below = op.Cosh(twice) + op.Cos(turn)
    return Complex(op.Sinh(twice) / below, op.Sin(turn) / below)


def _times_i(z: Complex) -> Complex:
    return Complex(-z.imag, z.real)


def _rotated(function: Callable[[Builder, Complex], Complex]) -> Callable[[Builder, Complex], Complex]:
    """The circular function of a hyperbolic one: f(z) = -i h(i z)."""
    return lambda op, z: -_times_i(function(op, _times_i(z)))


def asinh(op: Builder, z: Complex) -> Complex:
    return log(op, z + sqrt(op, z * z + 1))


def atanh(op: Builder, z: Complex) -> Complex:
    return (log(op, z + 1) - log(op, -z + 1)) * 0.5


def acosh(op: Builder, z: Complex) -> Complex:
    return log(op, z + sqrt(op, z + 1) * sqrt(op, z - 1))


def acos(op: Builder, z: Complex) -> Complex:
    angle = _rotated(asinh)(op, z)
    return Complex(np.pi / 2 - angle.real, -angle.imag)


lower("Sin", complex=True)(_rotated(sinh))
lower("Tan", complex=True)(_rotated(tanh))
lower("Asinh", complex=True)(asinh)
lower("Acosh", complex=True)(acosh)
lower("Atanh", complex=True)(atanh)
lower("Asin", complex=True)(_rotated(asinh))
lower("Acos", complex=True)(acos)
lower("Atan", complex=True)(_rotated(atanh))


@lower("Cos", complex=True)
def cos(op: Builder, z: Complex) -> Complex:
    return cosh(op, _times_i(z))


@lower("Sigmoid", complex=True)
def sigmoid(op: Builder, z: Complex) -> Complex:
    return reciprocal(op, exp(op, -z) + 1)
