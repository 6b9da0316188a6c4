"""Arithmetic, element by element, and matrix products."""

from __future__ import annotations

import numpy as np

from onward.dtypes import is_integer
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower


@lower("Cast")
def cast(op: Builder, x: Value, *, DstT: np.dtype) -> Value:
    return op.Cast(x, to=DstT)


@lower("AddN", "AccumulateNV2")
def add_n(op: Builder, inputs: list[Value]) -> Value:
    return op.Sum(*inputs)


@lower("BiasAdd")
def bias_add(op: Builder, x: Value, bias: Value, *, data_format: str) -> Value:
    if data_format.startswith("NC") and x.rank is not None and x.rank > 2:
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


@lower("Erfc")
def erfc(op: Builder, x: Value) -> Value:
    return 1 - op.Erf(x)


@lower("Expm1")
def expm1(op: Builder, x: Value) -> Value:
    return op.Exp(x) - 1


@lower("Log1p")
def log1p(op: Builder, x: Value) -> Value:
    return op.Log(1 + x)


@lower("Pow")
def pow_(op: Builder, x: Value, y: Value) -> Value:
    return op.Pow(x, y)


@lower("FloorDiv")
def floor_div(op: Builder, x: Value, y: Value) -> Value:
    if not is_integer(x.dtype):
        return op.Floor(x / y)
    if x.elements is not None or x.dtype.kind == "u":
        return x / y
    quotient = x / y
    inexact = op.Not(op.Equal(quotient * y, x))
    return quotient - op.Cast(op.And(inexact, op.Xor(x < 0, y < 0)), to=x.dtype)


@lower("FloorMod")
def floor_mod(op: Builder, x: Value, y: Value) -> Value:
    if is_integer(x.dtype):
        return op.Mod(x, y)
    return x - op.Floor(x / y) * y


@lower("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
def matmul(
    op: Builder, a: Value, b: Value, *, transpose_a: bool = False, transpose_b: bool = False, adj_x: bool = False,
    adj_y: bool = False,
) -> Value:  # fmt: skip
    if transpose_a or adj_x:
        a = swap_last(op, a)
    if transpose_b or adj_y:
        b = swap_last(op, b)
    return a @ b


def swap_last(op: Builder, x: Value) -> Value:
    """The matrix transpose of the last two axes."""
    assert x.rank is not None
    return op.Transpose(x, perm=[*range(x.rank - 2), x.rank - 1, x.rank - 2])


@lower("Select", "SelectV2")
def select(op: Builder, condition: Value, x: Value, y: Value) -> Value:
    return op.Where(condition, x, y)


@lower("NotEqual")
def not_equal(op: Builder, x: Value, y: Value) -> Value:
    return op.Not(op.Equal(x, y))
