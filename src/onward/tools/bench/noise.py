"""What a few noisy timings say, and how surely.

Contenders take turns, so that a busy moment of the machine falls on all of them; what is compared is the ratio within a
round. How sure it is comes from the sign test: whatever ratios scatter like, a round lies above their true median as
likely as below, so the k-th smallest and largest of n enclose it as surely as coins fall (W. R. Thompson, 1936).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SURENESS = 0.95


@dataclass(frozen=True)
class Ratio:
    """How long one takes over another.

    Attributes:
        value: the median over rounds of the ratio of the medians within a round.
        low, high: between which its true value lies, 95 % sure.
        sure: whether there were rounds enough to say that: six.
    """

    value: float
    low: float
    high: float
    sure: bool = True

    @property
    def differs(self) -> bool:
        """Whether the two differ beyond noise."""
        return self.sure and not self.low <= 1 <= self.high

    @property
    def faster(self) -> bool:
        """Whether the first is faster beyond noise."""
        return self.sure and self.high < 1

    def __str__(self) -> str:
        """The figure with its interval; ``same`` where that holds 1."""
        value, low, high = (f"{x:.2f}" if x < 10 else f"{x:.0f}" for x in (self.value, self.low, self.high))
        if not self.sure:
            return f"{value} (too few rounds)"
        return f"{value if self.differs else 'same'} ({low} to {high})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**vars(self), "differs": self.differs}


def ratio(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> Ratio:
    """Compares timings, given by rounds: those of one round were taken right after one another."""
    pairs = sorted(float(np.median(a) / np.median(b)) for a, b in zip(ours, theirs, strict=True))
    cut = _cut(len(pairs))
    return Ratio(float(np.median(pairs)), pairs[max(cut - 1, 0)], pairs[-max(cut, 1)], cut > 0)


def _cut(count: int) -> int:
    """Which smallest and largest of so many rounds enclose the median as surely as asked; 0 where none do."""
    below, cut = 0.0, 0
    while True:
        below += math.comb(count, cut) / 2**count  # that at most `cut` rounds lie on one side
        if 2 * below > 1 - SURENESS:
            return cut
        cut += 1


@dataclass(frozen=True)
class Latency:
    """Milliseconds of single calls.

    Attributes:
        calls: how many were timed.
        least, mean, p50, p90, p95, p99: of them.
        deviation: the median absolute deviation from the median.
    """

    calls: int
    least: float
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    deviation: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return dict(vars(self))


def latency(milliseconds: Sequence[float]) -> Latency:
    """What the times of single calls come to."""
    times = np.asarray(milliseconds)
    p50, p90, p95, p99 = (float(x) for x in np.percentile(times, [50, 90, 95, 99]))
    deviation = float(np.median(np.abs(times - p50)))
    return Latency(len(times), float(times.min()), float(times.mean()), p50, p90, p95, p99, deviation)


def settled(medians: Sequence[float], within: float = 0.05, last: int = 3) -> bool:
    """Whether the last few medians of a warm-up lie close to one another."""
    recent = list(medians)[-last:]
    return len(recent) == last and max(recent) <= (1 + within) * min(recent)
