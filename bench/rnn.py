"""Latency of recurrent models: Onward's graph in ONNX Runtime against TensorFlow, a graph of loops, and tf2onnx's.

    python -m bench.rnn --python-tf2onnx .venv-peers/bin/python --output rnn.json

The loop form is Onward's own without the pass that finds recurrent layers. tf2onnx lives in an interpreter of its own
and converts a SavedModel; where it fails, or its file does not load, the column stays empty. All take turns on one
input, in one process and one thread, and ratios are medians of the turns'.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import onnxruntime
import tensorflow as tf

import onward
from bench.recurrent import MODELS, WORDS
from onward import passes
from onward.fuse import recur

BATCH, STEPS = 1, 64
Run = Callable[[], np.ndarray]


def session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def onnx_run(model: bytes, x: np.ndarray) -> Run:
    loaded = session(model)
    feed = {loaded.get_inputs()[0].name: x}
    return lambda: loaded.run(None, feed)[0]


def tensorflow_run(model: keras.Model, x: np.ndarray) -> Run:
    function = tf.function(lambda x: model(x, training=False))
    tensor = tf.constant(x)
    return lambda: function(tensor).numpy()


def tf2onnx_run(model: keras.Model, x: np.ndarray, python: str) -> Run | None:
    """None where tf2onnx cannot, or writes what does not load."""
    with tempfile.TemporaryDirectory() as folder:
        model.export(f"{folder}/model", verbose=False)
        command = [python, "-m", "tf2onnx.convert", "--saved-model", f"{folder}/model", "--output", f"{folder}/m.onnx"]
        done = subprocess.run([*command, "--opset", "18"], capture_output=True, text=True)
        file = Path(folder) / "m.onnx"
        if done.returncode or not file.exists():
            return None
        try:
            run = onnx_run(file.read_bytes(), x)
            run()
        except Exception as error:  # noqa: BLE001 - a graph that does not load is a result
            print(f"tf2onnx: {str(error).splitlines()[0][:120]}")
            return None
        return run


def in_turns(runs: Mapping[str, Run], turns: int) -> dict[str, list[float]]:
    """Seconds of every run; each turn begins with another."""
    names = list(runs)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(turns + 3):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.perf_counter()
            runs[name]()
            if turn >= 3:
                times[name].append(time.perf_counter() - start)
    return times


def measure(make: Callable[[], keras.Model], turns: int, python: str | None) -> dict[str, Any]:
    keras.utils.set_random_seed(1)
    model = make()
    rng = np.random.default_rng(1)
    if "int" in str(model.inputs[0].dtype):
        x = rng.integers(1, WORDS, (BATCH, STEPS)).astype(np.int32)
        x[:, -STEPS // 4 :] = 0
    else:
        x = rng.standard_normal((BATCH, STEPS, 16)).astype(np.float32)
    runs = {"onward": onnx_run(onward.convert(model, verify=False).model_proto.SerializeToString(), x)}
    steps = [step for step in passes.PIPELINE if step is not recur]
    with patch.object(passes, "run", partial(passes.run, steps=steps)):
        loop = onward.convert(model, verify=False).model_proto
    assert any(node.op_type == "Loop" for node in loop.graph.node)
    runs["loop"] = onnx_run(loop.SerializeToString(), x)
    runs["tensorflow"] = tensorflow_run(model, x)
    theirs = tf2onnx_run(model, x, python) if python is not None else None
    if theirs is not None:
        runs["tf2onnx"] = theirs
    answers = {name: run() for name, run in runs.items()}
    times = in_turns(runs, turns)
    row: dict[str, Any] = {f"{name}_ms": 1000 * median(taken) for name, taken in times.items()}
    for name in times:
        if name != "onward":
            row[f"{name}_ratio"] = median(a / b for a, b in zip(times[name], times["onward"], strict=True))
            row[f"{name}_difference"] = float(np.abs(answers[name] - answers["onward"]).max())
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(MODELS))
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--python-tf2onnx", help="an interpreter that has tf2onnx")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    results = {name: measure(MODELS[name], arguments.turns, arguments.python_tf2onnx) for name in arguments.names}
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=1) + "\n")
    print("| model | Onward ms | loop / Onward | TensorFlow / Onward | tf2onnx / Onward |\n|---|---:|---:|---:|---:|")
    for name, row in results.items():
        ratios = (
            f"{row[key]:.1f}" if key in row else "-" for key in ("loop_ratio", "tensorflow_ratio", "tf2onnx_ratio")
        )
        print(f"| {name} | {row['onward_ms']:.3f} | {' | '.join(ratios)} |", flush=True)


if __name__ == "__main__":
    main()
