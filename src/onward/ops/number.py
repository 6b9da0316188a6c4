"""Numbers as text, as C's ``printf`` writes them, and back."""

from __future__ import annotations

import numpy as np

from onward.dtypes import BOOL, FLOAT64, INT64, STRING, is_float, is_integer
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower

_FRACTION_BITS = 26
_MOST_DECIMALS = {"float64": 7}  # beyond, the arithmetic below would not be exact
_SIGNS = {"+": b"+", " ": b" "}


@lower("AsString")
def as_string(
    op: Builder, x: Value, *, precision: int, scientific: bool, shortest: bool, width: int, fill: str
) -> Value:
    """``%d``, ``%f`` or the words true and false, with printf's flags and width."""
    if fill not in ("", "0", "-", "+", " "):
        raise Unsupported(f"the fill {fill!r}")
    if x.dtype in (STRING, BOOL):
        if width > 0:
            raise Unsupported("a width for what is no number")
        return x if x.dtype == STRING else op.Where(x, np.array(b"true", object), np.array(b"false", object))
    if is_integer(x.dtype):
        if width <= 0 and fill not in _SIGNS:
            return op.Cast(x, to=STRING)
        negative = x < 0 if x.dtype.kind == "i" else op.Expand(np.array(False), op.shape(x))
        digits = op.Abs(x) if x.dtype.kind == "i" else x
        return _laid_out(op, negative, op.Cast(digits, to=STRING), _length(op, digits), width, fill)
    if not is_float(x.dtype):
        raise Unsupported(f"{x.dtype.name} as text")
    if scientific or shortest:
        raise Unsupported("floating-point numbers with an exponent")
    return _fixed(op, x, 6 if precision < 0 else precision, width, fill)


def _fixed(op: Builder, x: Value, precision: int, width: int, fill: str) -> Value:
    """``%.nf``, rounded as the exact decimal expansion is, ties to even.

    The whole part must be below 2**63.
    """
    most = _MOST_DECIMALS.get(x.dtype.name, 12)
    if precision > most:
        raise Unsupported(f"more than {most} decimals of {x.dtype.name}")
    wide = op.Cast(x, to=FLOAT64)
    special = op.Or(op.IsNaN(wide), op.IsInf(wide))
    size = op.Abs(op.Where(special, np.array(0.0), wide))
    floor = op.Floor(size)
    scaled = _scaled(op, size - floor, floor, precision)
    unit = 10**precision
    carry = op.GreaterOrEqual(scaled, unit)
    whole = op.Cast(floor, to=INT64) + op.Cast(carry, to=INT64)
    body, length = op.Cast(whole, to=STRING), _length(op, whole)
    if precision:
        decimals = op.Where(carry, np.array(0, np.int64), scaled)
        zeros = np.array([b"." + b"0" * k for k in range(precision)][::-1], object)
        padding = op.Gather(zeros, _length(op, decimals, precision) - 1)
        body = op.StringConcat(op.StringConcat(body, padding), op.Cast(decimals, to=STRING))
        length = length + (precision + 1)
    below = op.Or(wide < 0, op.Equal(op.Reciprocal(wide), -np.inf))  # minus zero keeps its sign
    name = op.Where(op.IsNaN(wide), np.array(b"nan", object), np.array(b"inf", object))
    body, length = op.Where(special, name, body), op.Where(special, np.array(3), length)
    if fill == "0" and width > 3:
        zero = _laid_out(op, below, body, length, width, "0")
        return op.Where(special, _laid_out(op, below, body, length, width, ""), zero)
    return _laid_out(op, below, body, length, width, fill)


def _scaled(op: Builder, fraction: Value, floor: Value, precision: int) -> Value:
    """``fraction * 10**precision`` rounded to int64, ties to even.

    The fraction is cut in two so that neither product is rounded; what is left over decides.
    """
    if precision == 0:  # a tie goes to the even whole number
        odd = op.Mod(floor, np.array(2.0), fmod=1)
        return op.Cast(op.Or(fraction > 0.5, op.And(op.Equal(fraction, 0.5), op.Equal(odd, 1.0))), to=INT64)
    cut = 2.0**_FRACTION_BITS
    high = op.Floor(fraction * cut) / cut
    first, second = high * 10.0**precision, (fraction - high) * 10.0**precision
    lower, over = op.Floor(first), op.Floor(second)
    rest = ((first - lower) - 0.5) + (second - over)  # its sign is exact
    count = op.Cast(lower, to=INT64) + op.Cast(over, to=INT64)
    tie = op.And(op.Equal(rest, 0.0), op.Equal(op.Mod(count, np.array(2)), 1))
    up = op.Cast(op.Or(rest > 0, tie), to=INT64) + op.Cast(rest >= 1.0, to=INT64)
    return count + up


def _length(op: Builder, number: Value, most: int = 19) -> Value:
    """How many decimal digits a number that is not negative has, int64."""
    bounds = np.array([10**k for k in range(1, most)], np.int64)
    reached = op.GreaterOrEqual(op.Unsqueeze(op.Cast(number, to=INT64), axes=[-1]), bounds)
    return op.ReduceSum(op.Cast(reached, to=INT64), axes=[-1], keepdims=0) + 1


def _laid_out(op: Builder, negative: Value, body: Value, length: Value, width: int, fill: str) -> Value:
    """Sign, padding and digits in printf's order."""
    positive = _SIGNS.get(fill, b"")
    sign = op.Where(negative, np.array(b"-", object), np.array(positive, object))
    if width <= 0:
        return op.StringConcat(sign, body)
    taken = length + (1 if positive else op.Cast(negative, to=INT64))
    missing = op.Max(np.array(width) - taken, 0)
    blank = b"0" if fill == "0" else b" "
    padding = op.Gather(np.array([blank * k for k in range(width + 1)], object), missing)
    if fill == "0":
        return op.StringConcat(op.StringConcat(sign, padding), body)
    text = op.StringConcat(sign, body)
    return op.StringConcat(text, padding) if fill == "-" else op.StringConcat(padding, text)


@lower("StringToNumber")
def string_to_number(op: Builder, x: Value, *, out_type: np.dtype) -> Value:
    return op.Cast(x, to=out_type)
