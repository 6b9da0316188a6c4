"""Whether a model computes what its source computes."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import label
from onward.errors import InvalidArgumentError
from onward.graph import Graph
from onward.options import Options
from onward.program import ONNXProgram
from onward.progress import Progress
from onward.reporting import Cell, Mark, Notes, Page, Reported, Section, Table, Verdict
from onward.runtime import Port, RuntimeFailureError, Session
from onward.sources import open_source
from onward.specs import show
from onward.tools import golden as files
from onward.tools.compare import TOLERANCES, Comparison, compare
from onward.tools.reference import Source
from onward.tools.rounding import FACTOR, movement, reconsider
from onward.tools.session import opened

_COLUMNS = ("output", "sizes", "shape", "dtype", "L-inf", "MSE", "relative", "tolerance")


@dataclass(frozen=True)
class Run:
    """One set of inputs.

    Attributes:
        sizes: of the dynamic dimensions, by name.
        outputs: each compared.
        problem: why the model did not run, where it did not.
    """

    sizes: dict[str, int]
    outputs: tuple[Comparison, ...]
    problem: str = ""

    @property
    def passed(self) -> bool:
        return not self.problem and all(output.passed for output in self.outputs)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        outputs = [output.to_dict() for output in self.outputs]
        return {"sizes": self.sizes, "passed": self.passed, "problem": self.problem, "outputs": outputs}


@dataclass(frozen=True)
class Verification(Reported):
    """How a model compares with its source, at every set of inputs that was tried.

    Attributes:
        against: what gave the expected outputs: TensorFlow, or the name of a file.
        runs: one for each set of inputs.
        notes: what a reader should know about the figures.
    """

    against: str
    runs: tuple[Run, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every output of every run is as expected, within the tolerance of its dtype."""
        return bool(self.runs) and all(run.passed for run in self.runs)

    @property
    def problems(self) -> list[str]:
        """What is wrong, one sentence for each output that is."""
        found = []
        for run in self.runs:
            where = f" at {_sizes_text(run.sizes)}" if run.sizes else ""
            if run.problem:
                found.append(f"the model fails{where}: {run.problem}")
            found.extend(f"output '{o.name}'{where}: {o.problem}" for o in run.outputs if not o.passed)
        return found

    def table(self) -> str:
        """The figures as text, one line for each output and run."""
        rows = [(*_COLUMNS, ""), *((*row, "ok" if o.passed else "FAILED") for row, o in self._rows())]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *self.problems, *self.notes])

    def _rows(self) -> Iterator[tuple[tuple[str, ...], Comparison]]:
        """For each output of each run the cells below ``_COLUMNS``, and the comparison they are of."""
        for run in self.runs:
            for o in run.outputs:
                figures = [_figure(x) if o.compared else "not compared" for x in (o.linf, o.mse, o.relative)]
                bound = f"{o.tolerance:g}" if o.tolerance else "exact"
                yield (o.name, _sizes_text(run.sizes, ", ") or "-", show(o.shape), o.dtype, *figures, bound), o

    def page(self) -> Page:
        """The verdict and the figures behind it."""
        return Page(f"Compared with {self.against}", self.summary(), self.verdict, sections=self.sections())

    @property
    def verdict(self) -> Verdict:
        """``warn`` where the outputs are as expected, but would be whatever the model computed."""
        telling = all(output.telling for run in self.runs for output in run.outputs)
        return "fail" if not self.passed else "ok" if telling else "warn"

    def sections(self) -> list[Section]:
        """The figures, as other reports hold them too."""
        rows: list[tuple[Cell, ...]] = [
            (*row, Mark("ok", "equal") if o.passed else Mark("fail", "differs")) for row, o in self._rows()
        ]
        told = [Notes([*self.problems, *self.notes])] if self.problems or self.notes else []
        return [Section("Verification", [*told, Table((*_COLUMNS, ""), rows, caption=f"Against {self.against}")])]

    def __str__(self) -> str:
        return f"{self.summary()}\n{self.table()}"

    def summary(self) -> str:
        """The verdict in one sentence."""
        if not self.passed:
            return f"the model does not compute what {self.against} does: {self.problems[0]}"
        figures = [o.linf for run in self.runs for o in run.outputs if o.linf is not None and o.compared]
        distance = f", at most {max(figures):.1e} apart" if figures else ""
        return f"equal to {self.against} on {len(self.runs)} set{'s' * (len(self.runs) != 1)} of inputs{distance}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        runs = [run.to_dict() for run in self.runs]
        return {"passed": self.passed, "against": self.against, "notes": list(self.notes), "runs": runs}


