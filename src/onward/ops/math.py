"""Arithmetic, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dtypes import INT64, is_integer
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.composite import PART_DTYPES, Complex
from onward.lowering.lists import TensorList
from onward.lowering.registry import Unsupported, lower


@lower("Cast")
def cast(op: Builder, x: Value, *, DstT: np.dtype) -> Value | Complex:
    if DstT in PART_DTYPES:
        real = op.Cast(x, to=PART_DTYPES[DstT])
        return Complex(real, op.Expand(op.constant(np.zeros((), real.dtype)), op.shape(real)))
    return op.Cast(x, to=DstT)


@lower("AddN", "AccumulateNV2")
def add_n(op: Builder, inputs: list[Any]) -> Any:
    if isinstance(inputs[0], TensorList):  # lists that hold nothing yet are zeros
        filled = [x.stacked for x in inputs if x.stacked is not None]
        return TensorList(add_n(op, filled)) if filled else inputs[0]
    if not is_integer(inputs[0].dtype):
        return op.Sum(*inputs)
    total = inputs[0]  # ONNX sums floats only, and integers must not round on the way
    for x in inputs[1:]:
        total = total + x
    return total


@lower("BiasAdd")
def bias_add(op: Builder, x: Value, bias: Value, *, data_format: str) -> Value:
    if data_format.startswith("NC"):
        if x.rank is None:
            raise Unsupported("channels first with an unknown rank")
        bias = op.Reshape(bias, [-1] + [1] * (x.rank - 2))
    return x + bias


@lower("BiasAddV1")
def bias_add_v1(op: Builder, x: Value, bias: Value) -> Value:
    return x + bias


@lower("Square")
def square(op: Builder, x: Value) -> Value:
    return x * x


@lower("SquaredDifference")
def squared_difference(op: Builder, x: Value, y: Value) -> Value:
    difference = x - y
    return difference * difference


@lower("Rsqrt")
def rsqrt(op: Builder, x: Value) -> Value:
    return op.Reciprocal(op.Sqrt(x))


@lower("Round", "Rint")
def round_(op: Builder, x: Value) -> Value:
    return x if is_integer(x.dtype) else op.Round(x)  # both round half to even


@lower("Expm1")
def expm1(op: Builder, x: Value) -> Value:
    return op.Exp(x) - 1


@lower("Log1p")
def log1p(op: Builder, x: Value) -> Value:
    return op.Log(x + 1)


@lower("Erfc")
def erfc(op: Builder, x: Value) -> Value:
    return 1 - op.Erf(x)


@lower("Pow")
def pow_(op: Builder, x: Value, y: Value) -> Value:
    """The powers that are cheaper as something else are written so, as TensorFlow's own optimiser does."""
    exponent = y.array.item() if y.array is not None and y.array.size == 1 and _fits(x, y) else None
    if exponent == 2:
        return x * x
    if exponent == 3:
        return x * x * x
    if exponent == 0.5:
        return op.Sqrt(x)
    if exponent == -0.5:
        return op.Reciprocal(op.Sqrt(x))
    if exponent == -1 and not is_integer(x.dtype):
        return op.Reciprocal(x)
    return op.Pow(x, y)


def _fits(x: Value, y: Value) -> bool:
    """Whether broadcasting against ``y``, of one element, leaves the shape of ``x``."""
    return y.rank == 0 or (x.rank is not None and y.rank is not None and y.rank <= x.rank)


@lower("FloorDiv")
def floor_div(op: Builder, x: Value, y: Value) -> Value:
    if not is_integer(x.dtype):
        return op.Floor(x / y)
    quotient = x / y  # towards zero
    if x.known is not None or x.dtype.kind == "u":  # sizes are not negative
        return quotient
    inexact = op.Not(op.Equal(quotient * y, x))
    return quotient - op.Cast(op.And(inexact, op.Xor(x < 0, y < 0)), to=x.dtype)


