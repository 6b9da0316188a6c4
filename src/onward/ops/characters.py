"""Joining strings, the one thing on which every string op that builds text relies."""

from __future__ import annotations

import numpy as np

from onward import ir
from onward.dims import unknown
from onward.dtypes import BOOL, INT64, STRING
from onward.ir import Value
from onward.lowering.builder import Builder

EMPTY = np.array(b"", object)
LAST = np.iinfo(np.int64).max
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
