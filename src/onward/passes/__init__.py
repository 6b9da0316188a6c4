"""What happens to the lowered graph before it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from onward import ir
from onward.fuse import absorb, recognise, recur
from onward.lowering.builder import Builder
from onward.passes.finish import finish
from onward.passes.layout import cancel_transposes
from onward.passes.loops import lean_loops
from onward.passes.means import pool_means
from onward.passes.pictures import use_pictures
from onward.passes.simplify import simplify
from onward.passes.unsigned import make_unsigned
from onward.passes.weights import spell_out_weights

Pass = Callable[[Builder, ir.Graph], None]

PIPELINE: list[Pass] = [
    simplify, recognise, recur, lean_loops, cancel_transposes, absorb, pool_means, use_pictures, make_unsigned,
    spell_out_weights, simplify,
]  # fmt: skip


def run(op: Builder, graph: ir.Graph, output_names: list[str], steps: Sequence[Pass] = PIPELINE) -> None:
    """Runs passes over the graph and its subgraphs, then finishes it."""
    for step in steps:
        with _watched(op, step.__name__, graph):
            step(op, graph)
    with _watched(op, "finish", graph):
        finish(op, graph, output_names)


def _watched(op: Builder, name: str, graph: ir.Graph) -> AbstractContextManager[None]:
    return nullcontext() if op.journal is None else op.journal.watch(name, graph)
