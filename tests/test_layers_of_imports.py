"""Imports run downwards only, start-up stays light, and no file grows beyond reading size."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "onward"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up; docs/architecture.md shows the same list. A module may import from lower rows, and within its
# own package.
LAYERS = (
    {"logs"},
    {"errors", "version", "progress"},
    {"dims", "dtypes", "arrays", "writing"},
    {"reported"},
    {"graph", "reporting"},
    {"formats"},
    {"options", "specs"},
    {"ir"},
    {"onnx_messages", "journal"},
    {"serialize"},
    {"sources", "lowering"},
    {"ops", "fuse"},
    {"passes", "runtime"},
    {"program"},
    {"pipeline"},
    {"tools"},
    {"onward"},
    {"arguments", "console"},
    {"batch"},
    {"cli", "tf2onnx"},
    {"__main__"},
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}

# Imports inside functions that go upwards on purpose.
UPWARDS = {
    ("reported", "reporting"): "pages are seldom asked for",
    ("lowering", "ops"): "loading the lowerings is what registers them",
    ("pipeline", "tools"): "a conversion ends with its verification, where that is asked for",
    ("program", "tools"): "a program verifies itself on request",
}

HEAVY = ("tensorflow", "keras", "tf_keras", "onnxruntime", "onnx_ir", "sympy", "h5py", "scipy", "pandas")
LONGEST = 450


def part_of(path: Path) -> str:
    """The row's name of a module: its first package or module below onward."""
    relative = path.relative_to(PACKAGE).with_suffix("")
    return "onward" if relative.parts == ("__init__",) else relative.parts[0]


def imports(tree: ast.Module, path: Path) -> Iterator[tuple[str, bool]]:
    """Every imported module's full name, and whether it is imported with the module rather than inside a function."""
    functions = [f for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef))]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    hints = {
        id(n)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test).endswith("TYPE_CHECKING")
        for n in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if id(node) in hints:
            continue
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            yield name, id(node) not in inside


def imported_part(name: str) -> str | None:
    """The row of an imported name of Onward's; None for other packages."""
    first, *rest = name.split(".")
    if first != "onward":
        return None
    return rest[0] if rest and rest[0] in LEVEL else "onward"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path) -> None:
    part = part_of(path)
    assert part in LEVEL, f"{part} has no row in LAYERS"
    for name, at_import in imports(ast.parse(path.read_text()), path):
        other = imported_part(name)
        if other is None or other == part or LEVEL[other] < LEVEL[part]:
            continue
        allowed = not at_import and (part, other) in UPWARDS
        assert allowed, f"{path.relative_to(ROOT)} imports {name}: {part} lies below {other} or beside it"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_stay_readable(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def test_import_is_light() -> None:
    listing = f"import onward, sys; print(*(m for m in {HEAVY} if m in sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    result = subprocess.run(
        [sys.executable, "-c", listing], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert result.stdout.split() == []
