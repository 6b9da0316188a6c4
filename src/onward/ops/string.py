"""Strings as a whole: case, joining, formatting."""

from __future__ import annotations

import numpy as np

from onward.dims import Dim, product
from onward.dtypes import INT64, STRING
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.characters import EMPTY, LAST, join


@lower("StringLower")
def string_lower(op: Builder, x: Value, *, encoding: str) -> Value:
    return _change_case(op, x, "LOWER", encoding)


@lower("StringUpper")
def string_upper(op: Builder, x: Value, *, encoding: str) -> Value:
    return _change_case(op, x, "UPPER", encoding)


def _change_case(op: Builder, x: Value, action: str, encoding: str) -> Value:
    """TensorFlow changes ASCII letters only, unless it is told that the text is UTF-8: the "C" locale's rule.

    The locale of UTF-8 that every C library has maps letters one to one; ICU's exceptions ("ß" to "SS") are not made.
    """
    locale = "C" if not encoding else "C.UTF-8"
    flat = op.Reshape(x, [-1])
    if x.shape is None or isinstance(product(x.shape), Dim) or product(x.shape) == 0:  # the operator refuses no strings
        changed = op.StringNormalizer(
            op.Concat(flat, EMPTY.reshape(1), axis=0), case_change_action=action, locale=locale
        )
        return op.Reshape(op.Slice(changed, [0], [-1], [0]), op.shape(x))
    return op.Reshape(op.StringNormalizer(flat, case_change_action=action, locale=locale), op.shape(x))


@lower("StringJoin", since=20)
def string_join(op: Builder, inputs: list[Value], *, separator: str | bytes) -> Value:
    glue = np.array(_bytes(separator), object)
    total = inputs[0]
    for x in inputs[1:]:
        total = op.StringConcat(op.StringConcat(total, glue) if separator else total, x)
    return total


@lower("ReduceJoin", since=20)
def reduce_join(op: Builder, x: Value, axes: Static, *, keep_dims: bool, separator: str | bytes) -> Value:
    """Joins along the first axis listed first, then along the next."""
    if x.rank is None:
        raise Unsupported("the rank is unknown")
    reduced = [int(a) % x.rank for a in np.atleast_1d(axes)]
    if not reduced:
        return x
    kept = [a for a in range(x.rank) if a not in reduced]
    assert x.shape is not None
    sizes = [x.shape[a] for a in kept]
    moved = op.Transpose(x, perm=[*kept, *reversed(reduced)])
    joined = join(op, op.Reshape(moved, [*sizes, product(x.shape[a] for a in reduced)]), _bytes(separator))
    return op.Reshape(joined, [1 if a in reduced else s for a, s in enumerate(x.shape)]) if keep_dims else joined


@lower("UnsortedSegmentJoin", since=20)
def unsorted_segment_join(op: Builder, x: Value, segments: Value, count: Value, *, separator: str | bytes) -> Value:
    """Joins the strings of each segment in the order in which they come.

    A separator goes before a string only where something stands before it already.
    """
    if x.rank is None or segments.rank is None:
        raise Unsupported("the rank is unknown")
    assert x.shape is not None
    assert segments.shape is not None
    inner = x.shape[segments.rank :]
    columns = op.Reshape(x, [product(segments.shape), product(inner)])
    ids = op.Cast(op.Reshape(segments, [-1]), to=INT64)
    count = op.Cast(count, to=INT64)
    groups = op.Range(np.array(0), op.Reshape(count, np.array([], np.int64)), np.array(1))
    member = op.Equal(op.Unsqueeze(groups, axes=[1]), op.Unsqueeze(ids, axes=[0]))  # [segments, strings]
    texts = op.Unsqueeze(op.Transpose(columns, perm=[1, 0]), axes=[1])
    glued = texts
    if separator:
        written = op.Cast(op.And(member, op.Not(op.Equal(texts, EMPTY))), to=INT64)
        first = op.Equal(op.CumSum(written, np.array(2), exclusive=1), 0)
        glued = op.Where(first, texts, op.StringConcat(np.array(_bytes(separator), object), texts))
    joined = join(op, op.Where(member, glued, EMPTY))
    return op.Reshape(op.Transpose(joined, perm=[1, 0]), [op.Reshape(count, np.array([], np.int64)), *inner])


@lower("StringFormat", since=20)
def string_format(
    op: Builder, inputs: list[Value], *, template: str | bytes, placeholder: str | bytes, summarize: int
) -> Value:
    """Puts the text of each tensor where the template has a placeholder."""
    pieces = _bytes(template).split(_bytes(placeholder), len(inputs))
    total = op.constant(np.array(pieces[0], object))
    for x, piece in zip(inputs, pieces[1:], strict=True):
        total = op.StringConcat(total, _printed(op, x, summarize))
        if piece:
            total = op.StringConcat(total, np.array(piece, object))
    return total


def _printed(op: Builder, x: Value, summarize: int) -> Value:
    """A tensor as ``tf.print`` shows it: ``[[1 2] [3 4]]``, the middle of long axes left out."""
    if x.shape is None or any(isinstance(s, Dim) for s in x.shape):
        raise Unsupported("the shape of what is formatted must be static")
    if x.dtype == STRING:
        text = op.StringConcat(op.StringConcat(b'"', x), b'"')
    elif x.dtype.kind in "iu":
        text = op.Cast(x, to=STRING)
    elif x.dtype.kind == "b":
        text = op.Where(x, np.array(b"1", object), np.array(b"0", object))
    else:
        raise Unsupported(f"{x.dtype.name} is formatted as C++ prints it, which ONNX cannot")
    separator = b" "
    for size in reversed(x.shape):
        assert isinstance(size, int)
        if 0 <= 2 * summarize < size:
            dots = op.Expand(np.array(b"...", object), op.sizes([*text.shape[:-1], 1]))
            ends = op.Slice(text, [0], [summarize], [-1]), op.Slice(text, [-summarize], [LAST], [-1])
            text = op.Concat(ends[0], dots, ends[1], axis=-1)
        text = op.StringConcat(op.StringConcat(b"[", join(op, text, separator)), b"]")
        separator = b"\n" + separator
    return text


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
