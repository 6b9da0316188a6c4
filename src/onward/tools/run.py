"""Running a model once, and what came out in figures."""

from __future__ import annotations

import io
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import STRING, label
from onward.reporting import Code, Facts, Notes, Page, Reported, Section, Table
from onward.runtime import Session
from onward.runtime.profile import Placement, Profile
from onward.runtime.providers import Fallback
from onward.specs import show
from onward.tools import inputs
from onward.tools.golden import Arrays
from onward.writing import check_writable, replacing


@dataclass(frozen=True)
class Output:
    """One output in figures.

    Attributes:
        low, high, mean: of the finite numbers; None where there are none.
        nans, infinities: how many elements are no numbers.
        sample: the first elements of strings.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    nans: int = 0
    infinities: int = 0
    sample: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**vars(self), "shape": list(self.shape), "sample": list(self.sample)}


@dataclass(frozen=True)
class Ran(Reported):
    """A model that ran.

    Attributes:
        outputs: its outputs, of every set of inputs.
        figures: the same in figures.
        inputs: dtypes and shapes of the first set, by name.
        drawn: whether the inputs were drawn.
        providers: plain names, in order of preference.
        fallbacks: providers asked for and not used.
        placement: which nodes ran where; None on the CPU alone.
        profile: what operators took, where that was asked for.
        milliseconds: of each run; the first includes what is set up once.
        code: Python code that sets up the same session.
    """

    outputs: tuple[Arrays, ...]
    figures: tuple[tuple[Output, ...], ...]
    inputs: dict[str, str]
    drawn: bool
    providers: tuple[str, ...]
    fallbacks: tuple[Fallback, ...]
    placement: Placement | None
    profile: Profile | None
    milliseconds: tuple[float, ...]
    code: str

    def __str__(self) -> str:
        origin = "drawn" if self.drawn else "given"
        took = ", ".join(f"{ms:.2f}" for ms in self.milliseconds[:4]) + ", ..." * (len(self.milliseconds) > 4)
        lines = [f"inputs, {origin}: {', '.join(f'{k} {v}' for k, v in self.inputs.items()) or 'none'}"]
        lines.append(f"ran on {self.providers[0]} in {took} ms")
        lines.extend(f"not on {fallback.name}: {fallback.reason}" for fallback in self.fallbacks)
        if self.placement is not None:
            lines.append(str(self.placement))
        for number, figures in enumerate(self.figures):
            lines.extend(["", *([f"set {number}"] if len(self.figures) > 1 else []), table(figures)])
        if self.profile is not None:
            lines.extend(["", str(self.profile)])
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: figures of the outputs, not the outputs."""
        return {
            "inputs": self.inputs,
            "drawn": self.drawn,
            "providers": list(self.providers),
            "fallbacks": [vars(fallback) for fallback in self.fallbacks],
            "placement": None if self.placement is None else self.placement.to_dict(),
            "profile": None if self.profile is None else self.profile.to_dict(),
            "milliseconds": list(self.milliseconds),
            "outputs": [[output.to_dict() for output in figures] for figures in self.figures],
            "code": self.code,
        }

    def page(self) -> Page:
        """What a report says of it."""
        facts: dict[str, Any] = {
            "ran on": self.providers[0],
            "first run": f"{self.milliseconds[0]:.2f} ms",
            "inputs": [f"{name} {about}" for name, about in self.inputs.items()],
        }
        blocks: list[Any] = [Facts(facts)]
        if self.fallbacks:
            blocks.append(Notes([f"not on {fallback.name}: {fallback.reason}" for fallback in self.fallbacks]))
        for number, rows in enumerate(self.figures):
            caption = f"set {number}" if len(self.figures) > 1 else ""
            blocks.append(Table(COLUMNS, [_cells(row) for row in rows], caption=caption))
        sections = [Section("Outputs", blocks)]
        if self.placement is not None:
            nodes = [(node.node, node.operator, node.provider) for node in self.placement.nodes]
            caption = str(self.placement)
            sections.append(Section("Nodes", [Table(("node", "operator", "provider"), nodes, True, caption)]))
        if self.profile is not None:
            times = [(t.operator, t.provider, t.calls, round(t.milliseconds, 3)) for t in self.profile.timings]
            sections.append(Section("Profile", [Table(("operator", "provider", "calls", "ms"), times)]))
        sections.append(Section("The same session in ONNX Runtime", [Code(self.code, "python")]))
        return Page("A run", summary=f"ran on {self.providers[0]}", sections=sections)


