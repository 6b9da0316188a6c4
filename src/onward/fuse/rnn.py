"""Loops that are recurrent layers become ONNX's ``LSTM``, ``GRU`` and ``RNN``.

A loop that goes through sequences step by step is taken apart cell by cell: each state whose next value is a known cell
of one sequence becomes a node over the whole sequence, and what it puts out is a sequence for the cells after it. The
loop goes when everything that is used of it has been found so; otherwise it stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from onward import ir
from onward.dims import Size
from onward.dtypes import FLOAT32
from onward.fuse import rnn_mask
from onward.fuse.lift import Lifter
from onward.fuse.linear import Reader
from onward.fuse.recurrent_cells import Cell, Step, plain, recognise_cell
from onward.fuse.reverse import reverse, unreversed
from onward.fuse.roll import Rolled
from onward.fuse.unrolled import written_out
from onward.ir import Node, Value
from onward.lowering.builder import Builder

DEFAULTS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}


def recur(op: Builder, graph: ir.Graph) -> None:
    """Replaces the loops of a graph and of its subgraphs that are recurrent layers."""
    graph.sort()
    for node in list(graph.nodes):
        for subgraph in node.subgraphs:
            with op.scope(subgraph):
                recur(op, subgraph)
        if node.op == "Loop" and not node.domain:
            op.origin = node.origin
            _replace(op, graph, node)
    graph.sort()
    for steps in written_out(graph):
        op.origin = steps.template[-1].origin
        rolled = Rolled(op, graph, steps)
        results = _native(op, rolled.loop, rolled.wanted)
        if results is not None:
            rolled.replace(results)
        for inner in rolled.body.nodes:
            inner.detach()
    graph.sort()


def _native(op: Builder, node: Node, wanted: Iterable[int]) -> dict[int, Value] | None:
    """Some outputs of a loop without it, None where that cannot be."""
    loop = _Loop(op, node)
    if not loop.recurrent:
        return None
    loop.find_cells()
    results = {index: loop.result(index) for index in wanted}
    return None if None in results.values() else {k: v for k, v in results.items() if v is not None}


def _replace(op: Builder, graph: ir.Graph, node: Node) -> None:
    used = [v for v in node.outputs if v.users or any(v is o for o in graph.outputs)]
    loop = _Loop(op, node)
    if not loop.recurrent:
        return
    loop.find_cells()
    results = {v: loop.result(v.index) for v in used}
    for old in [v for v, new in results.items() if new is None]:
        last = loop.last(old.index)
        takers = _takers(graph, old) if last is not None else None
        if takers is None:
            return
        del results[old]
        results |= dict.fromkeys(takers, last)
    for old, new in results.items():
        assert new is not None
        new.name = new.name or old.name
        graph.replace(old, new)
    for inner in list(node.attrs["body"].all_nodes()):
        inner.detach()


class _Run(NamedTuple):
    """A cell as a node over the whole sequence.

    Attributes:
        y: the output at each step, in the loop's order, (steps, rows, units); with a mask, that of the steps that count
            comes first.
        finals: the last states, each with a leading dimension of 1.
        mask: which steps count, in the loop's order, see ``rnn_mask``; None where all do.
        from_zero: whether the states start at zero.
    """

    cell: Cell
    y: Value
    finals: tuple[Value, ...]
    mask: Value | None
    from_zero: bool


class _Loop:
    """What a Loop says of its states and sequences, and what of it has been rewritten."""

    def __init__(self, op: Builder, node: Node) -> None:
        self.op, self.node = op, node
        body: ir.Graph = node.attrs["body"]
        states = body.inputs[2:]
        self.body = body
        self.after = dict(zip(states, (plain(v) for v in body.outputs[1:]), strict=False))
        self.initial = dict(zip(states, node.inputs[2:], strict=True))
        self.trips = node.inputs[0]
        self.steps = _size(self.trips)
        self.inside = {v for n in body.nodes for v in n.outputs} | set(body.inputs)
        self.counters = {body.inputs[0], *(s for s in states if self._counts(s))}
        self.sequences = self._sequences()
        self.runs: dict[Value, _Run] = {}  # by the output of their cell
        self.packed: dict[Value, _Run] = {}  # those under a mask
        self.longer: dict[Value, Value] = {}  # lengths and one more

    @property
    def recurrent(self) -> bool:
        """Whether it goes through sequences from end to end."""
        start = self.node.inputs[1]
        always = start is None or (start.array is not None and bool(start.array))
        return always and plain(self.body.outputs[0]) is self.body.inputs[1] and bool(self.sequences)

    def _counts(self, state: Value) -> bool:
        start, add = self.initial[state], self.after[state].producer
        if start is None or start.array is None or start.array.size != 1 or start.array.ravel()[0] != 0:
            return False
        if add is None or add.op != "Add":
            return False
        others = [v for v in add.inputs if v is not None and plain(v) is not state]
        return len(others) == 1 and others[0].array is not None and bool(np.all(others[0].array == 1))

    def _sequences(self) -> dict[Value, Value]:
        """The values that are element after element of a tensor from outside, with that tensor."""
        found = {}
        for node in self.body.nodes:
            if node.op != "Gather" or node.domain or node.attrs.get("axis", 0) != 0:
                continue
            whole, index = node.inputs
            if whole is None or index is None or whole in self.inside or plain(index) not in self.counters:
                continue
            if whole.rank == 3 and self.trips is not None:
                found[node.output] = self._passed(whole)
        return found

    def _passed(self, whole: Value) -> Value:
        """The part of a sequence that the loop goes through."""
        if whole.shape and self.steps is not None and whole.shape[0] == self.steps:
            return whole
        result: Value = self.op.Slice(whole, [0], self.op.Reshape(self.trips, [1]), [0])
        return result

    # --- cells --------------------------------------------------------------------------------------------------------

    def find_cells(self) -> None:
        """Emits a node for every cell, those whose input another cell puts out included."""
        pending = dict(self.after)
        while True:
            states, masks = {}, {}
            for state, after in self.after.items():
                states[state], masks[state] = self._unmasked(state, after)
            inputs = {*self.sequences, *self.packed}
            step = Step(Reader({*inputs, *states}), inputs, states)
            found = [s for s in pending if self._find(step, masks, s)]
            if not found:
                return
            for state in found:
                del pending[state]

    def _find(self, step: Step, masks: dict[Value, Value | None], state: Value) -> bool:
        after = step.states[state]
        if state.dtype != FLOAT32 or state.rank != 2 or state.shape is None or not isinstance(state.shape[1], int):
            return False
        cell = recognise_cell(step, state, after)
        if cell is None or any(masks[s] is not masks[state] for s in cell.states):
            return False
        mask = masks[state]
        before = self.packed.get(cell.x)
        if before is not None and before.mask is not mask:
            return False
        if mask is not None and rnn_mask.rows(mask) == 1 != _rows(self.sequences.get(cell.x)):
            return False  # one mask for all rows
        run = self.runs[after] = self._run(cell, mask)
        if run.mask is None:
            self.sequences[after] = run.y
        else:
            self.packed[after] = run
        return True

    def _unmasked(self, state: Value, after: Value) -> tuple[Value, Value | None]:
        """A state's next value where its step counts, and what tells whether it does."""
        where = after.producer
        if where is None or where.op != "Where":
            return after, None
        found = self._choice(where)
        if found is None or found[2] is not state:
            return after, None
        return found[1], found[0]

    def _choice(self, where: Node) -> tuple[Value, Value, Value] | None:
        """For a Where under a mask: the mask, the value where a step counts, and that where it does not."""
        condition, *values = where.inputs
        counts, others = (plain(v) for v in values if v is not None)
        found = None if condition is None else self._mask(condition)
        if found is None:
            return None
        return (found[0], counts, others) if found[1] else (found[0], others, counts)

    def _mask(self, condition: Value) -> tuple[Value, bool] | None:
        """The mask that a condition is element after element of, and whether it holds where steps count."""
        condition, holds = plain(condition), True
        while condition.producer is not None and condition.producer.op in ("Expand", "Tile", "Unsqueeze", "Not"):
            holds ^= condition.producer.op == "Not"
            inner = condition.producer.inputs[0]
            assert inner is not None
            condition = plain(inner)
            if condition in self.sequences:
                break
        mask = self.sequences.get(condition)
        if mask is not None:
            return (mask, holds) if mask.dtype == bool and mask.shape and mask.shape[-1] == 1 else None
        compared = self._compared(condition)
        return None if compared is None else (compared[0], compared[1] == holds)

    def _compared(self, condition: Value) -> tuple[Value, bool] | None:
        """The lengths that a step's number is compared with, and whether the comparison holds below them."""
        node = condition.producer
        if node is None or node.op not in rnn_mask.COMPARISONS or node.domain:
            return None
        number, lengths = (plain(v) for v in node.inputs if v is not None)
        name = node.op
        if lengths in self.counters:
            number, lengths, name = lengths, number, rnn_mask.MIRRORED[name]
        lengths = _vector(lengths)
        if number not in self.counters or lengths in self.inside or lengths.rank != 1:
            return None
        below, more = rnn_mask.COMPARISONS[name]
        if more and lengths not in self.longer:
            self.longer[lengths] = lengths + 1
        return self.longer[lengths] if more else lengths, below

    def _run(self, cell: Cell, mask: Value | None) -> _Run:
        op = self.op
        attrs: dict[str, Any] = {"hidden_size": cell.r.shape[1], **_activations(cell)}
        if cell.linear_before_reset:
            attrs["linear_before_reset"] = 1
        x, lengths = self._input(cell, mask), None if mask is None else rnn_mask.count(op, mask, self.trips)
        backwards = unreversed(x) if mask is None else None
        if backwards is not None:
            x, attrs["direction"] = backwards, "reverse"
        starts = [self.initial[s] for s in cell.states]
        from_zero = all(_is_zero(s) for s in starts)
        given = [None if from_zero else op.Unsqueeze(s, axes=[0]) for s in starts]
        scope = self.node.origin.node
        weights = [op.constant(getattr(cell, k)[None], name=f"{scope}/{k.upper()}") for k in "wrb"]
        if cell.p is not None:
            given.append(op.constant(cell.p[None], name=f"{scope}/P"))
        y, *finals = op.emit(cell.op, x, *weights, lengths, *given, outputs=1 + len(cell.states), **attrs)
        if lengths is not None and not from_zero:  # runtimes differ in what becomes of a start that no step follows
            some = op.Greater(op.Reshape(lengths, [1, -1, 1]), np.int32(0))
            finals = [op.Where(some, final, start) for final, start in zip(finals, given, strict=False)]
        y = op.Squeeze(y, axes=[1])
        if backwards is not None:
            y = reverse(op, y)
        return _Run(cell, y, tuple(finals), mask, from_zero)

    def _input(self, cell: Cell, mask: Value | None) -> Value:
        """The sequence that a cell reads, the steps that count in front of the others."""
        if cell.x in self.packed:
            return self.packed[cell.x].y
        x = self.sequences[cell.x]
        return x if mask is None else rnn_mask.packed(self.op, x, mask, self.trips)

    # --- results ------------------------------------------------------------------------------------------------------

    def result(self, index: int) -> Value | None:
        """What one of the loop's outputs is without it, None where that is unknown."""
        value = plain(self.body.outputs[1 + index])
        if index >= len(self.initial):
            return self._sequence(value) or self._lifted(value)
        return self._last(value)

    def last(self, index: int) -> Value | None:
        """The last element of one of the loop's outputs that are sequences."""
        return self._last(plain(self.body.outputs[1 + index]))

    def _sequence(self, value: Value) -> Value | None:
        if value in self.sequences:
            return self.sequences[value]
        found = self._masked(value)
        if found is None:
            return None
        run, otherwise = found
        if _is_zero(otherwise):
            return rnn_mask.zeroed(self.op, run.y, run.mask, self.trips)
        return rnn_mask.held(self.op, run.y, run.mask, self.trips) if self._holds(value, otherwise) else None

    def _lifted(self, value: Value) -> Value | None:
        """What is computed of sequences step by step, as a sequence; zero where a mask leaves steps out."""
        where = value.producer
        found = self._choice(where) if where is not None and where.op == "Where" else None
        if found is None:
            return Lifter(self.op, self.sequences.get, self.inside).lift(value)
        mask, inner, otherwise = found
        sequence = Lifter(self.op, lambda v: self._under(mask, v), self.inside).lift(inner)
        if sequence is None or not _is_zero(otherwise):
            return None
        result: Value = self.op.Where(rnn_mask.steps(self.op, mask, self.trips), sequence, np.float32(0))
        return result

    def _under(self, mask: Value, value: Value) -> Value | None:
        """A sequence that is right at the steps that count."""
        run = self.runs.get(value)
        if run is None or run.mask is None:
            return self.sequences.get(value)
        return rnn_mask.zeroed(self.op, run.y, mask, self.trips) if run.mask is mask else None

    def _holds(self, value: Value, otherwise: Value) -> bool:
        """Whether the alternative to a value is the same of the step before, at first zero."""
        return self.after.get(otherwise) is value and _is_zero(self.initial[otherwise])

    def _masked(self, value: Value) -> tuple[_Run, Value] | None:
        """For a cell's output under its mask: its run, and the value where the mask leaves a step out."""
        where = value.producer
        if where is None or where.op != "Where":
            return None
        found = self._choice(where)
        run = None if found is None else self.runs.get(found[1])
        if found is None or run is None or run.mask is not found[0]:
            return None
        return run, found[2]

    def _last(self, value: Value) -> Value | None:
        """The value after the last step."""
        inner = _headless(value)
        if inner is not None:
            return self._final(plain(inner))
        last = self._final(value)
        return None if last is None else self.op.Squeeze(last, axes=[0])

    def _final(self, value: Value) -> Value | None:
        """The value after the last step, with a leading dimension of 1."""
        for run in self.runs.values():
            for state, output, final in zip(run.cell.states, run.cell.outputs, run.finals, strict=True):
                if value is (output if run.mask is None else self.after[state]):
                    return final
        found = self._masked(value)
        if found is not None and found[0].from_zero and self._holds(value, found[1]):
            return found[0].finals[0]
        sequence = self._sequence(value)
        return None if sequence is None else self.op.Gather(sequence, np.array([-1]), axis=0)


