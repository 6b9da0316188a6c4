"""Repeating a step: written out where it is short, as ONNX's Loop otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from onward import ir
from onward.dims import Shape, Size, unknown
from onward.dtypes import BOOL, INT64
from onward.ir import Value
from onward.lowering import control

if TYPE_CHECKING:
    from onward.lowering.builder import Builder

UNROLLED = 4  # steps up to which writing out is smaller and faster than a Loop

Step = Callable[..., Sequence[Value]]


def repeat(op: Builder, count: Size | Value, states: Sequence[Value], step: Step) -> list[Value]:
    """Runs ``step(i, *states) -> states`` for i = 0, 1, .. count - 1.

    The states keep their dtypes and shapes. ``i`` is an int64 scalar.
    """
    states = list(states)
    if isinstance(count, int) and count <= UNROLLED:
        for i in range(count):
            states = list(step(op.constant(np.array(i)), *states))
        return states
    trips = count if isinstance(count, Value) else op.size(count)
    return loop(op, trips, None, states, lambda i, *now: (None, list(step(i, *now)), []))


def loop(
    op: Builder, trips: Value, going: Value | None, states: Sequence[Value],
    step: Callable[..., tuple[Value | None, Sequence[Value], Sequence[Value]]],
    collected: Sequence[tuple[np.dtype, Shape | None]] = (),
) -> list[Value]:  # fmt: skip
    """ONNX's Loop.

    Args:
        trips: the most steps, an integer scalar.
        going: whether to begin at all; None for always.
        states: what is carried from step to step, dtypes and shapes kept.
        step: from the step's number and the states to whether to go on (None: always), the next states, and values
            to collect.
        collected: the dtypes and shapes of these.

    Returns:
        The final states, then for each collected value all of them, along a new first axis.
    """
    body = ir.Graph("step")
    with op.scope(body):
        i = op.input("", INT64, ())
        running = op.input("", BOOL, ())
        now = [op.input("", s.dtype, s.shape) for s in states]
        more, following, kept = step(i, *now)
        control.close(op, body, [running if more is None else more, *following, *kept])
    steps: Size = trips.elements.item() if going is None and trips.elements is not None else unknown()
    types: list[Any] = [(s.dtype, s.shape) for s in states]
    types += [(dtype, None if shape is None else (steps, *shape)) for dtype, shape in collected]
    start = op.constant(np.array(True)) if going is None else going
    return list(op.node("Loop", [op.Cast(trips, to=INT64), start, *states], {"body": body}, types))
