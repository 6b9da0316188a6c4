"""What happens to the lowered graph before it is written."""

from __future__ import annotations

from collections.abc import Callable

from onward import ir
from onward.lowering.builder import Builder
from onward.passes.finish import finish

Pass = Callable[[Builder, ir.Graph], None]

PIPELINE: list[Pass] = []


def run(op: Builder, graph: ir.Graph, output_names: list[str]) -> None:
    """Runs the pipeline and finishes the graph."""
    for step in PIPELINE:
        step(op, graph)
    finish(op, graph, output_names)
