"""ONNX's operators as the table holds them."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from onward.lowering.schema import ML_DOMAIN, signature

ROOT = Path(__file__).parents[2]


def test_the_table_is_up_to_date() -> None:
    generator = runpy.run_path(str(ROOT / "scripts" / "generate_operators.py"))
    written = (ROOT / "src" / "onward" / "lowering" / "operators.tsv").read_text(encoding="utf-8")
    assert written == generator["table"](), "run scripts/generate_operators.py"


@pytest.mark.parametrize(
    ("op", "domain", "opset", "since"),
    [
        ("Gelu", "", 19, None),
        ("Gelu", "", 20, 20),
        ("Gelu", "", 26, 20),
        ("Upsample", "", 21, None),  # deprecated since 10
        ("LabelEncoder", ML_DOMAIN, 13, 4),
        ("LabelEncoder", "", 21, None),
        ("Nonsense", "", 21, None),
    ],
)
def test_an_operator_is_that_of_the_opset(op: str, domain: str, opset: int, since: int | None) -> None:
    found = signature(op, opset, domain)
    assert (found.since if found else None) == since


def test_parameters_know_their_types() -> None:
    found = signature("LSTM", 21)
    assert found is not None
    x, *_, p = found.inputs
    assert (x.name, x.type, x.optional, p.optional) == ("X", "T", False, True)
    assert x.dtypes == {np.dtype("float16"), np.dtype("float32"), np.dtype("float64")}
    concat = signature("Concat", 21)
    assert concat is not None
    assert concat.inputs[0].variadic
    assert "axis" in concat.attributes
