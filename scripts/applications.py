"""Every keras.applications model through Onward, live and from a SavedModel, against TensorFlow's own answers.

    python -m scripts.applications --output .cache/applications.jsonl                  # everything; run again to resume
    python -m scripts.applications --output ... --only 'ResNet.*' --top yes            # a part of it
    python -m scripts.applications --output ... --summary                              # the table of what is recorded
    python -m scripts.applications --peer PYTHON --baseline scripts/applications_tf2onnx.json    # tf2onnx's node counts

Each model gets a process of its own with a limit on memory and time, so one that fails or grows does not end the rest.
Weights are random and calibrated (bench/calibrate.py), so that outputs vary and are of order one.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.process import run

BATCHES = (1, 2)
TOLERANCE = 2e-5  # of the largest output
MOST_TRANSPOSES = 2
# ConvNeXt normalises channels-last in each block, the stem and three downsamplings: two more for each; others have 40.
CONVNEXT_NORMS = {"ConvNeXtTiny": 22}


def main() -> int:
    arguments = _arguments()
    if arguments.child:
        return _child(arguments)
    if arguments.summary:
        return summarise(arguments.output, arguments.baseline)
    wanted = [
        (name, top)
        for name in sorted(_application_names())
        for top in (True, False)
        if re.fullmatch(arguments.only, name) and arguments.top in ("both", "yes" if top else "no")
    ]
    if arguments.peer:
        return record_baseline(wanted, arguments)
    failed = {(row["model"], row["top"]) for row in _rows(arguments.output) if not row["passed"]}
    done = {(row["model"], row["top"]) for row in _rows(arguments.output)}
    done -= set() if arguments.keep_failed else failed
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    for name, top in wanted:
        if (name, top) in done:
            continue
        child = [sys.executable, "-m", "scripts.applications", "--child", name, "--top", "yes" if top else "no"]
        child += ["--memory", str(arguments.memory), "--sources", *arguments.sources]
        result = run(child, timeout=arguments.timeout)
        rows = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
        if result.status:
            rows.append({"model": name, "top": top, "source": "process", "passed": False, "error": result.failure})
        with arguments.output.open("a") as file:
            for row in rows:
                row["process_peak_mb"] = round(result.peak_mb)
                file.write(json.dumps(row) + "\n")
                print(_line(row, {}), flush=True)
    return summarise(arguments.output, arguments.baseline, quiet=True)


def _application_names() -> list[str]:
    listing = "import keras; print(*(n for n in dir(keras.applications) if n[0].isupper()))"
    return run([sys.executable, "-c", listing]).stdout.split()


def _child(arguments: argparse.Namespace) -> int:
    import resource

    limit = int(arguments.memory * 1024**3)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for row in check(arguments.child, arguments.top == "yes", arguments.sources):
        print(json.dumps(row), flush=True)
    return 0


def check(name: str, top: bool, sources: list[str]) -> list[dict[str, Any]]:
    """Convert `name` from each of `sources` and compare with Keras at two batch sizes; one row each."""

    from bench.calibrate import images
    from bench.models import build, picture_size

    model = build(name, include_top=top)
    height, width = picture_size(model)
    batches = [images(batch, height, width, seed=10 + batch) for batch in BATCHES]
    expected = [model.predict_on_batch(batch) for batch in batches]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            row: dict[str, Any] = {"model": name, "top": top, "source": source, "input": [height, width]}
            try:
                row |= _converted(model, source, Path(folder), batches, expected)
            except Exception as error:  # noqa: BLE001 - recorded, and the run goes on with the next source
                row |= {"passed": False, "error": f"{type(error).__name__}: {error}"[:2000]}
            rows.append(row)
    return rows


def _converted(model: Any, source: str, folder: Path, batches: list[Any], expected: list[Any]) -> dict[str, Any]:
    import time

    import numpy as np
    import onnxruntime

    import onward
    from bench.graphs import bytes_on_disk, op_counts

    thing = model
    if source == "saved_model":
        thing = folder / "saved_model"
        model.export(thing, verbose=False)
    start = time.perf_counter()
    program = onward.convert(thing, verify=False)
    seconds = time.perf_counter() - start
    path = folder / f"{source}.onnx"
    program.save(path)
    ops = op_counts(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (name,) = (value.name for value in session.get_inputs())
    relative, scale, between = 0.0, 0.0, 0.0
    for batch, answer in zip(batches, expected, strict=True):
        (found,) = session.run(None, {name: batch})
        if found.shape != answer.shape:
            raise ValueError(f"shape {found.shape} instead of {answer.shape}")
        scale = float(np.abs(answer).max())
        relative = max(relative, float(np.abs(found - answer).max()) / scale)
        between = float(np.abs(answer[0] - answer[-1]).max())
    return {
        "passed": bool(relative <= TOLERANCE),  # false for NaN too
        "relative": relative,
        "scale": scale,  # the largest output, and the largest difference between two pictures' outputs
        "between": between,
        "seconds": round(seconds, 2),
        "nodes": sum(ops.values()),
        "transposes": ops["Transpose"],
        "ops": dict(sorted(ops.items())),
        "bytes": bytes_on_disk(path),
        "input_name": name,
        "input_shape": session.get_inputs()[0].shape,
    }


def record_baseline(wanted: list[tuple[str, bool]], arguments: argparse.Namespace) -> int:
    """tf2onnx's node counts for `wanted`, by the interpreter that has it, into the baseline file."""
    from bench.graphs import op_counts

    recorded = _baseline(arguments.baseline)
    for name, top in wanted:
        key = f"{name}/{'top' if top else 'notop'}"
        if key in recorded:
            continue
        with tempfile.TemporaryDirectory() as folder:
            saved, out = Path(folder, "saved_model"), Path(folder, "model.onnx")
            # The same weights: with fresh ones tf2onnx drops batch norms that do nothing yet.
            model = f"from bench.models import build; build({name!r}, include_top={top})"
            build = f"{model}.export({str(saved)!r}, verbose=False)"
            written = run([sys.executable, "-c", build], timeout=arguments.timeout)
            if written.status:
                raise SystemExit(f"{key}: {written.failure}")
            convert = f"ulimit -v {int(arguments.memory * 1024**2)}; exec {arguments.peer} -m tf2onnx.convert"
            command = ["bash", "-c", f"{convert} --saved-model {saved} --output {out} --opset 18"]
            result = run(command, timeout=arguments.timeout)
            if result.status:
                recorded[key] = {
                    "error": result.failure,
                    "seconds": round(result.wall),
                    "peak_mb": round(result.peak_mb),
                }
            else:
                ops = op_counts(out)
                recorded[key] = {"nodes": sum(ops.values()), "transposes": ops["Transpose"]}
                unknown = sorted({op for op in ops if not _is_onnx(op)})
                if unknown:
                    recorded[key]["error"] = f"leaves TensorFlow ops: {', '.join(unknown)}"
        print(key, recorded[key], flush=True)
        arguments.baseline.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")
    return 0


