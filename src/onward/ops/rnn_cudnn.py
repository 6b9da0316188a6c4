"""cuDNN's recurrent layers, as ``CudnnRNN`` has them: several layers, one or both ways, all weights in one vector.

The vector holds, layer by layer and in each its directions, the matrices of the gates that act on the input and then
those that act on the state, (units, inputs) each; behind all matrices come the biases in the same order. Gates are
i, f, c, o for an LSTM and reset, update, new for a GRU, whose reset acts on the product with the state (cuDNN API
reference, cudnnGetRNNLinLayerMatrixParams).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from onward.dtypes import FLOAT32, INT32
from onward.ir import Value
from onward.lowering.registry import Unsupported, lower

if TYPE_CHECKING:
    from onward.lowering.builder import Builder


class _Mode(NamedTuple):
    """A kind of layer: ONNX's operator, its gates by their place in cuDNN's order, and further attributes."""

    op: str
    order: tuple[int, ...]
    attrs: dict[str, Any]


MODES = {
    "lstm": _Mode("LSTM", (0, 3, 1, 2), {}),
    "gru": _Mode("GRU", (1, 0, 2), {"linear_before_reset": 1}),
    "rnn_tanh": _Mode("RNN", (0,), {}),
    "rnn_relu": _Mode("RNN", (0,), {"activations": ["Relu"]}),
}


class _Layout(NamedTuple):
    """Where things are in the vector."""

    gates: int
    directions: int
    layers: int
    inputs: int
    units: int

    def matrices(self) -> Iterator[tuple[int, int, int]]:
        """For each layer and direction: where its matrices begin, the width of its input, where its biases begin."""
        widths = [self.inputs, *[self.units * self.directions] * (self.layers - 1)]
        sizes = [self.gates * self.units * (width + self.units) for width in widths for _ in range(self.directions)]
        bias = sum(sizes)
        for k in range(len(sizes)):
            yield sum(sizes[:k]), widths[k // self.directions], bias
            bias += 2 * self.gates * self.units


def _rnn(
    op: Builder, x: Value, h: Value, c: Value, params: Value, mode: _Mode, both_ways: bool, lengths: Value | None
) -> tuple[Value, Value, Value]:
    """Everything time-major: x (steps, rows, inputs), states (layers * directions, rows, units)."""
    directions = 2 if both_ways else 1
    sizes = [None if h.shape is None else h.shape[k] for k in (0, 2)] + [None if x.shape is None else x.shape[2]]
    if not all(isinstance(size, int) for size in sizes):
        raise Unsupported("the numbers of layers, units and inputs must be known")
    count, units, inputs = (int(size) for size in sizes)  # type: ignore[arg-type]
    layout = _Layout(len(mode.order), directions, count // directions, inputs, units)
    places = list(layout.matrices())
    attrs: dict[str, Any] = {**mode.attrs, "hidden_size": units}
    if both_ways:
        attrs["direction"] = "bidirectional"
        attrs.update({k: v * 2 for k, v in attrs.items() if k == "activations"})
    finals: list[tuple[Value, ...]] = []
    for layer in range(layout.layers):
        own = slice(layer * directions, (layer + 1) * directions)
        weights = [_weights(op, params, layout, mode, *place) for place in places[own]]
        starts = [op.Slice(s, [own.start], [own.stop], [0]) for s in ((h, c) if mode.op == "LSTM" else (h,))]
        stacked = (op.Concat(*part, axis=0) if both_ways else part[0] for part in zip(*weights, strict=True))
        y, *last = op.emit(mode.op, x, *stacked, lengths, *starts, outputs=1 + len(starts), **attrs)
        finals.append(tuple(last))
        x = op.Squeeze(y, axes=[1])
        if both_ways:
            x = op.Reshape(op.Transpose(y, perm=[0, 2, 1, 3]), [0, 0, 2 * units])
    ends = [op.Concat(*state, axis=0) if len(state) > 1 else state[0] for state in zip(*finals, strict=True)]
    return x, ends[0], ends[1] if len(ends) > 1 else op.constant(np.zeros((), np.float32))


def _weights(
    op: Builder, params: Value, layout: _Layout, mode: _Mode, start: int, width: int, bias: int
) -> tuple[Value, ...]:
    """One layer's kernels and biases in one direction, as ONNX has them."""
    found = []
    for begin, columns in ((start, width), (start + layout.gates * layout.units * width, layout.units)):
        whole = op.Slice(params, [begin], [begin + layout.gates * layout.units * columns], [0])
        gates = op.Reshape(whole, [layout.gates, layout.units, columns])
        found.append(op.Reshape(op.Gather(gates, np.array(mode.order), axis=0), [1, -1, columns]))
    both = op.Reshape(
        op.Slice(params, [bias], [bias + 2 * layout.gates * layout.units], [0]), [2, layout.gates, layout.units]
    )
    found.append(op.Reshape(op.Gather(both, np.array(mode.order), axis=1), [1, -1]))
    return tuple(found)


@lower("CudnnRNN", "CudnnRNNV2", "CudnnRNNV3")
def cudnn_rnn(
    op: Builder, input: Value, input_h: Value, input_c: Value, params: Value, sequence_lengths: Value | None = None, *,
    rnn_mode: str, input_mode: str, direction: str, dropout: float, is_training: bool, num_proj: int = 0,
    time_major: bool = True,
) -> tuple[Value, ...]:  # fmt: skip
    """The reserved spaces, which only training reads, are empty."""
    if input.dtype.itemsize > 4:
        raise Unsupported("float64: no runtime has a kernel for it")
    if num_proj:
        raise Unsupported("projected outputs: ONNX's LSTM has none")
    if dropout and is_training:
        raise Unsupported("dropout while training")
    x, h, c, weights = (op.Cast(v, to=FLOAT32) for v in (input, input_h, input_c, params))
    if input_mode == "skip_input" or (input_mode == "auto_select" and x.shape and h.shape and x.shape[2] == h.shape[2]):
        raise Unsupported("an input that skips the first layer's kernel")
    if not time_major:
        x, h, c = (op.Transpose(v, perm=[1, 0, 2]) if v.rank == 3 else v for v in (x, h, c))
    lengths = None if sequence_lengths is None else op.Cast(sequence_lengths, to=INT32)
    made = _rnn(op, x, h, c, weights, MODES[rnn_mode], direction == "bidirectional", lengths)
    if not time_major:
        made = tuple(op.Transpose(v, perm=[1, 0, 2]) if v.rank == 3 else v for v in made)  # type: ignore[assignment]
    results = tuple(op.Cast(v, to=input.dtype) for v in made)
    empty = op.constant(np.zeros(0, np.float32))
    return (*results, op.Cast(empty, to=input.dtype), op.constant(np.zeros(0, np.int8)))


@lower("CudnnRNNCanonicalToParams", "CudnnRNNCanonicalToParamsV2")
def canonical_to_params(
    op: Builder, num_layers: Value, num_units: Value, input_size: Value, weights: list[Value], biases: list[Value]
) -> Value:
    """All matrices, then all biases, which are in cuDNN's order already."""
    params: Value = op.Concat(*(op.Reshape(v, [-1]) for v in (*weights, *biases)), axis=0)
    return params
