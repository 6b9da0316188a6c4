"""Takes out what computes nothing new: nodes without users and nodes that repeat another."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward import ir
from onward.ir import Node
from onward.lowering.builder import Builder

# Two of these with the same inputs are still two.
RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)


def simplify(op: Builder, graph: ir.Graph) -> None:
    """Drops dead nodes and merges equal ones, subgraphs included."""
    graph.sort()
    _merge(graph, {})


def _merge(graph: ir.Graph, seen: dict[tuple, Node]) -> None:
    own: set[Node] = set()
    for node in graph.nodes:
        if node.subgraphs:
            for subgraph in node.subgraphs:
                _merge(subgraph, dict(seen))
            continue
        if node.op in RANDOM:
            continue
        key = _key(node)
        known = seen.setdefault(key, node)
        own.add(node)
        if known is not node:
            for old, new in zip(node.outputs, known.outputs, strict=True):
                needed = any(v is old for v in graph.outputs)  # an output is the graph's own value, and its only one
                if needed and (known not in own or any(v is new for v in graph.outputs)):
                    continue
                graph.replace(old, new)


def _key(node: Node) -> tuple:
    inputs = tuple(None if v is None else id(v) for v in node.inputs)
    attrs = tuple((name, _hashable(node.attrs[name])) for name in sorted(node.attrs))
    return (node.domain, node.op, inputs, attrs, len(node.outputs))


def _hashable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    return tuple(value) if isinstance(value, list) else value
