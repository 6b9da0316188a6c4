"""Bits of integers."""

from __future__ import annotations

import numpy as np

from onward.dtypes import is_float
from onward.graph import Node
from onward.ir import Value
from onward.lowering import Context, control
from onward.lowering.builder import Builder
from onward.lowering.registry import lower


def unsigned(dtype: np.dtype) -> np.dtype:
    """The unsigned dtype in which ONNX shifts integers of this one."""
    return np.dtype({1: "uint8", 2: "uint32", 4: "uint32", 8: "uint64"}[dtype.itemsize])


@lower("BitwiseAnd", context=True)
def bitwise_and(context: Context, node: Node, x: Value, y: Value) -> Value:
    """The sign bit of a float's bits is told without computing the other bits."""
    op = context.op
    for bits, (tensor, mask) in ((x, (node.inputs[0], y)), (y, (node.inputs[1], x))):
        source = control.source(tensor).node
        if source.op != "Bitcast" or op.has("BitCast") or mask.array is None:
            continue
        number = context.value(source.inputs[0])
        if not isinstance(number, Value) or not is_float(number.dtype) or number.dtype.itemsize != bits.dtype.itemsize:
            continue
        if bits.dtype.kind == "i" and np.all(mask.array == np.iinfo(bits.dtype).min):
            negative = op.Or(number < 0, op.Reciprocal(number) < 0)  # the second for -0.0
            return op.Where(negative, mask, op.constant(np.zeros((), bits.dtype)))
    return op.BitwiseAnd(x, y)


@lower("LeftShift")
def left_shift(op: Builder, x: Value, y: Value) -> Value:
    wide = unsigned(x.dtype)
    return op.Cast(op.BitShift(op.Cast(x, to=wide), _amount(op, x, y), direction="LEFT"), to=x.dtype)


@lower("RightShift")
def right_shift(op: Builder, x: Value, y: Value) -> Value:
    """A negative number is shifted as its complement, which fills with ones from the left."""
    wide, amount = unsigned(x.dtype), _amount(op, x, y)
    if x.dtype.kind == "u":
        return op.Cast(op.BitShift(op.Cast(x, to=wide), amount, direction="RIGHT"), to=x.dtype)
    negative = x < 0
    magnitude = op.Cast(op.Where(negative, -1 - x, x), to=wide)
    shifted = op.Cast(op.BitShift(magnitude, amount, direction="RIGHT"), to=x.dtype)
    return op.Where(negative, -1 - shifted, shifted)


def _amount(op: Builder, x: Value, y: Value) -> Value:
    """TensorFlow clamps the shift to the bits there are."""
    return op.Cast(op.Max(op.Min(y, x.dtype.itemsize * 8 - 1), 0), to=unsigned(x.dtype))


@lower("PopulationCount")
def population_count(op: Builder, x: Value) -> Value:
    """Sums ever wider groups of bits (H. S. Warren, Hacker's Delight, 5-1)."""
    int64 = np.dtype("int64")
    if x.dtype.itemsize < 8:
        return op.Cast(_ones(op, op.Cast(op.Cast(x, to=unsigned(x.dtype)), to=int64), x.dtype), to=np.dtype("uint8"))
    words = op.Cast(x, to=np.dtype("uint64"))
    high = op.Cast(op.BitShift(words, np.uint64(32), direction="RIGHT"), to=int64)
    low = op.Cast(op.Mod(words, np.uint64(1 << 32)), to=int64)
    word = np.dtype("uint32")
    return op.Cast(_ones(op, high, word) + _ones(op, low, word), to=np.dtype("uint8"))


def _ones(op: Builder, x: Value, dtype: np.dtype) -> Value:
    """The set bits of non-negative int64 numbers below 2**32; narrower dtypes drop what sign extension added."""
    bits = dtype.itemsize * 8
    x = op.Mod(x, 1 << bits) if bits < 32 else x
    powers = op.constant(1 << np.arange(bits, dtype=np.int64))
    return op.ReduceSum(op.Mod(op.Unsqueeze(x, axes=[-1]) / powers, 2), axes=[-1], keepdims=0)
