"""Recurrent operators: cells over sequences and for one step, in floating point and in integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.tflite.build import NONE, RELU, RELU6, RELU_N1_TO_1, TANH, Case, T, case, const, f32, i8, weights

_IN, _UNITS, _ROWS = 3, 4, 2


def _state(*shape: int, dtype: str = "float32", **more: Any) -> T:
    return T(dtype, shape, is_variable=True, **more)


def _kernels(
    cifg: bool, seed: int, inputs: int = _IN, outputs: int = _UNITS, *, peepholes: bool = False
) -> list[T | None]:
    """Kernels for inputs and for the output state, then peepholes."""
    found: list[T | None] = [weights(_UNITS, inputs, seed=seed + g) for g in range(4)]
    found += [weights(_UNITS, outputs, seed=seed + 10 + g) for g in range(4)]
    found += [weights(_UNITS, seed=seed + 20 + g) if peepholes else None for g in range(3)]
    if cifg:
        for place in (0, 4, 8):
            found[place] = None
    return found


def _biases(cifg: bool, seed: int = 30) -> list[T | None]:
    return [None if cifg and g == 0 else weights(_UNITS, seed=seed + g) for g in range(4)]


def _lstm(
    *shape: int | None, cifg: bool = False, peepholes: bool = False, projection: int = 0, norm: bool = False,
    op: str = "UNIDIRECTIONAL_SEQUENCE_LSTM", activation: int = TANH, scale: float = 1.0, **options: Any,
) -> Case:  # fmt: skip
    """An LSTM on an input of this shape; `scale` makes weights larger."""
    outputs = projection or _UNITS
    operands: list[T | None] = [f32(*shape, _IN)]
    operands += _kernels(cifg, 0, _IN, outputs, peepholes=peepholes)
    operands += _biases(cifg)
    operands += [weights(projection, _UNITS, seed=40), weights(projection, seed=41)] if projection else [None, None]
    rows = _ROWS
    operands += [_state(rows, outputs), _state(rows, _UNITS)]
    operands += [None if not norm or (cifg and g == 0) else weights(_UNITS, seed=50 + g) for g in range(4)]
    if scale != 1:
        operands = [_scaled(t, scale) for t in operands]
    if not norm:
        operands = operands[:20]
    return case(op, operands, [f32()], fused_activation_function=activation, **options)


def _scaled(t: T | None, scale: float) -> T | None:
    return t if t is None or t.value is None else const(t.value * scale, t.dtype)


def _both(*shape: int, aux: str = "", **options: Any) -> Case:
    """A bidirectional LSTM; `aux` is "" for no second input, "parallel" for the backward cell's, or "crossed"."""
    operands: list[T | None] = [f32(*shape, _IN)]
    for seed in (0, 100):
        operands += [*_kernels(False, seed), *_biases(False, seed + 30), None, None]
    operands += [_state(_ROWS, _UNITS) for _ in range(4)]
    operands += [f32(*shape, _IN) if aux else None]
    operands += [weights(_UNITS, _IN, seed=200 + g) if aux == "crossed" else None for g in range(8)]
    merged = options.get("merge_outputs", False)
    return case(
        "BIDIRECTIONAL_SEQUENCE_LSTM", operands, [f32()] if merged else [f32(), f32()],
        fused_activation_function=TANH, **{"time_major": False} | options,
    )  # fmt: skip


def _rnn(*shape: int | None, op: str = "UNIDIRECTIONAL_SEQUENCE_RNN", activation: int = TANH, **options: Any) -> Case:
    operands = [f32(*shape, _IN), weights(_UNITS, _IN), weights(_UNITS, _UNITS, seed=1), weights(_UNITS, seed=2)]
    operands.append(_state(_ROWS, _UNITS))
    return case(op, operands, [f32()], fused_activation_function=activation, **options)


def _both_rnn(*shape: int, aux: str = "", **options: Any) -> Case:
    operands: list[T | None] = [f32(*shape, _IN)]
    for seed in (0, 10):
        operands += [
            weights(_UNITS, _IN, seed=seed),
            weights(_UNITS, _UNITS, seed=seed + 1),
            weights(_UNITS, seed=seed),
        ]
        operands.append(_state(_ROWS, _UNITS))
    operands += [f32(*shape, _IN) if aux else None]
    operands += [weights(_UNITS, _IN, seed=20 + i) if aux == "crossed" else None for i in range(2)]
    merged = options.get("merge_outputs", False)
    return case(
        "BIDIRECTIONAL_SEQUENCE_RNN", operands, [f32()] if merged else [f32(), f32()],
        fused_activation_function=TANH, **options,
    )  # fmt: skip


