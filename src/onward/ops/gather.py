"""Gathering by index."""

from __future__ import annotations

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower


@lower("GatherV2")
def gather_v2(op: Builder, x: Value, indices: Value, axis: Static, *, batch_dims: int) -> Value:
    if batch_dims:
        raise Unsupported("batch_dims")
    return op.Gather(x, indices, axis=int(axis))
