"""What the survey found, as markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import geometric_mean
from typing import Any

from bench.catalogue import family

Row = Mapping[str, Any]
HEADINGS = (
    "model", "MB", "convert s", "tf2onnx", "OpenVINO", "peak MB", "tf2onnx", "OpenVINO", "nodes", "tf2onnx",
    "run ms", "/ tf2onnx", "/ TensorFlow",
)  # fmt: skip
# Converting: how many times what Onward takes. Running: the part that Onward's graph takes of the other's time.
MEANS = {
    "tf2onnx_wall_ratio": "tf2onnx's conversion time over Onward's",
    "tf2onnx_cpu_ratio": "tf2onnx's processor time over Onward's",
    "tf2onnx_peak_mb_ratio": "tf2onnx's peak memory over Onward's",
    "openvino_wall_ratio": "OpenVINO's conversion time over Onward's",
    "openvino_cpu_ratio": "OpenVINO's processor time over Onward's",
    "openvino_peak_mb_ratio": "OpenVINO's peak memory over Onward's",
    "over_tf2onnx": "latency of Onward's graph over tf2onnx's",
    "over_tensorflow": "latency of Onward's graph over TensorFlow",
}


def table(rows: Mapping[str, Row]) -> str:
    """A table for each family, then the geometric means and what failed."""
    lines = []
    for heading in dict.fromkeys(family(name) for name in rows):
        lines += [f"### {heading}", "", _cells(HEADINGS), "|---|" + "---:|" * (len(HEADINGS) - 1)]
        lines += [line(name, row) for name, row in rows.items() if family(name) == heading]
        lines.append("")
    return "\n".join([*lines, means(rows), "", failures(rows)])


def line(name: str, row: Row) -> str:
    """One model's row."""

    def figure(key: str, form: str, absent: str = "") -> str:
        return format(row[key], form) if key in row else absent

    def times(key: str) -> str:
        return figure(key, ".1f" if row.get(key, 0) < 10 else ".0f") + "x" if key in row else "-"

    tf2onnx = "no file" if "tf2onnx_wall" not in row else "does not load" if "tf2onnx_failure" in row else "-"
    return _cells([
        name, figure("mb", ".1f"),
        figure("onward_wall", ".2f"), times("tf2onnx_wall_ratio"), times("openvino_wall_ratio"),
        figure("onward_peak_mb", ".0f"), times("tf2onnx_peak_mb_ratio"), times("openvino_peak_mb_ratio"),
        figure("onward_nodes", "d"), figure("tf2onnx_nodes", "d", "-"),
        figure("onward_ms", ".2f"), figure("over_tf2onnx", ".2f", tf2onnx), figure("over_tensorflow", ".2f"),
    ])  # fmt: skip


def means(rows: Mapping[str, Row]) -> str:
    """Geometric means over the models that have both figures, with the range."""
    lines = ["| over the models that both can do | models | geometric mean | from | to |", "|---|---:|---:|---:|---:|"]
    for key, text in MEANS.items():
        found = [row[key] for row in rows.values() if key in row]
        if found:
            figures = (f"{value:.2f}" for value in (geometric_mean(found), min(found), max(found)))
            lines.append(_cells([text, str(len(found)), *figures]))
    return "\n".join(lines)


def failures(rows: Mapping[str, Row]) -> str:
    """Which models each tool fails on, as a list."""
    lines = []
    for tool, title in (("onward", "Onward"), ("tf2onnx", "tf2onnx"), ("openvino", "OpenVINO")):
        for wanted, text in (("does not convert", "no file"), ("does not load", "a file that does not load")):
            names = [name for name, row in rows.items() if row.get(f"{tool}_failure", "").startswith(wanted)]
            if names:
                lines.append(f"- {title}: {text} for {len(names)} of {len(rows)}: {', '.join(names)}")
    return "\n".join(lines)


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