def verify(
    model: ONNXProgram | str | os.PathLike[str],
    source: Any = None,
    *,
    golden: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    inputs: Any = None,
    outputs: Any = None,
    signature: str | None = None,
    tag: str | None = None,
    allow_unsafe: bool = False,
    seed: int = 0,
    tolerance: float | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Runs a model and its source on the same inputs and compares every output.

    Args:
        model: a program, or the path of an ONNX file.
        source: anything that ``convert`` takes; a program knows its own.
        golden: an ``.npz`` file with recorded inputs and outputs, instead of a source: see ``onward.record``.
        data: inputs to use instead of drawn ones: an ``.npz`` file, or arrays by name.
        inputs, outputs, signature, tag, allow_unsafe: as for ``convert``.
        seed: of the inputs drawn.
        tolerance: for real numbers, absolute and relative together as ``numpy.allclose`` has it. By default it goes
            by the narrowest type that the source computes in: 1e-6 for float64, 1e-4 for float32, 1e-2 for float16,
            4e-2 for bfloat16. Integers, booleans and strings must be equal.

    Returns:
        The comparison, ``.passed`` or not.

    Raises:
        InvalidArgumentError: there is nothing to compare with, or names do not match.
        MissingDependencyError: ONNX Runtime, or where it is the reference TensorFlow, is not installed.
        RuntimeFailureError: ONNX Runtime does not load the model.
    """
    progress = progress or Progress()
    graph = model.graph if isinstance(model, ONNXProgram) else None
    if golden is not None:
        return against_examples(opened(model), files.read(golden), Path(golden).name, tolerance, progress)
    if source is not None:
        graph = open_source(
            source, Options(inputs, outputs, signature, allow_unsafe=allow_unsafe, tag=tag, verify=False)
        )
    if graph is None:
        raise InvalidArgumentError("say what to compare the model with: a source, or golden=<recorded .npz file>")
    given = None if data is None else files.read_inputs(data)
    return against_source(opened(model), Source(graph), given, seed, tolerance, progress)


def against_source(
    session: Session,
    source: Source,
    given: Sequence[files.Arrays] | None,
    seed: int,
    tolerance: float | None,
    progress: Progress,
) -> Verification:
    """Compares a loaded model with the source that it was made from."""
    model_names = _paired(_answers(session), source.output_names, "the source")
    asked, tolerance = tolerance is not None, _tolerance(source.graph) if tolerance is None else tolerance
    runs: list[Run] = []
    notes: dict[str, None] = {}
    for number, example in enumerate(source.examples(given, seed)):
        random = source.random_outputs(example)
        notes.update(
            (f"output '{name}' draws random numbers: only its dtype and shape are compared", None) for name in random
        )
        runs.append(_run(session, example, model_names, tolerance, random, exactly=asked))
        progress.done((number + 1) / source.runs(given))
    return Verification(
        source.description(), tuple(runs), (*notes, *source.notes, *_untelling(runs), *_magnified(runs))
    )


def against_examples(
    session: Session, examples: Sequence[files.Example], name: str, tolerance: float | None, progress: Progress
) -> Verification:
    """Compares a loaded model with recorded answers."""
    known = _answers(session)
    runs = []
    for number, example in enumerate(examples):
        if not example.outputs:
            raise InvalidArgumentError(f"'{name}' holds no outputs to compare with (arrays named output:<name>)")
        model_names = _paired(known, list(example.outputs), f"'{name}'")
        runs.append(_run(session, example, model_names, tolerance, frozenset(), exactly=tolerance is not None))
        progress.done((number + 1) / len(examples))
    return Verification(f"the answers in {name}", tuple(runs), (*_untelling(runs), *_magnified(runs)))


_KNOWN_DOMAINS = frozenset({"ai.onnx.ml", "com.microsoft"})


def unavailable(graph: Graph | None, domains: Iterable[str] = ()) -> str:
    """Why a source and its model cannot be run side by side here; empty where they can.

    `domains` are those of the model's operators, besides ONNX's.
    """
    if graph is None or graph.reference is None:
        return "the source cannot be run"
    custom = sorted(set(domains) - _KNOWN_DOMAINS)
    if custom:
        return f"ONNX Runtime does not know the operators of {', '.join(custom)}"
    for package, extra in (("onnxruntime", "runtime"), ("tensorflow", "keras")):
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed: pip install 'onward[{extra}]'"
    return ""


def _answers(session: Session) -> list[str]:
    """The outputs that the source has too: all but the state for the next run."""
    return [port.name for port in session.outputs if port.name not in session.states.values()]


def _paired(model: Sequence[str], source: Sequence[str], what: str) -> dict[str, str]:
    """The model's output for each of the source's: by name; by place where there are as many and no name is shared.

    A Keras model and its SavedModel name the same outputs differently (``digit``, ``output_0``).
    """
    if len(model) == len(source) and not set(model) & set(source):
        return dict(zip(source, model, strict=True))
    unknown = [name for name in model if name not in source]
    if unknown:
        raise InvalidArgumentError(f"{what} has no output '{unknown[0]}'; it has {', '.join(source) or 'none'}")
    return {name: name for name in model}


def _run(
    session: Session,
    example: files.Example,
    model_names: Mapping[str, str],
    tolerance: float | None,
    random: frozenset[str],
    *,
    exactly: bool,
) -> Run:
    """Runs the model on one example and compares.

    Args:
        model_names: the model's outputs by the source's names.
        random: outputs whose values are not compared.
        exactly: the tolerance stands, whatever rounding does to the model.
    """
    sizes = _sizes(session.inputs, example.inputs)
    try:
        got = session.run(example.inputs)
    except RuntimeFailureError as error:
        return Run(sizes, (), str(error))
    compared = [
        compare(
            model_names[name],
            expected,
            got[model_names[name]],
            tolerance,
            values=name not in random,
            slack=float(example.slack.get(name, 0)),
        )
        for name, expected in example.outputs.items()
        if name in model_names
    ]
    if not exactly and any(not output.passed and output.linf for output in compared):
        moved = movement(session, example.inputs, got)
        expected = {model_names[name]: array for name, array in example.outputs.items() if name in model_names}
        compared = [
            o if o.passed or not o.linf or o.name not in moved
            else reconsider(o, expected[o.name], got[o.name], moved[o.name])
            for o in compared
        ]  # fmt: skip
    return Run(sizes, tuple(compared))


def _magnified(runs: Sequence[Run]) -> list[str]:
    """A note for each output whose difference is put down to rounding."""
    found = {o.name: o for run in runs for o in run.outputs if o.moved is not None}
    return [
        f"output '{name}' magnifies rounding: the last bit of the inputs moves it by {o.moved:.1e}, "
        f"so it is judged by {FACTOR:g} times that; tolerance= / --tolerance judges by a bound of your own"
        for name, o in found.items()
    ]


def _untelling(runs: Sequence[Run]) -> list[str]:
    """A note for each output that is nearly the same everywhere, as with random weights."""
    telling: dict[str, bool] = {}
    for run in runs:
        for output in run.outputs:
            telling[output.name] = telling.get(output.name, False) or output.telling
    return [
        f"output '{name}' varies by less than its tolerance, so that comparing it says little: give telling inputs"
        for name, found in telling.items()
        if not found
    ]


def _sizes(ports: Sequence[Port], arrays: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """The sizes of dynamic dimensions in these arrays; one without a name is called after its input."""
    sizes: dict[str, int] = {}
    for port in ports:
        shape = np.shape(arrays.get(port.name, ()))
        if len(shape) == len(port.shape):
            for axis, (dim, size) in enumerate(zip(port.shape, shape, strict=True)):
                if not isinstance(dim, int):
                    sizes[dim or f"{port.name}.{axis}"] = size
    return sizes


def _tolerance(graph: Graph) -> float | None:
    """The tolerance of the narrowest real type that a graph computes in; None leaves it to each output's dtype."""
    narrow = ("bfloat16", "float16")
    found = {label(v) for node in graph.nodes() for v in node.attrs.values() if isinstance(v, np.dtype)}
    return next((TOLERANCES[name] for name in narrow if name in found), None)


def _sizes_text(sizes: Mapping[str, int], between: str = ",") -> str:
    return between.join(f"{name}={size}" for name, size in sizes.items())


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"
