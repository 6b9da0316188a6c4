"""Recording what a source answers, to compare with where there is no TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onward.dtypes import label
from onward.options import Options
from onward.progress import Progress
from onward.reported import Reported
from onward.sources import open_source
from onward.specs import show
from onward.tools import golden
from onward.tools.reference import Source
from onward.writing import check_writable

if TYPE_CHECKING:
    from onward.reporting import Page


@dataclass(frozen=True)
class Recording(Reported):
    """A file of recorded answers, and the examples in it."""

    file: Path
    examples: Sequence[golden.Example]

    def __str__(self) -> str:
        return f"{self.file}: {len(self.examples)} set{'s' * (len(self.examples) != 1)} of inputs and outputs"

    def to_dict(self) -> dict[str, Any]:
        """Shapes by name, ready for JSON."""
        shapes = [
            {kind: {k: list(v.shape) for k, v in arrays.items()} for kind, arrays in example._asdict().items()}
            for example in self.examples
        ]
        return {"file": str(self.file), "examples": shapes}

    def page(self) -> Page:
        """What was recorded, with its dtypes and shapes."""
        from onward.reporting import Page, Section, Table

        rows = [
            (number, side, name, label(array.dtype), show(array.shape))
            for number, example in enumerate(self.examples, 1)
            for side, arrays in (("input", example.inputs), ("output", example.outputs))
            for name, array in arrays.items()
        ]
        table = Table(("set", "", "name", "dtype", "shape"), rows)
        return Page("Recorded answers", str(self), sections=[Section("Inputs and outputs", [table])])


def record(
    source: Any,
    path: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    inputs: Any = None,
    outputs: Any = None,
    signature: str | None = None,
    tag: str | None = None,
    allow_unsafe: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[golden.Example]:
    """Runs a source in TensorFlow and writes inputs and outputs to an ``.npz`` file, for ``verify(golden=...)``.

    Args:
        source: anything that ``convert`` takes.
        path: the file; see ``onward.tools.golden`` for what is in it.
        data: the inputs: an ``.npz`` file, or arrays by name. By default they are drawn as ``verify`` draws them.
        inputs, outputs, signature, tag, allow_unsafe: as for ``convert``.
        seed: of the inputs drawn.

    Returns:
        The examples as written.

    Raises:
        MissingDependencyError: TensorFlow is not installed.
        InvalidArgumentError: the source does not run on the inputs.
        OutputError: the file cannot be written.
    """
    progress = progress or Progress()
    check_writable(Path(path))
    given = None if data is None else golden.read_inputs(data)
    with progress.stage("read"):
        graph = open_source(
            source, Options(inputs, outputs, signature, allow_unsafe=allow_unsafe, tag=tag, verify=False)
        )
    with progress.stage("run"):
        examples = list(Source(graph).examples(given, seed))
    with progress.stage("write"):
        golden.write(path, examples)
    return examples
