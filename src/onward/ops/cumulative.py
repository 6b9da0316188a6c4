"""Running sums, products and the like along an axis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onward import ir
from onward.dtypes import FLOAT32, INT64, is_integer
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower

Combine = Callable[[Value, Value], Value]


@lower("Cumsum")
def cumsum(op: Builder, x: Value, axis: Value, *, exclusive: bool, reverse: bool) -> Value:
    return op.CumSum(x, axis, exclusive=int(exclusive), reverse=int(reverse))


@lower("Cumprod")
def cumprod(op: Builder, x: Value, axis: Value, *, exclusive: bool, reverse: bool) -> Value:
    if op.has("CumProd"):
        return op.CumProd(x, axis, exclusive=int(exclusive), reverse=int(reverse))
    return running(op, op.Mul, 1, x, axis, exclusive, reverse)


@lower("CumulativeLogsumexp")
def cumulative_logsumexp(op: Builder, x: Value, axis: Value, *, exclusive: bool, reverse: bool) -> Value:
    def combine(a: Value, b: Value) -> Value:
        larger = op.Max(a, b)
        total = larger + op.Log(op.Exp(op.Min(a, b) - larger) + 1)
        return op.Where(op.IsInf(larger), larger, total)

    return running(op, combine, -np.inf, x, axis, exclusive, reverse)


def running(
    op: Builder, combine: Combine, start: float, x: Value, axis: Value, exclusive: bool, reverse: bool
) -> Value:  # fmt: skip
    """What is accumulated up to each place of an axis, by a Scan.

    Args:
        combine: the accumulation of two values, emitted inside the loop.
        start: its neutral element.
        exclusive: leave out the element at the place itself.
        reverse: run from the end.
    """
    if x.shape is None or axis.array is None:
        raise Unsupported("an axis or rank known only at run time")
    along = int(axis.array) % len(x.shape)
    rest = (*x.shape[:along], *x.shape[along + 1 :])
    exact = x.dtype.name in ("float32", "float64", "int32", "int64")
    wide = x.dtype if exact else INT64 if is_integer(x.dtype) else FLOAT32  # int64 wraps as every integer does
    x, narrow = op.Cast(x, to=wide), x.dtype
    state = op.Expand(op.constant(np.array(start, wide)), list(rest))
    body = ir.Graph("running")
    with op.scope(body):
        before, element = op.input("", wide, rest), op.input("", wide, rest)
        after = combine(before, element)
        body.outputs = [after, op.append("Identity", [before if exclusive else after], {})]
    directions = {"scan_input_directions": [1], "scan_output_directions": [1]} if reverse else {}
    attrs = {"body": body, "num_scan_inputs": 1, "scan_input_axes": [along], "scan_output_axes": [along], **directions}
    _, result = op.node("Scan", [state, x], attrs, [(wide, rest), (wide, x.shape)])
    return op.Cast(result, to=narrow)
