"""How good a quantised model is: beside the float model's answers, or beside labels."""

from __future__ import annotations

import math
import re
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import is_float
from onward.errors import InvalidArgumentError
from onward.runtime import Session
from onward.tools.golden import Arrays

Run = Callable[[Arrays], Mapping[str, NDArray[Any]]]
Metric = Callable[[Mapping[str, NDArray[Any]], "NDArray[Any] | None"], float]
"""From the outputs by name, all samples together, and the labels, to a number of which more is better."""


@dataclass(frozen=True)
class Figures:
    """A model, measured.

    Attributes:
        sqnr: the float model's answers over how far these are from them, as powers, in dB; of the worst output, and
            None where no output is real.
        agreement: the share of samples whose largest class (or whose integers) are the float model's; None without any.
        accuracy: the share of samples whose largest class is the label's, or what the caller's metric says.
    """

    sqnr: float | None
    agreement: float | None
    accuracy: float | None

    def __str__(self) -> str:
        parts = [] if self.sqnr is None else [f"{decibels(self.sqnr)}"]
        parts += [] if self.agreement is None else [f"{self.agreement:.2%} the same"]
        parts += [] if self.accuracy is None else [f"accuracy {self.accuracy:.2%}"]
        return ", ".join(parts) or "nothing to compare"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; what is not finite is None."""
        return {
            key: value if value is not None and math.isfinite(value) else None for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Limit:
    """What a quantised model must hold.

    Attributes:
        max_drop: how far accuracy may fall, absolute: 0.005 from 92.0 % allows 91.5 %.
        min_sqnr: in dB.
    """

    max_drop: float | None = None
    min_sqnr: float | None = None

    @property
    def is_set(self) -> bool:
        return self.max_drop is not None or self.min_sqnr is not None

    def holds(self, figures: Figures, before: float | None) -> bool:
        """Whether a model with these figures is good enough; `before` is the float model's accuracy."""
        if self.max_drop is not None:
            assert before is not None
            if figures.accuracy is None or before - figures.accuracy > self.max_drop + 1e-9:
                return False
        return self.min_sqnr is None or (figures.sqnr is not None and figures.sqnr >= self.min_sqnr)

    def __str__(self) -> str:
        drop = [] if self.max_drop is None else [f"accuracy falls by at most {self.max_drop:.2%}"]
        return " and ".join(drop + ([] if self.min_sqnr is None else [f"at least {self.min_sqnr:g} dB"])) or "no limit"


def limit(max_drop: float | str | None, min_sqnr: float | str | None) -> Limit:
    """A limit from numbers or from text: ``0.5%``, ``0.005``; ``30dB``, ``30``.

    Raises:
        InvalidArgumentError: it is no such number.
    """
    drop = _number(max_drop, r"%", "max_drop is a share such as 0.5% or 0.005")
    found = Limit(drop, _number(min_sqnr, r"dB", "min_sqnr is a number of decibels such as 30dB"))
    if found.max_drop is not None and not 0 <= found.max_drop <= 1:
        raise InvalidArgumentError(f"max_drop is a share from 0 to 100%, not {max_drop}")
    return found


def _number(given: float | str | None, unit: str, what: str) -> float | None:
    if given is None or isinstance(given, (int, float)):
        return given
    match = re.fullmatch(rf"\s*([0-9.]+)\s*({unit})?\s*", given, re.IGNORECASE)
    if match is None:
        raise InvalidArgumentError(f"{what}, not '{given}'")
    return float(match[1]) / (100 if match[2] == "%" else 1)


