"""What became of the models of a list: a table, plain values, JUnit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from onward.batch.job import Done, Outcome
from onward.errors import VerificationError
from onward.reporting import Cell, Mark, Page, Reported, Section, Table
from onward.tools import junit
from onward.tools.report import size_text

WIDEST = 100  # of a sentence in the table; the whole of it is in the JSON


@dataclass(frozen=True)
class Summary(Reported):
    """The outcomes in the order of the list, and the seconds that all of it took."""

    outcomes: tuple[Outcome, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every model was converted, and every step went well."""
        return all(outcome.status == "ok" for outcome in self.outcomes)

    @property
    def exit_code(self) -> int:
        """The highest of the models' exit codes."""
        return max(outcome.exit_code for outcome in self.outcomes)

    def __str__(self) -> str:
        rows = [("model", "status", "time", "size", "")]
        for outcome in self.outcomes:
            rows.extend(_rows(outcome))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        right = (2, 3)
        lines = [
            "  ".join(
                c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return "\n".join([*(line.rstrip() for line in lines), self.summary()])

    def summary(self) -> str:
        """The verdict in one sentence."""
        kinds = ("ok", "failed", "skipped")
        counts = {kind: sum(outcome.status == kind for outcome in self.outcomes) for kind in kinds}
        said = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number)
        return f"{len(self.outcomes)} model{'s' * (len(self.outcomes) != 1)} in {self.seconds:.1f} s: {said}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        models = [outcome.to_dict() for outcome in self.outcomes]
        about = {"passed": self.passed, "exit_code": self.exit_code, "seconds": round(self.seconds, 3)}
        return {**about, "models": models}

    def page(self) -> Page:
        """The table, and what there is to tell of each model that was compared."""
        marks = {"ok": Mark("ok", "ok"), "failed": Mark("fail", "failed"), "skipped": Mark("warn", "skipped")}
        rows: list[Sequence[Cell]] = []
        for outcome in self.outcomes:
            rows += [(name, marks[status], *rest) for name, status, *rest in _rows(outcome)]
        sections = [
            Section("Models", [Table(("model", "status", "time", "size", "what"), rows, search=len(rows) > 20)])
        ]
        for outcome in self.outcomes:
            for each in outcome.done:
                if each.verification is not None:
                    title = f"{outcome.name}: {each.name}"
                    blocks = [block for part in each.verification.page().sections for block in part.blocks]
                    sections.append(Section(title, blocks))
        return Page("Conversions", self.summary(), "ok" if self.passed else "fail", sections=sections)

    def write_junit(self, path: str | os.PathLike[str]) -> None:
        """Writes a suite for each model: its conversion, every output that was compared, and each step.

        Raises:
            OutputError: it cannot be written.
        """
        junit.write(path, [_suite(outcome) for outcome in self.outcomes])


def _rows(outcome: Outcome) -> list[tuple[str, str, str, str, str]]:
    """A row for the model, and one for each step."""
    first, *steps = outcome.done or (None,)
    text = outcome.error or (first.text if first else "")
    size = size_text(first.size) if first and first.size is not None else "-"
    rows = [(outcome.name, outcome.status, f"{outcome.seconds:.1f} s", size, _short(text))]
    for step in steps:
        if step is not None:
            size = "-" if step.size is None else size_text(step.size)
            status = "ok" if step.passed else "failed"
            rows.append((f"  {step.name}", status, f"{step.seconds:.1f} s", size, _short(step.text)))
    return rows


def _short(text: str) -> str:
    line = text.splitlines()[0] if text else ""
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 3]}..."


def _suite(outcome: Outcome) -> junit.Suite:
    cases: list[junit.Case] = []
    properties: dict[str, str] = {"source": outcome.source}
    for number, each in enumerate(outcome.done):
        called = each.name if number == 0 else f"{number}.{each.name}"
        cases.append(_case(called, each, outcome))
        if each.verification is not None:
            compared = junit.suite(called, each.verification)
            cases.extend(replace(case, name=f"{called}.{case.name}") for case in compared.cases)
            properties.update((f"{called}.{key}", value) for key, value in compared.properties.items())
    if not outcome.done:  # its process is gone, or it was not tried
        kind = "skipped" if outcome.status == "skipped" else "error"
        cases.append(junit.Case("convert", outcome.error or "another model failed before this one was tried", kind))
    return junit.Suite(outcome.name, tuple(cases), properties, outcome.seconds)


def _case(called: str, each: Done, outcome: Outcome) -> junit.Case:
    if each.passed:
        return junit.Case(called, output=each.text, seconds=each.seconds)
    kind = "failure" if outcome.exit_code == VerificationError.exit_code else "error"
    return junit.Case(called, outcome.error, kind, outcome.trace, each.seconds)
