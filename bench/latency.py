"""ONNX Runtime latency of the graphs that bench.convert left in its cache, Onward's against tf2onnx's.

    python -m bench.latency --cache .cache/bench --output latency.json

The two sessions live in one process and take turns, so that each pair of runs meets the same machine; the ratio is the
median of the pairs' ratios. Outputs are compared too: a fast wrong graph is no gain.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime

from bench.calibrate import images
from bench.models import MODELS


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def compare(ours: Path, theirs: Path, *, pairs: int, threads: int, batch: int) -> dict[str, Any]:
    """Run both graphs `pairs` times in turn on the same pictures."""
    sessions = [session(path, threads) for path in (ours, theirs)]
    feeds = []
    for one in sessions:
        (value,) = one.get_inputs()
        height, width, channels = (side if isinstance(side, int) else 224 for side in value.shape[1:])
        feeds.append({value.name: images(batch, height, width, channels)})
    answers = [one.run(None, feed)[0] for one, feed in zip(sessions, feeds, strict=True)]
    times: list[list[float]] = [[], []]
    for turn in range(pairs):
        for which in ((0, 1), (1, 0))[turn % 2]:
            start = time.perf_counter()
            sessions[which].run(None, feeds[which])
            times[which].append(time.perf_counter() - start)
    return {
        "onward_ms": 1000 * median(times[0]),
        "tf2onnx_ms": 1000 * median(times[1]),
        "ratio": median(a / b for a, b in zip(*times, strict=True)),
        "difference": float(np.abs(answers[0] - answers[1]).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=MODELS)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1, help="one thread is the steadiest measure")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path(".cache/bench"))
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    results: dict[str, Any] = {}
    for name in arguments.names:
        files = [arguments.cache / name / f"{tool}.onnx" for tool in ("onward", "tf2onnx")]
        missing = [str(path) for path in files if not path.exists()]
        if missing:
            results[name] = {"failure": f"not there: {', '.join(missing)}"}
            continue
        try:
            results[name] = compare(*files, pairs=arguments.pairs, threads=arguments.threads, batch=arguments.batch)
        except Exception as error:  # noqa: BLE001 - a graph that does not load is a result
            results[name] = {"failure": str(error).splitlines()[0][:200]}
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=1) + "\n")
    print("| model | Onward ms | tf2onnx ms | Onward / tf2onnx | largest difference |\n|---|---:|---:|---:|---:|")
    for name, row in results.items():
        if "failure" in row:
            print(f"| {name} | {row['failure']} | | | |")
        else:
            figures = f"{row['onward_ms']:.2f} | {row['tf2onnx_ms']:.2f} | {row['ratio']:.3f} | {row['difference']:.1e}"
            print(f"| {name} | {figures} |")


if __name__ == "__main__":
    main()
