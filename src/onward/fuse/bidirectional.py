"""Two recurrent layers over one sequence, one of them backwards, that are joined become one that goes both ways."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward import ir
from onward.fuse.engine import Rewrite, made_by, sole_user
from onward.ir import Node, Value
from onward.lowering.builder import Builder

LISTS = ("activations", "activation_alpha", "activation_beta")  # for each direction in turn


def both_ways(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """concat(rnn(x), reverse_rnn(x)) = reshape(bidirectional_rnn(x)), for all steps or the last ones."""
    if len(node.inputs) != 2 or node.output.rank is None or node.attrs["axis"] not in (-1, node.output.rank - 1):
        return None
    sides = [_layer(graph, v) for v in node.inputs]
    if sides[0] is None or sides[1] is None or sides[0].index != sides[1].index:
        return None
    index = sides[0].index
    forward, backward = (side.producer for side in sides if side is not None)
    assert forward is not None
    assert backward is not None
    if not _mirror(forward, backward):
        return None
    weights = [
        op.constant(np.concatenate([np.asarray(a.array), np.asarray(b.array)]), name=a.name)
        for a, b in zip(forward.inputs[1:4], backward.inputs[1:4], strict=True)
        if a is not None and b is not None
    ]
    attrs: dict[str, Any] = {k: v * 2 if k in LISTS else v for k, v in forward.attrs.items()}
    made = op.emit(
        forward.op, forward.inputs[0], *weights, outputs=len(forward.outputs), direction="bidirectional", **attrs
    )
    width = 2 * forward.attrs["hidden_size"]
    if index == 0:  # (steps, directions, rows, units)
        steps: Value = op.Reshape(op.Transpose(made[0], perm=[0, 2, 1, 3]), [0, 0, width])
        return steps
    last: Value = op.Reshape(op.Transpose(made[index], perm=[1, 0, 2]), [0, width])
    return last


def _layer(graph: ir.Graph, value: Value | None) -> Value | None:
    """The output of a recurrent operator behind the removal of its one direction, if nothing else of it is used."""
    node = made_by(value, "Squeeze", "Gather")
    if node is None or value is None or not sole_user(graph, value) or len(node.inputs) < 2:
        return None
    output, at = node.inputs
    layer = made_by(output, "LSTM", "GRU", "RNN")
    if layer is None or output is None or not sole_user(graph, output):
        return None
    if at is None or at.array is None or at.array.size != 1:
        return None
    where = int(at.array.reshape(()))
    axis = 1 if output.index == 0 else 0
    removed = where == axis if node.op == "Squeeze" else where in (0, -1) and node.attrs.get("axis", 0) == axis
    others = any(v.users or any(v is o for o in graph.outputs) for v in layer.outputs if v is not output)
    return output if removed and at.rank == (1 if node.op == "Squeeze" else 0) and not others else None


def _mirror(forward: Node, backward: Node) -> bool:
    """Whether two recurrent operators differ in nothing but their weights and their direction."""
    if forward.op != backward.op or forward.inputs[0] is not backward.inputs[0]:
        return False
    if any(v is not None for n in (forward, backward) for v in n.inputs[4:]):
        return False
    if any(v is None or not v.is_const for n in (forward, backward) for v in n.inputs[1:4]):
        return False
    rest = {k: v for k, v in backward.attrs.items() if k != "direction"}
    return "direction" not in forward.attrs and backward.attrs.get("direction") == "reverse" and rest == forward.attrs


RULES: dict[str, list[Rewrite]] = {"Concat": [both_ways]}
