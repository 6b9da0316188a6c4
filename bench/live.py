"""Live Keras conversion, no file written where the tool allows that, against Keras' own trace of the same model.

    python -m bench.live --python-tf2onnx PEERS/bin/python --output live.json

Each measurement has a process of its own: build the model, then time one thing. "trace" is
``tf.function(model).get_concrete_function(spec)``, the work that no converter can avoid; "warm" is the median of
further rounds in the same process, each of which traces anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.models import MODELS
from bench.process import median_ratio, paired, run

OURS = ("trace", "onward")
PEERS = ("tf2onnx from_keras", "tf2onnx from_function", "export onnx")


def actions(model: Any) -> dict[str, Callable[[], Any]]:
    """What can be timed, each as a call without arguments."""
    import tensorflow as tf

    specs = [tf.TensorSpec(value.shape, value.dtype, name=value.name) for value in model.inputs]

    def function() -> Any:
        return tf.function(lambda *inputs: model(*inputs, training=False), input_signature=specs)

    def onward() -> Any:
        import onward

        return onward.convert(model, verify=False)

    def from_keras() -> Any:
        import tf2onnx

        return tf2onnx.convert.from_keras(model, specs, opset=18)

    def from_function() -> Any:
        import tf2onnx

        return tf2onnx.convert.from_function(function(), specs, opset=18)

    def export() -> None:
        with tempfile.TemporaryDirectory() as folder:
            model.export(Path(folder, "model.onnx"), format="onnx", verbose=False)

    trace = partial(_traced, function)
    return dict(zip(OURS + PEERS, (trace, onward, from_keras, from_function, export), strict=True))


def _traced(function: Callable[[], Any]) -> Any:
    return function().get_concrete_function()


def time_one(name: str, tool: str, rounds: int) -> dict[str, Any]:
    """Build model `name` and time `tool` on it: the first call, and the median of `rounds` more."""
    import importlib

    import keras
    import tensorflow as tf

    for package in {"onward": ("onward.pipeline",), "trace": ()}.get(tool, ("tf2onnx",)):
        importlib.import_module(package)  # imports are counted by bench.convert
    tf.function(lambda x: tf.nn.relu(x)).get_concrete_function(tf.TensorSpec([None, 3]))  # TensorFlow's own start
    model = getattr(keras.applications, name)(weights=None)
    if tool == "export onnx":  # refuses a model that was never called
        model(tf.zeros([1, *model.input_shape[1:]]))
    action = actions(model)[tool]
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        kept = action()
        seconds.append(time.perf_counter() - start)
        del kept
    return {"cold": seconds[0], "warm": median(seconds[1:]) if rounds else None}


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Every tool on model `name`, one process each a round."""
    starts = {}
    for tool in OURS + (PEERS if arguments.python_tf2onnx else ()):
        python = arguments.python_onward if tool in OURS else arguments.python_tf2onnx
        again = arguments.warm if tool in OURS else 0  # the peers take too long, and start each time from nothing
        command = [python, "-m", "bench.live", name, "--child", tool, "--warm", str(again)]
        starts[tool] = partial(run, command, timeout=arguments.timeout)
    print(name, file=sys.stderr)
    results: dict[str, Any] = {}
    runs = paired(starts, arguments.rounds)
    figures = {
        tool: [json.loads(one.stdout.splitlines()[-1]) for one in ones if not one.status] for tool, ones in runs.items()
    }
    for tool, ones in runs.items():
        if ones[-1].status:
            results[tool] = {"failure": ones[-1].failure}
            continue
        row = {"cold": median(f["cold"] for f in figures[tool]), "peak_mb": median(one.peak_mb for one in ones)}
        row["cold_ratio"] = median_ratio([f["cold"] for f in figures[tool]], [f["cold"] for f in figures["trace"]])
        if figures[tool][0]["warm"] is not None:
            row["warm"] = median(f["warm"] for f in figures[tool])
            row["warm_ratio"] = median_ratio([f["warm"] for f in figures[tool]], [f["warm"] for f in figures["trace"]])
        results[tool] = row
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=MODELS)
    parser.add_argument("--python-onward", default=sys.executable)
    parser.add_argument("--python-tf2onnx")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=900)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(time_one(arguments.names[0], arguments.child, arguments.warm)))
        return
    results = {name: measure(name, arguments) for name in arguments.names}
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=1) + "\n")
    print("| model | tool | first call s | x trace | again s | x trace | peak MB |\n|---|---|---:|---:|---:|---:|---:|")
    for name, tools in results.items():
        for tool, row in tools.items():
            if "failure" in row:
                print(f"| {name} | {tool} | fails: {row['failure']} | | | | |")
                continue
            warm = f"{row['warm']:.2f} | {row['warm_ratio']:.2f}" if "warm" in row else "|"
            print(f"| {name} | {tool} | {row['cold']:.2f} | {row['cold_ratio']:.2f} | {warm} | {row['peak_mb']:.0f} |")


if __name__ == "__main__":
    main()
