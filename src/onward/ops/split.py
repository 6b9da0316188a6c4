"""Splitting strings into pieces, and n-grams of the pieces.

ONNX ``StringSplit`` gives a padded matrix and no piece for "". Both are met by splitting ``separator + x`` instead:
every string then has an empty first piece and after it just what TensorFlow gives.
"""

from __future__ import annotations

import numpy as np

from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.characters import EMPTY, LAST, blank, dense, explode, implode, join

WHITESPACE = (b"\t", b"\n", b"\v", b"\f", b"\r", b" ")  # C's isspace


@lower("StringSplitV2", since=20)
def string_split_v2(op: Builder, x: Value, sep: Static, *, maxsplit: int) -> tuple[Value, Value, Value]:
    """Pieces as a sparse matrix: indices ``[n, 2]``, values ``[n]``, shape ``[2]``."""
    separator = bytes(sep.item())
    if maxsplit == 0:
        return _sparse(op, x, op.Unsqueeze(x, axes=[1]), None)
    if separator:
        parts, count = _split(op, x, separator, maxsplit if maxsplit > 0 else None)
        return _sparse(op, x, parts, count)
    if maxsplit > 0:
        parts, count = _first_words(op, x, maxsplit)
        return _sparse(op, x, parts, count)
    return _sparse_pieces(op, x, *pieces(op, x, WHITESPACE))


@lower("StringSplit", since=20)
def string_split(op: Builder, x: Value, delimiter: Static, *, skip_empty: bool) -> tuple[Value, Value, Value]:
    """Splits at each of the delimiter's bytes; without a delimiter at whitespace."""
    delimiters = tuple(bytes([byte]) for byte in delimiter.item())
    if not delimiters:
        raise Unsupported("splitting into single bytes: strings in ONNX are UTF-8")
    return _sparse_pieces(op, x, *pieces(op, x, delimiters, keep_empty=not skip_empty))


def pieces(
    op: Builder, x: Value, delimiters: tuple[bytes, ...], *, keep_empty: bool = False
) -> tuple[Value, Value, Value]:
    """Splits 1-D strings at any of the delimiters.

    Until the end a mark stands before the pieces of each string: the first delimiter, which no piece contains.

    Returns:
        The pieces ``[n]`` in order, the row ``[n]`` that each is of, and its column ``[n]`` in there.
    """
    flat, marked, starts = _marked(op, x, delimiters, keep_empty)
    places = op.Squeeze(op.NonZero(op.Not(marked)), axes=[0])
    rows = op.Gather(op.CumSum(op.Cast(marked, to=INT64), np.array(0)) - 1, places)
    return op.Gather(flat, places), rows, places - op.Gather(starts, rows) - 1


def without(op: Builder, x: Value, characters: tuple[bytes, ...]) -> Value:
    """1-D strings with all of these characters left out."""
    flat, _, starts = _marked(op, x, characters, False)
    count = op.append("Shape", [flat], {})
    places = op.Range(np.array(0), op.Squeeze(count, axes=[0]), np.array(1))
    lengths = op.Concat(op.Slice(starts, [1], [LAST], [0]), count, axis=0)
    lengths = op.Slice(lengths, [0], op.append("Shape", [starts], {}), [0]) - starts - 1  # no rows: no count either
    texts = op.Concat(flat, EMPTY.reshape(1), axis=0)
    return join(op, op.Gather(texts, dense(op, places, starts + 1, lengths)))


def _marked(op: Builder, x: Value, delimiters: tuple[bytes, ...], keep_empty: bool) -> tuple[Value, Value, Value]:
    """All pieces, a mark before those of each string; which of them are marks, and where these stand."""
    assert x.shape is not None
    mark = np.array(delimiters[0], object)
    parts, count = op.StringSplit(op.StringConcat(mark, x), delimiter=delimiters[0], outputs=2)
    if keep_empty:
        count = count - op.Cast(op.Equal(x, EMPTY), to=INT64)  # an empty string has no pieces
    rest = op.Slice(parts, [1], [LAST], [1])
    flat = _kept(op, op.Concat(op.Expand(mark, op.sizes([x.shape[0], 1])), rest, axis=1), count, keep_empty)
    for delimiter in delimiters[1:]:
        parts, count = op.StringSplit(flat, delimiter=delimiter, outputs=2)
        flat = _kept(op, parts, op.Max(count, 1) if keep_empty else None, keep_empty)
    marked = op.Equal(flat, mark)
    return flat, marked, op.Squeeze(op.NonZero(marked), axes=[0])


