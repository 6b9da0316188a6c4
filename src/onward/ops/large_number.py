"""Floats of 2**63 and more in decimal, every digit: the significand times a power of two, in base 10**9."""

from __future__ import annotations

import numpy as np

from onward import ir
from onward.dtypes import INT64, STRING
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.ops.characters import EMPTY, join

BOUND = 2.0**63
_FIRST, _LAST = 63, {"float64": 1023}  # the powers of two at which such numbers lie, 127 where nothing is said
_BASE, _DIGITS = 10**9, 9
_HALF = 27  # bits of the significand that a limb can be multiplied by


def with_large(op: Builder, size: Value, text: Value, length: Value, dtype: np.dtype) -> tuple[Value, Value]:
    """``text`` and its length, or the digits where ``size``, finite float64 and not negative, is beyond its reach.

    They are worked out only in runs where any number is that large.

    Args:
        dtype: what ``size`` was before, which bounds it.
    """
    beyond = size >= BOUND
    then, other = ir.Graph("large"), ir.Graph("small")
    with op.scope(then):
        digits, count = _digits(op, op.Where(beyond, size, BOUND), _LAST.get(dtype.name, 127))
        then.outputs = [op.Where(beyond, digits, text), op.Where(beyond, count, length)]
    with op.scope(other):
        other.outputs = [op.node("Identity", [v], {}, [(v.dtype, v.shape)])[0] for v in (text, length)]
    some = op.Greater(op.ReduceSum(op.Cast(beyond, to=INT64), keepdims=0), 0)
    types = [(v.dtype, v.shape) for v in (text, length)]
    return op.node("If", [some], {"then_branch": then, "else_branch": other}, types)  # type: ignore[return-value]


def _digits(op: Builder, size: Value, last: int) -> tuple[Value, Value]:
    """The decimal digits of whole numbers from 2**63 on and how many they are."""
    powers = np.array([2.0**k for k in range(_FIRST, last + 1)])
    reached = op.Cast(op.Unsqueeze(size, axes=[-1]) >= powers, to=INT64)
    place = op.ReduceSum(reached, axes=[-1], keepdims=0) - 1
    # size = significand * 2**(_FIRST + place - 52), the significand in two halves
    significand = op.Cast(size * op.Gather(2.0**52 / powers, place, axis=0), to=INT64)
    halves = op.Div(significand, 2**_HALF), op.Mod(significand, 2**_HALF)
    limbs = [
        op.Unsqueeze(half, axes=[-1]) * op.Gather(_powers(_FIRST - 52 + shift, len(powers), last), place, axis=0)
        for half, shift in zip(halves, (_HALF, 0), strict=True)
    ]
    parts = _carried(op, limbs[0] + limbs[1])
    text = op.Cast(parts, to=STRING)
    count = _count(op, parts)
    padding = op.Gather(np.array([b"0" * k for k in range(_DIGITS)], object), _DIGITS - count, axis=0)
    some = op.Cast(parts > 0, to=INT64)
    ahead = op.CumSum(some, -1, exclusive=1) > 0  # limbs from the highest on: whether digits stand before
    used = op.Or(ahead, parts > 0)
    text = op.Where(ahead, op.StringConcat(padding, text), op.Where(used, text, EMPTY))
    taken = op.Where(ahead, _DIGITS, op.Where(used, count, 0))
    return join(op, text), op.ReduceSum(taken, axes=[-1], keepdims=0)


def _powers(first: int, count: int, last: int) -> np.ndarray:
    """2**first, 2**(first + 1), .. as limbs, the lowest first."""
    width = -(-len(str(2 ** (last + 1))) // _DIGITS)
    numbers = [2 ** (first + k) for k in range(count)]
    return np.array([[n // _BASE**i % _BASE for i in range(width)] for n in numbers], np.int64)


def _carried(op: Builder, limbs: Value) -> Value:
    """Limbs below the base, the highest first."""
    assert limbs.shape is not None
    carry, parts = op.constant(np.array([0], np.int64)), []
    for i in range(int(limbs.shape[-1])):  # type: ignore[arg-type]
        total = op.Slice(limbs, [i], [i + 1], [-1]) + carry
        parts.append(op.Mod(total, _BASE))
        carry = op.Div(total, _BASE)
    return op.Concat(*parts[::-1], axis=-1)


def _count(op: Builder, number: Value) -> Value:
    """How many decimal digits a limb has."""
    bounds = np.array([10**k for k in range(1, _DIGITS)], np.int64)
    reached = op.Cast(op.Unsqueeze(number, axes=[-1]) >= bounds, to=INT64)
    return op.ReduceSum(reached, axes=[-1], keepdims=0) + 1
