"""Where a plot's parts stand."""

from __future__ import annotations

from onward.reporting import Lines
from onward.reporting.plot import plot


def test_round_ticks_hold_the_lines() -> None:
    drawn = plot(Lines({"a": [(1, 9.2), (2, 5.1), (4, 4.1)]}, "threads", "ms"))
    assert [label for _, label in drawn.up] == ["0", "2", "4", "6", "8", "10"]
    assert [place for place, _ in drawn.up] == [100, 80, 60, 40, 20, 0]
    (curve,) = drawn.curves
    assert [(round(x, 1), round(y, 1)) for x, y, _ in curve.points] == [(0, 8), (33.3, 49), (100, 59)]
    assert curve.points[0][2] == "a: 9.2 ms at 1 threads"


def test_factors() -> None:
    drawn = plot(Lines({"a": [(1, 1), (10, 100), (1000, 1e6)]}, "nodes", "ms", "xy"))
    assert [label for _, label in drawn.across] == ["1", "10", "1000"]
    assert [round(x, 1) for x, _, _ in drawn.curves[0].points] == [0, 33.3, 100]
    assert [round(y, 1) for _, y, _ in drawn.curves[0].points] == [100, 66.7, 0]


def test_numbers_without_logarithms_and_single_points() -> None:
    assert plot(Lines({"a": [(0, 0), (5, 3)]}, "x", "y", "xy")).curves[0].points[0][:2] == (0, 100)
    (only,) = plot(Lines({"a": [(3, 7)]}, "x", "y")).curves[0].points
    assert only[0] == 50
    assert plot(Lines({}, "x", "y")).curves == []
