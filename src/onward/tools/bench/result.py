"""What a benchmark found: figures of every contender, as a table, as JSON, as a page, and what they recommend."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onward.reporting import Bars, Code, Lines, Notes, Page, Reported, Section, Table, Text
from onward.tools.bench.noise import Latency, Ratio

LEGEND = (
    "±: median absolute deviation; over first: ratio of medians round by round, with its 95 % interval (same: no "
    "difference beyond noise); apart: distance of the answers"
)


@dataclass(frozen=True)
class Measurement:
    """One contender at one batch size.

    Attributes:
        label: what the contender is called.
        engine: what it ran on: a provider of ONNX Runtime, ``openvino-runtime``, ``tensorflow``.
        level, threads: its settings; None for threads is the engine's own choice.
        batch: inputs at once; None where the model's batch is its own.
        failure: why there are no figures; empty where there are.
        latency: of single calls.
        ratio: to the first contender, in the same rounds; None for itself.
        concurrent: items a second with so many threads calling at once.
        load_ms, first_ms: loading, and the first run.
        peak_mb, grown_mb: memory of its process, and what loading and running added; None where the system is silent.
        apart: the largest distance of its answers from the first contender's, over their largest number.
        warm_up: calls before anything was timed; `steady` says whether times had settled then.
    """

    label: str
    engine: str
    level: str
    threads: int | None
    batch: int | None
    failure: str = ""
    latency: Latency | None = None
    ratio: Ratio | None = None
    concurrent: tuple[tuple[int, float], ...] = ()
    load_ms: float | None = None
    first_ms: float | None = None
    peak_mb: float | None = None
    grown_mb: float | None = None
    apart: float | None = None
    warm_up: int = 0
    steady: bool = True

    @property
    def throughput(self) -> float | None:
        """Items a second, one call after another."""
        return None if self.latency is None else 1000 * (self.batch or 1) / self.latency.mean

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            **vars(self),
            "latency": None if self.latency is None else self.latency.to_dict(),
            "ratio": None if self.ratio is None else self.ratio.to_dict(),
            "concurrent": [{"clients": clients, "per_second": rate} for clients, rate in self.concurrent],
            "throughput": self.throughput,
        }


@dataclass(frozen=True)
class Advice:
    """Session options that the figures speak for.

    Attributes:
        goal: what they are best for.
        label: the contender.
        reason: why, with figures.
        code: Python code to paste.
    """

    goal: str
    label: str
    reason: str
    code: str

    def __str__(self) -> str:
        return f"for {self.goal}: {self.label}. {self.reason}\n\n{self.code}"


@dataclass(frozen=True)
class Benchmark(Reported):
    """What a benchmark found.

    Attributes:
        model: the first file's name; what every ratio is to is its first row.
        measurements: one for each contender and batch size, failures among them.
        advice: session options to use: for one request at a time, and for many at once.
        inputs: shapes of the inputs by name, at each batch size.
        rounds: how many turns each had, at least.
        notes: what a reader should know about the figures.
    """

    model: str
    measurements: tuple[Measurement, ...]
    advice: tuple[Advice, ...]
    inputs: dict[str, dict[str, list[int]]]
    rounds: int
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> Measurement:
        """What the others are compared with."""
        return self.measurements[0]

    def table(self) -> str:
        """The figures as text, one line each."""
        rows = [self._columns(), *(self._row(one) for one in self.measurements if not one.failure)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "  ".join(c.ljust(w) if i < 1 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in rows
        ]
        failed = [f"{one.label}: {one.failure}" for one in self.measurements if one.failure]
        return "\n".join([*(line.rstrip() for line in lines), *failed])

    def __str__(self) -> str:
        parts = [f"latency of {self.model} in milliseconds", self.table(), LEGEND, *self.notes]
        return "\n\n".join(["\n".join(parts), *(str(advice) for advice in self.advice)])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "model": self.model,
            "inputs": self.inputs,
            "rounds": self.rounds,
            "measurements": [one.to_dict() for one in self.measurements],
            "advice": [vars(advice) for advice in self.advice],
            "notes": list(self.notes),
        }

    def plot(self, path: str | os.PathLike[str]) -> Path:
        """Draws the latencies: over batch sizes where there are several, else side by side.

        Args:
            path: ends in a format of matplotlib's: .svg, .png, .pdf.

        Raises:
            MissingDependencyError: matplotlib is not installed.
            OutputError: it cannot be written.
        """
        from onward.tools.bench.plot import draw

        return draw(self, Path(path))

    def page(self) -> Page:
        """What a report says of it."""
        measured = [one for one in self.measurements if one.latency is not None]
        series: dict[str, list[tuple[float, float]]] = {}
        for one in measured:
            assert one.latency is not None
            series.setdefault(one.label, []).append((one.batch or 1, one.latency.p50))
        blocks: list[Any] = []
        if any(len(points) > 1 for points in series.values()):
            blocks.append(Lines(series, "batch size", "milliseconds at the median", "xy"))
        else:
            blocks.append(Bars({label: points[0][1] for label, points in series.items()}, "ms at the median"))
        rows, columns = [self._row(one) for one in measured], self._columns()
        cut = columns.index("items/s")
        blocks.append(Table(columns[:cut], [row[:cut] for row in rows], caption="milliseconds"))
        blocks.append(Table(columns[:2] + columns[cut:], [row[:2] + row[cut:] for row in rows]))
        blocks.append(Text(LEGEND))
        failed = [f"{one.label}: {one.failure}" for one in self.measurements if one.failure]
        if said := [*failed, *self.notes]:
            blocks.append(Notes(said))
        sections = [Section("Latency", blocks)]
        for advice in self.advice:
            text = Text(f"{advice.label}. {advice.reason}")
            sections.append(Section(f"For {advice.goal}", [text, Code(advice.code, "python")]))
        first = self.reference
        assert first.latency is not None
        summary = (
            f"{first.label}: {_figure(first.latency.p50)} ms at the median, {_rate(first.throughput)} items a second"
        )
        facts = {"median": f"{_figure(first.latency.p50)} ms", "90th percentile": f"{_figure(first.latency.p90)} ms"}
        return Page(f"Latency of {self.model}", summary, facts=facts, sections=sections)

    def _clients(self) -> list[int]:
        return list(dict.fromkeys(clients for one in self.measurements for clients, _ in one.concurrent))

    def _columns(self) -> tuple[str, ...]:
        crowds = [f"/s, {clients} threads" for clients in self._clients()]
        figures = ("batch", "p50", "p90", "p95", "p99", "mean", "min", "±", "over first", "items/s", *crowds)
        return ("", *figures, "load", "first run", "peak MB", "grown MB", "apart")

    def _row(self, one: Measurement) -> tuple[str, ...]:
        assert one.latency is not None
        t, rates = one.latency, dict(one.concurrent)
        times = [_figure(x) for x in (t.p50, t.p90, t.p95, t.p99, t.mean, t.least, t.deviation)]
        crowds = [_rate(rates.get(clients)) for clients in self._clients()]
        memory = ["-" if mb is None else f"{mb:.0f}" for mb in (one.peak_mb, one.grown_mb)]
        apart = "-" if one.apart is None else f"{one.apart:.1e}"
        batch = "-" if one.batch is None else str(one.batch)
        loads = [_figure(one.load_ms), _figure(one.first_ms)]
        over = "-" if one.ratio is None else str(one.ratio)
        return (one.label, batch, *times, over, _rate(one.throughput), *crowds, *loads, *memory, apart)


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}" if value >= 0.1 else f"{value:.4f}"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def recommend(measurements: Sequence[Measurement], codes: dict[str, str], trusted: float) -> tuple[Advice, ...]:
    """Session options for one request at a time and for many at once, of those that ran the first file.

    The first contender is recommended unless another is better beyond noise: plain settings need no reason.

    Args:
        codes: the code of each contender of the first file in ONNX Runtime, by label.
        trusted: how far answers may be apart for a contender to be considered.
    """
    first = measurements[0]
    able = [
        one
        for one in measurements
        if one.batch == first.batch and one.latency and one.label in codes and (one.apart or 0.0) <= trusted
    ]
    if not able:
        return ()
    advice = [_quickest(first, able, codes)]
    crowded = [one for one in able if one.concurrent]
    if crowded and first.concurrent:
        advice.append(_busiest(first, crowded, codes))
    if len({one.label for one in advice}) < len(advice):
        both = " and ".join(one.goal for one in advice)
        return (replace(advice[0], goal=both, reason=" ".join(one.reason for one in advice)),)
    return tuple(advice)


def _quickest(first: Measurement, able: Sequence[Measurement], codes: dict[str, str]) -> Advice:
    better = [one for one in able if one.ratio is not None and one.ratio.faster]
    best = min(better, key=lambda one: one.ratio.value if one.ratio else 1.0, default=first)
    if best.ratio is not None:
        reason = f"Its calls take {best.ratio} of those of {first.label}."
    elif len(able) == 1:
        reason = "Nothing else was tried: sweep over threads, levels and providers."
    else:
        slower = [one for one in able if one.ratio is not None and one.ratio.differs]
        alike = len(able) - 1 - len(slower)
        parts = [f"{len(slower)} slower"] * bool(slower) + [f"{alike} no different beyond noise"] * bool(alike)
        reason = f"Of the others none was faster: {', '.join(parts)}."
    return Advice("one request at a time", best.label, reason, codes[best.label])


MARGIN = 1.05  # what throughput must gain to count: its few turns give no interval


def _busiest(first: Measurement, able: Sequence[Measurement], codes: dict[str, str]) -> Advice:
    clients, base = max(first.concurrent, key=lambda pair: pair[1])
    rates = {one.label: dict(one.concurrent).get(clients, 0.0) for one in able}
    best = max(rates, key=lambda label: rates[label])
    if rates[best] < MARGIN * base:
        best = first.label
        reason = f"It gives {_rate(base)} items a second to {clients} threads calling; nothing gave 5 % more."
    else:
        gain = f"{_rate(rates[best])} items a second to {clients} threads calling"
        reason = f"It gives {gain}; {first.label} gives {_rate(base)}."
    return Advice("many requests at once", best, reason, codes[best])
