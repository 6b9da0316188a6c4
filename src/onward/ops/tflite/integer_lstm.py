"""TFLite's LSTM of integers: int8 inputs, kernels and outputs, int16 cell state and gates.

Every step rounds where TFLite's kernel rounds, and saturates where it saturates, computed in float32, which holds these
integers: gates before their activation are in units of 2^-12, after it of 2^-15; the cell's scale is a power of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from onward.dtypes import FLOAT32
from onward.ir import Value
from onward.lowering.registry import Unsupported, lower
from onward.ops.tflite.lstm import GATES, by_gate
from onward.ops.tflite.sequence import as_given, over, start, time_first

if TYPE_CHECKING:
    from onward.lowering.builder import Builder

_SEEN, _OPEN = 2.0**-12, 2.0**-15  # units of gates before and after their activation
_INTERMEDIATES = 24  # where the scales of intermediates begin
_NORMAL = 2.0**-10  # TFLite's unit of what is normalised

_INT8, _INT16 = np.dtype(np.int8), np.dtype(np.int16)

Scale = tuple[float, int]


class _Cell(NamedTuple):
    """What every step shares; kernels and the like by gate, ``scales`` by the place of the operand."""

    kernels: dict[str, Value | None]
    recurrent: dict[str, Value | None]
    peepholes: dict[str, Value | None]
    biases: dict[str, Value | None]
    norms: dict[str, Value | None]
    projection: Value | None
    projection_bias: Value | None
    scales: Sequence[Scale | None]
    cell_clip: float
    proj_clip: float

    def scale(self, place: int) -> Scale:
        found = self.scales[place] if place < len(self.scales) else None
        if found is None:
            raise Unsupported("an operand or intermediate result has no scale")
        return found

    def unit(self, gate: str) -> float:
        """Of a gate before its activation, or before it is normalised."""
        if self.norms["f"] is None:
            return _SEEN
        return self.scale(_INTERMEDIATES + GATES.index(gate))[0]

    @property
    def cell(self) -> float:
        return self.scale(19)[0]


@lower("tfl.integer_lstm")
def integer_lstm(
    op: Builder, *operands: Any, scales: list[Scale | None], activation: str, cell_clip: float, proj_clip: float,
    time_major: bool = True, backward: bool = False, one_step: bool = False,
) -> tuple[Value, Value, Value]:  # fmt: skip
    """As ``tfl.lstm``; ``scales`` has scale and zero point of each operand and intermediate result."""
    if operands[19].dtype != _INT16 or activation != "Tanh":
        raise Unsupported("an integer LSTM that is not of 8-bit inputs, a 16-bit cell state and tanh")
    cell = _Cell(
        *by_gate(operands, 1, 5),
        dict(zip("ifo", operands[9:12], strict=True)),
        *by_gate(operands, 12, 20),
        operands[16], operands[17], scales, cell_clip, proj_clip,
    )  # fmt: skip
    x = time_first(op, operands[0], time_major, one_step)
    present = [gate for gate in GATES if cell.kernels[gate] is not None]
    units = operands[2].shape[0]
    seen = [_seen(op, cell, gate, x) for gate in present]
    matrices = [_turned(op, cell.recurrent[gate]) for gate in present]
    zero = cell.scale(18)[1]

    def step(z: Value, h: Value, c: Value) -> tuple[Value, Value]:
        known = op.Cast(h, to=FLOAT32) - zero
        parts = op.Split(z, split=[units] * len(present), axis=1, outputs=len(present))
        gates = {}
        for gate, part, matrix in zip(present, parts, matrices, strict=True):
            factor = cell.scale(18)[0] * cell.scale(5 + GATES.index(gate))[0] / cell.unit(gate)
            gates[gate] = _saturated(op, part + op.Round(op.MatMul(known, matrix) * factor))
        return _step(op, cell, gates, op.Cast(c, to=FLOAT32))

    rows = x.shape[1]
    states = [start(op, operands[18], rows), start(op, operands[19], rows)]
    y, (h, c) = over(op, op.Concat(*seen, axis=2), states, step, backward)
    return as_given(op, y, time_major, one_step), h, c


def _seen(op: Builder, cell: _Cell, gate: str, x: Value) -> Value:
    """What a gate sees of all inputs."""
    place = 1 + GATES.index(gate)
    scale, zero = cell.scale(0)
    sums = op.MatMul(op.Cast(x, to=FLOAT32) - zero, _turned(op, cell.kernels[gate]))
    bias = cell.biases[gate]
    if bias is not None and cell.norms["f"] is None:
        sums = sums + op.Cast(bias, to=FLOAT32)
    return _saturated(op, op.Round(sums * (scale * cell.scale(place)[0] / cell.unit(gate))))


def _step(op: Builder, cell: _Cell, gates: dict[str, Value], c: Value) -> tuple[Value, Value]:
    f = _sigmoid(op, _finished(op, cell, "f", gates, c))
    i = _sigmoid(op, _finished(op, cell, "i", gates, c)) if "i" in gates else 32767 - f
    g = _tanh(op, _finished(op, cell, "c", gates, c) * _SEEN)
    c = _saturated(op, op.Round(f * c * _OPEN) + op.Round(i * g * (_OPEN * _OPEN / cell.cell)))
    if cell.cell_clip > 0:
        limit = float(min(round(cell.cell_clip / cell.cell), 32767))
        c = op.Clip(c, -limit, limit)
    o = _sigmoid(op, _finished(op, cell, "o", gates, c))
    scale, zero = cell.scale(_INTERMEDIATES + 4)
    h = op.Round(o * _tanh(op, c * cell.cell) * (_OPEN * _OPEN / scale)) + zero
    h = op.Clip(h, -128, 127)
    if cell.projection is not None:
        h = _projected(op, cell, h - zero, scale)
    return op.Cast(h, to=_INT8), op.Cast(c, to=_INT16)


def _projected(op: Builder, cell: _Cell, h: Value, scale: float) -> Value:
    sums = op.MatMul(h, _turned(op, cell.projection))
    if cell.projection_bias is not None:
        sums = sums + op.Cast(cell.projection_bias, to=FLOAT32)
    unit, zero = cell.scale(18)
    y = op.Clip(op.Round(sums * (scale * cell.scale(16)[0] / unit)) + zero, -128, 127)
    if cell.proj_clip > 0:
        limit = float(min(round(cell.proj_clip / unit), 127))
        y = op.Clip(y, -limit, limit)
    return y


def _finished(op: Builder, cell: _Cell, gate: str, gates: dict[str, Value], c: Value) -> Value:
    """A gate just before its activation: with its peephole, normalised."""
    x, peephole, norm = gates[gate], cell.peepholes.get(gate), cell.norms[gate]
    if peephole is not None:
        factor = cell.cell * cell.scale(9 + "ifo".index(gate))[0] / cell.unit(gate)
        x = _saturated(op, x + op.Round(c * op.Cast(peephole, to=FLOAT32) * factor))
    if norm is None:
        return x
    scale = cell.scale(20 + GATES.index(gate))[0]
    centred = x - op.ReduceMean(x, axes=[-1], keepdims=1)
    variance = op.ReduceMean(centred * centred, axes=[-1], keepdims=1)
    normal = op.Round(centred / op.Sqrt(op.Max(variance, 1.0)) / _NORMAL)
    sums = normal * op.Cast(norm, to=FLOAT32)
    bias = cell.biases[gate]
    sums = sums if bias is None else sums + op.Cast(bias, to=FLOAT32)
    return _saturated(op, op.Round(sums * (scale * _NORMAL / _SEEN)))


def _turned(op: Builder, matrix: Value | None) -> Value:
    return op.Cast(op.Transpose(matrix, perm=[1, 0]), to=FLOAT32)


def _sigmoid(op: Builder, x: Value) -> Value:
    return op.Min(op.Round(op.Sigmoid(x * _SEEN) * 32768), 32767)


def _tanh(op: Builder, x: Value) -> Value:
    return _saturated(op, op.Round(op.Tanh(x) * 32768))


def _saturated(op: Builder, x: Value) -> Value:
    return op.Clip(x, -32768, 32767)
