"""The script that tries every provider: what it says where there is none, and where there is one."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import pytest

from tests.command import ENVIRONMENT, ROOT


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "scripts.accelerators", *map(str, arguments)]
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="CUDA is here")
def test_without_a_provider_it_says_what_to_install(fleet: Callable[[str], Path]) -> None:
    result = run(fleet("digits"), "--providers", "cuda,tensorrt")
    assert result.returncode == 4
    assert "No provider of ONNX Runtime besides the CPU's is installed" in result.stderr
    assert "pip install onnxruntime-gpu" in result.stderr


@pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime_ep_openvino") is None,
    reason="onnxruntime-ep-openvino, a provider besides the CPU's, has wheels for 64-bit x86 alone",
)
def test_answers_and_fallen_nodes_of_a_provider(fleet: Callable[[str], Path]) -> None:
    result = run(fleet("digits"), "--providers", "openvino")
    assert result.returncode == 0, result.stdout + result.stderr
    row = next(line.split() for line in result.stdout.splitlines() if line.startswith("digits"))
    assert row[1] == "openvino"
    assert row[2] == row[4]  # all nodes
    assert float(row[5]) < 1e-5
    assert row[6] == "ok"
