"""Every row of every table in ``tests/ops``, against TensorFlow."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import tests.ops
from tests.harness import Case, check

CASES: dict[str, Case] = {
    f"{module.name}/{name}": case
    for module in pkgutil.iter_modules(tests.ops.__path__)
    for name, case in importlib.import_module(f"tests.ops.{module.name}").CASES.items()
}


@pytest.mark.parametrize("name", CASES)
def test_op(name: str) -> None:
    check(name, CASES[name])
