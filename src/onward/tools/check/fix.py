"""Cures a model of what keeps a target from running it, and compares the result with the model as it was."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import FLOAT32, FLOAT64
from onward.errors import InvalidArgumentError, InvalidSourceError, UnsupportedTargetError, VerificationError
from onward.lowering.expand import EXPANSIONS
from onward.lowering.schema import MIN_OPSET, signature
from onward.passes import PIPELINE, Pass
from onward.passes.simplify import simplify
from onward.program import ONNXProgram
from onward.progress import Progress
from onward.reporting import Page, Reported, Section, Table
from onward.runtime import Session
from onward.tools import golden
from onward.tools.check import nodes
from onward.tools.check.definitions import is_defined, spelled_out
from onward.tools.check.judge import judge
from onward.tools.check.rewrite import Rewriter
from onward.tools.check.table import Target, installed_cpu, names
from onward.tools.check.table import target as table
from onward.tools.check.verdict import Verdict
from onward.tools.load import checked, emitted
from onward.tools.optimize import Original
from onward.tools.verify import Verification, against_source

ROUNDS = 3  # what one cure makes may need another
DONE = {
    "fold": "constants folded",
    "opset": "opset lowered",
    "sizes": "sizes fixed",
    "narrow": "int64 narrowed to int32",
    "float32": "float64 computed in float32",
    "decompose": "written with other operators",
    "lift": "one side made two",
    "pairs": "operands taken two by two",
}


@dataclass(frozen=True)
class Fixed(Reported):
    """What became of a model that was fixed for a target.

    Attributes:
        program: the model, as far as it could be cured; the original's nodes where nothing could.
        before, after: the verdicts.
        cures: what was done, with the number of nodes that asked for it.
        verification: how the two compare; None where that was not asked for.
    """

    program: ONNXProgram
    before: Verdict
    after: Verdict
    cures: Mapping[str, int]
    verification: Verification | None = None

    def __str__(self) -> str:
        done = (
            ", ".join(f"{DONE[cure]} ({count} node{'s' * (count != 1)})" for cure, count in self.cures.items())
            or "nothing could be cured"
        )
        parts = [f"before: {self.before}", f"cured: {done}", f"after: {self.after}"]
        return "\n".join([*parts, *([self.verification.summary()] if self.verification is not None else [])])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "cures": dict(self.cures),
            "verification": None if self.verification is None else self.verification.to_dict(),
        }

    def page(self) -> Page:
        """The verdicts before and after, the cures, and how the two models compare."""
        rows = [(v.word, v.taken, v.nodes, v.partitions) for v in (self.before, self.after)]
        columns = ("", "verdict", "nodes there", "nodes", "pieces")
        table = Table(columns, [("before", *rows[0]), ("after", *rows[1])])
        cures = Table(("cure", "nodes"), [(DONE[cure], count) for cure, count in self.cures.items()])
        left = [(s.operator, s.node, s.why, s.layer or s.source) for s in self.after.shortfalls]
        sections = [Section("Verdict", [table]), Section("Cures", [cures])]
        if left:
            heads = ("operator", "node", "why", "layer or TensorFlow node")
            sections.append(Section("What is left", [Table(heads, left, search=True)]))
        compared = self.verification.sections() if self.verification is not None else []
        word = "fail" if self.after.missing else "ok" if self.after.complete else "warn"
        summary = f"{self.after.word}; {self.after.taken} of {self.after.nodes} nodes there, {self.before.taken} before"
        return Page(f"Fixed for {self.after.title}", summary, word, {}, [*sections, *compared])  # type: ignore[arg-type]


def fix(
    model: str | os.PathLike[str],
    target: str,
    output: str | os.PathLike[str] | None = None,
    *,
    dims: Mapping[str, int] | None = None,
    float32: bool = False,
    verify: bool = True,
    data: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    external_data: bool | None = None,
    progress: Progress | None = None,
) -> Fixed:
    """Applies the cures that ``check`` names, those that keep the numbers, and verifies the result.

    The opset is lowered, sizes are fixed, int64 becomes int32 where all values are known to fit, operators that the
    target lacks are written with others, one-dimensional convolutions and pools become two-dimensional ones.

    Args:
        model: an ONNX file.
        target: one target, as for ``check``.
        output: where to write the result; a file appears only when everything went well.
        dims: sizes to fix dynamic dimensions at, by name or ``input:axis``.
        float32: compute in float32 what is float64, inputs and outputs too.
        verify: run both in ONNX Runtime and compare.
        data, seed, tolerance: as for ``onward.optimize``; with ``float32`` the tolerance is 1e-4 by default.
        external_data: keep the weights in a file beside the model; by default only above 2 GB.

    Raises:
        InvalidSourceError: the file cannot be read, or written anew.
        InvalidArgumentError: there is no such target or dimension.
        VerificationError: the results differ; nothing is written.
        UnsupportedTargetError: the target does not run the cured model either; nothing is written.
    """
    progress = progress or Progress()
    path = Path(model)
    name, *more = names(target)
    if more:
        raise InvalidArgumentError("a model is fixed for one target at a time")
    cpu = installed_cpu()
    aim = cpu if name == "cpu" else table(name)
    with progress.stage("check"):
        before = judge(nodes.read(path), aim, cpu)
    with progress.stage("fix"), tempfile.TemporaryDirectory() as folder:
        program, after, cures = _cured(path, Path(folder), aim, cpu, dims or {}, float32)
        folded = len(before.shortfalls) - len(after.shortfalls)
        if folded > 0 and not cures:
            cures["fold"] = folded
    comparison = None
    if verify:
        with progress.stage("verify"):
            given = None if data is None else golden.read_inputs(data)
            source = _Source(path, program.session, float32)
            comparison = against_source(program.session, source, given, seed, tolerance, progress)
        if not comparison.passed:
            raise VerificationError(str(comparison))
        program.verification = comparison
    fixed = Fixed(program, before, after, cures, comparison)
    if not after.runs:
        raise UnsupportedTargetError(f"the cured model does not run either\n{after}", fixed)
    if output is not None:
        with progress.stage("write"):
            program.save(output, external_data=external_data)
    return fixed


def _cured(
    path: Path, folder: Path, aim: Target, cpu: Target, dims: Mapping[str, int], float32: bool
) -> tuple[ONNXProgram, Verdict, dict[str, int]]:
    """Rounds of cures, each on what the one before left, for as long as they help."""
    found = min(
        (_rewritten(path, aim, cpu, dims, float32, {}, None, steps) for steps in ([simplify], PIPELINE)),
        key=lambda found: _short(found, aim),
    )
    cures: dict[str, int] = {"sizes": len(dims)} if dims else {}
    if float32:
        cures["float32"] = 1
    for number in range(ROUNDS):
        source = found[0].save(folder / f"{number}.onnx")
        best = found
        asked = _asked(found[1])
        for opset in _opsets(found[0].opset, found[1], aim):
            tried = _attempt(source, aim, cpu, asked, opset)
            if tried is not None and _short(tried, aim) < _short(best, aim):
                best = tried
        if best is found:
            break
        for fall in found[1].shortfalls:
            lowered = fall.remedy == "opset" and best[0].opset < found[0].opset
            if lowered or fall.remedy in ("narrow", "decompose", "lift", "pairs"):
                cures[fall.remedy] = cures.get(fall.remedy, 0) + 1
        if best[0].opset < found[0].opset:
            cures.setdefault("opset", best[1].nodes)  # no node asked for it, the target's promise does
        found = best
    return found[0], found[1], cures


def _short(found: tuple[ONNXProgram, Verdict], aim: Target) -> tuple[int, int, bool]:
    """How far a model is from running on the target: the less the better."""
    program, verdict = found
    return len(verdict.missing), len(verdict.shortfalls), program.opset > aim.opset


def _asked(verdict: Verdict) -> dict[str, str]:
    """What to do about nodes, by name."""
    return {
        fall.node: fall.remedy for fall in verdict.shortfalls if fall.remedy in ("narrow", "decompose", "lift", "pairs")
    }


def _opsets(present: int, verdict: Verdict, aim: Target) -> list[int]:
    """The opsets to try, the present one first."""
    named = {
        int(fall.cure.split("opset to ")[1].split(":")[0]) for fall in verdict.shortfalls if fall.remedy == "opset"
    }
    wanted = {min(present, aim.opset), *named}
    return [present, *sorted((opset for opset in wanted if MIN_OPSET <= opset < present), reverse=True)]


def _attempt(
    path: Path, aim: Target, cpu: Target, plan: Mapping[str, str], opset: int
) -> tuple[ONNXProgram, Verdict] | None:
    """The model written anew; None where that opset cannot say it."""
    try:
        return _rewritten(path, aim, cpu, {}, False, plan, opset)
    except InvalidSourceError:
        return None


def _rewritten(
    path: Path,
    aim: Target,
    cpu: Target,
    dims: Mapping[str, int],
    float32: bool,
    plan: Mapping[str, str],
    opset: int | None,
    steps: Sequence[Pass] = (simplify,),
) -> tuple[ONNXProgram, Verdict]:
    proto = checked(path)
    nodes.fix(proto, dims)
    present = next(entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx"))
    proto = _inlined(proto, plan, opset or present)
    _, written = emitted(Rewriter(path, proto, opset or present, plan, float32), proto, steps)
    program = ONNXProgram(written)
    with tempfile.TemporaryDirectory() as folder:
        verdict = judge(nodes.read(program.save(Path(folder) / path.name)), aim, cpu)
    return program, verdict


def _inlined(proto: Any, plan: Mapping[str, str], opset: int) -> Any:
    """The model with the definitions of operators that are to be written with others, and have no form of ours."""
    import onnx
    import onnx.inliner

    typed = onnx.shape_inference.infer_shapes(proto)
    wanted = set()
    for view in nodes.views(typed):
        if ":" in view.operator or view.operator in EXPANSIONS or not is_defined(view):
            continue
        if plan.get(view.proto.name) == "decompose" or signature(view.operator, opset) is None:
            wanted.add(("", view.operator))
            view.proto.CopyFrom(spelled_out(view))
    if not wanted:
        return proto
    return onnx.inliner.inline_selected_functions(typed, sorted(wanted), inline_schema_functions=True)


class _Source(Original):
    """The model as it was, at the sizes and in the precision of the fixed one."""

    def __init__(self, path: Path, fixed: Session, float32: bool) -> None:
        super().__init__(path)
        shapes = {port.name: port.shape for port in fixed.inputs}
        self.graph.inputs = [
            replace(port, shape=shapes[port.name], dtype=_single(port.dtype) if float32 else port.dtype)
            for port in self.graph.inputs
        ]
        self._float32 = float32

    def _answer(self, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        answers = super()._answer(arrays)
        return [a.astype(_single(a.dtype)) for a in answers] if self._float32 else answers


def _single(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return FLOAT32 if dtype == FLOAT64 else dtype
