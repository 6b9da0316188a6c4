"""The TensorFlow ops that can be converted, and why others cannot."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from onward.lowering.refused import READ, REFUSED
from onward.lowering.registry import COMPLEX, LOWERINGS
from onward.lowering.tables import ONE_TO_ONE
from onward.ops import load_all
from onward.reported import Reported

if TYPE_CHECKING:
    from onward.reporting import Page


@dataclass(frozen=True)
class SupportedOp:
    """One TensorFlow op.

    Attributes:
        opset: the lowest ONNX opset at which it converts; 0 for any.
        family: the module of its lowering, such as ``conv``.
        complex: whether it converts for complex tensors too.
        summary: its lowering in a sentence; empty where there is nothing to say.
    """

    name: str
    opset: int
    family: str
    complex: bool
    summary: str


@dataclass(frozen=True)
class OpList(Reported):
    """Ops, as text in columns or as data.

    Attributes:
        ops: those that are converted.
        refused: those that are not, and why.
    """

    ops: Sequence[SupportedOp]
    refused: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        width = max((len(op.name) for op in self.ops), default=0)
        lines = []
        for op in self.ops:
            since = f"from opset {op.opset}" if op.opset else ""
            marks = ", ".join(mark for mark in (since, "also complex" if op.complex else "") if mark)
            lines.append(f"{op.name:<{width}}  {op.family:<12}  {marks}".rstrip())
        lines.append(f"{len(self.ops)} ops")
        for reason, names in by_reason(self.refused).items():
            lines += ["", f"Not converted: {reason}", *textwrap.wrap(", ".join(names), 100, initial_indent="  ",
                                                                     subsequent_indent="  ")]  # fmt: skip
        return "\n".join(lines)

    def page(self) -> Page:
        """The same, on a page."""
        from onward.reporting import Page, Section, Table

        rows = [(op.name, op.family, op.opset or "any", op.complex, op.summary) for op in self.ops]
        columns = ("op", "family", "from opset", "also complex", "how")
        sections = [Section("Converted", [Table(columns, rows, search=True)])]
        if self.refused:
            refused = Table(("op", "why not"), list(self.refused.items()), search=True)
            sections.append(Section("Not converted", [refused]))
        converted = f"{len(self.ops):,} TensorFlow ops are converted"
        return Page("Supported ops", converted, sections=sections)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"ops": [asdict(op) for op in self.ops], "refused": dict(self.refused)}


def supported_ops() -> list[SupportedOp]:
    """Every op that is converted, by name; TFLite's own operators are not among them."""
    load_all()
    found = []
    for name in {**LOWERINGS, **COMPLEX}:
        versions = LOWERINGS.get(name) or [COMPLEX[name]]
        function = getattr(versions[-1].function, "func", versions[-1].function)  # of a partial application
        package, _, module = function.__module__.rpartition(".")
        if package.endswith(".tflite"):
            continue
        family = "one to one" if name in ONE_TO_ONE else module
        summary = (function.__doc__ or "").strip().partition("\n")[0]
        found.append(SupportedOp(name, min(v.since for v in versions), family, name in COMPLEX, summary))
    found += [SupportedOp(name, 0, "reading", False, how) for name, how in READ.items() if name not in LOWERINGS]
    return sorted(found, key=lambda op: op.name)


def refused_ops() -> dict[str, str]:
    """Every op that was looked at and is not converted, and why."""
    supported = {op.name for op in supported_ops()}
    return {name: reason for name, reason in sorted(REFUSED.items()) if name not in supported}


def by_reason(refused: Mapping[str, str]) -> dict[str, list[str]]:
    """The ops of each reason, both in order of first occurrence."""
    reasons: dict[str, list[str]] = {}
    for name, reason in refused.items():
        reasons.setdefault(reason, []).append(name)
    return reasons
