"""Strings as arrays of bytes, and back.

ONNX compares, joins and splits strings but has no operator that gives their bytes. Their order is what reveals them:
``Unique`` sorts, so the place of a string among its known beginning followed by other bytes tells the next byte. That
takes four comparisons with three candidates each, for all strings at once, and a turn of a loop per byte. Words that
occur several times are looked at once.
"""

from __future__ import annotations

import numpy as np

from onward import ir
from onward.dims import unknown
from onward.dtypes import BOOL, INT64, STRING, is_integer
from onward.ir import Value
from onward.lowering.builder import Builder

EMPTY = np.array(b"", object)
LAST = np.iinfo(np.int64).max
SPACE = 32
BYTES = np.array([bytes([i]) for i in range(256)] + [b""], object)  # the last one, -1, stands for no byte
_UNROLLED = 8  # columns that are joined without a loop


def join(op: Builder, x: Value, separator: bytes = b"") -> Value:
    """Concatenates along the last axis: strings ``[..., n]`` give ``[...]``, "" where n is 0."""
    assert x.shape is not None
    width = x.shape[-1]
    if separator and width not in (0, 1):
        rest = op.StringConcat(np.array(separator, object), op.Slice(x, [1], [LAST], [-1]))
        x = op.Concat(op.Slice(x, [0], [1], [-1]), rest, axis=-1)
    if isinstance(width, int) and 0 < width <= _UNROLLED:
        columns = op.Split(x, split=[1] * width, axis=-1, outputs=width) if width > 1 else (x,)
        total = columns[0]
        for column in columns[1:]:
            total = op.StringConcat(total, column)
        return op.Squeeze(total, axes=[-1])
    return _halved(op, x)


def _halved(op: Builder, x: Value) -> Value:
    """Joins neighbours until one column is left."""
    assert x.shape is not None
    lead = x.shape[:-1]
    nothing = op.Expand(EMPTY, op.sizes([*lead, 1]))
    wide = op.Concat(x, nothing, axis=-1)
    body = ir.Graph("join")
    with op.scope(body):
        op.input("", INT64, ())
        op.input("", BOOL, ())
        state = op.input("", STRING, (*lead, unknown()))
        left = op.Slice(state, [0], [LAST], [-1], [2])
        right = op.Slice(op.Concat(state, nothing, axis=-1), [1], [LAST], [-1], [2])
        joined = op.StringConcat(left, right)
        more = op.Greater(op.Gather(op.append("Shape", [joined], {}), -1), 1)
        body.outputs = [op.real(more), joined]
    (result,) = op.node(
        "Loop", [None, op.constant(np.array(True)), wide], {"body": body}, [(STRING, (*lead, unknown()))]
    )
    return op.Reshape(result, op.sizes(lead)) if lead else op.Squeeze(result, axes=[-1])


def implode(op: Builder, codes: Value) -> Value:
    """The strings ``[...]`` of bytes ``[..., n]``; -1 stands for no byte."""
    return join(op, op.Gather(BYTES, codes))


def explode(op: Builder, x: Value) -> tuple[Value, Value]:
    """The bytes of 1-D strings: int64 ``[strings, most bytes]``, -1 behind the last one, and how many each has."""
    made_of = x.producer
    while made_of is not None and made_of.op == "Reshape" and made_of.inputs[0] is not None:
        made_of = made_of.inputs[0].producer
    if made_of is not None and made_of.op == "Cast" and made_of.inputs[0] is not None:
        number = made_of.inputs[0]
        if is_integer(number.dtype):
            return _digits(op, op.Reshape(number, [-1]))
    parts, count = op.StringSplit(op.StringConcat(np.array(b" ", object), x), delimiter=b" ", outputs=2)
    columns = op.Range(np.array(0), op.Gather(op.append("Shape", [parts], {}), 1), np.array(1))
    valid = op.And(op.Less(columns, op.Unsqueeze(count, axes=[1])), op.Greater(columns, 0))
    distinct, _, which = op.Unique(op.Concat(op.Reshape(parts, [-1]), EMPTY.reshape(1), axis=0), outputs=3)
    spelled = _spelled(op, distinct)
    length = op.ReduceSum(op.Cast(op.GreaterOrEqual(spelled, 0), to=INT64), axes=[1], keepdims=0) + 1
    space = op.Expand(np.array(SPACE), op.sizes([distinct.shape[0], 1]))
    spelled = op.Concat(space, spelled, axis=1)  # every word with the space before it
    which = op.Reshape(op.Slice(which, [0], [-1], [0]), op.append("Shape", [parts], {}), allowzero=1)
    total = op.ReduceSum(op.Where(valid, op.Gather(length, which), 0), axes=[1], keepdims=0)
    which = op.Compress(op.Reshape(which, [-1]), op.Reshape(valid, [-1]))
    word, place = _flattened(op, op.Gather(length, which))
    width = op.Gather(op.append("Shape", [spelled], {}), 1)
    stream = op.Gather(op.Reshape(spelled, [-1]), op.Gather(which, word) * width + place)
    return dense(op, stream, op.CumSum(total, np.array(0)) - total + 1, total - 1), total - 1


