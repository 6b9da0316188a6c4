"""TFLite models of several operators and subgraphs, put together by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.tflite.build import Model, T

RESOURCE = T("resource")


class Part:
    """A subgraph in the making: tensors are their indices."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.graph = model.subgraph(f"part{len(model.model.subgraphs)}")
        self.graph.outputs = []

    def input(self, t: T) -> int:
        index = self.const(t)
        self.graph.inputs.append(index)
        return index

    def const(self, t: T) -> int:
        return self.model.tensor(self.graph, t, f"t{len(self.graph.tensors)}")

    def run(self, op: str, inputs: Sequence[int], *outputs: T, custom: bytes | None = None, **options: Any) -> Any:
        """Adds an operator; the index of its output, a list of them where there are several."""
        made = [self.const(t) for t in outputs]
        self.model.operator(self.graph, op, inputs, made, options, custom=custom)
        return made[0] if len(made) == 1 else made

    def variable(self, name: str) -> int:
        return int(self.run("VAR_HANDLE", [], RESOURCE, container="", shared_name=name))

    def give(self, *indices: int) -> None:
        self.graph.outputs += indices
