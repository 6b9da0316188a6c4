"""Recurrent operators. Their states are variables of the model (``state.held``), which TFLite keeps from run to run.

The operands of TFLite's LSTM have an order of their own, which the lowerings (``onward.ops.tflite.lstm``) take over:
input; four kernels each for input and output state (input, forget, cell and output gate); three peepholes; four biases;
projection and its bias; output state and cell state; four scales of layer normalisations. What is left out is absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from onward.formats.tflite import Quantization
from onward.graph import Tensor
from onward.sources.tflite.rules import ACTIVATIONS, Call, Rule
from onward.sources.tflite.state import held, hold

_OUTPUT_STATE, _CELL_STATE, _LSTM_OPERANDS = 18, 19, 24
_HIDDEN = 4  # the intermediate that is what the projection takes


def _activation(call: Call) -> str:
    """The op of the activation inside the cell, nothing for none."""
    name = call.operator.options.enum("fused_activation_function", "ActivationFunctionType")
    return "" if name == "NONE" else ACTIVATIONS[name][0]


def _time_major(call: Call) -> bool:
    return bool(call.option("time_major"))


def _weights(call: Call, position: int) -> Tensor:
    """An operand's reals; those of a quantised constant as a constant."""
    index = call.index(position)
    if index >= 0 and call.value(position) is not None and call.flow.is_quantized(index):
        return call.flow.const(call.flow.reals(index))
    return call.real(position)


# --- LSTM -----------------------------------------------------------------------------------------------------------


def sequence_lstm(call: Call) -> None:
    _lstm(call, range(_LSTM_OPERANDS), 0, time_major=_time_major(call))


def lstm(call: Call) -> None:
    """One step."""
    if call.operator.options.enum("kernel_type", "LSTMKernelType") == "BASIC":
        _basic_lstm(call)
    else:
        _lstm(call, range(_LSTM_OPERANDS), 0, one_step=True)


def bidirectional_lstm(call: Call) -> None:
    """Forward and backward cells side by side; a second input is the backward cell's, or with weights for both."""
    aux = 39
    weighted = any(call.has(position) for position in range(aux + 1, aux + 9))
    attrs = {"time_major": _time_major(call)}
    made = []
    for backward in (False, True):
        start = 18 if backward else 1
        own = aux if backward and call.has(aux) and not weighted else 0
        states = (37, 38) if backward else (35, 36)
        operands = [own, *range(start, start + 17), *states]
        further = None
        if call.has(aux) and weighted:
            further = (aux, aux + (5 if backward else 1))
        made.append(_cell(call, operands, further, backward=backward, **attrs))
    _merge(call, made)


def _lstm(call: Call, operands: Sequence[int], output: int, **attrs: Any) -> None:
    y = _cell(call, operands, None, **attrs)
    call.flow.put(call.outputs[output], y)


def _cell(call: Call, operands: Sequence[int], further: tuple[int, int] | None, **attrs: Any) -> Tensor:
    """An LSTM's output in the file's form; its states are held.

    Args:
        operands: their positions in the order of the module's docstring.
        further: the position of a second input and of the first of its four kernels.
    """
    flow = call.flow
    operands = [*operands, *[len(call.inputs)] * (_LSTM_OPERANDS - len(operands))]
    states = [call.index(operands[place]) for place in (_OUTPUT_STATE, _CELL_STATE)]
    before = [held(flow, index) for index in states]
    attrs |= {
        "activation": _activation(call),
        "cell_clip": float(call.option("cell_clip") or 0),
        "proj_clip": float(call.option("proj_clip") or 0),
    }
    integers = flow.is_quantized(call.index(operands[0])) and not flow.dequantize
    read = call.stored if integers else lambda position: _weights(call, position)
    inputs = [read(position) for position in operands]
    inputs[_OUTPUT_STATE : _CELL_STATE + 1] = before
    op = "tfl.lstm"
    if integers:
        op = "tfl.integer_lstm"
        attrs["scales"] = _scales(call, operands)
    elif further is not None:
        source, first = further
        inputs[0] = flow.node("ConcatV2", [inputs[0], read(source), call.scalar(-1)])
        for gate in range(4):
            if call.has(operands[1 + gate]):
                inputs[1 + gate] = flow.node("ConcatV2", [inputs[1 + gate], read(first + gate), call.scalar(1)])
    made = flow.nodes(op, inputs, outputs=3, **attrs)
    for index, tensor in zip(states, made[1:], strict=True):
        hold(flow, index, flow.known(tensor, flow.form(index)))
    return flow.known(made[0], flow.form(call.outputs[0]))


