"""docs/fusions.md lists every rewrite, and cases that there are."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from onward.fuse.engine import Rewrite
from onward.fuse.rule import Rule
from tests import test_fuse, test_fuse_rotary, test_fuse_windows

ROOT = Path(__file__).parents[1]
FUSE = ROOT / "src" / "onward" / "fuse"
CASES = {**test_fuse.CASES, **test_fuse_windows.CASES, **test_fuse_rotary.CASES}
ELSEWHERE = {"pictures.use_pictures"}  # a pass of its own
CELLS = re.compile(r"`([^`]+)`")


def _rows() -> list[list[str]]:
    page = (ROOT / "docs" / "fusions.md").read_text().partition("## For one runtime")[0]
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[1:]]


ROWS = _rows()


def _rewrites() -> set[str]:
    """Every rewrite by module and name."""
    found = set()
    for path in FUSE.glob("[a-z]*.py"):
        module = importlib.import_module(f"onward.fuse.{path.stem}")
        tables = [getattr(module, name, {}) for name in ("EARLY", "RULES", "ELSEWHERE")]
        rules: list[Rewrite] = [rule for table in tables for some in table.values() for rule in some]
        found.update(f"{path.stem}.{rule.__name__}" for rule in rules)
    return found


def test_every_rewrite_is_listed_once() -> None:
    listed = [name for row in ROWS for name in CELLS.findall(row[3])]
    assert len(listed) == len(set(listed))
    assert set(listed) - ELSEWHERE == _rewrites()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_cases_and_opsets(row: list[str]) -> None:
    for prefix in CELLS.findall(row[4]):
        exists = (
            (ROOT / "tests" / prefix).exists() if prefix.endswith(".py") else any(c.startswith(prefix) for c in CASES)
        )
        assert exists, f"no case begins with {prefix}"
    for name in CELLS.findall(row[3]):
        module, _, function = name.partition(".")
        kind = (
            getattr(importlib.import_module(f"onward.fuse.{module}"), function, None) if name not in ELSEWHERE else None
        )
        if isinstance(kind, type) and issubclass(kind, Rule) and kind.since:
            assert int(row[2]) == kind.since, name