def _kept(op: Builder, parts: Value, count: Value | None, keep_empty: bool) -> Value:
    """The pieces of a padded matrix as a vector: those that count, or those that are not empty."""
    if keep_empty:
        return op.Compress(op.Reshape(parts, [-1]), op.Reshape(_inside(op, parts, count), [-1]))
    return op.Compress(op.Reshape(parts, [-1]), op.Reshape(op.Not(op.Equal(parts, EMPTY)), [-1]))


def _inside(op: Builder, parts: Value, count: Value | None) -> Value:
    """For each place of a padded matrix whether it is within its row's count."""
    columns = op.Range(np.array(0), op.Gather(op.append("Shape", [parts], {}), 1), np.array(1))
    return op.Less(columns, op.Unsqueeze(count, axes=[1]))


def _split(op: Builder, x: Value, separator: bytes, limit: int | None) -> tuple[Value, Value]:
    """A padded matrix of pieces and how many each row has; an empty string is one empty piece."""
    lead = op.StringConcat(np.array(separator, object), x)
    parts, count = op.StringSplit(lead, delimiter=separator, maxsplit=limit and limit + 1, outputs=2)
    return op.Slice(parts, [1], [LAST], [1]), count - 1


def _first_words(op: Builder, x: Value, limit: int) -> tuple[Value, Value]:
    """At most so many words, each a column, and last what follows them."""
    codes, _ = explode(op, x)
    space = blank(op, codes)
    solid = op.And(op.GreaterOrEqual(codes, 0), op.Not(space))
    follows = op.Pad(op.Cast(solid, to=INT64), np.array([0, 1, 0, -1]), np.array(0, np.int64))
    begins = op.And(solid, op.Equal(follows, 0))
    number = op.CumSum(op.Cast(begins, to=INT64), np.array(1))  # of the word that a byte is of or behind
    number = op.Where(op.Or(solid, op.Greater(number, limit)), op.Min(number, limit + 1), 0)
    columns = np.arange(1, limit + 2).reshape(-1, 1)
    chosen = op.Where(op.Equal(op.Unsqueeze(number, axes=[1]), columns), op.Unsqueeze(codes, axes=[1]), -1)
    words = op.ReduceSum(op.Cast(begins, to=INT64), axes=[1], keepdims=0)
    return implode(op, chosen), op.Min(words, limit) + op.Cast(op.GreaterOrEqual(words, limit), to=INT64)


def _sparse(op: Builder, x: Value, parts: Value, count: Value | None) -> tuple[Value, Value, Value]:
    assert x.shape is not None
    if count is None:
        count = op.Expand(np.array(1), op.shape(x))
    indices = op.Transpose(op.NonZero(_inside(op, parts, count)), perm=[1, 0])
    width = op.ReduceMax(op.Concat(count, np.array([0]), axis=0), keepdims=0)
    return indices, op.GatherND(parts, indices), op.sizes([x.shape[0], width])


def _sparse_pieces(op: Builder, x: Value, texts: Value, rows: Value, columns: Value) -> tuple[Value, Value, Value]:
    assert x.shape is not None
    indices = op.Concat(op.Unsqueeze(rows, axes=[1]), op.Unsqueeze(columns, axes=[1]), axis=1)
    width = op.ReduceMax(op.Concat(columns, np.array([-1]), axis=0), keepdims=0) + 1
    return indices, texts, op.sizes([x.shape[0], width])


