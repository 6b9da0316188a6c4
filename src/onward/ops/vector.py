"""Products of vectors."""

from __future__ import annotations

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower


@lower("Cross")
def cross(op: Builder, a: Value, b: Value) -> Value:
    """Of vectors with three elements, along the last axis."""
    after, before = [1, 2, 0], [2, 0, 1]

    def turned(x: Value, places: list[int]) -> Value:
        return op.Gather(x, places, axis=-1)

    return turned(a, after) * turned(b, before) - turned(a, before) * turned(b, after)