def dense(op: Builder, stream: Value, starts: Value, lengths: Value) -> Value:
    """Rows of a vector as a matrix, -1 where a row has ended.

    Args:
        stream: int64 ``[n]``.
        starts: where each row begins, ``[rows]``.
        lengths: how many it has, ``[rows]``.
    """
    longest = op.ReduceMax(op.Concat(lengths, np.array([1]), axis=0), keepdims=0)
    columns = op.Range(np.array(0), longest, np.array(1))
    inside = op.Less(columns, op.Unsqueeze(lengths, axes=[1]))
    places = op.Where(inside, op.Unsqueeze(starts, axes=[1]) + columns, -1)
    return op.Gather(op.Concat(stream, np.array([-1]), axis=0), places)


def _flattened(op: Builder, sizes: Value) -> tuple[Value, Value]:
    """For rows of these sizes, none of them 0: the row of each element, and its rank there."""
    starts = op.CumSum(sizes, np.array(0), exclusive=1)
    total = op.ReduceSum(sizes, axes=[0], keepdims=0)
    ones = op.Expand(np.array(1), op.append("Shape", [sizes], {}))
    marks = op.ScatterElements(op.Expand(np.array(0), op.Unsqueeze(total, axes=[0])), starts, ones, axis=0)
    row = op.CumSum(marks, np.array(0)) - 1
    return row, op.Range(np.array(0), total, np.array(1)) - op.Gather(starts, row)


def _spelled(op: Builder, x: Value) -> Value:
    """The bytes of 1-D strings, -1 behind the last: one turn of a loop per byte."""
    assert x.shape is not None
    column = op.Unsqueeze(x, axes=[1])
    body = ir.Graph("bytes")
    with op.scope(body):
        op.input("", INT64, ())
        op.input("", BOOL, ())
        known = op.input("", STRING, x.shape)  # the bytes so far
        code: Value | None = None
        for step in (64, 16, 4, 1):
            offsets = np.arange(1, 4) * step
            higher = op.constant(offsets) if code is None else op.Unsqueeze(code, axes=[1]) + offsets
            candidates = op.StringConcat(op.Unsqueeze(known, axes=[1]), op.Gather(BYTES, higher))
            ranks = op.Unique(op.Concat(column, candidates, axis=1), outputs=3)[2]
            ranks = op.Reshape(ranks, [-1, 4])
            above = op.GreaterOrEqual(op.Slice(ranks, [0], [1], [1]), op.Slice(ranks, [1], [4], [1]))
            digit = op.ReduceSum(op.Cast(above, to=INT64), axes=[1], keepdims=0) * step
            code = digit if code is None else code + digit
        code = op.Where(op.Equal(known, x), -1, code)
        longer = op.StringConcat(known, op.Gather(BYTES, code))
        left = op.ReduceSum(op.Cast(op.Not(op.Equal(longer, x)), to=INT64), keepdims=0)
        body.outputs = [op.Greater(left, 0), longer, code]
    start = op.Expand(EMPTY, op.shape(x))
    _, codes = op.node(
        "Loop", [None, op.constant(np.array(True)), start], {"body": body},
        [(STRING, x.shape), (INT64, (unknown(), x.shape[0]))],
    )  # fmt: skip
    return op.Transpose(codes, perm=[1, 0])


_DIGITS = 20  # of 2**64 - 1


def _digits(op: Builder, numbers: Value) -> tuple[Value, Value]:
    """The bytes of integers written in decimal, by arithmetic."""
    unsigned = np.dtype(np.uint64)
    magnitude = op.Cast(numbers, to=unsigned)
    negative = None
    if numbers.dtype.kind == "i":
        negative = numbers < 0
        wide = op.Cast(numbers, to=INT64)
        magnitude = op.Cast(op.Where(negative, -wide, wide), to=unsigned)  # of the lowest number, too
    powers = np.array([10**k for k in range(_DIGITS)], np.uint64)
    column = op.Unsqueeze(magnitude, axes=[1])
    digits = op.Cast(op.Mod(op.Div(column, powers), np.array(10, np.uint64)), to=INT64)
    reached = op.GreaterOrEqual(column, powers[1:])
    length = op.ReduceSum(op.Cast(reached, to=INT64), axes=[1], keepdims=0) + 1
    if negative is not None:
        length = length + op.Cast(negative, to=INT64)
    places = op.Unsqueeze(length, axes=[1]) - 1 - np.arange(_DIGITS)
    codes = op.GatherElements(digits + ord("0"), op.Max(places, 0), axis=1)
    if negative is not None:
        sign = op.And(op.Unsqueeze(negative, axes=[1]), np.arange(_DIGITS) == 0)
        codes = op.Where(sign, ord("-"), codes)
    return op.Where(places < 0, -1, codes), length


def begins(op: Builder, codes: Value) -> Value:
    """Whether a character begins at each byte, in UTF-8."""
    return op.Or(op.And(op.GreaterOrEqual(codes, 0), codes < 0x80), op.GreaterOrEqual(codes, 0xC0))


def blank(op: Builder, codes: Value) -> Value:
    """Whether each byte is ASCII whitespace."""
    return op.Or(op.Equal(codes, SPACE), op.And(op.GreaterOrEqual(codes, ord("\t")), codes <= ord("\r")))
