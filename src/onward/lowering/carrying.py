"""State as inputs and outputs.

A variable that a run changes becomes an input, which takes what it holds before the run, and an output, which gives
what it holds after. Which variables these are shows when a graph has been lowered: it is lowered again for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from onward.dims import Shape, symbol
from onward.dtypes import ONNX_NUMBERS, label
from onward.errors import LoweringError
from onward.graph import Node
from onward.ir import Value

if TYPE_CHECKING:
    from onward.lowering import Context

SUFFIX = "_next"


def take(context: Context, variables: Iterable[Node]) -> None:
    """Makes inputs for variables, behind the others, and lets a run begin with them."""
    op = context.op
    for node in variables:
        dtype = np.dtype(node.value.dtype)
        if dtype not in ONNX_NUMBERS:
            raise LoweringError(f"ONNX has no inputs of dtype {label(dtype)}", node.name, node.op)
        context.state[node] = op.input(node.name, dtype, _shape(node))


def give(context: Context, variables: Iterable[Node]) -> None:
    """Makes outputs of what variables hold at the end, behind the others.

    A variable that no output of the source ever depends on is left out: seeds that inference draws nothing from.
    """
    op = context.op
    graph = op.graph
    ends = {node: op.real(context.state[node]) for node in variables}
    begins = dict(zip(ends, graph.inputs[len(graph.inputs) - len(ends) :], strict=True))
    seen: set[Value] = set()
    matter: list[Node] = []
    pending = list(graph.outputs)
    while pending:
        _follow(pending, seen)
        found = [node for node in ends if node not in matter and begins[node] in seen]
        matter += found
        pending = [ends[node] for node in found]
    for node, end in ends.items():
        if node in matter:
            graph.outputs.append(end)
            op.carried[node.name + SUFFIX] = np.array(node.value)
        else:
            graph.inputs.remove(begins[node])


def _follow(pending: list[Value], seen: set[Value]) -> None:
    """Adds to ``seen`` everything that values are computed from."""
    while pending:
        value = pending.pop()
        if value not in seen:
            seen.add(value)
            if value.producer is not None:
                pending += [v for v in (*value.producer.inputs, *value.producer.captured()) if v is not None]


def more(context: Context, variables: list[Node]) -> bool:
    """Adds the variables that turned out to change; whether there are any."""
    found = [node for node in context.state if node not in variables]
    variables += found
    return bool(found)


def _shape(node: Node) -> Shape:
    """The sizes that a variable has, those that may change from run to run by name."""
    declared = node.attrs.get("shape")
    if declared is None or len(declared) != len(node.value.shape):
        declared = (None,) * len(node.value.shape)
    return tuple(symbol(f"{node.name}_dim{k}") if size is None else size for k, size in enumerate(declared))
