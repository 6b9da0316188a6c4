"""Comparisons and tests."""

from __future__ import annotations

import numpy as np

from onward.dtypes import BOOL
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower


@lower("Equal")
def equal(op: Builder, x: Value, y: Value, *, incompatible_shape_error: bool) -> Value:
    if not incompatible_shape_error and not _compatible(x, y):
        return op.constant(np.array(False))
    return op.Equal(x, y)


@lower("NotEqual")
def not_equal(op: Builder, x: Value, y: Value, *, incompatible_shape_error: bool) -> Value:
    if not incompatible_shape_error and not _compatible(x, y):
        return op.constant(np.array(True))
    return op.Xor(x, y) if x.dtype == BOOL else op.Not(op.Equal(x, y))


def _compatible(x: Value, y: Value) -> bool:
    """Whether the shapes broadcast, as far as they are known."""
    pairs = zip(reversed(x.shape or ()), reversed(y.shape or ()), strict=False)
    return all(a == b or 1 in (a, b) or not (isinstance(a, int) and isinstance(b, int)) for a, b in pairs)


@lower("ApproximateEqual")
def approximate_equal(op: Builder, x: Value, y: Value, *, tolerance: float) -> Value:
    return op.Abs(x - y) < tolerance


@lower("IsFinite")
def is_finite(op: Builder, x: Value) -> Value:
    return op.Abs(x) < np.inf
