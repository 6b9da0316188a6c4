"""The fleet, in ONNX Runtime: every model answers as TensorFlow does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from onward.tools.verify import verify
from tests.fleet import MODELS


@pytest.mark.parametrize("name", MODELS)
def test_answers_as_recorded(fleet: Callable[[str], Path], name: str) -> None:
    path = fleet(name)
    comparison = verify(path, golden=path.with_suffix(".npz"))
    assert comparison.passed, str(comparison)
