"""What is on disk, Keras' own files apart, converts where TensorFlow cannot be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.command import ENVIRONMENT
from tests.without_tensorflow import DATA, SOURCES


def test_every_kind_of_file() -> None:
    script = Path(__file__).parent / "without_tensorflow.py"
    line = [sys.executable, "-W", "error", str(script)]
    result = subprocess.run(line, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    for name in SOURCES:
        assert f"{name}: " in result.stdout


def test_the_files_are_small() -> None:
    assert {name for name in SOURCES if not (DATA / name).exists()} == set()
    assert sum(file.stat().st_size for file in DATA.rglob("*")) < 400_000
