"""Windows over any axes: dilation and reduction."""

from __future__ import annotations

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, lower

# By ReduceWindowFunction: all of them associative and commutative, so that one axis goes after the other.
_COMBINE = {"ADD": "Add", "MUL": "Mul", "MINIMUM": "Min", "MAXIMUM": "Max", "ALL": "And", "ANY": "Or"}


@lower("tfl.dilate")
def dilate(op: Builder, x: Value, dilations: Static, fill: Value) -> Value:
    """Puts `dilations` - 1 elements of `fill` between neighbours."""
    steps = [int(d) for d in dilations]
    apart = [part for size in x.shape for part in (size, 1)]
    pads = [0] * (2 * x.rank) + [part for step in steps for part in (0, step - 1)]
    spread = op.Pad(op.Reshape(x, apart), pads, op.Reshape(fill, []), mode="constant")
    whole = op.Reshape(spread, [size * step for size, step in zip(x.shape, steps, strict=True)])
    ends = [size * step - (step - 1) for size, step in zip(x.shape, steps, strict=True)]
    return op.Slice(whole, [0] * x.rank, ends)


@lower("tfl.reduce_window")
def reduce_window(
    op: Builder, x: Value, initial: Value, window: Static, strides: Static, dilations: Static, *, reduce_function: str
) -> Value:  # fmt: skip
    """Only windows that lie inside count."""
    combine = _COMBINE[reduce_function]
    for axis, (count, step, gap) in enumerate(zip(window.tolist(), strides.tolist(), dilations.tolist(), strict=True)):
        places = (x.shape[axis] - (count - 1) * gap - 1) // step + 1
        parts = [
            op.Slice(x, [k * gap], op.sizes([(places - 1) * step + k * gap + 1]), axes=[axis], steps=[step])
            for k in range(count)
        ]
        x = parts[0]
        for part in parts[1:]:
            x = op.emit(combine, x, part)
    return op.emit(combine, x, op.Cast(op.Reshape(initial, []), to=np.dtype(x.dtype)))
