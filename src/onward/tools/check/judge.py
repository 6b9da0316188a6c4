"""A model against a target's table, node by node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from onward.tools.check.definitions import PASSING, definition, is_used
from onward.tools.check.fit import shortfall, too_new
from onward.tools.check.nodes import View, compute, views
from onward.tools.check.table import Target
from onward.tools.check.verdict import Shortfall, Verdict

if TYPE_CHECKING:
    import onnx

GROWING = frozenset({"ConstantOfShape", "Range", "Expand", "Tile", "EyeLike", "OneHot"})  # make data of sizes
TAKEN, EXPANDED, SIZES, FALLEN, UNKNOWN, MISSING = range(6)  # from best to worst


@dataclass(frozen=True)
class Outcome:
    """What becomes of a node, and why it is not simply taken."""

    rank: int
    fall: Shortfall | None = None


def judge(model: onnx.ModelProto, target: Target, cpu: Target) -> Verdict:
    """Says what a target makes of a model whose types are inferred; ``cpu`` is who runs the rest."""
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)
    seen = [view for view in views(model) if view.operator not in PASSING]
    outcomes = list(_outcomes(target, cpu, seen))
    falls: dict[int, list[Shortfall]] = {rank: [] for rank in range(6)}
    for outcome in outcomes:
        if outcome.fall is not None:
            falls[outcome.rank].append(outcome.fall)
    taken = [outcome.rank <= SIZES for outcome in outcomes]
    costs = [compute(view) for view in seen]
    if target.loads is not None and opset > target.loads:
        taken = [False for _ in seen]
        falls[MISSING].insert(0, too_new(target, opset))
    return Verdict(
        target=target.name,
        title=target.title,
        version=target.version,
        date=target.date,
        source=target.source,
        nodes=len(seen),
        taken=sum(there and outcome.rank != SIZES for outcome, there in zip(outcomes, taken, strict=True)),
        sizes=len(falls[SIZES]),
        compute=sum(c for c, yes in zip(costs, taken, strict=True) if yes) / sum(costs) if sum(costs) else None,
        partitions=_pieces(seen, taken),
        expanded=tuple(falls[EXPANDED]),
        fallen=tuple(falls[FALLEN]),
        missing=tuple(falls[MISSING]),
        unknown=tuple(falls[UNKNOWN]),
        caveats=tuple(_caveats(opset, target, seen)),
    )


def _outcomes(target: Target, cpu: Target, seen: Sequence[View]) -> Iterator[Outcome]:
    """What becomes of each node. What only computes sizes is ONNX Runtime's CPU's in any case, and costs nothing."""
    sizes: set[str] = set()
    for view in seen:
        outcome = _outcome(target, cpu, view)
        operands = [o.name for o in view.inputs if o is not None and not o.constant]
        derived = operands and sizes.issuperset(operands) and view.operator not in GROWING
        if view.operator in ("Shape", "Size") or derived:
            sizes.update(o.name for o in view.outputs if o is not None)
            if outcome.rank == FALLEN:
                outcome = replace(outcome, rank=SIZES)
        yield outcome


def _outcome(target: Target, cpu: Target, view: View) -> Outcome:
    fall = shortfall(target, view)
    if fall is None:
        return Outcome(TAKEN)
    if target.rest == "cpu" and shortfall(cpu, view) is None:
        return Outcome(FALLEN, fall)
    in_onnxruntime = target.kernels or target.rest == "cpu"
    if in_onnxruntime and ":" not in view.operator and view.schema is not None and is_used(view.operator, view.opset):
        parts = [_outcome(target, cpu, part) for part in definition(view)]
        worst = max(parts, key=lambda outcome: outcome.rank, default=Outcome(MISSING))
        if worst.rank <= FALLEN:
            return Outcome(max(worst.rank, EXPANDED), fall)
        if worst.fall is not None and worst.fall.operator != fall.operator:
            fall = replace(fall, why=f"{fall.why}, nor {worst.fall.operator}, which it consists of")
    if ":" in view.operator and not in_onnxruntime:
        return Outcome(UNKNOWN, replace(fall, why="the table says nothing of operators outside ONNX"))
    return Outcome(MISSING, fall)


def _pieces(seen: Sequence[View], taken: Sequence[bool]) -> int:
    """How many pieces of taken nodes there are, when all that can run side by side makes one.

    A node's depth counts how often the graph changed sides on the way to it.
    """
    depth: dict[str, tuple[int, bool]] = {}
    pieces = set()
    for view, here in zip(seen, taken, strict=True):
        before = [depth[o.name] for o in view.inputs if o is not None and o.name in depth]
        mine = max((d + (side != here) for d, side in before), default=0 if here else 1)
        mine += (mine % 2 == 0) != here  # taken ones are even
        if here:
            pieces.add(mine)
        for output in view.outputs:
            if output is not None:
                depth[output.name] = (mine, here)
    return len(pieces)


def _caveats(opset: int, target: Target, seen: Sequence[View]) -> Iterator[str]:
    if opset > target.opset:
        yield f"the model's opset is {opset}; {target} promises to read them up to {target.opset}"
    said: dict[str, set[str]] = {}
    for view in seen:
        for rule in (*target.limits.get("*", ()), *target.limits.get(view.operator, ())):
            if rule.startswith("note="):
                said.setdefault(rule[5:], set()).add(view.operator)
    for note, operators in said.items():
        everywhere = f"note={note}" in target.limits.get("*", ())
        yield note if everywhere else f"{', '.join(sorted(operators))}: {note}"
