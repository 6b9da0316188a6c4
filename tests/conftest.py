"""TensorFlow as the reference: on the CPU, quiet, without oneDNN (whose convolutions err up to 1e-2)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Converts a model of tests/fleet.py by its name; the ONNX file, recorded answers beside it, is made once."""
    from tests.fleet import convert

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "fleet"  # workers share it
    folder.mkdir(exist_ok=True)
    return lambda name: convert(name, folder)
