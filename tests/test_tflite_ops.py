"""TFLite's operators, one at a time, against its interpreter."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tflite import arithmetic, custom, lookup, movement, quantized, recurrent, windows
from tests.tflite.build import Case, check

CASES: dict[str, Case] = {
    f"{module.__name__.rpartition('.')[2]}/{name}": c
    for module in (arithmetic, movement, windows, quantized, recurrent, custom, lookup)
    for name, c in module.CASES.items()
}


@pytest.mark.parametrize("name", CASES)
def test_operator(name: str, tmp_path: Path) -> None:
    check(name, CASES[name], tmp_path)
