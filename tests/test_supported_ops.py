"""docs/supported_ops.md says what the registry holds."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_page_is_up_to_date() -> None:
    generator = runpy.run_path(str(ROOT / "scripts" / "generate_supported_ops.py"))
    text = (ROOT / "docs" / "supported_ops.md").read_text(encoding="utf-8")
    assert text == generator["page"](), "run scripts/generate_supported_ops.py"


def test_the_table_of_relevance_names_real_ops() -> None:
    from onward.formats.opdefs import names

    generator = runpy.run_path(str(ROOT / "scripts" / "generate_supported_ops.py"))
    known = generator["relevance"]()
    assert {about.relevance for about in known.values()} == set(generator["RELEVANCES"])
    assert len(set(known) - set(names())) < 60  # ops of other releases and builds


def test_what_models_for_inference_may_hold_is_converted_or_has_a_reason() -> None:
    from onward.tools.ops import refused_ops, supported_ops

    generator = runpy.run_path(str(ROOT / "scripts" / "generate_supported_ops.py"))
    known = generator["relevance"]()
    answered = {op.name for op in supported_ops()} | set(refused_ops())
    left = [name for name, about in known.items() if about.relevance != "no" and name not in answered]
    assert not left, f"src/onward/lowering/refused.py says nothing of {', '.join(left)}"
