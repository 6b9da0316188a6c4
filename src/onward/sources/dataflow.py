"""TensorFlow 1's control flow, where loops and choices are made of plain nodes, as While, If and Case over functions.

A tensor in such a graph may be dead: ``Switch`` lets its input through on one side only, whatever reads a dead tensor
is dead as well, and ``Merge`` takes whichever input is alive. Loops are cycles: ``Enter`` brings a tensor in,
``Merge`` takes it or what ``NextIteration`` brings round, ``LoopCond`` says whether to go on and ``Exit`` lets out.
Source: "Implementation of Control Flow in TensorFlow" (Yuan Yu et al., 2017).

Loops are taken out first, innermost before those around them (:mod:`onward.sources.loops`); what is left has no cycles,
and the branches of choices are told apart by which tensors can be alive together (:mod:`onward.sources.branches`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from onward.sources.aliveness import MERGES, SWITCHES
from onward.sources.body import Body, Key
from onward.sources.branches import branched
from onward.sources.loops import LOOP_OPS, Loops

if TYPE_CHECKING:
    from onward.sources.library import Library

_OPS = MERGES | SWITCHES | LOOP_OPS


def structured(
    library: Library, body: Body, results: Sequence[str], given: Collection[Key] = ()
) -> tuple[Body, list[str]]:
    """The body with functions in place of dataflow control flow, itself where there is none; and its `results`.

    Args:
        library: where the functions that are made go.
        body: a graph or function.
        results: references to the tensors that are wanted.
        given: tensors whose values come from outside, whatever node computes them.

    Raises:
        InvalidSourceError: a loop is incomplete, or a tensor depends on itself.
    """
    if not any(node.op in _OPS for node in body.nodes.values()):
        return body, list(results)
    given = frozenset(given)
    made = branched(library, Loops(library, body, given).taken_out(results), given)
    return made, made.results
