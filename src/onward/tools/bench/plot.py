"""A picture of a benchmark's latencies."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onward.errors import InvalidArgumentError, MissingDependencyError
from onward.writing import replacing

if TYPE_CHECKING:
    from onward.tools.bench.result import Benchmark

STYLE = {"svg.hashsalt": "onward", "svg.fonttype": "none", "font.size": 9}
COLOURS = ("#1f6feb", "#cf222e", "#9a6700", "#1a7f37", "#8250df", "#57606a", "#bf3989", "#0a3069")


def draw(benchmark: Benchmark, path: Path) -> Path:
    """Draws medians with the range to the 90th percentile: over batch sizes, or side by side where there is one.

    Raises:
        InvalidArgumentError: matplotlib knows no such format.
        MissingDependencyError: matplotlib is not installed.
        OutputError: it cannot be written.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("a plot needs matplotlib: pip install 'onward[plot]'") from error
    made = Figure(layout="constrained")
    kinds = FigureCanvasAgg(made).get_supported_filetypes()
    kind = path.suffix[1:].lower()
    if kind not in kinds:
        raise InvalidArgumentError(f"a plot ends in {', '.join(f'.{name}' for name in kinds)}, not '{path.suffix}'")
    with matplotlib.rc_context(STYLE):
        axes = made.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        batches = {one.batch for one in benchmark.measurements if one.latency is not None}
        (_over_batches if len(batches) > 1 else _side_by_side)(benchmark, made, axes)
        axes.set_title(benchmark.model, loc="left")
        picture = io.BytesIO()
        made.savefig(picture, format=kind, metadata={"Date": None} if kind == "svg" else None, dpi=150)
    with replacing(path) as [file]:
        file.write(picture.getbuffer())
    return path


def _over_batches(benchmark: Benchmark, made: Any, axes: Any) -> None:
    labels = list(dict.fromkeys(one.label for one in benchmark.measurements if one.latency is not None))
    made.set_size_inches(8.0, 3.8)
    for label, colour in zip(labels, COLOURS * len(labels), strict=False):
        points = [
            (one.batch, one.latency.p50, one.latency.p90)
            for one in benchmark.measurements
            if one.label == label and one.latency is not None
        ]
        batches, medians, tails = zip(*points, strict=True)
        axes.plot(batches, medians, color=colour, marker="o", markersize=4, label=label)
        axes.fill_between(batches, medians, tails, color=colour, alpha=0.12, linewidth=0)
    axes.set(xscale="log", yscale="log", xlabel="batch size", ylabel="milliseconds: median, and up to p90")
    axes.set_xticks(batches, [str(batch) for batch in batches])
    axes.minorticks_off()
    axes.grid(alpha=0.25)
    made.legend(frameon=False, loc="outside right upper")


def _side_by_side(benchmark: Benchmark, made: Any, axes: Any) -> None:
    measured = [(one.label, one.latency) for one in benchmark.measurements if one.latency is not None]
    made.set_size_inches(6.4, 1.2 + 0.35 * len(measured))
    places = range(len(measured))
    axes.barh(places, [t.p50 for _, t in measured], color=COLOURS[0], height=0.6)
    axes.hlines(places, [t.p50 for _, t in measured], [t.p90 for _, t in measured], color="black", linewidth=1)
    axes.set_yticks(places, [label for label, _ in measured])
    axes.invert_yaxis()
    axes.set(xlabel="milliseconds: median, and up to p90", xlim=(0, None))
    axes.grid(alpha=0.25, axis="x")
