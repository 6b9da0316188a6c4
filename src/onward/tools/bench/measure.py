"""Contenders taking turns."""

from __future__ import annotations

import importlib.util
import itertools
import math
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.errors import InvalidArgumentError, MissingDependencyError
from onward.progress import Progress
from onward.runtime import RuntimeFailureError, Settings
from onward.runtime.providers import AUTO, choose
from onward.runtime.settings import processors
from onward.tools import golden
from onward.tools.bench.contenders import OPENVINO, TENSORFLOW, Contender
from onward.tools.bench.exchange import read, write
from onward.tools.bench.noise import latency, ratio
from onward.tools.bench.process import FailedError, Process
from onward.tools.bench.result import Benchmark, Measurement, recommend
from onward.tools.session import existing, written

if TYPE_CHECKING:
    from onward.tools.session import Model

ROUNDS = 7  # turns at least, for an interval to mean something
TOGETHER = 4  # contenders loaded at a time, the first among them: memory is finite
CROWDS = 3  # turns with several clients
SLOW = 200.0  # milliseconds of a call that needs no warm caches
TRUSTED = 1e-3  # how far answers may be apart for settings to be recommended


def bench(
    model: Model,
    *others: Model,
    source: str | os.PathLike[str] | None = None,
    batches: Sequence[int] | None = None,
    threads: Sequence[int | None] | None = None,
    levels: Sequence[str] = ("all",),
    providers: Sequence[str] = (AUTO,),
    clients: Sequence[int] | None = None,
    seconds: float = 2.0,
    runs: int | None = None,
    data: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    dims: Mapping[str, int] | None = None,
    bind: bool = False,
    signature: str | None = None,
    tag: str | None = None,
    allow_unsafe: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Benchmark:
    """Times a model, each combination of settings in a fresh process; the processes take turns.

    Args:
        model: a path, bytes, an ``onnx.ModelProto``, an ``onnx_ir.Model`` or a program; the first combination of it is
            what all others are compared with.
        others: other models that take the same inputs.
        source: what it was converted from, a path, to run in TensorFlow too.
        batches: sizes of the first dimension, where it is dynamic; 1 by default.
        threads: for one operator; by default what the engine chooses, and 1.
        levels: of ONNX Runtime's optimisation: none, basic, extended, all.
        providers: of ONNX Runtime, by plain name; ``openvino-runtime`` is OpenVINO itself, on the CPU.
        clients: how many threads call at once for the throughput; by default as many as there are processors.
        seconds: of timed calls for each combination and batch size.
        runs: timed calls for each instead.
        data: inputs to use instead of drawn ones: an ``.npz`` file, or arrays by name.
        dims: sizes of other dynamic dimensions of drawn inputs, by name.
        bind: keep inputs and outputs on the provider's device.
        signature, tag, allow_unsafe: of the source, as for ``convert``.
        seed: of the inputs drawn.

    Raises:
        InvalidSourceError: a file does not exist.
        InvalidArgumentError: a setting that makes no sense, or a batch size for a model of one batch.
        MissingDependencyError: a package that a contender needs is not installed.
        RuntimeFailureError: the first contender does not load or run; others' failures are results.
    """
    progress = progress or Progress()
    if seconds <= 0 or (runs is not None and runs < 1):
        raise InvalidArgumentError("give a time, or a number of runs from 1 on")
    many = processors() > 1
    reading = {"signature": signature, "tag": tag, "allow_unsafe": allow_unsafe}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        names = ["model.onnx", *(f"model-{number}.onnx" for number in range(2, len(others) + 2))]
        files = [str(written(one, folder, name)) for one, name in zip((model, *others), names, strict=True)]
        contenders = _contenders(
            files,
            None if source is None else os.fspath(source),
            reading,
            threads=list(threads) if threads else [None, 1] if many else [None],
            levels=list(levels),
            providers=list(providers),
            bind=bind,
        )
        race = _Race(folder, seconds, runs, list(clients) if clients is not None else [processors()] if many else [])
        with progress.stage("draw"):
            race.prepare(files[0], data, batches, dict(dims or {}), seed)
        with progress.stage("measure"):
            race.run(contenders, progress)
        return race.result(Path(files[0]).name, contenders, files[0])


def _contenders(
    files: Sequence[str],
    source: str | None,
    reading: Mapping[str, Any],
    *,
    threads: Sequence[int | None],
    levels: Sequence[str],
    providers: Sequence[str],
    bind: bool,
) -> list[Contender]:
    """All combinations, the first of which is the reference; what is missing for any is found out here."""
    for level, count in itertools.product(levels, threads):
        Settings(level, count)
    engines = list(dict.fromkeys(_engine(name) for name in providers))
    made = []
    for file, engine, level, count in itertools.product(files, engines, levels, threads):
        if engine == OPENVINO and level != levels[0]:
            continue  # it knows no levels
        made.append(Contender(file, engine, level, count, bind and engine != OPENVINO))
    if source is not None:
        if not Path(source).exists():
            existing(source)
        if importlib.util.find_spec("tensorflow") is None:
            raise MissingDependencyError("running the source needs TensorFlow: pip install 'onward[keras]'")
        made += [Contender(source, TENSORFLOW, "", count, source=reading) for count in threads]
    return _labelled(made)


def _engine(name: str) -> str:
    """The plain name of what a provider comes to here.

    Raises:
        MissingDependencyError: it is not installed.
    """
    if name == OPENVINO:
        if importlib.util.find_spec("openvino") is None:
            raise MissingDependencyError(f"{OPENVINO} needs OpenVINO: pip install openvino")
        return OPENVINO
    return choose(name).usable[0].name


def _labelled(contenders: Sequence[Contender]) -> list[Contender]:
    """The contenders with labels that say in what they differ."""
    models = list(dict.fromkeys(one.file for one in contenders if one.engine != TENSORFLOW))
    names = {file: Path(file).name for file in models}
    if len(set(names.values())) < len(models):
        names = {file: file for file in models}
    parts = []
    for one in contenders:
        count = "default threads" if one.threads is None else f"{one.threads} thread{'s' * (one.threads != 1)}"
        parts.append((names.get(one.file, ""), one.engine, one.level, count))
    telling = [len({part[i] for part in parts if part[i]}) > 1 for i in range(4)]
    if not any(telling):
        telling[1] = True
    labels = [", ".join(t for t, tells in zip(part, telling, strict=True) if tells and t) for part in parts]
    return [replace(one, label=label) for one, label in zip(contenders, labels, strict=True)]


class _Race:
    """Contenders and what they took, so far."""

    def __init__(self, folder: Path, seconds: float, runs: int | None, clients: Sequence[int]) -> None:
        self.folder, self.seconds, self.runs, self.clients = folder, seconds, runs, clients
        self.batches: list[int | None] = []
        self.inputs: dict[str, dict[str, list[int]]] = {}
        self.times: dict[tuple[str, int | None], list[list[float]]] = {}
        self.against: dict[tuple[str, int | None], list[list[float]]] = {}
        self.figures: dict[tuple[str, int | None], dict[str, Any]] = {}
        self.loads: dict[str, dict[str, Any]] = {}
        self.failures: dict[str, str] = {}

    def prepare(self, file: str, data: Any, batches: Sequence[int] | None, dims: dict[str, int], seed: int) -> None:
        """Writes the inputs for every batch size."""
        if data is not None:
            if batches or dims:
                raise InvalidArgumentError("sizes are for drawn inputs: leave them or the given inputs out")
            arrays = golden.read_inputs(data)[0]
            write(str(self._inputs(None)), arrays)
            self.batches = [None]
            self.inputs["given"] = {name: list(np.shape(array)) for name, array in arrays.items()}
            return
        with Process() as process:
            for batch in batches or (1,):
                to = self._inputs(batch)
                try:
                    found = process.ask("draw", file=file, seed=seed, batch=batch, sizes=dims, to=str(to))
                except FailedError as error:
                    raise InvalidArgumentError(str(error)) from error
                if batches and not found["batched"]:
                    raise InvalidArgumentError("the model's batch is fixed: it has no dynamic first dimension")
                self.batches.append(batch if found["batched"] else None)
                if not found["batched"]:
                    to.rename(self._inputs(None))
                self.inputs["drawn" if batch is None else f"batch {batch}"] = found["inputs"]

    def run(self, contenders: Sequence[Contender], progress: Progress) -> None:
        """Lets every contender have its turns, a few at a time, each time with the first."""
        first, rest = contenders[0], contenders[1:]
        groups = [rest[i : i + TOGETHER - 1] for i in range(0, len(rest), TOGETHER - 1)] or [[]]
        with ExitStack() as stack:
            reference = stack.enter_context(Process())
            try:
                self._load(first, reference)
            except FailedError as error:
                raise RuntimeFailureError(f"{first.label}: {error}") from error
            for number, group in enumerate(groups):
                with ExitStack() as inner:
                    racers = {first.label: reference}
                    for one in group:
                        process = inner.enter_context(Process())
                        try:
                            self._load(one, process)
                            racers[one.label] = process
                        except FailedError as error:
                            self.failures[one.label] = str(error)
                    for place, batch in enumerate(self.batches):
                        self._turns(racers, batch, first.label)
                        progress.done((number + (place + 1) / len(self.batches)) / len(groups))

    def _load(self, one: Contender, process: Process) -> None:
        self.loads[one.label] = process.ask("load", contender=one.to_dict())

    def _turns(self, racers: dict[str, Process], batch: int | None, first: str) -> None:
        """All turns at one batch size."""
        turns: dict[str, dict[str, Any]] = {}
        for label, process in list(racers.items()):
            try:
                turns[label] = self._settle(label, process, batch)
            except FailedError as error:
                if label == first:
                    raise RuntimeFailureError(f"{label}: {error}") from error
                self.failures[label] = str(error)
                del racers[label]
        rounds = self._rounds({label: racers[label] for label in turns}, turns)
        for label, times in rounds.items():
            self.times.setdefault((label, batch), []).extend(times)
            if label != first:
                self.against[label, batch] = rounds[first]
        for label, rates in self._crowds(racers, batch, first).items():
            self.figures[label, batch]["concurrent"] = tuple(rates)
        for label, process in racers.items():
            self.figures[label, batch] |= process.ask("weigh")

    def _settle(self, label: str, process: Process, batch: int | None) -> dict[str, Any]:
        answers = self.folder / f"answers-{len(self.figures)}.npz"
        found = process.ask("prepare", inputs=str(self._inputs(batch)), answers=str(answers))
        turn = process.ask("settle", seconds=self.seconds / 2)
        known = self.figures.setdefault((label, batch), {"first_ms": found["first_ms"], "answers": answers})
        known |= {"warm_up": turn["calls"], "steady": turn["steady"]}
        return turn

    def _rounds(
        self, racers: dict[str, Process], turns: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, list[list[float]]]:
        """Times of each, by rounds; each round begins with another one."""
        rounds: dict[str, list[list[float]]] = {label: [] for label in racers}
        labels = list(racers)
        end = time.perf_counter() + self.seconds * len(labels)
        count = min(self.runs, 10) if self.runs else 0
        number = 0
        while number < count if self.runs else number < ROUNDS or time.perf_counter() < end:
            shift = number % len(labels)
            for label in labels[shift:] + labels[:shift]:
                calls = math.ceil(self.runs / count) if self.runs else turns[label]["turn"]
                answer = racers[label].ask("turn", calls=calls, prime=turns[label]["ms"] < SLOW)
                rounds[label].append(answer["ms"])
            number += 1
        return rounds

    def _crowds(self, racers: dict[str, Process], batch: int | None, first: str) -> dict[str, list[tuple[int, float]]]:
        """Items a second of each with several clients: the median of a few turns."""
        rates: dict[str, list[tuple[int, float]]] = {label: [] for label in racers}
        for clients in self.clients:
            found: dict[str, list[float]] = {label: [] for label in racers}
            for _ in range(CROWDS):
                for label, process in racers.items():
                    if "concurrent" not in self.figures[label, batch]:
                        answer = process.ask("crowd", clients=clients, seconds=max(0.2, self.seconds / 4))
                        found[label].append(answer["per_second"] * (batch or 1))
            for label, values in found.items():
                if values:
                    rates[label].append((clients, median(values)))
        return {label: pairs for label, pairs in rates.items() if pairs}

    def result(self, name: str, contenders: Sequence[Contender], file: str) -> Benchmark:
        """What was measured, batch by batch."""
        first = contenders[0].label
        measurements = [self._measurement(one, batch, first) for batch in self.batches for one in contenders]
        codes = {one.label: self.loads[one.label]["code"] for one in contenders if self._own(one, file)}
        notes = dict.fromkeys(f"{one.label}: {note}" for one in contenders for note in self._notes(one))
        unsteady = "; ".join(dict.fromkeys(one.label for one in measurements if not one.steady))
        shaky = [f"times had not settled when timing began: {unsteady}"] if unsteady else []
        busy = _busy()
        rounds = min(len(times) for times in self.times.values())
        advice = recommend(measurements, codes, TRUSTED)
        return Benchmark(name, tuple(measurements), advice, self.inputs, rounds, (*notes, *shaky, *busy))

    def _own(self, one: Contender, file: str) -> bool:
        return one.file == file and one.in_onnxruntime and one.label in self.loads

    def _notes(self, one: Contender) -> list[str]:
        return self.loads[one.label]["notes"] if one.label in self.loads else []

    def _measurement(self, one: Contender, batch: int | None, first: str) -> Measurement:
        key = one.label, batch
        about = Measurement(one.label, one.engine, one.level, one.threads, batch)
        if key not in self.times:
            return replace(about, failure=self.failures.get(one.label, "not measured"))
        figures = {**self.figures[key], "load_ms": self.loads[one.label]["load_ms"]}
        answers = read(str(figures.pop("answers")))
        if one.label != first:
            figures["ratio"] = ratio(self.times[key], self.against[key])
            figures["apart"] = _apart(answers, read(str(self.figures[first, batch]["answers"])))
        return replace(about, latency=latency([ms for times in self.times[key] for ms in times]), **figures)

    def _inputs(self, batch: int | None) -> Path:
        return self.folder / f"inputs-{batch}.npz"


def _apart(got: Mapping[str, Any], expected: Mapping[str, Any]) -> float:
    """The largest distance over the largest expected number; infinite where the answers are of other kinds."""
    pairs = [(got[name], expected[name]) for name in expected if name in got]
    if not pairs:
        pairs = list(zip(got.values(), expected.values(), strict=False))
    largest = 0.0
    for have, want in pairs:
        if have.shape != want.shape or (have.dtype.kind in "SUO") != (want.dtype.kind in "SUO"):
            return math.inf
        if not want.size:
            continue
        if want.dtype.kind in "SUO":
            largest = max(largest, 0.0 if (have == want).all() else math.inf)
            continue
        wide = want.astype(np.complex128)
        distance = float(np.abs(have.astype(np.complex128) - wide).max())
        largest = max(largest, distance / (float(np.abs(wide).max()) + 1e-6))
    return largest


def _busy() -> list[str]:
    """A note where others kept the processors busy meanwhile."""
    if not hasattr(os, "getloadavg"):
        return []
    load, count = os.getloadavg()[0], processors()
    if load <= count + 0.5:
        return []
    return [f"the machine was busy (load {load:.1f} on {count} processors): trust the ratios, not the milliseconds"]
