"""float16 and bfloat16 beside the integers: the same limits and the same report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onward.progress import Progress
from onward.runtime import RuntimeFailureError, Session
from onward.tools.golden import Arrays
from onward.tools.precision import halve
from onward.tools.quantize import measure, traps
from onward.tools.quantize.file import size_of
from onward.tools.quantize.guard import Step
from onward.tools.quantize.measure import Limit, Yardstick
from onward.tools.quantize.message import size
from onward.tools.quantize.prepare import message_of
from onward.tools.quantize.result import Quantization
from onward.tools.quantize.samples import Samples

# Why operators stay in float32, by the reasons of `Precision.kept`.
REASONS = {
    "type": "it takes no such halves, or its floats are sizes and steps",
    "range": "values beyond float16's range",
    "accuracy": "the answers were too far off",
}


def quantized(
    path: Path,
    kind: str,
    examples: Sequence[Arrays] | None,
    yardstick: Yardstick,
    samples: Samples,
    limit: Limit,
    *,
    tolerance: float | None,
    timed: bool,
    seed: int,
    progress: Progress,
) -> Quantization:
    """A model in half precision.

    Args:
        path: the float32 model.
        kind: ``float16`` or ``bfloat16``.
        examples: inputs for the trials that decide what stays in float32; drawn ones if None.
        samples: what `yardstick` measures on.
    """
    found = halve(path, dtype=kind, data=examples, tolerance=tolerance, seed=seed, progress=progress)
    figures = yardstick.measure(found.rounded.session.run)
    proto = message_of(found.program)
    holds = limit.holds(figures, yardstick.accuracy)
    before, after = size_of(path), size(proto)
    left: dict[str, tuple[int, str]] = {}
    for reason, ops in found.kept.items():
        for op, count in ops.items():
            more, why = left.get(op, (0, ""))
            left[op] = (count + more, f"{why}; {REASONS[reason]}" if why else REASONS[reason])
    notes = ["answers are measured in float32 that rounds every value as halves would: CPUs have few kernels for them"]
    speed = None
    if timed:
        try:
            speed = measure.speed(Session(path), found.program.session, samples.one())
        except RuntimeFailureError as error:
            notes.append(f"not timed, for it does not run on this processor: {error}")
    notes += traps.of_outcome(kind, speed, after / before, figures, limit)
    step = Step(0, after, figures, holds)
    return Quantization(
        path.name, kind, {"halves": found.halved}, (), left, before, after, yardstick.accuracy, figures, speed, limit,
        (step,), samples.description, tuple(notes), proto if holds else None,
    )  # fmt: skip
