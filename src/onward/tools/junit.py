"""Verifications as a JUnit file, which Jenkins, GitLab, GitHub's and Azure's test views read.

The format has no owner. What is written keeps to what the schema of Jenkins' xUnit plugin and its peers share: figures
stand in the suite's properties and in each case's output, because a case's own properties are not known everywhere.
"""

from __future__ import annotations

import os
import platform
import re
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onward.errors import OnwardError
from onward.version import __version__
from onward.writing import check_writable, replacing

if TYPE_CHECKING:
    from onward.tools.compare import Comparison
    from onward.tools.verify import Verification

FIGURES = ("linf", "mse", "relative", "tolerance")


@dataclass(frozen=True)
class Case:
    """One thing that was tested.

    Attributes:
        name: what it is, unique in its suite.
        problem: what is wrong, in a sentence; empty where nothing is.
        kind: of the problem: "failure", what was tested is wrong; "error", it could not be tested; "skipped".
        output: what else is known, as text.
        seconds: how long it took; None where that was not measured.
    """

    name: str
    problem: str = ""
    kind: str = "failure"
    output: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Suite:
    """The cases of one model, with what is known about all of them."""

    name: str
    cases: tuple[Case, ...]
    properties: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def count(self, kind: str) -> int:
        """How many cases ended so."""
        return sum(bool(case.problem) and case.kind == kind for case in self.cases)


def suite(name: str, verification: Verification, seconds: float = 0.0) -> Suite:
    """A case for each output at each size: its problem or its figures."""
    cases: list[Case] = []
    properties = {"onward": __version__, "python": platform.python_version(), "against": verification.against}
    properties.update((f"note.{number}", note) for number, note in enumerate(verification.notes, 1))
    for number, run in enumerate(verification.runs):
        sizes = ",".join(f"{dim}={size}" for dim, size in run.sizes.items()) or f"set {number + 1}"
        if run.problem:
            cases.append(Case(_unique(f"[{sizes}]", cases), run.problem, "error"))
        for output in run.outputs:
            label = _unique(f"{output.name}[{sizes}]", cases)
            figures = _figures(output)
            properties.update((f"{label}.{figure}", value) for figure, value in figures.items() if figure in FIGURES)
            text = "\n".join(f"{figure}: {value}" for figure, value in figures.items())
            cases.append(Case(label, "" if output.passed else output.problem, "failure", text))
    return Suite(name, tuple(cases), properties, seconds)


def failed(name: str, error: BaseException, seconds: float = 0.0) -> Suite:
    """The suite of a model that an error kept from being verified."""
    return Suite(name, (Case("verify", f"{type(error).__name__}: {error}", "error"),), {"onward": __version__}, seconds)


@contextmanager
def recording(path: str | os.PathLike[str] | None, name: str) -> Iterator[list[Verification]]:
    """Writes the verifications that are appended inside, or the error that ends it, so that neither goes unseen.

    That nothing was compared is seen as well. Nothing is written where `path` is None.
    """
    if path is None:
        yield []
        return
    check_writable(Path(path))
    found: list[Verification] = []
    start = time.perf_counter()
    try:
        yield found
    except OnwardError as error:
        took = time.perf_counter() - start
        compared = getattr(getattr(error, "result", None), "verification", None)
        write(path, [failed(name, error, took) if compared is None else suite(name, compared, took)])
        raise
    took = time.perf_counter() - start
    skipped = Suite(name, (Case("verify", "nothing was compared", "skipped"),), {"onward": __version__}, took)
    write(path, [suite(name, verification, took) for verification in found] or [skipped])


def write(path: str | os.PathLike[str], suites: Sequence[Suite]) -> None:
    """Writes a JUnit file.

    Raises:
        OutputError: it cannot be written.
    """
    root = ElementTree.Element("testsuites", {"name": "onward", **_counts(suites), "time": _time(suites)})
    for number, each in enumerate(suites):
        root.append(_suite(number, each))
    ElementTree.indent(root)
    with replacing(Path(path)) as [file]:
        file.write(ElementTree.tostring(root, "utf-8", xml_declaration=True) + b"\n")


def write_junit(path: str | os.PathLike[str], verifications: Mapping[str, Verification]) -> None:
    """Writes verifications as a JUnit file: a suite for each, a case for each output at each size.

    Args:
        path: the file.
        verifications: what ``onward.verify`` returned, by the model's name.

    Raises:
        OutputError: it cannot be written.
    """
    write(path, [suite(name, verification) for name, verification in verifications.items()])


def _suite(number: int, each: Suite) -> ElementTree.Element:
    about = {"id": str(number), "name": _text(each.name), **_counts([each]), "skipped": str(each.count("skipped"))}
    element = ElementTree.Element("testsuite", {**about, "time": _time([each])})
    properties = ElementTree.SubElement(element, "properties")
    for key, value in each.properties.items():
        ElementTree.SubElement(properties, "property", name=_text(key), value=_text(value))
    for case in each.cases:
        made = ElementTree.SubElement(element, "testcase", name=_text(case.name), classname=_text(each.name))
        if case.seconds is not None:
            made.set("time", f"{case.seconds:.3f}")
        if case.problem:
            problem = ElementTree.SubElement(made, case.kind, message=_text(case.problem.splitlines()[0]))
            if case.kind != "skipped":
                problem.set("type", {"failure": "difference", "error": "error"}[case.kind])
            problem.text = _text("\n".join([case.problem, case.output]).strip())
        if case.output:
            ElementTree.SubElement(made, "system-out").text = _text(case.output)
    return element


def _counts(suites: Sequence[Suite]) -> dict[str, str]:
    """The attributes that say how many cases there are, and how many are wrong."""
    tests = sum(len(each.cases) for each in suites)
    failures, errors = (sum(each.count(kind) for each in suites) for kind in ("failure", "error"))
    return {"tests": str(tests), "failures": str(failures), "errors": str(errors)}


def _time(suites: Sequence[Suite]) -> str:
    return f"{sum(each.seconds for each in suites):.3f}"


def _figures(output: Comparison) -> dict[str, str]:
    """What is known about an output, as text by name; figures that do not apply are left out."""
    known: dict[str, Any] = {"dtype": output.dtype, "shape": list(output.shape)}
    known.update((name, getattr(output, name)) for name in FIGURES)
    shown = {name: f"{value:.6g}" if isinstance(value, float) else str(value) for name, value in known.items()}
    return {name: value for name, value in shown.items() if known[name] is not None}


def _unique(name: str, cases: Sequence[Case]) -> str:
    """The name, numbered where a case has it already: two runs may be of the same sizes."""
    taken = {case.name for case in cases}
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}#{number}"
    return candidate


# What XML 1.0 cannot hold, in any spelling.
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _text(value: Any) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(value))
