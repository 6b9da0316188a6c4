"""Time and memory of converting large models: what a process keeps of its own, without the files that it maps.

    python -m bench.memory saved_model:2000 saved_model:6000 frozen:500 tflite:500 keras:500 h5:500

A chain of wide matrix products is written in each format with so many megabytes of weights, and converted in a process
of its own, beside ``cp`` of the same bytes. Printed: seconds of both; the largest amount of anonymous memory (Linux's
``RssAnon``) and what is allowed (150 MB and 5 % of the weights); the whole resident peak, mapped files included, which
the system takes back when it wants to.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.process import QUIET, run

SIDE = 5120  # of a square matrix: 105 MB
MATRIX_MB = SIDE * SIDE * 4 / 1e6


def _matrix(number: int) -> np.ndarray:
    """Equal ones would be stored once."""
    return np.full((SIDE, SIDE), (number + 1) * 1e-6, np.float32)


def saved_model(count: int, target: Path) -> Path:
    import tensorflow as tf

    module = tf.Module()
    module.matrices = [tf.Variable(_matrix(i)) for i in range(count)]

    @tf.function(input_signature=[tf.TensorSpec([None, SIDE], tf.float32, name="x")])
    def chain(x: Any) -> Any:
        for matrix in module.matrices:
            x = tf.nn.relu(x @ matrix)
        return {"y": x}

    module.chain = chain
    tf.saved_model.save(module, target, signatures=chain)
    return target


def frozen(count: int, target: Path) -> Path:
    from bench.growth import FLOAT, Frozen

    graph = Frozen()
    x = graph.node("Placeholder", dtype=FLOAT, shape=(-1, SIDE))
    for i in range(count):
        x = graph.node("Relu", graph.matmul(x, graph.node("Const", dtype=FLOAT, value=_matrix(i))), T=FLOAT)
    graph.node("Identity", x, T=FLOAT)
    file = target.with_suffix(".pb")
    file.write_bytes(graph.graph.SerializeToString())
    return file


def tflite(count: int, target: Path) -> Path:
    import tensorflow as tf

    file = target.with_suffix(".tflite")
    file.write_bytes(tf.lite.TFLiteConverter.from_keras_model(_chain(count)).convert())
    return file


def keras(count: int, target: Path) -> Path:
    file = target.with_suffix(".keras")
    _chain(count).save(file)
    return file


def h5(count: int, target: Path) -> Path:
    file = target.with_suffix(".h5")
    _chain(count).save(file)
    return file


def _chain(count: int) -> Any:
    import keras as k

    x = inputs = k.Input((SIDE,))
    for _ in range(count):
        x = k.layers.Dense(SIDE, activation="relu", use_bias=False, kernel_initializer="zeros")(x)
    model = k.Model(inputs, x)
    for i, weight in enumerate(model.weights):
        weight.assign(_matrix(i))
    return model


KINDS: dict[str, Callable[[int, Path], Path]] = {
    "saved_model": saved_model, "frozen": frozen, "tflite": tflite, "keras": keras, "h5": h5,
}  # fmt: skip


def anonymous_mb() -> float:
    """Of this process, now. Linux alone tells."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def convert(source: str, target: str, single: bool) -> dict[str, float]:
    """Converts in this process while a thread watches."""
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.003):
            peak[0] = max(peak[0], anonymous_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    import onward

    onward.convert(source, output=target, verify=False, external_data=False if single else None)
    over.set()
    watcher.join()
    return {"anonymous_mb": peak[0]}


def measure(kind: str, megabytes: int, single: bool, scratch: Path | None) -> str:
    """One row."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        this = [sys.executable, "-m", "bench.memory"]
        made = subprocess.run(
            [*this, "--make", kind, str(max(1, int(megabytes / MATRIX_MB))), f"{folder}/model"],
            check=True, capture_output=True, text=True, env={**os.environ, **QUIET},
        )  # fmt: skip
        source = Path(made.stdout.split()[-1])
        files = [source] if source.is_file() else list((source / "variables").glob("*.data*"))
        size = sum(file.stat().st_size for file in files) / 1e6
        start = time.perf_counter()
        for file in files:
            subprocess.run(["cp", str(file), f"{folder}/copy"], check=True)
        copying = time.perf_counter() - start
        Path(folder, "copy").unlink()
        done = run([*this, "--convert", str(source), f"{folder}/out.onnx", *(["--single"] if single else [])])
        shutil.rmtree(source, ignore_errors=True)
        if done.status:
            return f"| {kind} | {size:.0f} | fails: {done.failure} | | | | |"
        anonymous = json.loads(done.stdout.splitlines()[-1])["anonymous_mb"]
        allowed = 150 + 0.05 * size
        form = "one file" if single else "by default"
        return (
            f"| {kind}, {form} | {size:.0f} | {done.wall:.2f} | {copying:.2f} | {anonymous:.0f} | {allowed:.0f} "
            f"| {done.peak_mb:.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["saved_model:500"], metavar="KIND:MB", help=", ".join(KINDS))
    parser.add_argument("--single", action="store_true", help="one file whatever its size")
    parser.add_argument("--scratch", type=Path, help="a folder with room for twice the largest model")
    parser.add_argument("--make", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--convert", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        kind, count, target = arguments.make
        print(KINDS[kind](int(count), Path(target)))
    elif arguments.convert:
        print(json.dumps(convert(*arguments.convert, arguments.single)))
    else:
        print("| model | weights MB | seconds | cp | anonymous MB | allowed | peak MB |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for model in arguments.models:
            kind, _, megabytes = model.partition(":")
            print(measure(kind, int(megabytes), arguments.single, arguments.scratch), flush=True)


if __name__ == "__main__":
    main()