def _svdf(rank: int, *, bias: bool = True, activation: int = NONE) -> Case:
    filters, memory = _UNITS * rank, 5
    operands: list[T | None] = [f32(_ROWS, _IN), weights(filters, _IN), weights(filters, memory, seed=1)]
    operands += [weights(_UNITS, seed=2) if bias else None, _state(_ROWS, memory * filters)]
    return case("SVDF", operands, [f32()], rank=rank, fused_activation_function=activation)


def _integer_svdf(rank: int) -> Case:
    filters, memory = _UNITS * rank, 5
    state = _state(_ROWS, memory * filters, dtype="int16", scale=0.004)
    return case(
        "SVDF",
        [
            i8(_ROWS, _IN, scale=0.05, zero=-3), weights(filters, _IN, dtype="int8", scale=0.01),
            weights(filters, memory, dtype="int16", scale=0.00003, seed=1),
            weights(_UNITS, dtype="int32", scale=0.004 * 0.00003, seed=2), state,
        ],
        [i8(scale=0.02, zero=-128)], rank=rank, fused_activation_function=RELU,
    )  # fmt: skip


def _integer_lstm(
    *shape: int, cifg: bool = False, peepholes: bool = False, projection: int = 0, norm: bool = False,
    hidden_zero: int = -1, **options: Any,
) -> Case:  # fmt: skip
    """Scales as a converter would choose them: kernels of about one, a cell of up to eight."""
    outputs = projection or _UNITS
    x, h, kernel = 0.02, 1 / 128, 0.01
    gates = [place for place in range(4) if not (cifg and place == 0)]
    operands: list[T | None] = [None] * 24
    operands[0] = i8(*shape, _IN, scale=x, zero=5)
    for g in gates:
        operands[1 + g] = weights(_UNITS, _IN, dtype="int8", scale=kernel, seed=g)
        operands[5 + g] = weights(_UNITS, outputs, dtype="int8", scale=kernel, seed=10 + g)
        operands[12 + g] = weights(_UNITS, dtype="int32", scale=0.5 / 1024 if norm else x * kernel, seed=30 + g)
        if norm:
            operands[20 + g] = weights(_UNITS, dtype="int16", scale=0.5 / 4096, seed=50 + g)
    if peepholes:
        for place in range(1 if cifg else 0, 3):
            operands[9 + place] = weights(_UNITS, dtype="int16", scale=1 / 32768, seed=20 + place)
    if projection:
        operands[16] = weights(projection, _UNITS, dtype="int8", scale=kernel, seed=40)
        operands[17] = weights(projection, dtype="int32", scale=kernel * h, seed=41)
    state = {"scale": h, "zero": 2 if projection else hidden_zero}
    operands[18] = _state(_ROWS, outputs, dtype="int8", **state)
    operands[19] = _state(_ROWS, _UNITS, dtype="int16", scale=2.0**-12)
    empty = [T("float32", (0,)) if not norm else T("int16", (0,), scale=2.0**-11) for _ in range(4)]
    return case(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", operands if norm else operands[:20], [i8(**state)],
        intermediates=[*empty, T("int8", (0,), scale=h, zero=hidden_zero)], fused_activation_function=TANH, **options,
    )  # fmt: skip


def _hybrid(c: Case, places: Sequence[int]) -> Case:
    """Its kernels as int8; TFLite then rounds the inputs too, so that only the size of the difference is known."""
    operands = list(c.inputs)
    for place in places:
        t = operands[place]
        if t is not None:
            scale = float(np.abs(t.value).max() / 127)
            operands[place] = const(np.round(t.value / scale), "int8", scale=scale)
    return Case(c.op, operands, c.outputs, c.options, tolerance=0.05, version=c.version)


