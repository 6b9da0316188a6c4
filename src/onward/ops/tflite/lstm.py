"""TFLite's LSTM in floating point.

As in Gers and Schmidhuber 2000, with optional peepholes, a coupled input gate (without kernels of its own it is one
minus the forget gate), layer normalisation of gates, bounds, and a projection of the output (Sak et al. 2014). ONNX's
``LSTM`` serves where it has all of them; it does not bound the cell state, which matters only where that many steps can
reach the bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from onward.dims import Size
from onward.ir import Value
from onward.lowering.registry import lower
from onward.ops.tflite.sequence import NATIVE, activate, as_given, is_zero, over, start, time_first

if TYPE_CHECKING:
    from onward.lowering.builder import Builder

GATES = "ifco"  # as TFLite has them: input, forget, cell, output
_ONNX = "iofc"
_GUARD = 1e-8  # added to the variance of what is normalised


class Cell(NamedTuple):
    """What every step shares: kernels (units, inputs), biases and the like by gate, None for what is left out."""

    kernels: dict[str, Value | None]
    recurrent: dict[str, Value | None]
    peepholes: dict[str, Value | None]
    biases: dict[str, Value | None]
    scales: dict[str, Value | None]
    projection: Value | None
    projection_bias: Value | None
    activation: str
    cell_clip: float
    proj_clip: float

    @property
    def present(self) -> str:
        """The gates that are computed: all, or all but the coupled one."""
        return "".join(gate for gate in GATES if self.kernels[gate] is not None)

    @property
    def units(self) -> int:
        kernel = self.kernels["f"]
        assert kernel is not None
        return int(kernel.shape[0])

    def joined(self, op: Builder, parts: dict[str, Value | None]) -> Value:
        return op.Concat(*(parts[gate] for gate in self.present), axis=0)

    def step(self, op: Builder, z: dict[str, Value], h: Value, c: Value) -> tuple[Value, Value]:
        """Output and cell state after a step, from what the gates see of inputs and the output before."""
        f = op.Sigmoid(self._gate(op, "f", z, c))
        i = op.Sigmoid(self._gate(op, "i", z, c)) if "i" in z else 1 - f
        c = f * c + i * activate(op, self.activation, self._gate(op, "c", z, c))
        if self.cell_clip > 0:
            c = op.Clip(c, -self.cell_clip, self.cell_clip)
        h = op.Sigmoid(self._gate(op, "o", z, c)) * activate(op, self.activation, c)
        if self.projection is not None:
            h = op.MatMul(h, op.Transpose(self.projection, perm=[1, 0]))
            h = h if self.projection_bias is None else h + self.projection_bias
            h = op.Clip(h, -self.proj_clip, self.proj_clip) if self.proj_clip > 0 else h
        return h, c

    def _gate(self, op: Builder, gate: str, z: dict[str, Value], c: Value) -> Value:
        x, peephole, scale = z[gate], self.peepholes.get(gate), self.scales[gate]
        if peephole is not None:
            x = x + c * peephole
        if scale is None:
            return x
        centred = x - op.ReduceMean(x, axes=[-1], keepdims=1)
        deviation = op.Sqrt(op.ReduceMean(centred * centred, axes=[-1], keepdims=1) + _GUARD)
        x = centred / deviation * scale
        bias = self.biases[gate]
        return x if bias is None else x + bias


def by_gate(operands: Sequence[Any], first: int, second: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two groups of four operands, by gate."""
    one, other = (dict(zip(GATES, operands[at : at + 4], strict=True)) for at in (first, second))
    return one, other


@lower("tfl.lstm")
def lstm(
    op: Builder, *operands: Any, activation: str, cell_clip: float, proj_clip: float, time_major: bool = True,
    backward: bool = False, one_step: bool = False,
) -> tuple[Value, Value, Value]:  # fmt: skip
    """The output at each step, and both states after the last; operands as ``sources.tflite.recurrent`` has them."""
    cell = Cell(
        *by_gate(operands, 1, 5),
        dict(zip("ifo", operands[9:12], strict=True)),
        *by_gate(operands, 12, 20),
        operands[16], operands[17], activation, cell_clip, proj_clip,
    )  # fmt: skip
    x, h, c = time_first(op, operands[0], time_major, one_step), operands[18], operands[19]
    run = _native if _is_native(cell, x.shape[0], c) else _written_out
    y, h, c = run(op, cell, x, h, c, backward)
    return as_given(op, y, time_major, one_step), h, c


