"""TFLite's operators, one at a time, against its interpreter."""

from __future__ import annotations

from pathlib import Path

import pytest

from onward.formats.flatbuffer import schema
from onward.lowering.registry import LOWERINGS
from onward.ops import load_all
from onward.options import Options
from onward.sources import open_source
from onward.sources.tflite.operators import RULES
from tests.tflite import arithmetic, custom, lookup, movement, quantized, recurrent, windows
from tests.tflite.build import Case, check, write

# Lowerings that no case here comes to, and where they are tested instead.
ELSEWHERE = {
    **dict.fromkeys(
        """tfl.landmarks_to_transform_matrix tfl.max_pool_argmax tfl.max_unpooling tfl.transform_landmarks
        tfl.transform_tensor tfl.transpose_conv_bias""".split(),
        "MediaPipe's, for which the interpreter has no kernels: tests/test_tflite_custom.py",
    ),
    "tfl.sign_bit": "no kernel of the interpreter applies it",
}

CASES: dict[str, Case] = {
    f"{module.__name__.rpartition('.')[2]}/{name}": c
    for module in (arithmetic, movement, windows, quantized, recurrent, custom, lookup)
    for name, c in module.CASES.items()
}


@pytest.mark.parametrize("name", CASES)
def test_operator(name: str, tmp_path: Path) -> None:
    check(name, CASES[name], tmp_path)


def test_every_lowering_has_a_case(tmp_path: Path) -> None:
    """Of those that TFLite alone has."""
    load_all()
    exercised: set[str] = set()
    for c in CASES.values():
        options = Options(opset=c.opset, dequantize=c.dequantize)
        exercised.update(node.op for node in open_source(write(c, tmp_path / "case.tflite"), options).nodes())
    own = {name for name in LOWERINGS if name.startswith("tfl.")}
    assert sorted(own - exercised - set(ELSEWHERE)) == []


def test_every_builtin_has_a_rule() -> None:
    """Those that no interpreter has kernels for aside."""
    names = set(schema("tflite").enums["BuiltinOperator"].values())
    builtin = {name for name in names if not name.startswith("STABLEHLO_")}
    assert builtin - set(RULES) == {
        "CONCAT_EMBEDDINGS", "CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES", "SKIP_GRAM",
    }  # fmt: skip
