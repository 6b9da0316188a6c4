"""What an ONNX file holds, counted the same way whoever wrote it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import onnx


def op_counts(path: Path) -> Counter[str]:
    """How often each op type occurs, in subgraphs and local functions too; constants are weights, not work."""
    model = onnx.load(str(path), load_external_data=False)
    bodies = [model.graph.node, *(function.node for function in model.functions)]
    return Counter(node.op_type for body in bodies for node in _nested(body) if node.op_type != "Constant")


def bytes_on_disk(path: Path) -> int:
    """The file and its external data."""
    return sum(part.stat().st_size for part in path.parent.glob(path.name + "*"))


def _nested(nodes: object) -> Iterator[onnx.NodeProto]:
    for node in nodes:  # type: ignore[attr-defined]
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _nested(graph.node)
