"""Numbers as text, as C's ``printf`` writes them, and back."""

from __future__ import annotations

import numpy as np

from onward.dtypes import BOOL, FLOAT16, FLOAT64, INT64, STRING, is_float, is_integer
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.characters import EMPTY
from onward.ops.large_number import with_large

_FRACTION_BITS = 26
_MOST_DECIMALS = {"float64": 7}  # beyond, the arithmetic below would not be exact
_MOST_DIGITS = 8
_LOWEST, _HIGHEST = -45, 38  # powers of ten within float32
_SIGNS = {"+": b"+", " ": b" "}


@lower("AsString")
def as_string(
    op: Builder, x: Value, *, precision: int, scientific: bool, shortest: bool, width: int, fill: str
) -> Value:
    """``%d``, ``%f``, ``%e``, ``%g`` or the words true and false, with printf's flags and width."""
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
    return _real(op, x, 6 if precision < 0 else precision, scientific, shortest, width, fill)


def _real(op: Builder, x: Value, precision: int, scientific: bool, shortest: bool, width: int, fill: str) -> Value:
    """``%.nf``, ``%.ne`` or ``%.ng``, and printf's words for what is no number."""
    wide = op.Cast(x, to=FLOAT64)
    special = op.Or(op.IsNaN(wide), op.IsInf(wide))
    size = op.Abs(op.Where(special, np.array(0.0), wide))
    if not (scientific or shortest):
        most = _MOST_DECIMALS.get(x.dtype.name, 12)
        if precision > most:
            raise Unsupported(f"more than {most} decimals of {x.dtype.name}")
        body, length = _fixed(op, size, precision, x.dtype)
    elif x.dtype == FLOAT64 or precision > _MOST_DIGITS:
        raise Unsupported(f"float64, or more than {_MOST_DIGITS} digits, with an exponent")
    else:
        body, length = _general(op, size, precision, shortest and not scientific)
    below = op.Or(wide < 0, op.Equal(op.Reciprocal(wide), -np.inf))  # minus zero keeps its sign
    name = op.Where(op.IsNaN(wide), np.array(b"nan", object), np.array(b"inf", object))
    body, length = op.Where(special, name, body), op.Where(special, np.array(3), length)
    if fill == "0" and width > 3:
        zero = _laid_out(op, below, body, length, width, "0")
        return op.Where(special, _laid_out(op, below, body, length, width, ""), zero)
    return _laid_out(op, below, body, length, width, fill)


def _fixed(op: Builder, size: Value, precision: int, dtype: np.dtype) -> tuple[Value, Value]:
    """``%.nf``, rounded as the exact decimal expansion is, ties to even; and its length."""
    floor = op.Floor(size)
    scaled = _scaled(op, size - floor, floor, precision)
    carry = op.GreaterOrEqual(scaled, 10**precision)
    whole = op.Cast(floor, to=INT64) + op.Cast(carry, to=INT64)
    body, length = op.Cast(whole, to=STRING), _length(op, whole)
    if dtype != FLOAT16:  # which ends at 65504
        body, length = with_large(op, floor, body, length, dtype)
    if precision:
        decimals = op.Where(carry, np.array(0, np.int64), scaled)
        zeros = np.array([b"." + b"0" * k for k in range(precision)][::-1], object)
        padding = op.Gather(zeros, _length(op, decimals, precision) - 1)
        body = op.StringConcat(op.StringConcat(body, padding), op.Cast(decimals, to=STRING))
        length = length + (precision + 1)
    return body, length


def _general(op: Builder, size: Value, precision: int, shortest: bool) -> tuple[Value, Value]:
    """``%.ne``, or ``%.ng``: the shorter of the two notations and no zeros at the end; and its length.

    The digits are those of ``size * 10**n`` in double precision, which has 29 bits more than float32.
    """
    places = max(precision - 1, 0) if shortest else precision  # behind the first digit
    powers = np.array([float(f"1e{k}") for k in range(_LOWEST, _HIGHEST + 1)])
    reached = op.Cast(op.GreaterOrEqual(op.Unsqueeze(size, axes=[-1]), powers), to=INT64)
    exponent = op.ReduceSum(reached, axes=[-1], keepdims=0) + (_LOWEST - 1)
    zero = op.Equal(size, 0.0)
    exponent = op.Where(zero, np.array(0), exponent)
    shift = places - exponent
    factors = np.array([float(f"1e{k}") for k in range(places - _LOWEST + 2)])
    scaled = op.Where(
        shift < 0, size / op.Gather(factors, op.Max(-shift, 0)), size * op.Gather(factors, op.Max(shift, 0))
    )
    digits = op.Cast(op.Round(scaled), to=INT64)
    over = op.GreaterOrEqual(digits, 10 ** (places + 1))
    digits = op.Where(over, op.Div(digits, np.array(10)), digits)
    exponent = exponent + op.Cast(over, to=INT64)
    texts = np.array([b"e%+03d" % k for k in range(_LOWEST - 1, _HIGHEST + 2)], object)
    ending, taken = op.Gather(texts, exponent - (_LOWEST - 1)), op.constant(np.array(4))
    tens = np.array([10**k for k in range(places + 5)])
    if shortest:
        plain = op.And(op.GreaterOrEqual(exponent, -4), exponent <= places)
        decimals = op.Where(plain, places - exponent, np.array(places))
        ending, taken = op.Where(plain, EMPTY, ending), op.Where(plain, np.array(0), taken)
        ends = op.Equal(op.Mod(op.Unsqueeze(digits, axes=[-1]), tens[1 : places + 1]), 0)
        zeros = op.ReduceSum(op.Cast(ends, to=INT64), axes=[-1], keepdims=0) if places else np.array(0)
        dropped = op.Min(op.Where(zero, np.array(places), zeros), decimals)
        decimals, kept = op.Gather(tens, decimals), decimals - dropped
        fraction = op.Div(op.Mod(digits, decimals), op.Gather(tens, dropped))
    else:
        decimals, kept = op.constant(np.array(10**places)), op.Expand(np.array(places), op.shape(size))
        fraction = op.Mod(digits, decimals)
    whole = op.Div(digits, decimals)
    point = np.array([b"." + b"0" * k for k in range(places + 5)], object)
    padding = op.Gather(point, op.Max(kept - _length(op, fraction), 0))
    text = op.Where(op.Greater(kept, 0), op.StringConcat(padding, op.Cast(fraction, to=STRING)), EMPTY)
    body = op.StringConcat(op.StringConcat(op.Cast(whole, to=STRING), text), ending)
    return body, _length(op, whole) + kept + op.Cast(op.Greater(kept, 0), to=INT64) + taken


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
