"""What quantising a model came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onward.reporting import Mark, Notes, Page, Reported, Section, Table
from onward.tools.quantize.guard import Kept, Step
from onward.tools.quantize.measure import Figures, Limit, Speed, decibels
from onward.tools.report import histogram_text, size_text

if TYPE_CHECKING:
    import onnx

SHOWN = 12  # kept nodes in the text; all of them are in the report


@dataclass(frozen=True)
class Quantization(Reported):
    """A quantised model beside the one it was made of.

    Attributes:
        source: the file's name.
        kind: ``int8``, ``int8-dynamic``, ``int4``, ``float16`` or ``bfloat16``.
        quantised: how many nodes of each operator, by what became of them.
        kept: nodes kept in float for the sake of the answers, the most harmful first.
        left: nodes of each operator that stay in float by their nature, and why.
        size_before, size_after: bytes of the files.
        accuracy_before: the float model's, where it was measured.
        figures: the quantised model's.
        speed: both, timed in turns on this processor; None where that was not asked for.
        limit: what had to hold.
        steps: every model that was tried.
        samples: what it was measured on.
        notes: what else to know.
        model_proto: the quantised model; None where none held the limit.
    """

    source: str
    kind: str
    quantised: Mapping[str, Mapping[str, int]]
    kept: tuple[Kept, ...]
    left: Mapping[str, tuple[int, str]]
    size_before: int
    size_after: int
    accuracy_before: float | None
    figures: Figures
    speed: Speed | None
    limit: Limit
    steps: tuple[Step, ...]
    samples: str
    notes: tuple[str, ...] = ()
    model_proto: onnx.ModelProto | None = field(default=None, repr=False, compare=False)

    @property
    def ratio(self) -> float:
        """The size of the file beside the float model's."""
        return self.size_after / self.size_before

    def summary(self) -> str:
        """The outcome in one sentence."""
        speed = "" if self.speed is None else f", {self.speed.verdict}"
        return f"{self.ratio:.3f} of the size{speed}, {self.figures}, {len(self.kept)} nodes kept in float"

    def __str__(self) -> str:
        lines = [f"{self.source} as {self.kind}, measured on {self.samples}"]
        lines += [f"  {name:<9}{value}" for name, value in self._facts().items()]
        if len(self.steps) > 1:
            lines += ["  in float  size      time   SQNR            same      accuracy"]
            lines += [
                f"  {step.kept:8}  {size_text(step.size):<8}  {_time(step):<5}  {_sqnr(step.figures):<14}  "
                f"{_share(step.figures.agreement):<8}  {_share(step.figures.accuracy):<8}  "
                f"{_verdict(step, self.limit)}".rstrip()
                for step in self.steps
            ]
        lines += [f"  in float  {each.unit}: {each.reason}" for each in self.kept[:SHOWN]]
        lines += [f"  in float  and {len(self.kept) - SHOWN} more"] * (len(self.kept) > SHOWN)
        lines += [f"  in float  {op} {count}: {why}" for op, (count, why) in self.left.items()]
        return "\n".join([*lines, *(f"  note     {note}" for note in self.notes)])

    def _facts(self) -> dict[str, str]:
        facts = {
            "size": f"{size_text(self.size_before)}, now {size_text(self.size_after)}: {self.ratio:.3f} of it",
            "speed": "not measured" if self.speed is None else str(self.speed),
            "answers": str(self.figures)
            + ("" if self.accuracy_before is None else f" (float: {self.accuracy_before:.2%})"),
            "limit": str(self.limit)
            if self.limit.is_set
            else "none was set: max_drop or min_sqnr would guard the answers",
        }
        facts.update({how: histogram_text(ops) for how, ops in self.quantised.items()})
        return facts

    def page(self) -> Page:
        """Size, speed and answers before and after, every step, and every node that stays in float."""
        holds = (
            None if not self.limit.is_set else "ok" if self.limit.holds(self.figures, self.accuracy_before) else "fail"
        )
        steps = [
            (
                step.kept,
                size_text(step.size),
                _time(step),
                _sqnr(step.figures),
                _share(step.figures.agreement),
                _share(step.figures.accuracy),
                Mark("ok" if step.holds else "fail", _verdict(step, self.limit)) if self.limit.is_set else None,
            )
            for step in self.steps
        ]
        floats = [(each.unit.node, each.unit.op, each.unit.layer, each.reason) for each in self.kept]
        others = [(op, count, why) for op, (count, why) in self.left.items()]
        sections = [
            Section(
                "Steps",
                [Table(("nodes in float", "size", "time of float's", "SQNR", "same", "accuracy", "limit"), steps)],
            ),
            Section("Kept in float", [Table(("node", "operator", "layer", "why"), floats, search=len(floats) > SHOWN)]),
            Section("In float by their nature", [Table(("operator", "nodes", "why"), others)]),
            Section("Notes", [Notes(self.notes)]),
        ]
        shown = [s for s, full in zip(sections, (steps, floats, others, self.notes), strict=True) if full]
        facts = self._facts()
        return Page(f"{self.source}, {self.kind}", facts["answers"], holds, facts, shown)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "source": self.source,
            "kind": self.kind,
            "quantised": {how: dict(ops) for how, ops in self.quantised.items()},
            "kept": [each.to_dict() for each in self.kept],
            "left": {op: {"nodes": count, "reason": why} for op, (count, why) in self.left.items()},
            "size": {"before": self.size_before, "after": self.size_after, "ratio": self.ratio},
            "accuracy_before": self.accuracy_before,
            "figures": self.figures.to_dict(),
            "speed": None if self.speed is None else self.speed.to_dict(),
            "limit": {"max_drop": self.limit.max_drop, "min_sqnr": self.limit.min_sqnr},
            "steps": [step.to_dict() for step in self.steps],
            "samples": self.samples,
            "notes": list(self.notes),
        }


def _time(step: Step) -> str:
    return "-" if step.time is None else f"{step.time:.2f}"


def _sqnr(figures: Figures) -> str:
    return "-" if figures.sqnr is None else decibels(figures.sqnr)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _verdict(step: Step, limit: Limit) -> str:
    return "" if not limit.is_set else "holds" if step.holds else "falls short"
