"""Converted models on every provider of ONNX Runtime that is here, beside the CPU: answers, and nodes that fell back.

    python -m scripts.accelerators                                    # every provider that starts, some models
    python -m scripts.accelerators --providers cuda,tensorrt          # these; one that does not start is told, with why
    python -m scripts.accelerators --models all                       # every model of the test suite's fleet
    python -m scripts.accelerators model.onnx --providers openvino    # files of your own

Models are the fleet's (tests/fleet.py): small ones of every kind that is converted, with TensorFlow's answers. How far
answers may lie apart is the provider's, over the largest number of an output: accelerators multiply in fewer bits.
Times are compared by `onward bench --provider cuda,cpu`.
Ends with 0 where all answers hold, 1 where some do not, 4 where no provider besides the CPU's is here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from onward.dtypes import STRING
from onward.errors import MissingDependencyError, OnwardError
from onward.runtime import Session
from onward.runtime.providers import PROVIDERS, choose, missing
from onward.tools import golden, inputs
from onward.tools.session import opened

# Over the largest number of an output. TF32, which NVIDIA's matrix units round float32 to, keeps 10 bits of 23.
TOLERANCES = {
    "cuda": 2e-3,
    "tensorrt": 1e-2,
    "tensorrt-rtx": 1e-2,
    "openvino": 1e-3,
    "directml": 2e-3,
    "migraphx": 2e-3,
    "coreml": 2e-2,
    "webgpu": 2e-3,
    "qnn": 5e-2,
}
USUAL = (
    "digits", "cnn_depthwise", "cnn_residual", "cnn_transposed", "unet", "convnext", "mlp", "embeddings", "lstm",
    "bilstm", "transformer_encoder", "gpt", "vit", "top_k", "loop", "text", "tflite_int8",
)  # fmt: skip


def apart(got: Mapping[str, Any], expected: Mapping[str, Any]) -> float:
    """The largest distance over the largest number; infinite where shapes, texts or integers differ."""
    largest = 0.0
    for name, want in expected.items():
        have = got[name]
        if have.shape != want.shape:
            return float("inf")
        if want.dtype.kind in "OSUbiu":
            largest = max(largest, 0.0 if np.array_equal(have, want) else float("inf"))
        elif want.size:
            scale = float(np.nanmax(np.abs(want))) + 1e-6
            largest = max(largest, float(np.nanmax(np.abs(have.astype(np.float64) - want.astype(np.float64)))) / scale)
    return largest


def answers(session: Session, arrays: golden.Arrays) -> golden.Arrays:
    """What a model says when inputs and outputs are on the device; strings never are."""
    if any(port.dtype == STRING for port in session.inputs):
        return session.run(arrays)
    bound = session.bind(arrays)
    bound.run()
    return bound.arrays()


def compare(path: Path, provider: str) -> tuple[bool, tuple[str, ...]]:
    """One model on one provider: whether its answers hold, and a row of the table."""
    plain = opened(path)
    recorded = path.with_suffix(".npz")
    sets = golden.read_inputs(recorded) if recorded.is_file() else [inputs.draw(plain)]
    try:
        session = opened(path, provider)
        distance = max(apart(answers(session, arrays), plain.run(arrays)) for arrays in sets)
        placement = session.placement()
    except OnwardError as error:
        return False, (path.stem, provider, "-", "-", "FAILED", str(error)[:160])
    holds = distance <= TOLERANCES.get(provider, 1e-2)
    if placement is None:
        taken, fell = "?", ""
    else:
        taken = f"{len(placement.nodes) - len(placement.elsewhere)} of {len(placement.nodes)}"
        fell = ", ".join(f"{op} {n}" for op, n in Counter(node.operator for node in placement.elsewhere).most_common())
    return holds, (path.stem, provider, taken, f"{distance:.1e}", "ok" if holds else "WRONG", fell)


def here(names: list[str] | None) -> list[str]:
    """The providers to try: those named, else all that are installed; what is missing is told."""
    found = []
    for name in names or [name for name in PROVIDERS if name != "cpu"]:
        try:
            choose(name)
        except MissingDependencyError as error:
            if names:
                print(error, file=sys.stderr)
            continue
        found.append(name)
    return found


def models(names: str, folder: Path) -> list[Path]:
    """The fleet's models, converted into the folder."""
    from tests.fleet import MODELS, convert

    chosen = list(MODELS) if names == "all" else names.split(",") if names else list(USUAL)
    return [convert(name, folder) for name in chosen]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="ONNX files instead of the fleet")
    parser.add_argument("--providers", help="plain names, separated by commas")
    parser.add_argument("--models", default="", help="names of the fleet's models, or all")
    arguments = parser.parse_args()
    providers = here(arguments.providers.split(",") if arguments.providers else None)
    if not providers:
        print(
            "No provider of ONNX Runtime besides the CPU's is installed here. For a GPU of NVIDIA's:", file=sys.stderr
        )
        print(f"  {missing(PROVIDERS['cuda'])}", file=sys.stderr)
        return MissingDependencyError.exit_code
    rows: list[tuple[str, ...]] = [("model", "provider", "nodes", "apart", "", "fell back to the cpu")]
    right = True
    with tempfile.TemporaryDirectory() as folder:
        for path in arguments.files or models(arguments.models, Path(folder)):
            for provider in providers:
                holds, row = compare(path, provider)
                rows.append(row)
                right &= holds
                print(f"{row[0]}: {row[4]}", file=sys.stderr, flush=True)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
