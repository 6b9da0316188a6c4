"""TFLite's plain recurrent cell, and its filters over time (SVDF)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from onward.ir import Value
from onward.lowering.registry import lower
from onward.ops.tflite.sequence import NATIVE, activate, as_given, is_zero, over, start, time_first

if TYPE_CHECKING:
    from onward.lowering.builder import Builder


@lower("tfl.rnn")
def rnn(
    op: Builder, x: Value, kernel: Value, recurrent: Value, bias: Value | None, h: Value, *, activation: str,
    time_major: bool = True, backward: bool = False, one_step: bool = False,
) -> tuple[Value, Value]:  # fmt: skip
    """``h = f(W x + R h + b)``: the output at each step and the state after the last. Kernels are output, input."""
    x = time_first(op, x, time_major, one_step)
    if activation in NATIVE:
        y, h = _native(op, x, kernel, recurrent, bias, h, activation, backward)
    else:
        seen = op.MatMul(x, op.Transpose(kernel, perm=[1, 0]))
        seen = seen if bias is None else seen + bias
        turned = op.Transpose(recurrent, perm=[1, 0])

        def step(x: Value, h: Value) -> tuple[Value]:
            return (activate(op, activation, x + op.MatMul(h, turned)),)

        y, (h,) = over(op, seen, [start(op, h, x.shape[1])], step, backward)
    return as_given(op, y, time_major, one_step), h


def _native(
    op: Builder, x: Value, kernel: Value, recurrent: Value, bias: Value | None, h: Value, activation: str,
    backward: bool,
) -> tuple[Value, Value]:  # fmt: skip
    units = kernel.shape[0]
    biases = None if bias is None else op.Unsqueeze(op.Concat(bias, np.zeros(units, np.float32), axis=0), axes=[0])
    name, numbers = NATIVE[activation]
    attrs: dict[str, Any] = {"activations": [name]}
    if numbers:
        attrs |= {"activation_alpha": numbers[:1], "activation_beta": numbers[1:]}
    y, h = op.RNN(
        x, op.Unsqueeze(kernel, axes=[0]), op.Unsqueeze(recurrent, axes=[0]), biases, None,
        None if is_zero(h) else op.Unsqueeze(h, axes=[0]),
        hidden_size=units, direction="reverse" if backward else "forward", outputs=2, **attrs,
    )  # fmt: skip
    return op.Squeeze(y, axes=[1]), op.Squeeze(h, axes=[0])


@lower("tfl.svdf_features")
def svdf_features(op: Builder, x: Value, weights: Value) -> Value:
    """What every filter sees of the inputs: (rows, filters)."""
    return op.MatMul(x, op.Transpose(weights, perm=[1, 0]))


@lower("tfl.svdf_remember")
def svdf_remember(op: Builder, memory: Value, features: Value) -> Value:
    """Every filter's memory without its oldest entry, and with the newest: (rows, filters * entries)."""
    rows, filters = features.shape
    entries = memory.shape[-1] // filters
    memory = start(op, memory, rows)
    kept = op.Slice(op.Reshape(memory, [rows, filters, entries]), [1], [entries], [2])
    return op.Reshape(op.Concat(kept, op.Unsqueeze(features, axes=[2]), axis=2), [rows, filters * entries])


@lower("tfl.svdf_weigh")
def svdf_weigh(op: Builder, memory: Value, weights: Value, bias: Value | None, *, rank: int) -> Value:
    """Memories weighed and summed, as many filters together as the rank says: (rows, units)."""
    filters, entries = weights.shape
    weighed = op.Reshape(memory, [memory.shape[0], filters, entries]) * weights
    units = op.Reshape(weighed, [memory.shape[0], filters // rank, rank * entries])
    y = op.ReduceSum(units, axes=[2], keepdims=0)
    return y if bias is None else y + bias