def run(
    session: Session,
    files: Sequence[str] = (),
    output: str | os.PathLike[str] | None = None,
    *,
    sizes: Mapping[str, int] | None = None,
    preprocess: str | None = None,
    seed: int = 0,
    profile: str | os.PathLike[str] | None = None,
) -> Ran:
    """Runs a loaded model on inputs from files, or on drawn ones.

    Args:
        files: see :func:`onward.tools.inputs.read`; none draws inputs.
        output: an ``.npz`` file for the outputs, by their names; ``0/name``, ``1/name``, ... of several sets.
        sizes: of dynamic dimensions of drawn inputs, by name.
        preprocess: what becomes of pictures' pixels.
        seed: of the inputs drawn.
        profile: where the profile goes, of a session that profiles.

    Raises:
        InvalidArgumentError, InvalidSourceError: inputs are missing, or cannot be read.
        RuntimeFailureError: the model does not run on them.
        OutputError: the file cannot be written.
    """
    if output is not None:
        check_writable(Path(output))
    sets = inputs.read(files, session, preprocess) if files else [inputs.draw(session, seed, sizes)]
    results, milliseconds = [], []
    for arrays in sets:
        start = time.perf_counter()
        results.append(session.run(arrays))
        milliseconds.append(1000 * (time.perf_counter() - start))
    if output is not None:
        write(output, results)
    given = {name: f"{label(np.asarray(array).dtype)} {show(np.shape(array))}" for name, array in sets[0].items()}
    return Ran(
        outputs=tuple(results),
        figures=tuple(tuple(figures(name, array) for name, array in arrays.items()) for arrays in results),
        inputs=given,
        drawn=not files,
        providers=tuple(provider.name for provider in session.providers),
        fallbacks=session.fallbacks,
        placement=None if session.provider == "cpu" else session.placement(),
        profile=None if session.settings.profile is None else session.end_profile(profile),
        milliseconds=tuple(milliseconds),
        code=session.code,
    )


def write(path: str | os.PathLike[str], results: Sequence[Arrays]) -> None:
    """Writes outputs to an ``.npz`` file that needs no pickle to be read.

    Raises:
        OutputError: it cannot be written.
    """
    arrays: dict[str, Any] = {}
    for number, outputs in enumerate(results):
        prefix = f"{number}/" if len(results) > 1 else ""
        arrays.update((prefix + name, a.astype(str) if a.dtype == STRING else a) for name, a in outputs.items())
    archive = io.BytesIO()
    np.savez_compressed(archive, **arrays)
    with replacing(Path(path)) as [file]:
        file.write(archive.getbuffer())


def figures(name: str, array: NDArray[Any]) -> Output:
    """An output in figures."""
    about = Output(name, label(array.dtype), array.shape)
    if array.dtype == STRING:
        return replace(about, sample=tuple(str(text) for text in array.reshape(-1)[:3]))
    numbers = array.astype(np.float64) if array.dtype.kind != "c" else np.abs(array).astype(np.float64)
    about = replace(about, nans=int(np.isnan(numbers).sum()), infinities=int(np.isinf(numbers).sum()))
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return about
    return replace(about, low=float(finite.min()), high=float(finite.max()), mean=float(finite.mean()))


COLUMNS = ("output", "dtype", "shape", "min", "max", "mean", "NaN", "inf")


def table(rows: Sequence[Output]) -> str:
    """Outputs as text, one line each."""
    cells = [COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def _cells(row: Output) -> tuple[str, ...]:
    numbers = [_number(x) for x in (row.low, row.high, row.mean)]
    if row.sample:
        numbers = [", ".join(repr(text) for text in row.sample), "", ""]
    return (row.name, row.dtype, show(row.shape), *numbers, str(row.nans), str(row.infinities))


def _number(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.6g}"
