"""What quantised ops share: roundings, ranges and scales along an axis."""

from __future__ import annotations

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported


def half_away(op: Builder, x: Value) -> Value:
    """Rounds halves away from zero, as C's round does."""
    return op.Sign(x) * op.Floor(op.Abs(x) + 0.5)


def round_up(op: Builder, x: Value) -> Value:
    """Rounds halves up."""
    return op.Floor(x + 0.5)


def along(op: Builder, v: Value, x: Value, axis: int) -> Value:
    """A scalar, or one entry for each place of an axis of ``x``, shaped to broadcast against ``x``."""
    if v.rank == 0 or axis < 0:
        return v if v.rank in (0, None) or axis >= -1 else op.Reshape(v, [])
    if x.rank is None:
        raise Unsupported("an unknown rank")
    return op.Reshape(v, [-1] + [1] * (x.rank - 1 - axis))


def symmetric_scale(op: Builder, low: Value, high: Value, first: float, last: float) -> Value:
    """Steps in a unit, such that ``low`` is at ``first`` or ``high`` at ``last`` and neither beyond."""
    unbounded = float(np.finfo(np.float32).max)
    upper = op.Where(high > 0, last / high, unbounded)
    if first == 0:
        return upper
    return op.Min(op.Where(low < 0, first / low, unbounded), upper)
