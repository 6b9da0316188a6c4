"""KerasHub's architectures: ONNX Runtime on Onward's graph, beside TensorFlow and tf2onnx's graph of the same model.

    python -m bench.architectures --width 256 --python-tf2onnx PEERS/bin/python --output architectures.json

All sit in one process with one thread each and take turns, so that each round meets the same machine; a ratio is the
median of the rounds' ratios. Outputs are compared: a fast wrong graph is no gain.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

import numpy as np

from bench.hub import MODELS, feeds

SEQUENCES = {"SigLIP": 17, "CLIP": 17, "Whisper": 24, "DeBERTaV3": 48, "OPT": 48, "Moonshine": 2000}  # others: 64
STATIC = {"RWKV7"}  # cannot be traced with a dynamic length


def session(data: bytes | str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def runner(one: Any, given: dict[str, np.ndarray]) -> Callable[[], list[np.ndarray]]:
    """Runs a session on inputs whose names may have been changed on the way."""
    names = [value.name for value in one.get_inputs()]
    bound = dict(zip(names, given.values(), strict=True)) if len(names) == 1 else {n: given[n] for n in names}
    return lambda: one.run(None, bound)


def by_tf2onnx(python: str, model: Any, folder: Path) -> Any:
    """A session on what tf2onnx makes of the model's SavedModel.

    Raises:
        RuntimeError: it does not convert, or what came out does not load.
    """
    model.export(folder / "saved_model", verbose=False)
    target = folder / "model.onnx"
    command = [python, "-m", "tf2onnx.convert", "--saved-model", str(folder / "saved_model"), "--opset", "18"]
    done = subprocess.run([*command, "--output", str(target)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"does not convert: {done.stderr.strip().splitlines()[-1][:120]}")
    return session(str(target))


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    import keras
    import tensorflow as tf

    import onward
    from bench.hub import build

    keras.backend.clear_session()
    model = build(name, arguments.width)
    start = time.perf_counter()
    program = onward.convert(model, verify=False, opset=arguments.opset)
    row: dict[str, Any] = {"convert_s": time.perf_counter() - start, "nodes": len(program.model_proto.graph.node)}
    given = feeds(model, 1, SEQUENCES.get(name, 64), 128)
    tensors = {key: tf.constant(value) for key, value in given.items()}
    whole = tensors if isinstance(model.input, dict) else next(iter(tensors.values()))
    function = tf.function(lambda x: model(x, training=False))
    tools = {
        "onward": runner(session(program.model_proto.SerializeToString()), given),
        "tensorflow": lambda: [value.numpy() for value in keras.tree.flatten(function(whole))],
    }
    if arguments.python_tf2onnx:
        with tempfile.TemporaryDirectory() as folder:
            try:
                tools["tf2onnx"] = runner(by_tf2onnx(arguments.python_tf2onnx, model, Path(folder)), given)
            except Exception as error:  # noqa: BLE001 - a graph that does not load is a result
                row["tf2onnx_failure"] = str(error).splitlines()[0][:120]
    answers = {tool: run() for tool, run in tools.items()}
    pairs = zip(answers["onward"], answers["tensorflow"], strict=True)
    row["difference"] = max(float(np.abs(a - b).max() / (np.abs(b).max() + 1e-6)) for a, b in pairs)
    rounds: list[dict[str, float]] = []
    end = time.perf_counter() + arguments.seconds
    while len(rounds) < 5 or time.perf_counter() < end:
        order = list(tools) if len(rounds) % 2 else list(tools)[::-1]
        taken = {}
        for tool in order:
            start = time.perf_counter()
            tools[tool]()
            taken[tool] = time.perf_counter() - start
        rounds.append(taken)
    for tool in tools:
        row[f"{tool}_ms"] = 1000 * median(r[tool] for r in rounds)
        row[f"over_{tool}"] = median(r["onward"] / r[tool] for r in rounds)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[name for name in MODELS if name not in STATIC])
    parser.add_argument("--width", type=int, default=256, help="the hidden size")
    parser.add_argument("--opset", type=int, default=21)
    parser.add_argument("--seconds", type=float, default=2, help="of rounds for each model")
    parser.add_argument("--python-tf2onnx")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    print("| model | convert s | nodes | Onward ms | TensorFlow ms | ratio | tf2onnx ms | ratio | difference |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    rows = {}
    for name in arguments.names:
        row = rows[name] = measure(name, arguments)
        other = f"{row['tf2onnx_ms']:.2f} | {row['over_tf2onnx']:.3f}" if "tf2onnx_ms" in row else "| "
        print(
            f"| {name} | {row['convert_s']:.2f} | {row['nodes']} | {row['onward_ms']:.2f} | {row['tensorflow_ms']:.2f} "
            f"| {row['over_tensorflow']:.3f} | {row.get('tf2onnx_failure', other)} | {row['difference']:.1e} |",
            flush=True,
        )
    for tool in ("tensorflow", "tf2onnx"):
        ratios = [row[f"over_{tool}"] for row in rows.values() if f"over_{tool}" in row]
        if ratios:
            print(f"\nOnward over {tool}: geometric mean {geometric_mean(ratios):.3f} of {len(ratios)} models")
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
