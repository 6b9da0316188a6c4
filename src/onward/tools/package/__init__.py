"""From an ONNX file to a folder that runs somewhere: in browsers, in apps, on Triton, in a container."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from onward.errors import InvalidArgumentError
from onward.program import ONNXProgram
from onward.progress import Progress
from onward.tools.package.contents import examples, look
from onward.tools.package.folder import building, listing, manifest, write_manifest
from onward.tools.package.plan import Plan
from onward.tools.package.result import Package

KINDS = ("web", "mobile", "triton", "docker")


def package(
    model: ONNXProgram | str | os.PathLike[str],
    output: str | os.PathLike[str],
    kind: str,
    *,
    name: str | None = None,
    golden: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Package:
    """Puts a model into a folder with all that it takes to run it somewhere, and tests that it answers there.

    Args:
        model: a program, or the path of an ONNX file, whoever wrote it.
        output: the folder; it appears whole or not at all, and replaces an earlier package of its kind.
        kind: ``web``, ``mobile``, ``triton`` or ``docker``.
        name: what the package calls the model; by default the file's name.
        golden: recorded inputs and answers, which the model is compared with and the package tests itself on.
        data: inputs to run the model on instead: an ``.npz`` file, or arrays by name. Without either they are drawn.
        seed: of the inputs drawn.
        tolerance: how far outputs may be off, absolute and relative; by default by dtype, 1e-4 for float32.
        options: those of the kind, such as ``labels`` for ``web`` or ``version`` for ``triton``; those that are None
            count as not given.

    Raises:
        InvalidArgumentError: the kind cannot carry the model, or knows no such option.
        InvalidSourceError: the model cannot be read.
        MissingDependencyError: something that the package needs is not installed.
        OutputError: the folder cannot be written, or holds something else.
        VerificationError: the model does not give the recorded answers, or does not run.
    """
    if kind not in KINDS:
        raise InvalidArgumentError(f"there is no package for '{kind}': {', '.join(KINDS)}")
    maker: Any = importlib.import_module(f"onward.tools.package.{kind}")
    chosen = _options(kind, maker.Options, options)
    progress, output = progress or Progress(), Path(output)
    if isinstance(model, ONNXProgram):
        with tempfile.TemporaryDirectory() as folder:
            path = model.save(Path(folder) / f"{name or 'model'}.onnx")
            return package(
                path, output, kind, name=name, golden=golden, data=data, seed=seed, tolerance=tolerance,
                progress=progress, **options,
            )  # fmt: skip
    with progress.stage("read"):
        contents = look(model, name)
        maker.check(contents, chosen)
    with building(output, kind) as folder:
        with progress.stage("run"):
            tried = examples(contents, golden, data, seed, tolerance, progress)
        with progress.stage("write"):
            outcome = maker.build(Plan(contents, tried, output, folder, tolerance, progress), chosen)
            if manifest(folder) is None:
                write_manifest(folder, kind, contents.to_dict())
        files = listing(folder)
    return Package(kind, output, contents.name, files, outcome.checked, outcome.next, outcome.notes)


def _options(kind: str, known: Any, given: Mapping[str, Any]) -> Any:
    """The kind's options, of those given."""
    values = {option: value for option, value in given.items() if value is not None}
    names = [field.name for field in fields(known)]
    for option in values:
        if option not in names:
            raise InvalidArgumentError(f"a package for {kind} knows no {option}; it takes {', '.join(names) or 'none'}")
    return known(**values)
