"""Lines of comma-separated values (RFC 4180) as columns."""

from __future__ import annotations

import numpy as np

from onward.dtypes import INT64, STRING
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower
from onward.ops.characters import explode, implode

_QUOTE = ord('"')


@lower("DecodeCSV", since=20)
def decode_csv(
    op: Builder, records: Value, defaults: list[Value], *, OUT_TYPE: list[np.dtype], field_delim: str | bytes,
    use_quote_delim: bool, na_value: str | bytes, select_cols: list[int],
) -> tuple[Value, ...]:  # fmt: skip
    """One tensor for each column; a field that is empty, or says that nothing is there, takes the default."""
    (delimiter,) = _bytes(field_delim)
    missing = np.array(_bytes(na_value), object)
    codes, _ = explode(op, op.Reshape(records, [-1]))
    quote = op.Equal(codes, _QUOTE)
    ends, kept = op.Equal(codes, delimiter), codes >= 0
    if use_quote_delim:
        inside = op.Equal(op.Mod(op.CumSum(op.Cast(quote, to=INT64), 1), 2), 1)
        after = op.Slice(op.Pad(op.Cast(quote, to=INT64), [0, 1, 0, 0]), [0], [-1], [1])
        doubled = op.And(op.And(quote, inside), op.Equal(after, 1))  # the second of two stands for one
        ends = op.And(ends, op.Not(inside))
        kept = op.And(kept, op.Or(op.Not(quote), doubled))
    field = op.Where(op.And(kept, op.Not(ends)), op.CumSum(op.Cast(ends, to=INT64), 1), -1)
    columns = []
    for default, dtype, index in zip(defaults, OUT_TYPE, select_cols or range(len(defaults)), strict=True):
        text = implode(op, op.Where(op.Equal(field, int(index)), codes, -1))
        empty = op.Or(op.Equal(text, np.array(b"", object)), op.Equal(text, missing))
        if default.shape == (0,):  # required: TensorFlow would raise
            default = op.constant(np.array("" if dtype == STRING else 0, dtype))
        elif default.rank != 0:
            default = op.Reshape(default, [])
        number = text if dtype == STRING else op.Cast(op.Where(empty, np.array(b"0", object), text), to=dtype)
        columns.append(op.Reshape(op.Where(empty, default, number), op.shape(records)))
    return tuple(columns)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
