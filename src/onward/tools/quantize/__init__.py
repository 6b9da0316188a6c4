"""Quantised models: what of a graph goes into integers, how good the answers stay, and what stays in float for that."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from onward.errors import InvalidArgumentError, VerificationError
from onward.progress import Progress
from onward.runtime import Session
from onward.tools.quantize import candidate, guard, halves, measure, plan, prepare, ranges, traps
from onward.tools.quantize.candidate import Range, Recipe
from onward.tools.quantize.file import size_of, write
from onward.tools.quantize.guard import Search
from onward.tools.quantize.measure import Limit, Metric, Yardstick
from onward.tools.quantize.message import Message, size
from onward.tools.quantize.plan import Plan
from onward.tools.quantize.result import Quantization
from onward.tools.quantize.samples import Samples, drawn, open_samples
from onward.writing import check_writable

__all__ = ["KINDS", "Quantization", "quantize"]

STAGES = ("measure", "read", "calibrate", "run", "quantise", "rank", "guard", "time", "write")
BRIEFLY = 0.3  # seconds, at each step
Inputs = Iterable[Mapping[str, Any]]
KINDS = ("int8", "int8-dynamic", "int4", "float16", "bfloat16")


def quantize(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    to: str = "int8",
    data: str | os.PathLike[str] | Mapping[str, Any] | Inputs | Callable[[], Inputs] | None = None,
    labels: Any = None,
    preprocess: str | None = None,
    check: str | os.PathLike[str] | Mapping[str, Any] | Inputs | Callable[[], Inputs] | None = None,
    max_drop: float | str | None = None,
    min_sqnr: float | str | None = None,
    metric: Metric | None = None,
    keep: Iterable[str] = (),
    calibration: str = "minmax",
    symmetric: bool = False,
    reduce_range: bool | None = None,
    tolerance: float | None = None,
    samples: int = 512,
    budget: float = 300.0,
    timed: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
) -> Quantization:
    """Makes a model smaller, and often faster, with integers or halves in place of float32, and guards its answers.

    Args:
        model: an ONNX file of float32.
        output: where to write the result; a file appears only where the limit holds.
        to: ``int8`` (ranges of activations calibrated on `data`), ``int8-dynamic`` (found anew in every run, no data
            needed), ``int4`` (weights of matrix products only, a scale for each 32), ``float16`` or ``bfloat16``.
        data: inputs as they come in use: an ``.npz`` file or arrays by name, with samples along the first axis; a
            folder of pictures; an iterable of arrays by name, or a function that gives one.
        labels: classes of the samples: the name of an array in `data`, ``"folders"`` (those that pictures lie in), a
            file (``.npy``, or text with one a line), or an array.
        preprocess: of pictures: ``tf``, ``torch`` and ``caffe`` as in keras.applications, ``unit`` for 0 to 1,
            ``size=224x224``, and more (``onward.tools.quantize.images``).
        check: samples to measure on, like `data`, where these should not be the ones that were calibrated on; `labels`
            are theirs then.
        max_drop: how far the accuracy on `labels` (or the metric) may fall: ``"0.5%"`` or 0.005.
        min_sqnr: how far, in dB, the float model's answers must stand above what quantising changes in them.
        metric: from the outputs of all samples by name and the labels to a number of which more is better.
        keep: nodes, operators or Keras layers that stay in float whatever happens.
        calibration: ``minmax``, ``entropy``, ``percentile`` or ``percentile=99.9``.
        symmetric: int8 activations around zero, as accelerators want them, in place of uint8 with a zero point.
        reduce_range: weights of 7 bits; by default where this processor's sums of 8-bit products overflow.
        tolerance: for halves, absolute and relative: 1e-2 for float16 and 4e-2 for bfloat16 if not given.
        samples: how many are used at most.
        budget: seconds that the search for nodes to keep in float may take.
        timed: compare the speed of both models too.
        seed: of inputs that are drawn where none are given.

    Raises:
        InvalidArgumentError: an argument cannot be honoured, the model is quantised already, or there is nothing in it
            to quantise.
        InvalidSourceError: a file cannot be read.
        VerificationError: the limit holds for no choice of nodes, within the budget; its ``result`` is what was found.
    """
    progress, path = progress or Progress(), Path(model)
    if to not in KINDS:
        raise InvalidArgumentError(f"to is {', '.join(KINDS[:-1])} or {KINDS[-1]}, not {to!r}")
    limit = measure.limit(max_drop, min_sqnr)
    ranges.method(calibration)
    if limit.max_drop is not None and labels is None and metric is None:
        raise InvalidArgumentError("max_drop is about accuracy: give labels, or a metric")
    if to == "int8" and data is None:
        raise InvalidArgumentError("int8 needs data to calibrate on: give some, or quantise to int8-dynamic")
    if output is not None:
        check_writable(Path(output))
    candidate.check_runtime()
    notes: list[str] = []
    with prepare.readable(path, to, notes) as readable:
        session = Session(readable)
        source = (
            drawn(readable, seed) if data is None else open_samples(data, session.inputs, labels, preprocess, samples)
        )
        judged = source if check is None else open_samples(check, session.inputs, labels, preprocess, samples)
        with progress.stage("measure"):
            yardstick = Yardstick(session.run, judged, judged.labels, metric)
        if to in ("float16", "bfloat16"):
            examples = None if data is None else source.first(guard.RANKED_ON)
            result = halves.quantized(
                readable, to, examples, yardstick, judged, limit,
                tolerance=tolerance, timed=timed, seed=seed, progress=progress,
            )  # fmt: skip
        else:
            reduce_range, note = traps.reduced(reduce_range)
            notes += [note] * bool(note)
            with progress.stage("read"):
                message = prepare.message(readable, to)
            chosen = _planned(message, to, keep, path)
            seen: dict[str, Range] = {}
            count = 0
            if to == "int8":
                with progress.stage("calibrate"):
                    seen, count = _calibrated(message, chosen, source, calibration, progress)
            notes += traps.of_plan(chosen, data is not None, count)
            recipe = Recipe(message.proto, chosen, seen, reduce_range, symmetric)
            telling = Yardstick(session.run, judged.first(guard.RANKED_ON))
            batch = judged.one()

            def timer(made: Session) -> float:
                return measure.speed(session, made, batch, BRIEFLY).ratio

            found = guard.search(recipe, yardstick, telling, limit, budget, timer if timed else None, progress)
            result = _result(path, message, chosen, found, yardstick, judged, limit, session, timed, notes, progress)
    if result.model_proto is None:
        why = "in the time given (budget)" if found.timed_out else "for any choice of nodes"
        raise VerificationError(f"{limit} does not hold {why}; nothing was written\n{result}", result)
    if output is not None:
        with progress.stage("write"):
            write(result.model_proto, Path(output))
    return result


def _planned(message: Message, kind: str, keep: Iterable[str], path: Path) -> Plan:
    found = plan.make(message, kind, keep)
    if not found.units:
        left = ", ".join(sorted({node.op_type for node in message.proto.graph.node}))
        hint = " (all that could be is kept as asked)" if found.asked else ""
        raise InvalidArgumentError(f"'{path}' holds nothing that {kind} could quantise{hint}: {left}")
    return found


def _calibrated(
    message: Message, chosen: Plan, source: Samples, calibration: str, progress: Progress
) -> tuple[dict[str, Range], int]:
    """The ranges, and how many samples they are from."""
    count = 0
    for seen in ranges.observe(message.proto, candidate.observed(chosen, message), source, calibration):
        if isinstance(seen, dict):
            return seen, count
        count = seen
        progress.done(min(1.0, count / source.expected))
    raise AssertionError("the ranges come last")


def _result(
    path: Path,
    message: Message,
    chosen: Plan,
    found: Search,
    yardstick: Yardstick,
    judged: Samples,
    limit: Limit,
    session: Session,
    timed: bool,
    notes: list[str],
    progress: Progress,
) -> Quantization:
    """Everything there is to tell; of the last model that was tried where none held."""
    figures = found.figures or found.steps[-1].figures
    before, after = size_of(path), found.steps[-1].size if found.model is None else size(found.model)
    speed = None
    if timed and found.model is not None:
        with progress.stage("time"):
            speed = measure.speed(session, candidate.loaded(found.model), judged.one())
    if found.timed_out:
        notes.append("the time (budget) ran out before the fewest nodes to keep in float were found")
    kept = {each.unit for each in found.kept}
    integers = chosen.flow(message, kept).nodes
    quantised: dict[str, Counter[str]] = {}
    for unit in chosen.units:
        if unit.node in integers or (unit not in kept and unit.treatment not in (plan.INTEGERS, plan.BETWEEN)):
            quantised.setdefault(unit.treatment, Counter())[unit.op] += 1
    asked = tuple(guard.Kept(unit, None) for unit in chosen.asked)
    notes += traps.of_outcome(chosen.kind, speed, after / before, figures, limit)
    return Quantization(
        path.name, chosen.kind, {how: dict(ops) for how, ops in quantised.items()}, (*asked, *found.kept), chosen.left,
        before, after, yardstick.accuracy, figures, speed, limit, tuple(found.steps), judged.description, tuple(notes),
        found.model,
    )  # fmt: skip
