"""A layer that was written out step by step, as a loop."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward import ir
from onward.dtypes import BOOL, INT64
from onward.fuse.reverse import LOWEST, reverse
from onward.fuse.unrolled import Element, Steps
from onward.ir import Node, Value
from onward.lowering import control
from onward.lowering.builder import Builder


class Rolled:
    """The loop of a layer's steps, beside these.

    Attributes:
        loop: the node; its outputs are the last states, and then each state after every step.
        wanted: the outputs that the graph has use for.
    """

    def __init__(self, op: Builder, graph: ir.Graph, steps: Steps) -> None:
        self._op, self._graph, self._steps = op, graph, steps
        self.body = ir.Graph("step")
        self.loop = self._made()
        self._stacks = {k: self._stack(values) for k, values in enumerate(steps.values.values())}
        count = len(steps.values)
        self.wanted = [
            index
            for k, values in enumerate(steps.values.values())
            for index, used in (
                (k, self._used(values[-1])),
                (count + k, self._stacks[k] is not None or any(self._used(v) for v in values[:-1])),
            )
            if used
        ]

    def replace(self, results: dict[int, Value]) -> None:
        """Puts the loop's outputs, however they are computed now, in place of what the steps computed."""
        op, graph = self._op, self._graph
        count = len(self._steps.values)
        for k, values in enumerate(self._steps.values.values()):
            stack, sequence = self._stacks[k], results.get(count + k)
            used = [v is not None and self._used(v) for v in values]
            if stack is not None and sequence is not None:
                graph.replace(stack.output, self._stacked(stack, values, sequence))
            for place, value in enumerate(values[:-1]):
                if used[place] and value is not None and sequence is not None:
                    graph.replace(value, op.Gather(sequence, np.array(place), axis=0))
            last = values[-1]
            if used[-1] and last is not None:
                results[k].name = results[k].name or last.name
                graph.replace(last, results[k])

    def _made(self) -> Node:
        op, steps = self._op, self._steps
        count = len(steps.order)
        wholes = {value: _taken(op, element, steps.order) for value, element in steps.elements.items()}
        with op.scope(self.body):
            i = op.input("", INT64, ())
            going = op.input("", BOOL, ())
            inside = {state: op.input("", state.dtype, state.shape) for state in steps.initial}
            for value, whole in wholes.items():
                inside[value] = op.Gather(whole, i, axis=0)
            for node in steps.template:
                inputs = [None if v is None else inside.get(v, v) for v in node.inputs]
                copy = Node(node.op, inputs, dict(node.attrs), origin=node.origin)
                copy.outputs = [Value(op, v.dtype, v.shape, producer=copy, index=k) for k, v in enumerate(node.outputs)]
                inside.update(zip(node.outputs, copy.outputs, strict=True))
                self.body.nodes.append(copy)
            after = [inside[steps.after[state]] for state in steps.initial]
            control.close(op, self.body, [going, *after, *after])
        types: list[Any] = [(s.dtype, s.shape) for s in steps.initial]
        types += [(s.dtype, None if s.shape is None else (count, *s.shape)) for s in steps.initial]
        start = [op.constant(np.array(count)), op.constant(np.array(True)), *steps.initial.values()]
        loop = op.node("Loop", start, {"body": self.body}, types)[0].producer
        assert loop is not None
        return loop

    def _used(self, value: Value | None) -> bool:
        """Whether anything but the steps and the stack of all of them reads a value."""
        if value is None:
            return False
        stacks = [s for s in getattr(self, "_stacks", {}).values() if s is not None]
        own = {v.producer for s in stacks for v in s.inputs if v is not None}
        foreign = any(user not in self._steps.nodes and user not in own for user in value.users)
        return foreign or any(v is value for v in self._graph.outputs)

    def _stack(self, values: list[Value | None]) -> Node | None:
        """The node that stacks a state after all steps, along the first axis or the second."""
        first = values[0]
        if first is None or None in values:
            return None
        for unsqueeze in first.users:
            for concat in unsqueeze.outputs[0].users if unsqueeze.op == "Unsqueeze" else ():
                if concat.op != "Concat" or concat.attrs["axis"] not in (0, 1):
                    continue
                parts = [_unsqueezed(v, concat.attrs["axis"]) for v in concat.inputs]
                own = parts[len(parts) - len(values) :]
                if own == values or parts[: len(values)] == values[::-1]:
                    return concat
        return None

    def _stacked(self, stack: Node, values: list[Value | None], sequence: Value) -> Value:
        op, rest = self._op, len(stack.inputs) - len(values)
        axis = stack.attrs["axis"]
        backwards = _unsqueezed(stack.inputs[0], axis) is values[-1] and len(values) > 1
        sequence = reverse(op, sequence) if backwards else sequence
        result: Value = sequence if axis == 0 else op.Transpose(sequence, perm=[1, 0, 2])
        if rest:
            parts = [*stack.inputs[:rest], result] if not backwards else [result, *stack.inputs[len(values) :]]
            result = op.Concat(*parts, axis=axis)
        result.name = result.name or stack.output.name
        return result


def _unsqueezed(value: Value | None, axis: int) -> Value | None:
    """What a value is with a new axis."""
    node = value.producer if value is not None else None
    if node is None or node.op != "Unsqueeze" or node.inputs[1] is None or node.inputs[1].array is None:
        return None
    return node.inputs[0] if node.inputs[1].array.tolist() == [axis] else None


def _taken(op: Builder, element: Element, order: list[int]) -> Value:
    """The elements of a sequence that steps read, in their order, along the first axis."""
    sequence = element.sequence if element.axis == 0 else op.Transpose(element.sequence, perm=[1, 0, 2])
    size = None if sequence.shape is None else sequence.shape[0]
    first, last = order[0], order[-1]
    result: Value
    if first < last:
        whole = first == 0 and last + 1 == size
        result = sequence if whole else op.Slice(sequence, [first], [last + 1], [0])
    elif last == 0 and first + 1 == size:
        result = reverse(op, sequence)
    else:
        result = op.Slice(sequence, [first], [last - 1 if last else LOWEST], [0], [-1])
    return result
