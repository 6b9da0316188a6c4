"""Pictures of a survey: conversion time and memory against the size of the model, and latency.

    python -m bench.plot survey.json docs/performance     # needs matplotlib: pip install 'onward[bench]'

Written are ``time.svg``, ``memory.svg`` and ``latency.svg``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TOOLS = {
    "onward": ("Onward", "#1f6feb", "o"),
    "openvino": ("OpenVINO", "#9a6700", "^"),
    "tf2onnx": ("tf2onnx", "#cf222e", "s"),
}
STYLE = {
    "svg.hashsalt": "onward",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
Rows = Mapping[str, Mapping[str, Any]]


def against_size(rows: Rows, figure: str, label: str, target: Path) -> None:
    """Every tool's figure of each model, both axes logarithmic."""
    from matplotlib import pyplot

    shown, axes = pyplot.subplots(figsize=(6.4, 3.6), layout="constrained")
    for tool, (title, colour, marker) in TOOLS.items():
        points = [(row["mb"], row[f"{tool}_{figure}"]) for row in rows.values() if f"{tool}_{figure}" in row]
        if points:
            axes.scatter(
                *zip(*points, strict=True), s=16, c=colour, marker=marker, label=title, alpha=0.8, linewidths=0
            )
    axes.set(xscale="log", yscale="log", xlabel="size of the ONNX file, MB", ylabel=label)
    axes.grid(alpha=0.25, which="major")
    axes.legend(frameon=False)
    _write(shown, target)


def latency(rows: Rows, target: Path) -> None:
    """Onward's latency over each peer's, model by model; below the line is faster."""
    from matplotlib import pyplot

    shown, axes = pyplot.subplots(figsize=(6.4, 3.6), layout="constrained")
    names = sorted(
        (name for name, row in rows.items() if "over_tensorflow" in row), key=lambda n: rows[n]["over_tensorflow"]
    )
    for key, title, colour, marker in (
        ("over_tensorflow", "over TensorFlow", "#57606a", "o"),
        ("over_tf2onnx", "over tf2onnx's graph", TOOLS["tf2onnx"][1], "s"),
    ):
        points = [(place, rows[name][key]) for place, name in enumerate(names) if key in rows[name]]
        if points:
            axes.scatter(*zip(*points, strict=True), s=16, c=colour, marker=marker, label=title, linewidths=0)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set(yscale="log", ylabel="latency of Onward's graph", xlim=(-1, len(names)))
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=5)
    axes.grid(alpha=0.25, axis="y", which="major")
    axes.legend(frameon=False)
    _write(shown, target)


def _write(shown: Any, target: Path) -> None:
    from matplotlib import pyplot

    shown.savefig(target, metadata={"Date": None})
    pyplot.close(shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("survey", type=Path, help="JSON of bench.survey")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update(STYLE)
    rows = json.loads(arguments.survey.read_text())
    arguments.folder.mkdir(parents=True, exist_ok=True)
    against_size(rows, "wall", "conversion, seconds", arguments.folder / "time.svg")
    against_size(rows, "peak_mb", "peak memory, MB", arguments.folder / "memory.svg")
    latency(rows, arguments.folder / "latency.svg")


if __name__ == "__main__":
    main()
