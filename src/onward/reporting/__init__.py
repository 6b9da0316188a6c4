"""What a report is made of: plain data, which HTML and Markdown are rendered from.

A result of a command becomes a page in three steps:

1. Its class inherits from ``onward.reported.Reported`` and says what its page holds. There is no HTML in it, and
   nothing to register::

       class Benchmark(Reported):
           def page(self) -> Page:
               return Page(
                   f"Latency of {self.model}",
                   summary="2.31 ms at the median, 433 inputs a second",
                   sections=[
                       Section("Latency", [
                           Facts({"median": "2.31 ms", "90th percentile": "2.40 ms"}),
                           Lines({"onward": [(1, 2.3), (8, 9.1)]}, x="batch size", y="milliseconds"),
                           Table(("batch", "ms"), [(1, 2.3), (8, 9.1)]),
                       ]),
                   ],
               )

2. Its command takes ``report: ReportFile = None`` (``onward.cli.flags``) and ends with
   ``console.show(result, as_json, report)``. An error becomes a page too, with all that is known by then if the error's
   ``result`` is ``Reported``.

3. From Python, ``result.save("report.html")`` or ``result.save("report.md")``.

A result that holds others puts their sections among its own: ``[*self.verification.page().sections, ...]``. Versions,
the command and how to repeat it are added when the page is written.

In a table, a column of numbers (or of texts that read like one, ``"2.31 ms"``) is aligned by its digits without being
told; a ``Mark`` is a verdict in colour; a table with ``search=True`` gets a field that filters its rows, and Markdown
shows its beginning only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Literal, NamedTuple

from onward.errors import MissingOp, UnsupportedOpsError
from onward.reported import Reported

Verdict = Literal["ok", "warn", "fail"]


class Mark(NamedTuple):
    """A verdict in a cell or fact, and the words for it."""

    verdict: Verdict
    text: str

    def __str__(self) -> str:
        return self.text


Cell = str | int | float | bool | Mark | None
"""What stands in a table or fact; None is nothing at all, and shown so."""


@dataclass(frozen=True)
class Facts:
    """Names and what they are, one a line; a list of cells stands below one another."""

    facts: Mapping[str, Cell | Sequence[Cell]]


@dataclass(frozen=True)
class Table:
    """Rows of cells.

    Attributes:
        columns: their headings.
        search: offer a field that filters the rows; for long tables.
        caption: a line that says what it shows.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    search: bool = False
    caption: str = ""


@dataclass(frozen=True)
class Bars:
    """Amounts side by side, in the order given.

    Attributes:
        amounts: by name, not negative.
        unit: stands behind each.
        caption: a line that says what is compared.
    """

    amounts: Mapping[str, float]
    unit: str = ""
    caption: str = ""


@dataclass(frozen=True)
class Lines:
    """Series of points, a line each.

    Attributes:
        series: points (x, y) by name, x rising.
        x, y: what the axes show, with the unit.
        logarithmic: which axes grow by factors: "", "x", "y" or "xy".
        caption: a line that says what to see.
    """

    series: Mapping[str, Sequence[tuple[float, float]]]
    x: str
    y: str
    logarithmic: str = ""
    caption: str = ""


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Notes:
    """Sentences that a reader should not miss, such as warnings."""

    notes: Sequence[str]


@dataclass(frozen=True)
class Code:
    """Something to paste: a command, a few lines of Python."""

    code: str
    language: str = ""


Block = Facts | Table | Bars | Lines | Text | Notes | Code


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        title: what was done to what.
        summary: the result in a sentence.
        verdict: whether it is a good one; None where nothing was judged.
        facts: the few figures that stand at the top, largest.
        sections: everything else.
    """

    title: str
    summary: str = ""
    verdict: Verdict | None = None
    facts: Mapping[str, Cell] = field(default_factory=dict)
    sections: Sequence[Section] = ()


def save(page: Page, path: str | PathLike[str], command: str = "") -> Path:
    """Writes a page; its file appears whole or not at all.

    Args:
        path: ends in ``.html`` or ``.md``, which decides the format.
        command: what made the result, as typed.
    """
    from onward.reporting.file import write

    return write(page, Path(path), command)


def of_error(error: BaseException, text: str) -> Page:
    """The page of a command that failed: of what it found out until then, or of its sentence.

    What an error found is its ``result``, if that is ``Reported``.
    """
    found = getattr(error, "result", None)
    if isinstance(found, Reported):
        return replace(found.page(), verdict="fail")
    sentence, _, rest = text.partition("\n")
    missing = of_missing(error.missing) if isinstance(error, UnsupportedOpsError) else []
    details = [Section("Details", [Code(rest)])] if rest and not missing else []
    return Page("The command failed", sentence, "fail", {}, [*missing, *details])


def of_missing(missing: Sequence[MissingOp]) -> list[Section]:
    """The ops that cannot be converted; no section where there are none."""
    rows = [(m.op, m.count, m.first, m.reason) for m in missing]
    return [Section("Missing ops", [Table(("op", "nodes", "first at", "why"), rows)])] if rows else []