def _scales(call: Call, operands: Sequence[int]) -> list[tuple[float, int] | None]:
    """Scale and zero point of every operand, then of the five intermediates; None for what has none."""
    indices = [*(call.index(position) for position in operands), *call.operator.intermediates]
    return [_scale(call.flow.tensor(index).quantization) if index >= 0 else None for index in indices]


def _scale(quantization: Quantization | None) -> tuple[float, int] | None:
    return None if quantization is None else (float(quantization.scale[0]), int(quantization.zero_point[0]))


def _merge(call: Call, made: list[Tensor]) -> None:
    """Outputs of both directions: one behind the other, or as two outputs."""
    if call.option("merge_outputs"):
        call.put(call.node("ConcatV2", *made, call.scalar(-1)))
        return
    for i, tensor in enumerate(made):
        call.put(tensor, i)


def _basic_lstm(call: Call) -> None:
    """One step of the plain cell, whose states are inputs and outputs and whose kernels are one."""
    inputs = [call.real(i) for i in (0, 1)] + [_weights(call, i) for i in (2, 3)] + [call.real(4)]
    h, c = call.flow.nodes("tfl.basic_lstm", inputs, outputs=2)
    call.flow.put_real(call.outputs[0], h)
    call.flow.put_real(call.outputs[1], c)


# --- RNN ------------------------------------------------------------------------------------------------------------


def rnn(call: Call) -> None:
    """One step."""
    call.put(_plain(call, range(5), 0, one_step=True))


def sequence_rnn(call: Call) -> None:
    call.put(_plain(call, range(5), 0, time_major=_time_major(call)))


def bidirectional_rnn(call: Call) -> None:
    """As with ``bidirectional_lstm``; the backward cell has an input of its own only where time comes first."""
    aux, by_time = 9, _time_major(call)
    weighted = call.has(aux + 1) or call.has(aux + 2)
    made = []
    for backward in (False, True):
        own = aux if backward and call.has(aux) and not weighted and by_time else 0
        start = 5 if backward else 1
        further = aux + (2 if backward else 1) if call.has(aux) and weighted else 0
        operands = [own, *range(start, start + 4)]
        made.append(_plain(call, operands, further, backward=backward, time_major=by_time))
    _merge(call, made)


def _plain(call: Call, operands: Sequence[int], further: int, **attrs: Any) -> Tensor:
    """A plain cell's output; `further` is the position of a kernel for the second input, 0 for none."""
    flow = call.flow
    state = call.index(operands[4])
    inputs = [_weights(call, position) for position in operands[:4]] + [held(flow, state)]
    if further:
        inputs[0] = call.node("ConcatV2", inputs[0], call.real(9), call.scalar(-1))
        inputs[1] = call.node("ConcatV2", inputs[1], _weights(call, further), call.scalar(1))
    y, after = flow.nodes("tfl.rnn", inputs, outputs=2, activation=_activation(call), **attrs)
    hold(flow, state, after)
    return y


# --- SVDF -----------------------------------------------------------------------------------------------------------


def svdf(call: Call) -> None:
    """A filter over what features of the inputs were (Nakkiran et al. 2015): features now, remembered, weighed."""
    flow, state = call.flow, call.index(4)
    integers = flow.is_quantized(state) and flow.is_quantized(call.index(0))
    memory = held(flow, state)
    features = call.node("tfl.svdf_features", call.real(0), _weights(call, 1))
    if integers and not flow.dequantize:
        features = flow.quantized(features, state)
    memory = call.node("tfl.svdf_remember", memory, features)
    hold(flow, state, memory)
    y = call.node("tfl.svdf_weigh", flow.real(state), _weights(call, 2), _weights(call, 3), rank=call.option("rank"))
    call.put_real(flow.known(y, np.dtype(np.float32)))


RULES: dict[str, Rule] = {
    "BIDIRECTIONAL_SEQUENCE_LSTM": bidirectional_lstm,
    "BIDIRECTIONAL_SEQUENCE_RNN": bidirectional_rnn,
    "LSTM": lstm,
    "RNN": rnn,
    "SVDF": svdf,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": sequence_lstm,
    "UNIDIRECTIONAL_SEQUENCE_RNN": sequence_rnn,
}
