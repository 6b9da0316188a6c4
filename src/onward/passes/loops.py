"""Loops carry and compute no more than they must.

What a loop carries and nobody reads is dropped; a stack that the body only takes apart and puts together again (the
caches of a decoder's layers) is carried in its parts; what is the same in every step is computed before the loop.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from onward import ir
from onward.fuse.engine import made_by
from onward.ir import Node, Value, is_static
from onward.lowering import control
from onward.lowering.builder import Builder
from onward.passes.simplify import RANDOM

FIXED = 2  # inputs of a body before its states: the step's number, and whether it runs
_MOVES = frozenset({"Cast", "Identity", "Shape", "Transpose", "Unsqueeze"})
_BROADCASTS = frozenset({
    "Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Min", "Mul", "Or", "Pow",
    "Sub", "Where", "Xor",
})  # fmt: skip
_POINTWISE = frozenset({
    "Abs", "Ceil", "Clip", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "LeakyRelu", "Log",
    "LogSoftmax", "Neg", "Not", "Reciprocal", "Relu", "Sigmoid", "Sign", "Sin", "Softmax", "Softplus", "Sqrt", "Tanh",
})  # fmt: skip


def lean_loops(op: Builder, graph: ir.Graph) -> None:
    """Runs over the loops of a graph and its subgraphs, inner ones first."""
    graph.sort()
    for node in list(graph.nodes):
        for subgraph in node.subgraphs:
            with op.scope(subgraph):
                lean_loops(op, subgraph)
        if node.op == "Loop" and not node.domain:
            op.origin = node.origin
            _drop_unread(graph, node)
            while any(_take_apart(op, graph, node, k) for k in range(_states(node))):
                pass
            _hoist(op, graph, node)
    graph.sort()


def _body(loop: Node) -> ir.Graph:
    body: ir.Graph = loop.attrs["body"]
    return body


def _states(loop: Node) -> int:
    return len(loop.inputs) - FIXED


# --- what nobody reads ------------------------------------------------------------------------------------------------


def _drop_unread(graph: ir.Graph, loop: Node) -> None:
    body = _body(loop)
    final = {id(v) for v in graph.outputs}
    read = [bool(v.users) or id(v) in final for v in loop.outputs]
    place = {v: k for k, v in enumerate(body.inputs[FIXED:])}
    reached: set[Value] = set()
    pending = [body.outputs[0], *(v for v, wanted in zip(body.outputs[1:], read, strict=True) if wanted)]
    while pending:  # from what is read to the states that it takes, and to what makes those
        value = pending.pop()
        if value in reached:
            continue
        reached.add(value)
        if value in place:
            read[place[value]] = True
            pending.append(body.outputs[1 + place[value]])
        producer = value.producer
        if producer is not None:
            pending += [v for v in producer.inputs if v is not None]
            pending += producer.captured()
    for k in reversed([k for k, wanted in enumerate(read) if not wanted]):
        if k < _states(loop):
            loop.set_input(FIXED + k, None)
            del loop.inputs[FIXED + k], body.inputs[FIXED + k]
        del loop.outputs[k], body.outputs[1 + k]
    _number(loop)
    body.sort()


def _number(loop: Node) -> None:
    for i, value in enumerate(loop.outputs):
        value.index = i


# --- stacks of parts --------------------------------------------------------------------------------------------------


def _take_apart(op: Builder, graph: ir.Graph, loop: Node, k: int) -> bool:
    """Carries a stack as its parts, if a step reads nothing but single parts and ends by stacking new ones."""
    body = _body(loop)
    state, start, after = body.inputs[FIXED + k], loop.inputs[FIXED + k], body.outputs[1 + k]
    concat = made_by(after, "Concat")
    if concat is None or start is None or state.shape is None:
        return False
    rank = len(state.shape)
    axis = concat.attrs["axis"] % rank
    parts = [v for v in concat.inputs if v is not None]
    whole = state.shape[axis] == len(parts)
    if not whole or len(parts) < 2 or any(p.shape is None or p.shape[axis] != 1 for p in parts):
        return False
    readers = [(node, _part_read(node, state, axis, len(parts))) for node in state.users]
    if (
        not set(state.users) <= set(body.nodes)
        or any(part is None for _, part in readers)
        or any(v is state for v in body.outputs)
    ):
        return False
    shape = (*state.shape[:axis], *state.shape[axis + 1 :])
    starts = [op.Gather(start, np.array(i), axis=axis) for i in range(len(parts))]
    with op.scope(body):
        states = [op.input("", state.dtype, shape) for _ in parts]
        following = [op.Squeeze(part, axes=[axis]) for part in parts]
        del body.inputs[-len(parts) :], body.outputs[1 + k]
        body.inputs[FIXED + k : FIXED + k + 1] = states
        outputs, body.outputs = [*body.outputs[: 1 + k], *following, *body.outputs[1 + k :]], []
        control.close(op, body, outputs)
    for node, part in readers:
        assert part is not None
        body.replace(node.output, states[part])
        node.detach()
    loop.set_input(FIXED + k, None)
    loop.inputs[FIXED + k : FIXED + k + 1] = starts
    for value in starts:
        value.users[loop] = value.users.get(loop, 0) + 1
    old = loop.outputs[k]
    loop.outputs[k : k + 1] = [Value(op, state.dtype, shape, producer=loop) for _ in parts]
    _number(loop)
    if old.users or any(v is old for v in graph.outputs):
        finals = loop.outputs[k : k + len(parts)]
        stacked = op.Concat(*(op.Unsqueeze(v, axes=[axis]) for v in finals), axis=axis)
        stacked.name = stacked.name or old.name
        graph.replace(old, stacked)
    body.sort()
    return True


def _part_read(node: Node, state: Value, axis: int, count: int) -> int | None:
    """Which part of a stack a node takes, None if it does anything else with it."""
    if node.op != "Gather" or node.domain or node.inputs[0] is not state or node.attrs.get("axis", 0) != axis:
        return None
    index = node.inputs[1]
    if index is None or index.array is None or index.array.ndim != 0:
        return None
    part = int(index.array)
    return part % count if -count <= part < count else None


# --- what is the same in every step -----------------------------------------------------------------------------------


def _hoist(op: Builder, graph: ir.Graph, loop: Node) -> None:
    body = _body(loop)
    trips, begin = loop.inputs[:2]
    certain = _is_true(begin) and trips is not None and trips.array is not None and bool(trips.array > 0)
    changing = set(body.inputs) | {v for n in body.nodes for v in n.outputs}
    moved: set[Node] = set()
    for node in body.nodes:
        if node.subgraphs or node.op in RANDOM or node.domain:
            continue
        inputs = [v for v in node.inputs if v is not None]
        if any(v in changing for v in inputs) or not (certain or _cannot_fail(node)):
            continue
        moved.add(node)
        changing.difference_update(node.outputs)
    if not moved:
        return
    graph.nodes += [node for node in body.nodes if node in moved]
    body.nodes = [node for node in body.nodes if node not in moved]
    with op.scope(body):
        outputs, body.outputs = body.outputs, []
        control.close(op, body, outputs)


def _is_true(condition: Value | None) -> bool:
    return condition is None or (condition.array is not None and bool(condition.array))


def _cannot_fail(node: Node) -> bool:
    """Whether a node can run even where the loop would not have: no index or shape that only a step makes right."""
    inputs = [v for v in node.inputs if v is not None]
    if node.op in _MOVES or node.op in _POINTWISE or node.op.startswith("Reduce"):
        return True
    if any(v.shape is None for v in (*inputs, node.output)):
        return False
    if node.op in _BROADCASTS:
        return _broadcast(node.output, inputs)
    if node.op == "Expand":
        return _broadcast(node.output, inputs[:1])
    if node.op == "MatMul":
        a, b = (v.shape for v in inputs)
        return bool(a) and bool(b) and a[-1] == b[max(len(b) - 2, 0)] and _broadcast(node.output, inputs, skip=2)  # type: ignore[index]
    if node.op == "Concat":
        return all(is_static(v.shape) or v.rank == 1 for v in inputs)
    if node.op == "Reshape":
        return is_static(inputs[0].shape) or (inputs[1].array is not None and not (inputs[1].array == -1).any())
    if node.op in ("Slice", "LayerNormalization"):
        return True
    if node.op == "Gather":
        x, index = inputs
        size, at = x.shape[node.attrs.get("axis", 0)], index.array  # type: ignore[index]
        return isinstance(size, int) and at is not None and bool(np.all((at >= -size) & (at < size)))
    return False


def _broadcast(output: Value, inputs: Iterable[Value], skip: int = 0) -> bool:
    """Whether the sizes are known to fit: each is 1 or the output's; the last ``skip`` do not count."""
    wanted = (output.shape or ())[: len(output.shape or ()) - skip]
    for value in inputs:
        sizes = (value.shape or ())[: max(len(value.shape or ()) - skip, 0)]
        if any(s not in (1, w) for s, w in zip(reversed(sizes), reversed(wanted), strict=False)):
            return False
    return True
