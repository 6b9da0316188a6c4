"""The same source gives the same bytes: in several threads at once, and under any hash seed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onward

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits" / "saved_model"
# Models with few ops in common, so that each loads lowerings of its own.
OTHERS = (ROOT / "examples" / "text" / "saved_model", *(ROOT / "tests" / "data" / n for n in ("saved_model", "tfjs")))


def _digest(opset: int) -> str:
    proto = onward.convert(DIGITS, opset=opset, verify=False).model_proto
    return hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()


def test_conversions_in_threads_do_not_meet() -> None:
    opsets = [13, 18, 21, 24]
    alone = [_digest(opset) for opset in opsets]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(_digest, opsets * 3))
    assert together == alone * 3


def test_first_conversions_in_threads_do_not_meet() -> None:
    """Nothing is loaded yet when they start: neither lowerings nor tables nor messages."""
    script = """
import hashlib, sys, threading
import onward

def digest(source):
    start.wait()
    proto = onward.convert(source, verify=False).model_proto
    return hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()

sources = sys.argv[1:]
found, start = {}, threading.Barrier(2 * len(sources))
jobs = [(source, turn) for turn in (1, 2) for source in sources]
threads = [threading.Thread(target=lambda job: found.update({job: digest(job[0])}), args=(job,)) for job in jobs]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
start = threading.Barrier(1)
for source in sources:
    assert found[source, 1] == found[source, 2] == digest(source), source
"""
    command = [sys.executable, "-c", script, *map(str, (DIGITS, *OTHERS))]
    subprocess.run(command, check=True, timeout=120)


def test_the_hash_seed_changes_nothing(tmp_path: Path) -> None:
    written = []
    for seed in ("1", "2"):
        target = tmp_path / f"{seed}.onnx"
        command = [sys.executable, "-m", "onward", "convert", str(DIGITS), "-o", str(target), "--no-verify"]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed})
        written.append(target.read_bytes())
    assert written[0] == written[1]
