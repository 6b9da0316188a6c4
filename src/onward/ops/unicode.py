"""Unicode: characters of UTF-8 text as code points, and back.

Strings in ONNX are UTF-8 by definition, so what TensorFlow does with malformed text does not arise, and other
encodings have no form.
"""

from __future__ import annotations

import numpy as np

from onward.dtypes import INT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.characters import BYTES, EMPTY, LAST, begins, dense, explode, implode, join


@lower("UnicodeDecode", since=20)
def unicode_decode(
    op: Builder, x: Value, *, input_encoding: str, replacement_char: int, replace_control_characters: bool,
    Tsplits: np.dtype,
) -> tuple[Value, Value]:  # fmt: skip
    """Row splits, and the code points of all strings one after the other."""
    return _decoded(op, x, input_encoding, replacement_char if replace_control_characters else None, Tsplits)[:2]


@lower("UnicodeDecodeWithOffsets", since=20)
def unicode_decode_with_offsets(
    op: Builder, x: Value, *, input_encoding: str, replacement_char: int, replace_control_characters: bool,
    Tsplits: np.dtype,
) -> tuple[Value, Value, Value]:  # fmt: skip
    """As UnicodeDecode, and the byte at which each character begins in its string."""
    return _decoded(op, x, input_encoding, replacement_char if replace_control_characters else None, Tsplits)


def _decoded(op: Builder, x: Value, encoding: str, control: int | None, splits: np.dtype) -> tuple[Value, Value, Value]:
    """``control`` is put in place of control characters, where it is given."""
    _refuse_other_encodings(encoding)
    codes, _ = explode(op, x)
    width = op.append("Shape", [codes], {})
    longer = op.Pad(codes, np.array([0, 0, 0, 3]), np.array(0, np.int64))
    ends = op.Gather(width, np.array([1]))
    one, two, three = (op.Slice(longer, [k], ends + k, [1]) - 128 for k in (1, 2, 3))
    pair = (codes - 0xC0) * 64 + one
    triple = (codes - 0xE0) * 4096 + one * 64 + two
    quadruple = (codes - 0xF0) * 262144 + one * 4096 + two * 64 + three
    points = op.Where(codes < 0xF0, triple, quadruple)
    points = op.Where(codes < 0x80, codes, op.Where(codes < 0xE0, pair, points))
    first = begins(op, codes)
    chosen = op.Reshape(first, [-1])
    values = op.Compress(op.Reshape(points, [-1]), chosen)
    if control is not None:
        values = op.Where(values < 32, control, values)
    offsets = op.Expand(op.Range(np.array(0), op.Gather(width, 1), np.array(1)), width)
    counts = op.ReduceSum(op.Cast(first, to=INT64), axes=[1], keepdims=0)
    row_splits = op.Concat(np.array([0]), op.CumSum(counts, np.array(0)), axis=0)
    offsets = op.Compress(op.Reshape(offsets, [-1]), chosen)
    return op.Cast(row_splits, to=splits), op.Cast(values, to=INT32), offsets


@lower("UnicodeEncode", since=20)
def unicode_encode(
    op: Builder, points: Value, splits: Value, *, output_encoding: str, errors: str, replacement_char: int
) -> Value:
    """The string of each row of code points."""
    _refuse_other_encodings(output_encoding)
    points = op.Cast(points, to=INT64)
    surrogate = op.And(op.GreaterOrEqual(points, 0xD800), points < 0xE000)
    invalid = op.Or(surrogate, op.Or(points < 0, op.Greater(points, 0x10FFFF)))
    points = op.Where(invalid, replacement_char, points)
    letters = implode(op, _encoded(op, points))
    if errors == "ignore":
        letters = op.Where(invalid, EMPTY, letters)
    bounds = op.Cast(splits, to=INT64)
    starts, ends = op.Slice(bounds, [0], [-1], [0]), op.Slice(bounds, [1], [LAST], [0])
    numbers = op.Range(np.array(0), op.Gather(op.append("Shape", [points], {}), 0), np.array(1))
    return join(op, op.Gather(op.Concat(letters, EMPTY.reshape(1), axis=0), dense(op, numbers, starts, ends - starts)))


def _encoded(op: Builder, points: Value) -> Value:
    """The bytes of code points ``[n]`` in UTF-8, ``[n, 4]``."""
    column = op.Unsqueeze(points, axes=[1])
    longer = op.Cast(op.GreaterOrEqual(column, np.array([0x80, 0x800, 0x10000])), to=INT64)
    most = op.ReduceSum(longer, axes=[1], keepdims=1)  # bytes behind the first
    place = np.arange(4)
    digits = op.Div(column, op.Gather(np.array([64**k for k in range(4)]), op.Max(most - place, 0)))
    lead = op.Gather(np.array([0, 0xC0, 0xE0, 0xF0]), most) + digits
    codes = op.Where(place == 0, lead, op.Mod(digits, np.array(64)) + 0x80)
    return op.Where(op.Greater(place, most), -1, codes)


@lower("UnicodeTranscode")
def unicode_transcode(
    op: Builder, x: Value, *, input_encoding: str, output_encoding: str, replacement_char: int,
    replace_control_characters: bool,
) -> Value:  # fmt: skip
    _refuse_other_encodings(input_encoding, output_encoding)
    if not replace_control_characters:
        return x
    codes, _ = explode(op, op.Reshape(x, [-1]))
    letters = BYTES.copy()
    letters[:32] = chr(replacement_char).encode()
    return op.Reshape(join(op, op.Gather(letters, codes)), op.shape(x))


def _refuse_other_encodings(*encodings: str) -> None:
    for encoding in encodings:
        if encoding.upper().replace("_", "-") not in ("UTF-8", "UTF8", "ASCII", "US-ASCII"):
            raise Unsupported(f"the encoding {encoding}: strings in ONNX are UTF-8")
