"""Models and the answers beside them, as they are kept in a repository."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onward.errors import InvalidSourceError
from onward.reported import Reported
from onward.tools.verify import Verification, verify

if TYPE_CHECKING:
    from onward.reporting import Page, Verdict

ENDINGS = (".onnx", ".onnx.data", ".npz")


@dataclass(frozen=True)
class Beside(Reported):
    """How models compare with the answers beside them.

    Attributes:
        verifications: by the model's path.
        alone: models without answers.
    """

    verifications: Mapping[str, Verification]
    alone: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every model that has answers gives them."""
        return all(verification.passed for verification in self.verifications.values())

    def __str__(self) -> str:
        lines = [f"{name}: {verification.summary()}" for name, verification in self.verifications.items()]
        lines += [f"{name}: no answers beside it ({_answers(Path(name)).name})" for name in self.alone]
        return "\n".join(lines) or "no models"

    def page(self) -> Page:
        """A row for each model, and the figures of each."""
        from onward.reporting import Cell, Mark, Page, Section, Table

        rows: list[tuple[Cell, ...]] = [
            (name, Mark(found.verdict, found.summary())) for name, found in self.verifications.items()
        ]
        rows += [(name, Mark("warn", f"no answers beside it ({_answers(Path(name)).name})")) for name in self.alone]
        details = [
            Section(name, section.blocks) for name, found in self.verifications.items() for section in found.sections()
        ]
        verdict: Verdict = "fail" if not self.passed else "warn" if self.alone else "ok"
        summary = f"{len(rows)} model{'s' * (len(rows) != 1)}, {len(self.alone)} without answers"
        models = Section("Models", [Table(("model", "verdict"), rows)])
        return Page("Models and the answers beside them", summary, verdict, sections=[models, *details])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        models = {name: verification.to_dict() for name, verification in self.verifications.items()}
        return {"passed": self.passed, "models": models, "alone": list(self.alone)}


def verify_beside(files: Sequence[str | os.PathLike[str]], *, tolerance: float | None = None) -> Beside:
    """Compares each ``model.onnx`` with the recorded answers in ``model.npz`` beside it.

    Args:
        files: models, or their answers: whichever of the two changed; each pair is compared once. Answers without a
            model, and files of other kinds, are let be.
        tolerance: as for ``onward.verify``.

    Raises:
        InvalidSourceError: one of the files cannot be read.
        RuntimeFailureError: ONNX Runtime does not load a model.
    """
    models = list(dict.fromkeys(model for file in files if (model := _model(Path(file))) is not None))
    alone = [model for model in models if not _answers(model).exists()]
    paired = [model for model in models if model not in alone]
    verifications = {str(model): verify(model, golden=_answers(model), tolerance=tolerance) for model in paired}
    return Beside(verifications, tuple(map(str, alone)))


def _model(file: Path) -> Path | None:
    """The model that a file is, or belongs to."""
    ending = next((ending for ending in ENDINGS if file.name.endswith(ending)), None)
    if ending is None:
        return None
    model = file.with_name(file.name.removesuffix(ending) + ".onnx")
    if ending == ".npz" and not model.exists():
        return None
    if not model.exists():
        raise InvalidSourceError(f"'{model}' does not exist")
    return model


def _answers(model: Path) -> Path:
    return model.with_suffix(".npz")