def _takers(graph: ir.Graph, sequence: Value) -> list[Value] | None:
    """The values that are the last element of a sequence, None if it is used for anything else."""
    if any(v is sequence for v in graph.outputs):
        return None
    taken = []
    for user in sequence.users:
        index = user.inputs[1] if user.op == "Gather" and not user.domain and user.attrs.get("axis", 0) == 0 else None
        last = index is not None and index.array is not None and index.rank == 0 and int(index.array) == -1
        if not last or user not in graph.nodes:
            return None
        taken.append(user.output)
    return taken


def _activations(cell: Cell) -> dict[str, Any]:
    """The attributes for the functions of a cell, none where they are ONNX's defaults."""
    if tuple(a.name for a in cell.activations) == DEFAULTS[cell.op]:
        return {}
    attrs: dict[str, Any] = {"activations": [a.name for a in cell.activations]}
    for name in ("alpha", "beta"):
        numbers = [getattr(a, name) for a in cell.activations if getattr(a, name) is not None]
        if numbers:
            attrs[f"activation_{name}"] = numbers
    return attrs


def _size(trips: Value | None) -> Size | None:
    """The number that a scalar stands for, None where unknown."""
    while trips is not None:
        if trips.elements is not None and trips.elements.size == 1:
            size: Size = trips.elements.item()
            return size
        node = trips.producer
        if node is None or node.op not in ("Cast", "Gather", "Identity", "Reshape", "Slice", "Squeeze"):
            return None
        shape = node.inputs[0].producer if node.inputs[0] is not None else None
        if node.op in ("Gather", "Slice") and (shape is None or shape.op != "Shape"):
            return None
        if node.op in ("Gather", "Slice"):
            assert shape is not None
            assert shape.inputs[0] is not None
            assert node.inputs[1] is not None
            whole, at = shape.inputs[0].shape, node.inputs[1].array
            return None if whole is None or at is None or at.size != 1 or shape.attrs else whole[int(at.reshape(()))]
        trips = node.inputs[0]
    return None