class Yardstick:
    """The float model's answers on some batches, and the labels.

    Attributes:
        accuracy: the float model's own.

    Raises:
        InvalidArgumentError: there are fewer labels than samples, or no output that they could be of.
    """

    def __init__(
        self, run: Run, batches: Iterable[Arrays], labels: NDArray[Any] | None = None, metric: Metric | None = None
    ) -> None:
        self.batches = batches
        self._labels, self._metric = labels, metric
        self.answers = [dict(run(batch)) for batch in batches]
        self.accuracy = self._accuracy(self.answers)

    def measure(self, run: Run) -> Figures:
        """The figures of another model."""
        signal: dict[str, float] = {}
        noise: dict[str, float] = {}
        same: list[float] = []
        outputs = []
        for batch, expected in zip(self.batches, self.answers, strict=True):
            got = run(batch)
            for name, wanted in expected.items():
                if is_float(wanted.dtype):
                    s, n = powers(wanted, got[name])
                    signal[name], noise[name] = signal.get(name, 0.0) + s, noise.get(name, 0.0) + n
                same.extend(_same(wanted, got[name]))
            if self._labels is not None or self._metric is not None:
                outputs.append(dict(got))
        ratios = [ratio(signal[name], noise[name]) for name in signal]
        return Figures(min(ratios, default=None), float(np.mean(same)) if same else None, self._accuracy(outputs))

    def _accuracy(self, outputs: Sequence[Mapping[str, NDArray[Any]]]) -> float | None:
        if self._metric is not None:
            try:
                joined = {name: np.concatenate([batch[name] for batch in outputs]) for name in outputs[0]}
            except ValueError as error:
                raise InvalidArgumentError(f"a metric needs outputs of one shape for all samples: {error}") from error
            return float(self._metric(joined, self._labels))
        if self._labels is None:
            return None
        name = next((name for name, array in outputs[0].items() if _classes(array) or array.ndim == 1), None)
        if name is None:
            raise InvalidArgumentError("no output holds classes (samples, classes): say how to judge with metric=")
        found = np.concatenate([_chosen(batch[name]) for batch in outputs])
        if len(self._labels) < len(found):
            raise InvalidArgumentError(f"there are {len(self._labels)} labels for {len(found)} samples")
        return float(np.mean(found == self._labels[: len(found)]))


def powers(wanted: NDArray[Any], got: NDArray[Any]) -> tuple[float, float]:
    """The sums of squares of an array and of another's distance from it; infinitely far where only one is finite."""
    a, b = np.asarray(wanted, np.float64), np.asarray(got, np.float64)
    finite = np.isfinite(a)
    if a.shape != b.shape or not np.isfinite(b[finite]).all():
        return float(np.square(a[finite]).sum()), math.inf
    return float(np.square(a[finite]).sum()), float(np.square(a[finite] - b[finite]).sum())


def ratio(signal: float, noise: float) -> float:
    """In dB."""
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 and math.isfinite(noise) else -math.inf


def decibels(number: float) -> str:
    """``31.4 dB``"""
    return f"{number:.1f} dB" if math.isfinite(number) else "exact" if number > 0 else "no resemblance"


def _classes(array: NDArray[Any]) -> bool:
    return array.ndim == 2 and array.shape[1] > 0 and is_float(array.dtype)


def _chosen(array: NDArray[Any]) -> NDArray[Any]:
    """The class of each sample; of a single score, whether it is beyond the middle of a probability."""
    if not _classes(array):
        return array
    return array.argmax(axis=1) if array.shape[1] > 1 else (array[:, 0] > 0.5).astype(np.int64)


def _same(wanted: NDArray[Any], got: NDArray[Any]) -> list[float]:
    if _classes(wanted):
        return list((_chosen(wanted) == _chosen(got)).astype(float))
    return [float(np.mean(wanted == got))] if wanted.dtype.kind in "iub" and wanted.size else []


@dataclass(frozen=True)
class Speed:
    """Two models timed in turns on this processor, so that whatever else it does weighs on both.

    Attributes:
        before, after: the median of a run, in milliseconds.
        ratio: the median of after / before, pair by pair.
        quartiles: the middle half of these ratios, which is the noise.
        batch: how many samples a run takes.
    """

    before: float
    after: float
    ratio: float
    quartiles: tuple[float, float]
    batch: int

    @property
    def verdict(self) -> str:
        """In words; where the noise covers the difference, there is none to tell of."""
        low, high = self.quartiles
        if low <= 1 <= high or 0.97 < self.ratio < 1.03:
            return "about as fast"
        return f"{max(self.ratio, 1 / self.ratio):.2f} times {'faster' if self.ratio < 1 else 'SLOWER'}"

    def __str__(self) -> str:
        low, high = self.quartiles
        return (
            f"{self.before:.2f} ms, now {self.after:.2f} ms: {self.verdict} on this processor "
            f"(batch {self.batch}, ratio {low:.2f} to {high:.2f})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def speed(before: Session, after: Session, batch: Arrays, seconds: float = 2.0) -> Speed:
    """Times two models on one batch in turns, for about so long and at least five times each."""
    times: list[tuple[float, float]] = []
    for session in (before, after, before, after):
        session.run(batch)
    start = time.perf_counter()
    while len(times) < 5 or (time.perf_counter() - start < seconds and len(times) < 500):
        pair = []
        for session in (before, after):
            begin = time.perf_counter()
            session.run(batch)
            pair.append(1000 * (time.perf_counter() - begin))
        times.append((pair[0], pair[1]))
    size = max((array.shape[0] for array in batch.values() if array.ndim), default=1)
    old, new = zip(*times, strict=True)
    low, middle, high = statistics.quantiles((b / a for a, b in times), n=4)
    return Speed(statistics.median(old), statistics.median(new), middle, (low, high), size)
