"""The same source gives the same bytes: in several threads at once, and under any hash seed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onward

DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "saved_model"


def _digest(opset: int) -> str:
    proto = onward.convert(DIGITS, opset=opset, verify=False).model_proto
    return hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()


def test_conversions_in_threads_do_not_meet() -> None:
    opsets = [13, 18, 21, 24]
    alone = [_digest(opset) for opset in opsets]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(_digest, opsets * 3))
    assert together == alone * 3


def test_the_hash_seed_changes_nothing(tmp_path: Path) -> None:
    written = []
    for seed in ("1", "2"):
        target = tmp_path / f"{seed}.onnx"
        command = [sys.executable, "-m", "onward", "convert", str(DIGITS), "-o", str(target), "--no-verify"]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed})
        written.append(target.read_bytes())
    assert written[0] == written[1]