@lower("FloorMod")
def floor_mod(op: Builder, x: Value, y: Value) -> Value:
    if is_integer(x.dtype):
        return op.Mod(x, y)
    rest = op.Mod(x, y, fmod=1)  # has the sign of x
    if y.array is not None and (y.array > 0).all():
        return op.Where(rest < 0, rest + y, rest)
    wrong_side = op.And(op.Not(op.Equal(rest, 0)), op.Xor(rest < 0, y < 0))
    return op.Where(wrong_side, rest + y, rest)


@lower("Mod", "TruncateMod")
def truncate_mod(op: Builder, x: Value, y: Value) -> Value:
    if x.dtype.kind == "u":
        return op.Mod(x, y)
    if x.dtype == INT64:
        return x - x / y * y  # fmod goes through float64, which does not hold every int64
    return op.Mod(x, y, fmod=1)


@lower("DivNoNan")
def div_no_nan(op: Builder, x: Value, y: Value) -> Value:
    return op.Where(op.Equal(y, 0), 0, x / y)


@lower("MulNoNan")
def mul_no_nan(op: Builder, x: Value, y: Value) -> Value:
    return op.Where(op.Equal(y, 0), 0, x * y)


@lower("Xdivy")
def xdivy(op: Builder, x: Value, y: Value) -> Value:
    return op.Where(op.Equal(x, 0), 0, x / y)


@lower("Xlogy")
def xlogy(op: Builder, x: Value, y: Value) -> Value:
    return op.Where(op.Equal(x, 0), 0, x * op.Log(y))


@lower("Xlog1py")
def xlog1py(op: Builder, x: Value, y: Value) -> Value:
    return op.Where(op.Equal(x, 0), 0, x * op.Log(y + 1))


@lower("ClipByValue")
def clip_by_value(op: Builder, x: Value, low: Value, high: Value) -> Value:
    if low.rank == 0 and high.rank == 0:
        return op.Clip(x, low, high)
    return op.Min(op.Max(x, low), high)


@lower("Atan2")
def atan2(op: Builder, y: Value, x: Value) -> Value:
    return quadrant_angle(op, y, x)


def quadrant_angle(op: Builder, y: Value, x: Value) -> Value:
    """The angle of the point (x, y) in [-pi, pi]; both signs of zero and infinities as C's atan2 has them.

    The smaller side over the larger keeps the quotient finite; a reciprocal tells -0.0 from 0.0.
    """
    pi = np.pi
    width, height = op.Abs(x), op.Abs(y)
    steep = height > width
    equal = op.Equal(height, width)  # also both infinite, and both zero
    quotient = op.Where(equal, 1, op.Min(width, height) / op.Max(width, height))
    angle = op.Atan(quotient)
    angle = op.Where(steep, pi / 2 - angle, angle)
    angle = op.Where(op.And(equal, op.Equal(width, 0)), 0, angle)
    leftwards = op.Reciprocal(x) < 0
    angle = op.Where(op.Or(leftwards, x < 0), pi - angle, angle)
    downwards = op.Or(op.Reciprocal(y) < 0, y < 0)
    angle = op.Where(downwards, -angle, angle)
    return op.Where(op.Or(op.IsNaN(x), op.IsNaN(y)), np.nan, angle)


@lower("NextAfter")
def next_after(op: Builder, x: Value, target: Value) -> Value:
    """Moves by a little more than half a unit in the last place and rounds.

    After S. M. Rump, P. Zimmermann, S. Boldo and G. Melquiond, "Computing predecessor and successor in rounding to
    nearest", BIT 49 (2009); float32 does it in float64, where nothing underflows.
    """
    info = np.finfo(x.dtype)
    wide = np.dtype("float64")
    start = op.Cast(x, to=wide)
    half_unit = float(info.epsneg) * (1 + 2.0**-20 if x.dtype != wide else 1 + 2.0**-52)
    least = float(info.smallest_subnormal) * (0.75 if x.dtype != wide else 1)
    step = op.Max(op.Abs(start) * half_unit, least)
    finite = op.Clip(start, -float(info.max), float(info.max))
    up, down = x < target, x > target
    moved = op.Where(op.IsInf(start), finite, start + op.Where(up, step, -step))
    result = op.Where(op.Or(up, down), op.Cast(moved, to=x.dtype), target)
    return op.Where(op.Or(op.IsNaN(x), op.IsNaN(target)), np.nan, result)
