"""Nodes go back to float, the most harmful first, until the answers are good enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onward.logs import listened
from onward.progress import Progress
from onward.runtime import Session
from onward.tools.quantize.candidate import Recipe, loaded
from onward.tools.quantize.measure import Figures, Limit, Yardstick, decibels
from onward.tools.quantize.message import size
from onward.tools.quantize.plan import Unit
from onward.tools.quantize.switchboard import ranked

if TYPE_CHECKING:
    import onnx

RANKED_ON = 16  # samples
Timer = Callable[[Session], float]


@dataclass(frozen=True)
class Step:
    """One quantised model that was tried.

    Attributes:
        kept: how many nodes were kept in float.
        size: bytes of the file.
        figures: how good it was.
        holds: whether that is within the limit.
        time: of a run beside the float model's, in turns on this processor; None where that was not asked for.
    """

    kept: int
    size: int
    figures: Figures
    holds: bool
    time: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        said = {"kept": self.kept, "size": self.size, **self.figures.to_dict()}
        return {**said, "holds": self.holds, "time": self.time}


@dataclass(frozen=True)
class Kept:
    """A node that stays in float for the sake of the answers.

    Attributes:
        unit: the node.
        alone: dB that quantising it, and nothing else, leaves; None where the caller asked for it.
    """

    unit: Unit
    alone: float | None

    @property
    def reason(self) -> str:
        """Why, in words."""
        return "as asked" if self.alone is None else f"alone it takes the answers to {decibels(self.alone)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**self.unit.to_dict(), "reason": self.reason, "sqnr_alone": self.alone}


@dataclass
class Search:
    """What was tried, and the best that held the limit.

    Attributes:
        steps: in the order of the trials.
        model: the best model; None where none held.
        figures: its figures.
        kept: its nodes in float.
        timed_out: whether there was no time to look for one with fewer.
    """

    steps: list[Step] = field(default_factory=list)
    model: onnx.ModelProto | None = None
    figures: Figures | None = None
    kept: tuple[Kept, ...] = ()
    timed_out: bool = False


def search(
    recipe: Recipe,
    yardstick: Yardstick,
    telling: Yardstick,
    limit: Limit,
    seconds: float,
    timer: Timer | None,
    progress: Progress,
) -> Search:
    """Tries the model with everything quantised; then, if need be, with ever more nodes in float.

    The number of nodes is doubled until the limit holds and then halved into the gap, so that some ten models are made
    of hundreds of nodes.

    Args:
        yardstick: on all samples, for the verdict.
        telling: on a few, to rank the nodes.
        timer: compares the time of a model with the float model's.
        seconds: when to stop looking for something better; half of them at most go into the ranking.
    """
    found, end = Search(), time.perf_counter() + seconds
    with progress.stage("quantise"):
        if _try(found, recipe, yardstick, limit, timer, ()) or not limit.is_set:
            return found
    with progress.stage("rank"):
        order = [Kept(unit, figure) for unit, figure in ranked(recipe, telling, seconds / 2, progress.done)]
    with progress.stage("guard"):
        failed, number, most = 0, 1, len(order) - 1
        held: int | None = None
        while failed < most and (held is None or held - failed > 1):
            if time.perf_counter() > end:
                found.timed_out = True
                break
            number = min(most, max(1, 2 * failed)) if held is None else (failed + held) // 2
            if _try(found, recipe, yardstick, limit, timer, order[:number]):
                held = number
            else:
                failed = number
            progress.done(len(found.steps) / (len(found.steps) + 4))
    return found


def _try(
    found: Search, recipe: Recipe, yardstick: Yardstick, limit: Limit, timer: Timer | None, kept: Sequence[Kept]
) -> bool:
    """Makes a model and measures it; takes it as the best if it holds (or if there is no limit)."""
    model = recipe.make([each.unit for each in kept])
    session = loaded(model)
    figures = yardstick.measure(session.run)
    holds = limit.holds(figures, yardstick.accuracy)
    found.steps.append(Step(len(kept), size(model), figures, holds, timer(session) if timer else None))
    log = listened()
    if log is not None:
        log.info("%d nodes kept in float: %s, %s", len(kept), figures, "holds" if holds else "falls short")
        if kept:
            log.debug("the last of them: %s (%s)", kept[-1].unit, kept[-1].reason)
    if holds:
        found.model, found.figures, found.kept = model, figures, tuple(kept)
    return holds
