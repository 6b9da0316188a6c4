"""Whole-process conversion of the same SavedModels by Onward, tf2onnx and OpenVINO.

    python -m bench.convert --python-tf2onnx PEERS/bin/python --python-openvino PEERS/bin/python --output convert.json

Rounds are paired: every tool once a round, each round starting with another. Printed are medians, and the median over
rounds of each tool's figure divided by Onward's. A tool without an interpreter is left out.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.graphs import bytes_on_disk, op_counts
from bench.models import MODELS
from bench.process import Run, median_ratio, paired, run

FIGURES = ("wall", "cpu", "peak_mb")


def commands(arguments: argparse.Namespace, source: Path, folder: Path) -> dict[str, tuple[list[str], Path]]:
    """What each tool is called with, and the file it is to write."""
    tools = {
        "onward": (_command(arguments.python_onward, "onward convert {source} -o {out} --no-verify"), "onward.onnx")
    }
    if arguments.python_tf2onnx:
        line = f"tf2onnx.convert --saved-model {{source}} --output {{out}} --opset {arguments.opset_tf2onnx}"
        tools["tf2onnx"] = (_command(arguments.python_tf2onnx, line), "tf2onnx.onnx")
    if arguments.python_openvino:
        line = "openvino.tools.ovc {source} --output_model {out} --compress_to_fp16=False"
        tools["openvino"] = (_command(arguments.python_openvino, line), "openvino.xml")
    return {
        name: ([part.format(source=source, out=folder / out) for part in command], folder / out)
        for name, (command, out) in tools.items()
    }


def _command(python: str, line: str) -> list[str]:
    return [python, "-m", *line.split()]


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Convert model `name` with every tool, `--rounds` times; the graphs of the last round stay in the cache."""
    built = run([sys.executable, "-m", "bench.models", name, "--cache", str(arguments.cache)])
    if built.status:
        raise SystemExit(f"{name}: {built.failure}")
    source = Path(built.stdout.split()[-1])
    folder = arguments.cache / name
    tools = commands(arguments, source, folder)
    for _, out in tools.values():
        out.unlink(missing_ok=True)
    starts = {tool: partial(run, command, timeout=arguments.timeout) for tool, (command, _) in tools.items()}
    print(name, file=sys.stderr)
    results = paired(starts, arguments.rounds)
    return {tool: _figures(results[tool], results["onward"], out) for tool, (_, out) in tools.items()}


def _figures(runs: Sequence[Run], ours: Sequence[Run], out: Path) -> dict[str, Any]:
    if runs[-1].status or not out.exists():
        return {"failure": runs[-1].failure or "wrote no file"}
    row: dict[str, Any] = {"rounds": len(runs)}
    for figure in FIGURES:
        values = [getattr(one, figure) for one in runs]
        row[figure] = median(values)
        row[f"{figure}_all"] = values
        row[f"{figure}_ratio"] = median_ratio(values, [getattr(one, figure) for one in ours])
    row["nodes"] = sum(op_counts(out).values()) if out.suffix == ".onnx" else _layers(out)
    row["bytes"] = (
        bytes_on_disk(out) if out.suffix == ".onnx" else bytes_on_disk(out) + bytes_on_disk(out.with_suffix(".bin"))
    )
    return row


def _layers(xml: Path) -> int:
    """OpenVINO's operations without constants, parameters and results."""
    kinds = re.findall(r'<layer [^>]*type="(\w+)"', xml.read_text())
    return sum(kind not in ("Const", "Parameter", "Result") for kind in kinds)


def table(results: dict[str, dict[str, Any]]) -> str:
    """The results as a markdown table."""
    lines = [
        "| model | tool | wall s | x onward | CPU s | x onward | peak MB | x onward | nodes | file MB |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for model, tools in results.items():
        for tool, row in tools.items():
            if "failure" in row:
                lines.append(f"| {model} | {tool} | fails: {row['failure']} | | | | | | | |")
                continue
            figures = (f"{row[f]:.{0 if f == 'peak_mb' else 2}f} | {row[f + '_ratio']:.1f}" for f in FIGURES)
            lines.append(f"| {model} | {tool} | {' | '.join(figures)} | {row['nodes']} | {row['bytes'] / 1e6:.1f} |")
    return "\n".join(lines)


def compile_onward(python: str) -> None:
    """Compiles Onward's modules, as an installed package's are: no round is to pay for that."""
    code = "import compileall, onward; compileall.compile_dir(onward.__path__[0], quiet=1)"
    result = run([python, "-c", code])
    if result.status:
        raise SystemExit(f"{python} cannot run onward: {result.failure}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=MODELS)
    parser.add_argument("--python-onward", default=sys.executable)
    parser.add_argument("--python-tf2onnx")
    parser.add_argument("--python-openvino")
    parser.add_argument("--opset-tf2onnx", type=int, default=18, help="18 is the highest that tf2onnx 1.17 writes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=900)
    parser.add_argument("--cache", type=Path, default=Path(".cache/bench"))
    parser.add_argument("--output", type=Path, help="JSON with every single figure")
    arguments = parser.parse_args()
    compile_onward(arguments.python_onward)
    results = {name: measure(name, arguments) for name in arguments.names}
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
