"""The whole picture: every architecture converted, counted and run, beside tf2onnx and TensorFlow.

    python -m bench.survey --python-tf2onnx PEERS/bin/python --python-openvino PEERS/bin/python --output survey.json
    python -m bench.survey --print --output survey.json       # the tables again, as markdown

Three steps: every model is saved as a SavedModel; each tool converts it in a process of its own, `--rounds` times; then
ONNX Runtime runs both files and TensorFlow the SavedModel, in turns within one process with one thread each. Ratios are
medians of the rounds' ratios. Outputs are compared too: a fast wrong graph is no gain. What the output file has is not
measured again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.catalogue import CATALOGUE, SIDES, STEPS
from bench.convert import compile_onward
from bench.graphs import bytes_on_disk, op_counts
from bench.process import QUIET, Run, median_ratio, paired, run
from bench.tables import line, table

FIGURES = ("wall", "cpu", "peak_mb")
MODEL = "saved_model"


def saved_model(name: str, cache: Path) -> Path:
    """The model's SavedModel under `cache`, written unless it stands there already."""
    folder = cache / _stem(name) / MODEL
    if not (folder / "saved_model.pb").exists():
        unfinished = folder.with_name("unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        CATALOGUE[name]().export(unfinished, verbose=False)
        unfinished.rename(folder)
    return folder


def latencies(name: str, folder: Path, seconds: float) -> dict[str, Any]:
    """Milliseconds of each tool, the ratios of Onward's to them, and how far the answers lie apart."""
    import onnxruntime
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder / MODEL))
    signature = loaded.signatures["serving_default"]
    given = drawn(name, signature)
    tensors = {key: tf.constant(value) for key, value in given.items()}
    tools: dict[str, Callable[[], Mapping[str, np.ndarray]]] = {
        "tensorflow": lambda: {key: value.numpy() for key, value in signature(**tensors).items()}
    }
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    row: dict[str, Any] = {}
    for tool in ("onward", "tf2onnx"):
        file = folder / f"{tool}.onnx"
        if not file.exists():
            continue
        try:
            session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
            names = [value.name for value in session.get_outputs()]
            tools[tool] = partial(_outputs, session, names, given)
            tools[tool]()
        except Exception as error:  # noqa: BLE001 - a graph that does not run is a result
            tools.pop(tool, None)
            row[f"{tool}_failure"] = f"does not load: {str(error).splitlines()[0][:120]}"
    answers = {tool: call() for tool, call in tools.items()}
    for tool in tools.keys() - {"tensorflow"}:
        row[f"{tool}_apart"] = _apart(answers[tool], answers["tensorflow"])
    rounds: list[dict[str, float]] = []
    end = time.perf_counter() + seconds
    names = list(tools)
    while len(rounds) < 7 or time.perf_counter() < end:
        turn = len(rounds) % len(names)
        taken = {}
        for tool in names[turn:] + names[:turn]:
            tools[tool]()  # untimed: it brings back what the tool before has driven from the caches
            start = time.perf_counter()
            tools[tool]()
            taken[tool] = time.perf_counter() - start
        rounds.append(taken)
    for tool in tools:
        row[f"{tool}_ms"] = 1000 * median(taken[tool] for taken in rounds)
        row[f"over_{tool}"] = median(taken["onward"] / taken[tool] for taken in rounds)
    return row


def drawn(name: str, signature: Any) -> dict[str, np.ndarray]:
    """Random inputs of a SavedModel's signature, of sizes that the model bears."""
    from bench.hub import feeds

    specs = signature.structured_input_signature[1]
    inputs = [SimpleNamespace(name=key, shape=spec.shape, dtype=spec.dtype.name) for key, spec in specs.items()]
    return feeds(SimpleNamespace(inputs=inputs), 1, STEPS.get(name, 64), SIDES.get(name, 128))


