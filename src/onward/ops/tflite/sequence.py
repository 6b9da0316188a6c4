"""What TFLite's recurrent operators share: sequences along the first axis, states, activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from onward.dims import Size
from onward.ir import Value
from onward.lowering.loop import UNROLLED, loop
from onward.lowering.registry import Unsupported
from onward.ops.array import flip

if TYPE_CHECKING:
    from onward.lowering.builder import Builder

# Activations inside a cell, by what the source calls them, and ONNX's names for them with their alphas and betas.
NATIVE: dict[str, tuple[str, list[float]]] = {"Tanh": ("Tanh", []), "Relu": ("Relu", []), "": ("Affine", [1.0, 0.0])}


def activate(op: Builder, name: str, x: Value) -> Value:
    """An activation inside a cell."""
    if name == "Relu6":
        return op.Clip(x, 0, 6)
    if name == "tfl.relu_n1_to_1":
        return op.Clip(x, -1, 1)
    if name == "tfl.sign_bit":
        return op.Cast(x < 0, to=x.dtype)
    return op.emit(name, x) if name else x


def time_first(op: Builder, x: Value, time_major: bool, one_step: bool) -> Value:
    """A sequence with its steps along the first axis, rows along the second."""
    if one_step:
        return op.Unsqueeze(x, axes=[0])
    if x.shape is None:
        raise Unsupported("a sequence of unknown rank")
    return x if time_major else op.Transpose(x, perm=[1, 0, 2])


def as_given(op: Builder, y: Value, time_major: bool, one_step: bool) -> Value:
    """The opposite of ``time_first``."""
    if one_step:
        return op.Squeeze(y, axes=[0])
    return y if time_major else op.Transpose(y, perm=[1, 0, 2])


def is_zero(state: Value) -> bool:
    return state.array is not None and not state.array.any()


def start(op: Builder, state: Value, rows: Size) -> Value:
    """A state's first value; zeros are as many rows as the input has, whatever the file was made for."""
    return op.Expand(np.zeros((1, 1), state.dtype), [rows, state.shape[-1]]) if is_zero(state) else state


def over(
    op: Builder,
    xs: Value,
    states: Sequence[Value],
    step: Callable[..., Sequence[Value]],
    backward: bool,
) -> tuple[Value, Sequence[Value]]:
    """Runs ``step(x, *states) -> states`` along the first axis; each step's first state, and the last states."""
    steps = xs.shape[0]
    if backward:
        xs = flip(op, xs, [0])
    if isinstance(steps, int) and 0 < steps <= UNROLLED:
        made, now = [], list(states)
        for i in range(steps):
            now = list(step(op.Gather(xs, i, axis=0), *now))
            made.append(op.Unsqueeze(now[0], axes=[0]))
        y = op.Concat(*made, axis=0)
    else:

        def body(i: Value, *before: Value) -> tuple[None, Sequence[Value], Sequence[Value]]:
            after = step(op.Gather(xs, i, axis=0), *before)
            return None, after, after[:1]

        shape = states[0].shape
        *now, y = loop(op, op.size(steps), None, states, body, [(states[0].dtype, shape)])
    return flip(op, y, [0]) if backward else y, now
