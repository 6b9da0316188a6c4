"""TensorFlow's recurrent kernels: cells in one op, and LSTMs over a whole sequence.

The equations are those of TensorFlow's documentation of ``LSTMBlockCell``, ``BlockLSTM`` and ``GRUBlockCell``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from onward.dtypes import FLOAT32, INT32, INT64
from onward.graph import Node
from onward.ir import Value
from onward.lowering import Context
from onward.lowering.loop import loop
from onward.lowering.registry import Unsupported, lower

if TYPE_CHECKING:
    from onward.lowering.builder import Builder

GATES = {"BlockLSTM": "icfo", "BlockLSTMV2": "ifco", "LSTMBlockCell": "icfo"}  # by their place in the kernel
NATIVE = "iofc"  # the same in ONNX's LSTM
OUTPUTS = ("i", "cs", "f", "o", "ci", "co", "h")
H = OUTPUTS.index("h")


class _Cell(NamedTuple):
    """What every step of an LSTM shares.

    Attributes:
        order: which gate is where in the kernel.
        w: the kernel, (inputs + units, 4 * units), and b: its biases.
        peepholes: of the gates i, f and o; None without them.
        clip: the bound of the cell state, none where it is not positive.
        units: the width of the states.
    """

    order: str
    w: Value
    b: Value
    peepholes: dict[str, Value] | None
    clip: float
    units: int

    def gates(self, op: Builder, joined: Value, axis: int) -> dict[str, Value]:
        parts = op.Split(joined, split=[self.units] * 4, axis=axis, outputs=4)
        return dict(zip(self.order, parts, strict=True))

    def step(self, op: Builder, x: Value, c: Value, h: Value) -> tuple[Value, ...]:
        """One step's outputs, as OUTPUTS has them."""
        gates = self.gates(op, op.MatMul(op.Concat(x, h, axis=1), self.w) + self.b, axis=1)
        seen = self.peepholes or {}
        i = op.Sigmoid(gates["i"] + c * seen["i"] if seen else gates["i"])
        f = op.Sigmoid(gates["f"] + c * seen["f"] if seen else gates["f"])
        candidate = op.Tanh(gates["c"])
        after = candidate * i + c * f
        if self.clip > 0:
            after = op.Clip(after, -self.clip, self.clip)
        o = op.Sigmoid(gates["o"] + after * seen["o"] if seen else gates["o"])
        squashed = op.Tanh(after)
        return i, after, f, o, candidate, squashed, squashed * o


def _cell(
    op: Builder,
    node: Node,
    c: Value,
    w: Value,
    b: Value,
    peepholes: Iterable[Value],
    bias: float,
    clip: float,
    peep: bool,
) -> _Cell:
    order = GATES[node.op]
    units = next((_width(v, parts) for v, parts in ((c, 1), (b, 4), (w, 4)) if _width(v, parts)), None)
    if units is None:
        raise Unsupported("the number of its units is not known")
    if bias:
        b = b + np.repeat([bias if gate == "f" else 0.0 for gate in order], units).astype(b.dtype)
    return _Cell(order, w, b, dict(zip("ifo", peepholes, strict=True)) if peep else None, clip, units)


def _width(value: Value, parts: int) -> int | None:
    """The last dimension's part, where it is known."""
    last = value.shape[-1] if value.shape else None
    return last // parts if isinstance(last, int) else None


@lower("LSTMBlockCell", context=True)
def lstm_block_cell(
    context: Context, node: Node, x: Value, cs_prev: Value, h_prev: Value, w: Value, wci: Value, wcf: Value, wco: Value,
    b: Value, *, forget_bias: float = 1.0, cell_clip: float = 3.0, use_peephole: bool = False,
) -> Any:  # fmt: skip
    cell = _cell(context.op, node, cs_prev, w, b, (wci, wcf, wco), forget_bias, cell_clip, use_peephole)
    return cell.step(context.op, x, cs_prev, h_prev)


