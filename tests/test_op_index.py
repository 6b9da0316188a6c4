"""The table that says which module registers an op, and the loading that goes by it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout


def test_the_index_is_up_to_date() -> None:
    code = "import runpy; print(runpy.run_path('scripts/generate_op_index.py')['index'](), end='')"
    written = (ROOT / "src" / "onward" / "ops" / "index.tsv").read_text(encoding="utf-8")
    assert _python(code) == written, "run scripts/generate_op_index.py"


def test_an_op_brings_its_own_modules_only() -> None:
    code = """if True:
        import sys
        from onward.lowering.registry import LOWERINGS
        from onward.ops import load
        load("Conv2D")
        print("Conv2D" in LOWERINGS, *sorted(m for m in sys.modules if m.startswith("onward.ops.")))
    """
    known, *modules = _python(code).split()
    assert known == "True"
    assert "onward.ops.conv" in modules
    assert "onward.ops.string" not in modules