def _outputs(session: Any, names: list[str], given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return dict(zip(names, session.run(names, given), strict=True))


def _apart(got: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> float:
    """The largest distance, over the largest number of the output."""
    return max(float(np.abs(got[key] - want).max() / (np.abs(want).max() + 1e-6)) for key, want in expected.items())


def convert(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """What each tool makes of the SavedModel: figures of its processes and of its file, or how it fails."""
    folder = arguments.cache / _stem(name)
    source = folder / MODEL
    tools = {
        "onward": (arguments.python_onward, f"onward convert {source} --no-verify -o", folder / "onward.onnx"),
        "tf2onnx": (
            arguments.python_tf2onnx,
            f"tf2onnx.convert --saved-model {source} --opset 18 --output",
            folder / "tf2onnx.onnx",
        ),
        "openvino": (
            arguments.python_openvino,
            f"openvino.tools.ovc {source} --compress_to_fp16=False --output_model",
            folder / "openvino.xml",
        ),
    }
    starts = {}
    for tool, (python, command, file) in tools.items():
        file.unlink(missing_ok=True)
        if python and tool not in arguments.without:
            starts[tool] = partial(run, [python, "-m", *command.split(), str(file)])
    runs = paired(starts, arguments.rounds)
    row: dict[str, Any] = {"mb": bytes_on_disk(folder / "onward.onnx") / 1e6}  # Keras exports every weight twice
    for tool, results in runs.items():
        row |= _conversion(tool, results, runs["onward"], tools[tool][2])
    return row


def _stem(name: str) -> str:
    return name.replace(",", "").replace(" ", "_")  # OpenVINO takes a comma for the end of a path


def _conversion(tool: str, runs: list[Run], ours: list[Run], file: Path) -> dict[str, Any]:
    if runs[-1].status or not file.exists():
        return {f"{tool}_failure": f"does not convert: {runs[-1].failure or 'no file'}"}
    row: dict[str, Any] = {f"{tool}_nodes": sum(op_counts(file).values())} if file.suffix == ".onnx" else {}
    for figure in FIGURES:
        values = [getattr(one, figure) for one in runs]
        row[f"{tool}_{figure}"] = median(values)
        row[f"{tool}_{figure}_ratio"] = median_ratio(values, [getattr(one, figure) for one in ours])
    return row


class Figures:
    """The rows of the output file, written after every step, so that a survey that was stopped goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    def add(self, name: str, figures: Mapping[str, Any]) -> None:
        self.rows.setdefault(name, {}).update(figures)
        self.path.write_text(json.dumps(self.rows, indent=1) + "\n")


def step_save(names: Sequence[str], arguments: argparse.Namespace) -> None:
    """SavedModels of all models that the cache lacks."""
    import keras

    for name in names:
        saved_model(name, arguments.cache)
        keras.backend.clear_session()


def step_convert(names: Sequence[str], arguments: argparse.Namespace) -> None:
    compile_onward(arguments.python_onward)
    figures = Figures(arguments.output)
    for name in names:
        if "onward_wall" not in figures.rows.get(name, {}) and (arguments.cache / _stem(name) / MODEL).exists():
            print(name, file=sys.stderr)
            figures.add(name, convert(name, arguments))


def step_latency(names: Sequence[str], arguments: argparse.Namespace) -> None:
    """Repeated from the start for what is measured already only when ``--again`` says so."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    figures = Figures(arguments.output)
    for name in names:
        row = figures.rows.get(name, {})
        if "onward_wall" in row and (arguments.again or "onward_ms" not in row):
            figures.add(name, latencies(name, arguments.cache / _stem(name), arguments.seconds))
            print(line(name, figures.rows[name]), flush=True)


STEPS_OF_SURVEY = {"save": step_save, "convert": step_convert, "latency": step_latency}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(CATALOGUE))
    parser.add_argument("--python-onward", default=sys.executable)
    parser.add_argument("--python-tf2onnx")
    parser.add_argument("--python-openvino")
    parser.add_argument("--without", nargs="*", default=[], metavar="TOOL", help="tools to leave out this time")
    parser.add_argument("--rounds", type=int, default=2, help="conversions by each tool")
    parser.add_argument("--seconds", type=float, default=2, help="of rounds in the comparison of latency")
    parser.add_argument("--again", action="store_true", help="measure latency again where there are figures")
    parser.add_argument("--cache", type=Path, default=Path(".cache/bench"))
    parser.add_argument("--output", type=Path, default=Path("survey.json"), help="JSON, written after every step")
    parser.add_argument("--print", action="store_true", dest="shown", help="the tables of --output, nothing measured")
    parser.add_argument("--only", choices=STEPS_OF_SURVEY, help="one step; it stays in this process")
    arguments = parser.parse_args()
    if arguments.only:
        STEPS_OF_SURVEY[arguments.only](arguments.names, arguments)
        return
    if not arguments.shown:
        arguments.cache.mkdir(parents=True, exist_ok=True)
        for step in STEPS_OF_SURVEY:
            command = [sys.executable, "-m", "bench.survey", *sys.argv[1:], "--only", step]
            subprocess.run(command, check=True, env={**os.environ, **QUIET})
    print(table(Figures(arguments.output).rows))


if __name__ == "__main__":
    main()