def _is_native(cell: Cell, steps: Size, c: Value) -> bool:
    if cell.projection is not None or cell.scales["f"] is not None or cell.activation not in NATIVE:
        return False
    if cell.cell_clip <= 0:
        return True
    # Each step adds less than one to the size of a cell.
    return cell.activation == "Tanh" and is_zero(c) and isinstance(steps, int) and steps <= cell.cell_clip


def _native(op: Builder, cell: Cell, x: Value, h: Value, c: Value, backward: bool) -> tuple[Value, Value, Value]:
    def stacked(parts: dict[str, Value | None], order: str = _ONNX) -> Value:
        found = [_coupled(cell, parts, gate) for gate in order]
        assert all(part is not None for part in found)
        return op.Concat(*found, axis=0)

    biases = None
    if cell.biases["f"] is not None:
        zeros = np.zeros(4 * cell.units, np.float32)
        biases = op.Unsqueeze(op.Concat(stacked(cell.biases), zeros, axis=0), axes=[0])
    peepholes = None if cell.peepholes["f"] is None else op.Unsqueeze(stacked(cell.peepholes, "iof"), axes=[0])
    states = [None if is_zero(state) else op.Unsqueeze(state, axes=[0]) for state in (h, c)]
    name, numbers = NATIVE[cell.activation]
    attrs: dict[str, Any] = {}
    if name != "Tanh":
        attrs["activations"] = ["Sigmoid", name, name]
    if numbers:
        attrs |= {"activation_alpha": numbers[:1] * 2, "activation_beta": numbers[1:] * 2}
    y, h, c = op.LSTM(
        x, op.Unsqueeze(stacked(cell.kernels), axes=[0]), op.Unsqueeze(stacked(cell.recurrent), axes=[0]), biases, None,
        *states, peepholes, hidden_size=cell.units, direction="reverse" if backward else "forward", outputs=3, **attrs,
    )  # fmt: skip
    return op.Squeeze(y, axes=[1]), op.Squeeze(h, axes=[0]), op.Squeeze(c, axes=[0])


def _coupled(cell: Cell, parts: dict[str, Value | None], gate: str) -> Value | None:
    """A gate's part; one minus the sigmoid of the forget gate is the sigmoid of its negative."""
    if gate == "i" and cell.kernels["i"] is None and parts["f"] is not None:
        return -parts["f"]
    return parts[gate]


def _written_out(op: Builder, cell: Cell, x: Value, h: Value, c: Value, backward: bool) -> tuple[Value, Value, Value]:
    kernels = op.Transpose(cell.joined(op, cell.kernels), perm=[1, 0])
    recurrent = op.Transpose(cell.joined(op, cell.recurrent), perm=[1, 0])
    seen = op.MatMul(x, kernels)
    if cell.scales["f"] is None and cell.biases["f"] is not None:
        seen = seen + cell.joined(op, cell.biases)
    count = len(cell.present)

    def step(x: Value, h: Value, c: Value) -> tuple[Value, Value]:
        parts = op.Split(x + op.MatMul(h, recurrent), split=[cell.units] * count, axis=1, outputs=count)
        return cell.step(op, dict(zip(cell.present, parts, strict=True)), h, c)

    rows = x.shape[1]
    y, (h, c) = over(op, seen, [start(op, h, rows), start(op, c, rows)], step, backward)
    return y, h, c


@lower("tfl.basic_lstm")
def basic_lstm(op: Builder, x: Value, h: Value, weights: Value, bias: Value, c: Value) -> tuple[Value, Value]:
    """One step of a cell with one kernel for everything, its gates input, cell, forget and output."""
    z = op.MatMul(op.Concat(x, h, axis=1), op.Transpose(weights, perm=[1, 0])) + bias
    i, g, f, o = op.Split(z, split=[weights.shape[0] // 4] * 4, axis=1, outputs=4)
    c = op.Sigmoid(i) * op.Tanh(g) + op.Sigmoid(f) * c
    return op.Sigmoid(o) * op.Tanh(c), c
