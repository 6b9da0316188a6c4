"""The last pass: order, names, and outputs that are distinct from inputs and constants."""

from __future__ import annotations

from onward import ir
from onward.ir import Value
from onward.lowering import control
from onward.lowering.builder import Builder
from onward.serialize import constants


def finish(op: Builder, graph: ir.Graph, output_names: list[str]) -> None:
    """Sorts the graph and names everything in it.

    Inputs and outputs keep the source's names exactly; a node is called after its TensorFlow node, a value after
    the node that makes it, a weight after its variable. Names are unique across the graph and its subgraphs.
    """
    graph.outputs = _distinct_outputs(op, graph)
    _sort(op, graph)
    taken = _Names()
    for value in graph.inputs:
        value.name = taken.claim(value.name)
    for value, name in zip(graph.outputs, output_names, strict=True):
        value.name = taken.claim(name)
    ends = {id(v) for v in (*graph.inputs, *graph.outputs)}
    for value in constants(graph):
        value.name = taken.claim(value.name or "constant")
    _name_nodes(graph, taken, ends)


def _sort(op: Builder, graph: ir.Graph) -> None:
    graph.sort()
    for node in graph.nodes:
        for subgraph in node.subgraphs:
            with op.scope(subgraph):
                values, subgraph.outputs = subgraph.outputs, []
                control.close(op, subgraph, values)
                _sort(op, subgraph)


def _distinct_outputs(op: Builder, graph: ir.Graph) -> list[Value]:
    """An output that is an input, a constant or another output gets a value of its own."""
    used: set[int] = {id(v) for v in graph.inputs}
    outputs = []
    for value in graph.outputs:
        if id(value) in used or value.is_const or value.producer is None:
            value = op.append("Identity", [value], {}) if not value.is_const else _copied(op, value)
        used.add(id(value))
        outputs.append(value)
    return outputs


def _copied(op: Builder, value: Value) -> Value:
    return op.node("Identity", [value], {}, [(value.dtype, value.shape)])[0]


def _name_nodes(graph: ir.Graph, taken: _Names, named: set[int]) -> None:
    for node in graph.nodes:
        scope = node.origin.node
        node.name = taken.claim_node(f"{scope}/{node.op}" if scope else node.op)
        for i, value in enumerate(node.outputs):
            if id(value) not in named:
                value.name = taken.claim(value.name or (f"{node.name}:{i}" if i else node.name))
        for subgraph in node.subgraphs:
            for value in subgraph.inputs:
                value.name = taken.claim(value.name or f"{node.name}/input")
            _name_nodes(subgraph, taken, named)


class _Names:
    """Unique names, values and nodes apart."""

    def __init__(self) -> None:
        self._values: dict[str, int] = {}
        self._nodes: dict[str, int] = {}

    def claim(self, name: str) -> str:
        return _unique(self._values, name)

    def claim_node(self, name: str) -> str:
        return _unique(self._nodes, name)


def _unique(taken: dict[str, int], name: str) -> str:
    if name not in taken:
        taken[name] = 0
        return name
    while True:
        taken[name] += 1
        candidate = f"{name}_{taken[name]}"
        if candidate not in taken:
            taken[candidate] = 0
            return candidate