@lower("BlockLSTM", "BlockLSTMV2", context=True)
def block_lstm(
    context: Context, node: Node, seq_len_max: Value, x: Value, cs_prev: Value, h_prev: Value, w: Value, wci: Value,
    wcf: Value, wco: Value, b: Value, *, forget_bias: float = 0.0, cell_clip: float = 0.0, use_peephole: bool = False,
) -> Any:  # fmt: skip
    """Of the first ``seq_len_max`` steps; what follows is zero.

    ONNX's ``LSTM`` puts out nothing but h at each step, and does not bound the cell state: all else is a loop, which
    may yet be found to be an ``LSTM`` (``fuse/rnn.py``).
    """
    op = context.op
    cell = _cell(op, node, cs_prev, w, b, (wci, wcf, wco), forget_bias, cell_clip, use_peephole)
    if cell_clip <= 0 and x.dtype.itemsize <= 4 and _used(context, node) <= {H}:
        h = _native(op, cell, seq_len_max, x, cs_prev, h_prev)
        return (*(h for _ in range(H)), h)

    def step(i: Value, c: Value, h: Value) -> tuple[None, list[Value], tuple[Value, ...]]:
        outputs = cell.step(op, op.Gather(x, i, axis=0), c, h)
        return None, [outputs[1], outputs[H]], outputs

    shape = cs_prev.shape if cs_prev.shape is not None else h_prev.shape
    _, _, *made = loop(op, seq_len_max, None, [cs_prev, h_prev], step, [(x.dtype, shape)] * len(OUTPUTS))
    return tuple(_padded(op, value, x, seq_len_max) for value in made)


@lower("GRUBlockCell")
def gru_block_cell(op: Builder, x: Value, h_prev: Value, w_ru: Value, w_c: Value, b_ru: Value, b_c: Value) -> Any:
    units = h_prev.shape[-1] if h_prev.shape else op.Gather(op.shape(h_prev), np.array(-1))
    gates = op.Sigmoid(op.MatMul(op.Concat(x, h_prev, axis=1), w_ru) + b_ru)
    r, u = op.Split(gates, split=op.sizes([units, units]), axis=1, outputs=2)
    c = op.Tanh(op.MatMul(op.Concat(x, r * h_prev, axis=1), w_c) + b_c)
    return r, u, c, u * h_prev + (1 - u) * c


def _native(op: Builder, cell: _Cell, seq_len_max: Value, x: Value, c: Value, h: Value) -> Value:
    """ONNX's LSTM: the output at each step, (steps, rows, units)."""
    units = cell.units
    kernels = _moved(op, cell, op.Transpose(cell.w, perm=[1, 0]))
    width = op.Gather(op.shape(cell.w), np.array([0])) - units
    wide = [op.Cast(v, to=FLOAT32) for v in (kernels, _moved(op, cell, cell.b), x, h, c)]
    kernels, b, steps, h, c = wide
    weights = (
        op.Slice(kernels, [0], width, [1]),
        op.Slice(kernels, width, [2**31 - 1], [1]),
        op.Concat(b, np.zeros(4 * units, np.float32), axis=0),
    )
    p = None if cell.peepholes is None else op.Concat(*(cell.peepholes[gate] for gate in "iof"), axis=0)
    p = None if p is None else op.Unsqueeze(op.Cast(p, to=FLOAT32), axes=[0])
    lengths = None
    if not _covers(seq_len_max, x):
        rows = x.shape[1] if x.shape is not None else op.Gather(op.shape(x), np.array(1))
        lengths = op.Expand(op.Cast(seq_len_max, to=INT32), op.sizes([rows]))
    first = (op.Unsqueeze(v, axes=[0]) for v in (h, c))
    given = [op.Unsqueeze(v, axes=[0]) for v in weights]
    y = op.LSTM(steps, *given, lengths, *first, p, hidden_size=units)
    return op.Cast(op.Squeeze(y, axes=[1]), to=x.dtype)


def _moved(op: Builder, cell: _Cell, rows: Value) -> Value:
    """Gates along the first axis in ONNX's order."""
    parts = cell.gates(op, rows, axis=0)
    return op.Concat(*(parts[gate] for gate in NATIVE), axis=0)


def _used(context: Context, node: Node) -> set[int]:
    """Which outputs of a node anything reads."""
    graph = context.graph
    read = {t.index for user in graph.nodes() for t in user.inputs if t.node is node}
    return read | {output.tensor.index for output in graph.outputs if output.tensor.node is node}


def _covers(seq_len_max: Value, x: Value) -> bool:
    """Whether a number of steps is that of a sequence."""
    elements = seq_len_max.elements
    return elements is not None and x.shape is not None and elements.item() == x.shape[0]


def _padded(op: Builder, made: Value, x: Value, seq_len_max: Value) -> Value:
    """What the steps made, and zeros for those that were left out."""
    if _covers(seq_len_max, x):
        return made
    steps = op.Gather(op.shape(x), np.array([0])) - op.Reshape(op.Cast(seq_len_max, to=INT64), [1])
    zeros = np.zeros
    return op.Pad(made, op.Concat(zeros(3, np.int64), steps, zeros(2, np.int64), axis=0))
