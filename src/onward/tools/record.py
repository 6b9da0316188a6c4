"""Recording what a source answers, to compare with where there is no TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onward.options import Options
from onward.progress import Progress
from onward.sources import open_source
from onward.tools import golden
from onward.tools.reference import Source
from onward.writing import check_writable


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