def _is_onnx(op: str) -> bool:
    import onnx.defs

    return onnx.defs.has(op)


def summarise(output: Path, baseline: Path, quiet: bool = False) -> int:
    """Print the recorded rows beside tf2onnx's node counts; 1 where a model fails or its graph is too large."""
    peers = _baseline(baseline)
    rows = _rows(output)
    if not quiet:
        for row in rows:
            print(_line(row, peers))
    faulty = [row for row in rows if _faults(row, peers)]
    print(f"{len(rows)} conversions, {len(faulty)} at fault")
    for row in faulty:
        print(f"  {_line(row, peers)}")
    return int(bool(faulty))


def _faults(row: dict[str, Any], peers: dict[str, Any]) -> list[str]:
    if not row["passed"]:
        return [row.get("error") or f"relative error {row['relative']:.1e}"]
    peer = peers.get(f"{row['model']}/{'top' if row['top'] else 'notop'}", {})
    norms = CONVNEXT_NORMS.get(row["model"], 40) if row["model"].startswith("ConvNeXt") else 0
    faults = []
    if row["transposes"] > MOST_TRANSPOSES + 2 * norms:
        faults.append(f"{row['transposes']} Transposes")
    if "error" not in peer and row["nodes"] > peer.get("nodes", row["nodes"]):
        faults.append(f"tf2onnx needs {peer['nodes']} nodes")
    if row["between"] < 1e-3:
        faults.append("outputs hardly vary")
    return faults


def _line(row: dict[str, Any], peers: dict[str, Any]) -> str:
    head = f"{row['model']:<20} {'top' if row['top'] else 'notop':<6} {row['source']:<12}"
    faults = "; ".join(_faults(row, peers))
    if "nodes" not in row:
        return f"{head} {faults.splitlines()[0]}"
    peer = peers.get(f"{row['model']}/{'top' if row['top'] else 'notop'}", {})
    theirs = "fails" if "error" in peer else peer.get("nodes", "-")
    return (
        f"{head} {row['nodes']:>5} nodes ({theirs}) {row['transposes']:>3} Transposes  error {row['relative']:.1e} "
        f"of {row['scale']:.2g}, {row['seconds']:.1f} s  {faults}"
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    """What is recorded; of several rows about the same conversion, the last."""
    lines = path.read_text().splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines]
    return list({(row["model"], row["top"], row["source"]): row for row in rows}.values())


def _baseline(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--output", type=Path, default=Path(".cache/applications.jsonl"), help="JSON lines, one a conversion"
    )
    parser.add_argument("--only", default=".*", help="regular expression that the model's whole name matches")
    parser.add_argument("--top", choices=("both", "yes", "no"), default="both", help="include_top")
    parser.add_argument("--sources", nargs="+", default=["live", "saved_model"], choices=("live", "saved_model"))
    parser.add_argument("--memory", type=float, default=14.0, help="gigabytes of address space for one model")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds for one model")
    parser.add_argument("--keep-failed", action="store_true", help="do not try recorded failures again")
    parser.add_argument("--baseline", type=Path, default=Path(__file__).with_name("applications_tf2onnx.json"))
    parser.add_argument("--peer", help="an interpreter with tf2onnx: record the baseline instead")
    parser.add_argument("--summary", action="store_true", help="print what is recorded")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
