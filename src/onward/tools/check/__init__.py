"""Whether a model runs on a target, and on the target itself rather than on the CPU beside it.

The CPU of ONNX Runtime is judged by the kernel registry of the installed wheel, other targets by tables recorded from
what their makers publish (``targets/``). A kernel serves a node when its range of versions covers the version of the
operator and every type variable's dtype is among those it was built for; limits go by the rules of ``limits.py``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from onward.errors import UnsupportedTargetError
from onward.reporting import Facts, Mark, Notes, Page, Reported, Section, Table
from onward.tools.check.judge import judge
from onward.tools.check.nodes import read
from onward.tools.check.table import Target, beside, installed_cpu, names, target
from onward.tools.check.verdict import Shortfall, Verdict

__all__ = ["Shortfall", "Verdict", "Verdicts", "check"]


@dataclass(frozen=True)
class Verdicts(Reported):
    """What targets make of a model, in the order asked for."""

    model: str
    verdicts: tuple[Verdict, ...]

    @property
    def runs(self) -> bool:
        """Whether the model loads on all of them."""
        return all(verdict.runs for verdict in self.verdicts)

    @property
    def complete(self) -> bool:
        """Whether all of it runs on each of them itself."""
        return all(verdict.complete for verdict in self.verdicts)

    def __getitem__(self, name: str) -> Verdict:
        [wanted] = names(name)
        return next(verdict for verdict in self.verdicts if verdict.target == wanted)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __str__(self) -> str:
        return "\n".join(map(str, self.verdicts))

    def require(self, *, complete: bool = False) -> None:
        """Raises an error unless the model loads on every target; with ``complete``, unless all of it runs there.

        Raises:
            UnsupportedTargetError: it does not.
        """
        short = [verdict for verdict in self.verdicts if not (verdict.complete if complete else verdict.runs)]
        if short:
            raise UnsupportedTargetError("\n".join(map(str, short)), self)

    def page(self) -> Page:
        """The verdicts side by side, and for each target the nodes that fall short."""
        rows = [
            (
                v.title,
                v.version,
                Mark("fail" if v.missing else "ok" if v.complete else "warn", v.word),
                v.taken,
                v.nodes,
            )
            for v in self.verdicts
        ]
        columns = ("target", "version", "verdict", "nodes there", "nodes")
        good: Literal["ok", "warn", "fail"] = "ok" if self.complete else "warn" if self.runs else "fail"
        running = sum(verdict.runs for verdict in self.verdicts)
        summary = f"runs on {running} of {len(self.verdicts)} targets"
        sections = [_section(verdict) for verdict in self.verdicts]
        return Page(
            f"Where {self.model} runs", summary, good, {}, [Section("Targets", [Table(columns, rows)]), *sections]
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "model": self.model,
            "runs": self.runs,
            "complete": self.complete,
            "targets": {verdict.target: verdict.to_dict() for verdict in self.verdicts},
        }


def check(
    model: str | os.PathLike[str],
    target: str | list[str] | tuple[str, ...] = "cpu",
    *,
    dims: Mapping[str, int] | None = None,
) -> Verdicts:
    """Compares a model's nodes, those of subgraphs included, with what targets take.

    Float16 that lacks a kernel on the CPU counts as run: ONNX Runtime casts it to float32.

    Args:
        model: an ONNX file.
        target: one or several of cpu, cuda, tensorrt-10, tensorrt-11, openvino, directml, coreml,
            coreml-neuralnetwork, qnn, nnapi, migraphx, web-wasm, web-webgpu, web-webnn and node, in a list or with
            commas between; "all" for all.
        dims: sizes to judge with, of dynamic dimensions by name, or by ``input:axis``.

    Raises:
        InvalidSourceError: it is no valid ONNX model.
        InvalidArgumentError: there is no such target or dimension.
        MissingDependencyError: onnx is not installed.
    """
    asked = names(target)
    typed = read(model, dims)
    cpu = installed_cpu()
    return Verdicts(os.fspath(model), tuple(judge(typed, _table(name, cpu), beside(name, cpu)) for name in asked))


def _section(verdict: Verdict) -> Section:
    facts = {
        "nodes there": f"{verdict.taken} of {verdict.nodes}",
        "multiplications there": None if verdict.compute is None else f"{verdict.compute:.0%}",
        "pieces": verdict.partitions,
        "table": f"{verdict.source}, recorded {verdict.date}",
    }
    rows = [(s.operator, s.node, s.why, s.cure, s.layer or s.source) for s in verdict.shortfalls]
    columns = ("operator", "node", "why", "cure", "layer or TensorFlow node")
    table = [Table(columns, rows, search=True)] if rows else []
    return Section(verdict.title, [Facts(facts), *table, *([Notes(verdict.caveats)] if verdict.caveats else [])])


def _table(name: str, cpu: Target) -> Target:
    return cpu if name == "cpu" else target(name)
