"""Where lines, points and ticks of a plot stand, in percent of its area."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from onward.reporting import Lines
from onward.reporting.cells import text

TICKS = 5  # about as many on each axis


@dataclass(frozen=True)
class Curve:
    """One series: its name, and its points with what they stand for in words."""

    name: str
    points: Sequence[tuple[float, float, str]]

    @property
    def path(self) -> str:
        """The points as SVG wants them."""
        return " ".join(f"{x:.2f},{y:.2f}" for x, y, _ in self.points)


@dataclass(frozen=True)
class Plot:
    """A plot laid out: x from the left and y from the top, from 0 to 100.

    Attributes:
        across, up: the ticks of the two axes, as place and label.
    """

    curves: Sequence[Curve]
    across: Sequence[tuple[float, str]]
    up: Sequence[tuple[float, str]]


def plot(lines: Lines) -> Plot:
    """Lays out series; y begins at zero where that leaves the lines half of the height."""
    xs = [float(x) for points in lines.series.values() for x, _ in points]
    ys = [float(y) for points in lines.series.values() for _, y in points]
    across, up = _Axis(xs, "x" in lines.logarithmic), _Axis(ys, "y" in lines.logarithmic, from_zero=True)
    curves = [
        Curve(
            name,
            [
                (
                    across.place(x),
                    100 - up.place(y),
                    f"{name}: {text(float(y))} {lines.y} at {text(float(x))} {lines.x}",
                )
                for x, y in points
            ],
        )
        for name, points in lines.series.items()
    ]
    return Plot(curves, across.ticks, [(100 - place, label) for place, label in up.ticks])


class _Axis:
    """A range of numbers and where each stands in it."""

    def __init__(self, numbers: Sequence[float], logarithmic: bool, from_zero: bool = False) -> None:
        low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
        self._logarithmic = logarithmic and low > 0
        if self._logarithmic:
            ticks = _powers(low, high, sorted(set(numbers)))
        else:
            low = min(low, 0.0) if from_zero and low <= high / 2 else low
            ticks = _round_steps(low, high)
        self._low, self._high = min(low, ticks[0]) if from_zero else low, max(high, ticks[-1]) if from_zero else high
        self.ticks = [(self.place(tick), text(tick)) for tick in ticks if self._low <= tick <= self._high]

    def place(self, number: float) -> float:
        """From 0 to 100."""
        low, high, at = self._low, self._high, number
        if self._logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(number)
        return 50.0 if high == low else 100 * (at - low) / (high - low)


def _round_steps(low: float, high: float) -> list[float]:
    """Round numbers that hold the range between them."""
    if high == low:
        return [low]
    rough = (high - low) / TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999)
    return [step * i for i in range(math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9) + 1)]


def _powers(low: float, high: float, numbers: Sequence[float]) -> list[float]:
    """The numbers themselves where they are few; else powers of ten or, in a narrow range, of two."""
    if len(numbers) <= TICKS + 1:
        return list(numbers)
    base = 10 if high / low > 300 else 2
    first, last = math.floor(math.log(low, base) + 1e-9), math.ceil(math.log(high, base) - 1e-9)
    every = max(1, round((last - first) / TICKS))
    return [float(base) ** i for i in range(first, last + 1, every)]
