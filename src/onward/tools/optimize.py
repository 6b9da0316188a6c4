"""Onward's passes on any ONNX file, checked against the file itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from onward.errors import VerificationError
from onward.journal import Journal
from onward.options import check_target
from onward.program import ONNXProgram
from onward.progress import Progress
from onward.reporting import Page, Reported, Section, Table
from onward.runtime import RuntimeFailureError, Session
from onward.tools import golden
from onward.tools.fates import changes
from onward.tools.inputs import as_graph
from onward.tools.load import load
from onward.tools.reference import Refused, Source
from onward.tools.report import Report, size_text
from onward.tools.verify import Verification, against_source


@dataclass(frozen=True)
class Optimisation(Reported):
    """What became of a file.

    Attributes:
        program: the optimised model.
        before, after: what is in the file, and in the program.
        verification: how the two compare; None where that was not asked for.
    """

    program: ONNXProgram
    before: Report
    after: Report
    verification: Verification | None = None

    def rows(self) -> list[tuple[str, int, int]]:
        """Operators with their numbers before and after, those that changed first; all of them last."""
        before, after = self.before.ops, self.after.ops
        rows = [(op, before.get(op, 0), after.get(op, 0)) for op in {**before, **after}]
        rows.sort(key=lambda row: (row[1] == row[2], row[2] - row[1], row[0]))
        return [*rows, ("all", sum(before.values()), sum(after.values()))]

    def table(self) -> str:
        """The rows as text."""
        rows = self.rows()
        width = max(len(op) for op, _, _ in [("operator", 0, 0), *rows])
        lines = [f"{op:<{width}}  {old:6}  {new:6}  {new - old:+6}" for op, old, new in rows]
        weights = f"weights {size_text(self.before.weight_bytes)}, now {size_text(self.after.weight_bytes)}"
        return "\n".join([f"{'operator':<{width}}  before   after  change", *lines, weights])

    def __str__(self) -> str:
        return self.table() if self.verification is None else f"{self.table()}\n{self.verification.summary()}"

    def page(self) -> Page:
        """Operators before and after, and how the two models compare."""
        *_, (_, old, new) = rows = self.rows()
        return Page(
            f"{self.before.source}, optimised",
            f"{old:,} nodes became {new:,}",
            self.verification.verdict if self.verification is not None else None,
            {
                "nodes": f"{old:,} → {new:,}",
                "weights": f"{size_text(self.before.weight_bytes)} → {size_text(self.after.weight_bytes)}",
            },
            [
                Section(
                    "Operators",
                    [
                        Table(
                            ("operator", "before", "after", "change"), [(*row, f"{row[2] - row[1]:+}") for row in rows]
                        )
                    ],
                ),
                *(self.verification.sections() if self.verification is not None else ()),
                *([changes(self.program.journal)] if self.program.journal is not None else ()),
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "verification": None if self.verification is None else self.verification.to_dict(),
        }


def optimize(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    verify: bool = True,
    target: str | None = None,
    data: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    external_data: bool | None = None,
    progress: Progress | None = None,
) -> Optimisation:
    """Folds constants, fuses operators and removes transposes and dead nodes of an ONNX file.

    Args:
        model: the file, whoever wrote it.
        output: where to write the result; a file appears only when everything went well.
        verify: run both in ONNX Runtime at two sizes of every dynamic dimension and compare.
        target: "onnxruntime" allows operators of ONNX Runtime's own where they are faster there.
        data: inputs to compare on instead of drawn ones: an ``.npz`` file, or arrays by name.
        seed: of the inputs drawn.
        tolerance: as for ``onward.verify``.
        external_data: keep the weights in a file beside the model; by default only above 2 GB.

    Raises:
        InvalidArgumentError: a target that Onward does not know.
        InvalidSourceError: the file cannot be read.
        VerificationError: the results differ, or ONNX Runtime does not run the file; nothing is written.
    """
    progress = progress or Progress()
    check_target(target)
    path = Path(model)
    with progress.stage("read"):
        plain = load(path)
    with progress.stage("optimise"):
        program = load(path, optimised=True, target=target, journal=Journal())
    comparison = None
    if verify:
        given = None if data is None else golden.read_inputs(data)
        with progress.stage("verify"):
            comparison = against_source(program.session, Original(path), given, seed, tolerance, progress)
        if not comparison.passed:
            raise VerificationError(str(comparison), comparison)
        program.verification = comparison
    if output is not None:
        with progress.stage("write"):
            program.save(output, external_data=external_data)
    return Optimisation(program, plain.report, program.report, comparison)


class Original(Source):
    """An ONNX file as the source of another.

    Raises:
        RuntimeFailureError: ONNX Runtime does not load it.
    """

    in_tensorflow = False

    def __init__(self, path: Path) -> None:
        self._session = Session(path)
        self._path = path
        super().__init__(as_graph(self._session, path.name, reference=self._answer))

    def description(self) -> str:
        """The file's name."""
        return f"'{self._path.name}'"

    def _answer(self, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            return list(self._session.run(arrays).values())
        except RuntimeFailureError as error:
            raise Refused(str(error)) from error
