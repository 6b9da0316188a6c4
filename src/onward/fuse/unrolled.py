"""Recurrent layers that were written out step by step become loops again, and these ONNX's operators.

Two successive steps read successive elements of a sequence, and are alike but for that and for what the first hands to
the second. So the values that depend on one element are paired with those that depend on the next, node by node; where
a value from before the element is paired with one that depends on it, that is a state. The pairing goes on by itself
from step to step to the end of the sequence, which takes one walk over the graph.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from onward import ir
from onward.dtypes import FLOAT32
from onward.fuse.linear import FORMS
from onward.ir import Node, Value

SHORTEST = 3  # steps from which a cell is found
LINEAR = {*FORMS, "Reshape", "Squeeze"}  # what may stand between a state and what it is added to


class Element(NamedTuple):
    """One element of a sequence."""

    sequence: Value
    axis: int
    place: int


class Steps(NamedTuple):
    """A layer that was written out.

    Attributes:
        order: the indices of the elements, as the steps read them; the first step may be left out.
        elements: the elements that the template reads.
        initial: what the states are before the first of these steps, by the states of the template.
        values: what each state is after each of the steps; None after the last where nothing reads it.
        template: the nodes of one step, in order.
        after: the states' next values in the template.
        nodes: all that the steps are made of.
    """

    order: list[int]
    elements: dict[Value, Element]
    initial: dict[Value, Value]
    values: dict[Value, list[Value | None]]
    template: list[Node]
    after: dict[Value, Value]
    nodes: set[Node]


def unstacked(graph: ir.Graph) -> dict[Value, Element]:
    """The values of a graph that are elements of a sequence."""
    found = {}
    for node in graph.nodes:
        if node.domain or not node.inputs or node.inputs[0] is None:
            continue
        if node.op == "Gather":
            at = node.inputs[1]
            if at is not None and at.array is not None and at.rank == 0:
                found[node.output] = Element(node.inputs[0], node.attrs.get("axis", 0), int(at.array))
        elif node.op == "Squeeze":
            split, axes = node.inputs[0].producer, node.inputs[1] if len(node.inputs) > 1 else None
            if axes is None or axes.array is None:
                continue
            if split is None or split.op != "Split" or split.inputs[0] is None:
                continue
            axis = split.attrs.get("axis", 0)
            alone = all(v.shape is not None and v.shape[axis] == 1 for v in split.outputs)
            if alone and axes.array.tolist() == [axis]:
                found[node.output] = Element(split.inputs[0], axis, node.inputs[0].index)
    return found


def written_out(graph: ir.Graph) -> list[Steps]:
    """The layers of a graph that are written out, no two over the same elements in the same order."""
    elements = unstacked(graph)
    sequences: dict[tuple[Value, int], dict[int, Value]] = {}
    for value, (sequence, axis, place) in elements.items():
        if sequence.dtype == FLOAT32 and sequence.rank == 3 and axis in (0, 1) and place >= 0:
            sequences.setdefault((sequence, axis), {})[place] = value
    found = []
    for items in sequences.values():
        indices = sorted(items)
        if len(indices) < SHORTEST or indices != list(range(indices[0], indices[-1] + 1)):
            continue
        for order in (indices, indices[::-1]):
            steps = _Pairing(graph, elements, [items[i] for i in order], order).steps()
            if steps is not None:
                found.append(steps)
                break
    return found


class _Pairing:
    """The values of each step with those of the next."""

    def __init__(self, graph: ir.Graph, elements: dict[Value, Element], items: list[Value], order: list[int]) -> None:
        self.elements, self.items, self.order = elements, items, order
        self.place = {index: k for k, index in enumerate(order)}
        self.next: dict[Value, Value] = {items[1]: items[2]}
        self.states: dict[Value, None] = {}
        self.later = _dependent(items[1])
        for node in graph.nodes:
            if any(v in self.later for v in node.outputs) and not node.domain and not node.subgraphs:
                self._pair(node)
        self.nodes = graph.nodes

    def _pair(self, node: Node) -> None:
        ours = [v for v in node.inputs if v in self.later]
        if not ours or not all(v in self.next for v in ours):
            return
        for other in list(self.next[ours[0]].users):
            bound = self._bound(node, other) if _alike(node, other) else None
            if bound is not None:
                self.next |= bound[0]
                self.states |= bound[1]
                self.next |= zip(node.outputs, other.outputs, strict=True)
                return

    def _bound(self, node: Node, other: Node) -> tuple[dict[Value, Value], dict[Value, None]] | None:
        """What inputs from elsewhere are paired with if two nodes are, and which are states."""
        new: dict[Value, Value] = {}
        states: dict[Value, None] = {}
        same = all(self._bind(a, b, new, states) for a, b in zip(node.inputs, other.inputs, strict=True))
        return (new, states) if same else None

    def _bind(self, a: Value | None, b: Value | None, new: dict[Value, Value], states: dict[Value, None]) -> bool:
        if a is None or b is None or _equal(a, b):
            return (a is None and b is None) or (a is not None and a not in self.later)
        known = new.get(a, self.next.get(a))
        if known is not None or a in self.later:
            return known is b
        if a in self.elements or b in self.elements:
            new[a] = b
            return self._follows(a, b)
        first, second = a.producer, b.producer
        alike = first is not None and second is not None and _alike(first, second) and a.index == b.index
        new[a] = b
        if b not in self.later:  # a function of elements, such as of a mask
            assert not alike or (first is not None and second is not None)
            return alike and all(
                self._bind(x, y, new, states)
                for x, y in zip(first.inputs, second.inputs, strict=True)  # type: ignore[union-attr]
            )
        if alike and first is not None and second is not None and first.op in LINEAR:
            pairs = [(x, y) for x, y in zip(first.inputs, second.inputs, strict=True) if not _equal(x, y)]
            if len(pairs) == 1 and sum(x is not None and not x.is_const for x in first.inputs) == 1:
                return self._bind(*pairs[0], new, states)  # a linear map of a state
        states[a] = None
        return True

    def _follows(self, a: Value, b: Value) -> bool:
        first, second = self.elements.get(a), self.elements.get(b)
        if first is None or second is None or first.sequence is not second.sequence or first.axis != second.axis:
            return False
        place = self.place.get(first.place)
        return place is not None and self.place.get(second.place) == place + 1

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def steps(self) -> Steps | None:
        """The layer, None if it is none."""
        first = [s for s in self.states if s in self.next]
        values = {s: self._values(s) for s in first}
        if not first or any(len(v) < len(self.items) - 1 or None in v[:-1] for v in values.values()):
            return None
        after = {s: self.next[s] for s in first}
        template = self._template(after, set(first))
        if template is None:
            return None
        inside = {v for node in template for v in node.outputs}
        read = {v for node in template for v in node.inputs if v in self.elements and v not in inside}
        elements = {v: self.elements[v] for v in read if self.elements[v].place == self.order[1]}
        if len(elements) < len(read):
            return None
        before: dict[Value, Value] = {}
        whole = all(self._matches(after[s], s, set(first), inside, before) for s in first)
        if whole and all(s in before for s in first):
            initial = {s: before[s] for s in first}
            all_values = {s: [s, *v] for s, v in values.items()}
            nodes = self._all(template) | {
                v.producer for k, v in before.items() if k in inside and v.producer is not None
            }
            return Steps(self.order, elements, initial, all_values, template, after, nodes)
        return Steps(self.order[1:], elements, {s: s for s in first}, values, template, after, self._all(template))

    def _values(self, state: Value) -> list[Value | None]:
        """The state after the second step, the third, ..."""
        found: list[Value | None] = []
        value: Value | None = state
        while len(found) < len(self.items) - 1:
            value = None if value is None else self.next.get(value)
            found.append(value)
        return found

    def _all(self, template: list[Node]) -> set[Node]:
        """The nodes of the template and their like in the steps after it."""
        found = set(template)
        for node in template:
            value: Value | None = node.output
            while value is not None:
                if value.producer is not None:
                    found.add(value.producer)
                value = self.next.get(value)
        return found

    def _template(self, after: dict[Value, Value], states: set[Value]) -> list[Node] | None:
        """The nodes from states and elements to the next states."""
        needed: set[Node] = set()
        pending = list(after.values())
        while pending:
            value = pending.pop()
            varies = value in self.next or value in self.later
            if value in states or value in self.elements or not varies or value.producer in needed:
                continue
            if value.producer is None or value.producer.subgraphs:
                return None
            needed.add(value.producer)
            pending += [v for v in value.producer.inputs if v is not None]
        return [node for node in self.nodes if node in needed]

    def _matches(
        self, value: Value, first: Value, states: set[Value], inside: set[Value], before: dict[Value, Value]
    ) -> bool:
        """Whether a value of the template is made of the states like one of the first step, and what these were."""
        if value in before:
            return before[value] is first
        before[value] = first
        if value in states:
            return True
        if value in self.elements and value not in inside:
            return self._follows(first, value)
        if value not in inside:
            return _equal(value, first)
        node, other = value.producer, first.producer
        if node is not None and first.const is not None:
            return not np.any(first.array) and _vanishes(node, states, before)
        if node is None or other is None or not _alike(node, other) or value.index != first.index:
            return False
        pairs = zip(node.inputs, other.inputs, strict=True)
        return all(
            (a is None and b is None)
            or (a is not None and b is not None and self._matches(a, b, states, inside, before))
            for a, b in pairs
        )


def _vanishes(node: Node, states: set[Value], before: dict[Value, Value]) -> bool:
    """Whether a node gives zero where a state is zero, which it then was in the beginning."""
    varying = [v for v in node.inputs if v is not None and not v.is_const]
    if node.op not in ("Identity", "MatMul", "Reshape", "Slice", "Split", "Squeeze") or len(varying) != 1:
        return False
    [value] = varying
    if value not in states:
        return value.producer is not None and _vanishes(value.producer, states, before)
    if value not in before and ir.is_static(value.shape):
        before[value] = value.builder.constant(np.zeros(value.shape, value.dtype))  # type: ignore[arg-type]
    known = before.get(value)
    return known is not None and known.const is not None and not np.any(known.array)


def _dependent(value: Value) -> set[Value]:
    """The values that are computed from one."""
    found: set[Value] = {value}
    pending = [value]
    while pending:
        for user in pending.pop().users:
            for output in user.outputs:
                if output not in found:
                    found.add(output)
                    pending.append(output)
    return found


def _equal(a: Value | None, b: Value | None) -> bool:
    """Whether two values are one, or constants that are equal."""
    if a is None or b is None or a is b:
        return a is b
    if a.const is None or b.const is None or a.dtype != b.dtype or a.shape != b.shape:
        return False
    return a.const is b.const or bool(np.array_equal(a.array, b.array))  # type: ignore[arg-type]


def _alike(a: Node, b: Node) -> bool:
    """Whether two nodes do the same, to whatever inputs."""
    if a is b or a.op != b.op or a.domain != b.domain or a.subgraphs or b.subgraphs:
        return False
    if len(a.inputs) != len(b.inputs) or len(a.outputs) != len(b.outputs) or a.attrs.keys() != b.attrs.keys():
        return False
    return all(np.array_equal(value, b.attrs[name]) for name, value in a.attrs.items())
