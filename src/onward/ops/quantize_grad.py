"""Gradients of simulated quantisation: passed through within the range, given to its ends outside of it."""

from __future__ import annotations

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower
from onward.ops.quantize import nudged
from onward.ops.requantize import along


@lower("FakeQuantWithMinMaxArgsGradient")
def fake_quant_grad(
    op: Builder, gradient: Value, x: Value, *, min: float, max: float, num_bits: int, narrow_range: bool
) -> Value:
    low, high = (op.constant(np.array(limit, np.float32)) for limit in (min, max))
    _, bottom, top, _ = nudged(op, low, high, num_bits, narrow_range)
    return op.Where(op.And(x >= bottom, x <= top), gradient, 0)


@lower("FakeQuantWithMinMaxVarsGradient", "FakeQuantWithMinMaxVarsPerChannelGradient")
def fake_quant_vars_grad(
    op: Builder, gradient: Value, x: Value, low: Value, high: Value, *, num_bits: int, narrow_range: bool
) -> tuple[Value, Value, Value]:
    """By the input and both ends of the range, which are one or one for each place of the last axis."""
    _, bottom, top, _ = nudged(op, low, high, num_bits, narrow_range)
    nothing = op.And(op.Equal(low, 0), op.Equal(high, 0))  # a range that is not set yet quantises nothing
    below, above = (op.And(outside, op.Not(nothing)) for outside in (x < bottom, x > top))
    axes = None if low.rank == 0 or x.rank is None else list(range(x.rank - 1))
    by_ends = [op.ReduceSum(op.Where(where, gradient, 0), axes=axes, keepdims=0) for where in (below, above)]
    if axes == []:
        by_ends = [op.Where(where, gradient, 0) for where in (below, above)]
    return op.Where(op.Or(below, above), 0, gradient), by_ends[0], by_ends[1]


@lower("QuantizeAndDequantizeV4Grad")
def quantize_and_dequantize_grad(
    op: Builder, gradient: Value, x: Value, low: Value, high: Value, *, axis: int
) -> tuple[Value, Value, Value]:
    """The ends of the range take none."""
    inside = op.And(x >= along(op, low, x, axis), x <= along(op, high, x, axis))
    return op.Where(inside, gradient, 0), low * 0, high * 0