def _rows(sequence: Value | None) -> Size | None:
    return None if sequence is None or sequence.shape is None else sequence.shape[1]


def _vector(lengths: Value) -> Value:
    """A vector behind what makes a column of it."""
    node = lengths.producer
    if lengths.rank == 2 and node is not None and node.op == "Unsqueeze" and _axes(node.inputs[1]) in ([1], [-1]):
        assert node.inputs[0] is not None
        return plain(node.inputs[0])
    return lengths


def _headless(value: Value) -> Value | None:
    """The value behind an Unsqueeze or Reshape that puts one dimension in front of it, None where there is none."""
    node = value.producer
    inner = node.inputs[0] if node is not None and node.op in ("Unsqueeze", "Reshape") else None
    if inner is None or inner.shape is None:
        return None
    return inner if value.shape == (1, *inner.shape) else None


def _axes(axes: Value | None) -> list[int]:
    return [] if axes is None or axes.array is None else [int(a) for a in axes.array.ravel()]


def _is_zero(value: Value | None) -> bool:
    """Whether a value is zero throughout, as far as that shows."""
    while value is not None and value.producer is not None and value.producer.op in ("Expand", "Identity"):
        value = value.producer.inputs[0]
    return value is None or (value.const is not None and value.const.size <= 1 << 16 and not np.any(value.array))