_LONG, _SHORT = (_ROWS, 12), (_ROWS, 5)
CASES = {
    "lstm": _lstm(*_LONG, ops="LSTM !Loop"),
    "lstm/time major": _lstm(12, _ROWS, time_major=True, ops="LSTM !Loop"),
    "lstm/dynamic time": _lstm(_ROWS, None, ops="LSTM !Loop"),
    "lstm/clip that may matter": _lstm(*_LONG, cell_clip=1.5, scale=3.0, ops="Loop !LSTM"),
    "lstm/clip out of reach": _lstm(*_SHORT, cell_clip=10.0, ops="LSTM !Loop"),
    "lstm/coupled": _lstm(*_LONG, cifg=True, ops="LSTM"),
    "lstm/peepholes": _lstm(*_LONG, peepholes=True, ops="LSTM"),
    "lstm/coupled peepholes": _lstm(*_LONG, peepholes=True, cifg=True, ops="LSTM"),
    "lstm/projection": _lstm(*_LONG, projection=3, proj_clip=0.4, cell_clip=0.7),
    "lstm/projection widens": _lstm(*_LONG, projection=6, peepholes=True),
    "lstm/layer norm": _lstm(*_LONG, norm=True),
    "lstm/layer norm of all": _lstm(*_LONG, norm=True, projection=3, peepholes=True, cell_clip=0.5),
    "lstm/layer norm coupled": _lstm(*_SHORT, norm=True, cifg=True, peepholes=True),
    "lstm/relu": _lstm(*_SHORT, activation=RELU, ops="LSTM"),
    "lstm/relu6": _lstm(*_SHORT, activation=RELU6),
    "lstm/written out": _lstm(_ROWS, 3, projection=2, ops="!Loop"),
    "lstm/one step": _lstm(_ROWS, op="LSTM", peepholes=True),
    "lstm/one step of all": _lstm(_ROWS, op="LSTM", peepholes=True, norm=True, projection=3, cell_clip=0.5),
    "lstm/hybrid": _hybrid(_lstm(*_LONG), range(1, 9)),
    "lstm/hybrid projection": _hybrid(_lstm(*_LONG, projection=3, peepholes=True), (*range(1, 12), 16)),
    "integer lstm": _integer_lstm(*_LONG),
    "integer lstm/time major": _integer_lstm(12, _ROWS, time_major=True),
    "integer lstm/clip": _integer_lstm(*_LONG, cell_clip=0.5),
    "integer lstm/coupled": _integer_lstm(*_LONG, cifg=True),
    "integer lstm/peepholes": _integer_lstm(*_LONG, peepholes=True),
    "integer lstm/projection": _integer_lstm(*_LONG, projection=3, hidden_zero=4),
    "integer lstm/layer norm": _integer_lstm(*_LONG, norm=True),
    "integer lstm/dequantize": _integer_lstm(*_LONG, dequantize=True, steps=3),
    "both lstm": _both(*_SHORT, ops="LSTM !Loop"),
    "both lstm/time major": _both(5, _ROWS, time_major=True),
    "both lstm/merged": _both(5, _ROWS, merge_outputs=True, time_major=True),
    "both lstm/parallel": _both(*_SHORT, aux="parallel"),
    "both lstm/crossed": _both(*_SHORT, aux="crossed"),
    "both lstm/bounded": _both(*_LONG, cell_clip=0.5),
    "rnn": _rnn(*_LONG, ops="RNN !Loop"),
    "rnn/time major": _rnn(12, _ROWS, time_major=True),
    "rnn/relu": _rnn(*_SHORT, activation=RELU, ops="RNN"),
    "rnn/relu6": _rnn(*_SHORT, activation=RELU6),
    "rnn/relu_n1_to_1": _rnn(*_SHORT, activation=RELU_N1_TO_1),
    "rnn/linear": _rnn(*_SHORT, activation=NONE, ops="RNN"),
    "rnn/one step": _rnn(_ROWS, op="RNN"),
    "rnn/hybrid": _hybrid(_rnn(*_LONG), (1, 2)),
    "both rnn": _both_rnn(*_SHORT, ops="RNN !Loop"),
    "both rnn/merged": _both_rnn(5, _ROWS, merge_outputs=True, time_major=True),
    "both rnn/parallel": _both_rnn(5, _ROWS, aux="parallel", time_major=True),
    "both rnn/parallel, rows first": _both_rnn(*_SHORT, aux="parallel"),
    "both rnn/crossed": _both_rnn(*_SHORT, aux="crossed"),
    "svdf/rank 1": _svdf(1),
    "svdf/rank 2": _svdf(2, activation=RELU),
    "svdf/no bias": _svdf(2, bias=False),
    "svdf/hybrid": _hybrid(_svdf(1), (1, 2)),
    "svdf/integer": _integer_svdf(1),
    "svdf/integer rank 2": _integer_svdf(2),
}
