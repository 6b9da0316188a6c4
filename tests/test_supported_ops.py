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