@lower("StringNGrams", since=20)
def string_ngrams(
    op: Builder, data: Value, splits: Value, *, separator: str | bytes, ngram_widths: list[int],
    left_pad: str | bytes, right_pad: str | bytes, pad_width: int, preserve_short_sequences: bool,
) -> tuple[Value, Value]:  # fmt: skip
    """The n-grams of each row of a ragged tensor, of one width after the other."""
    bounds = op.Cast(splits, to=INT64)
    glue = _bytes(separator)
    made = []
    for width in ngram_widths:
        pad = min(width - 1, pad_width if pad_width >= 0 else width - 1)
        texts, starts, ends = _padded(op, data, bounds, pad, _bytes(left_pad), _bytes(right_pad))
        count = op.Max(ends - starts - (width - 1), 0)
        row, rank = _enumerated(op, count)
        first = op.Gather(starts, row) + rank
        gram = op.Gather(texts, first)
        for offset in range(1, width):
            gram = op.StringConcat(op.StringConcat(gram, glue) if glue else gram, op.Gather(texts, first + offset))
        made.append((gram, row, count, rank))
    if preserve_short_sequences:
        made.append(_short(op, data, bounds, glue, [m[2] for m in made], max(pad_width, 0), left_pad, right_pad))
    grams, rows, counts, ranks = (list(column) for column in zip(*made, strict=True))
    totals = op.Sum(*counts) if len(counts) > 1 else counts[0]
    ends = op.CumSum(totals, np.array(0))
    out = op.Cast(op.Concat(np.array([0]), ends, axis=0), to=splits.dtype)
    if len(grams) == 1:
        return grams[0], out
    before = ends - totals
    places = []
    for row, count, rank in zip(rows, counts, ranks, strict=True):
        places.append(op.Gather(before, row) + rank)
        before = before + count
    texts = op.Concat(*grams, axis=0)
    return op.ScatterElements(texts, op.Concat(*places, axis=0), texts, axis=0), out


def _short(
    op: Builder, data: Value, splits: Value, glue: bytes, counts: list[Value], pad: int, left: str | bytes,
    right: str | bytes,
) -> tuple[Value, Value, Value, Value]:  # fmt: skip
    """For a row that has no n-gram at all but some data: all of it. Texts, rows, counts and ranks."""
    texts, starts, ends = _padded(op, data, splits, pad, _bytes(left), _bytes(right))
    total = op.Sum(*counts) if len(counts) > 1 else counts[0]
    lone = op.And(op.Equal(total, 0), op.Greater(ends - starts, 2 * pad))
    rows = op.Squeeze(op.NonZero(lone), axes=[0])
    begin = op.Gather(starts, rows)
    length = op.Gather(ends, rows) - begin
    places = dense(op, op.Range(np.array(0), op.Size(texts), np.array(1)), begin, length)
    columns = op.Range(np.array(0), op.Gather(op.append("Shape", [places], {}), 1), np.array(1))
    later = op.And(op.Greater(columns, 0), op.GreaterOrEqual(places, 0))
    parts = op.Gather(op.Concat(texts, EMPTY.reshape(1), axis=0), places)
    if glue:
        parts = op.Where(later, op.StringConcat(np.array(glue, object), parts), parts)
    return join(op, parts), rows, op.Cast(lone, to=INT64), rows * 0


def _padded(op: Builder, data: Value, splits: Value, pad: int, left: bytes, right: bytes) -> tuple[Value, Value, Value]:
    """The rows with ``pad`` strings before and behind each: the texts, and where each row starts and ends."""
    starts, ends = op.Slice(splits, [0], [-1], [0]), op.Slice(splits, [1], [LAST], [0])
    if pad == 0:
        return data, starts, ends
    lengths = ends - starts + 2 * pad
    row, rank = _enumerated(op, lengths)
    inner = rank - pad
    position = op.Gather(starts, row) + inner
    size = op.Gather(lengths, row) - 2 * pad
    source = op.Concat(np.array([left, right], object), data, axis=0)
    picked = op.Where(inner < 0, 0, op.Where(op.Less(inner, size), position + 2, 1))
    new_ends = op.CumSum(lengths, np.array(0))
    return op.Gather(source, picked), new_ends - lengths, new_ends


def _enumerated(op: Builder, counts: Value) -> tuple[Value, Value]:
    """Row and rank of each element of rows with these sizes."""
    ends = op.CumSum(counts, np.array(0))
    total = op.ReduceSum(counts, axes=[0], keepdims=0)
    places = op.Range(np.array(0), total, np.array(1))
    rows = op.ReduceSum(
        op.Cast(op.GreaterOrEqual(op.Unsqueeze(places, axes=[1]), op.Unsqueeze(ends, axes=[0])), to=INT64),
        axes=[1],
        keepdims=0,
    )
    return rows, places - op.Gather(ends - counts, rows)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
