"""The digits example: every form of it converts, and answers as recorded, one image or all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import onward

DIGITS = Path(__file__).parents[1] / "examples" / "digits"
TOLERANCE = 1e-5
LARGEST = 2_000_000


@pytest.fixture(scope="module")
def golden() -> tuple[np.ndarray, np.ndarray]:
    with np.load(DIGITS / "golden.npz") as arrays:
        return arrays["input:image"], arrays["output:digit"]


@pytest.fixture(scope="module", params=["saved_model", "digits.keras"])
def program(request: pytest.FixtureRequest) -> onward.ONNXProgram:
    if request.param.endswith(".keras"):
        pytest.importorskip("keras", reason="a .keras file is read by Keras")
    return onward.convert(DIGITS / request.param, verify=False)


@pytest.mark.parametrize("count", [1, 3, 16])
def test_answers_as_recorded(program: onward.ONNXProgram, golden: tuple[np.ndarray, np.ndarray], count: int) -> None:
    images, digits = golden
    outputs = program.run({"image": images[:count]})
    [answers] = outputs.values()  # "digit" by its layer, "output_0" by Keras' export
    np.testing.assert_allclose(answers, digits[:count], rtol=0, atol=TOLERANCE)


def test_graph_is_small(program: onward.ONNXProgram) -> None:
    ops = [node.op_type for node in program.model_proto.graph.node]
    assert "BatchNormalization" not in ops
    assert ops.count("Conv") == 3
    assert ops.count("Transpose") <= 2


def test_recorded_answers_tell_images_apart(golden: tuple[np.ndarray, np.ndarray]) -> None:
    _, digits = golden
    assert digits.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert digits.max() < 0.95
    assert len(set(digits.argmax(axis=1))) > 3


def test_example_stays_small() -> None:
    assert sum(path.stat().st_size for path in DIGITS.rglob("*") if path.is_file()) < LARGEST
