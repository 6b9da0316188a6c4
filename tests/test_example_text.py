"""The text example: from raw strings to probabilities, in operators of ONNX alone, answering as recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import onward

TEXT = Path(__file__).parents[1] / "examples" / "text"
TOLERANCE = 1e-5
LARGEST = 2_000_000


@pytest.fixture(scope="module")
def golden() -> tuple[np.ndarray, np.ndarray]:
    with np.load(TEXT / "golden.npz") as arrays:
        return arrays["input:sentence"], arrays["output:manual"]


@pytest.fixture(scope="module")
def program() -> onward.ONNXProgram:
    return onward.convert(TEXT / "saved_model", verify=False)


@pytest.mark.parametrize("chosen", [slice(0, 1), slice(3, 6), slice(None)])
def test_answers_as_recorded(program: onward.ONNXProgram, golden: tuple[np.ndarray, np.ndarray], chosen: slice) -> None:
    sentences, manuals = golden
    [answers] = program.run({"sentence": sentences[chosen]}).values()
    np.testing.assert_allclose(answers, manuals[chosen], rtol=0, atol=TOLERANCE)


def test_padding_changes_nothing(program: onward.ONNXProgram, golden: tuple[np.ndarray, np.ndarray]) -> None:
    """A sentence alone, and beside longer ones."""
    sentences, manuals = golden
    for sentence, manual in zip(sentences, manuals, strict=True):
        [answers] = program.run({"sentence": [sentence]}).values()
        np.testing.assert_allclose(answers[0], manual, rtol=0, atol=TOLERANCE)


def test_layers_are_native(program: onward.ONNXProgram) -> None:
    proto = program.model_proto
    assert sum(node.op_type == "LSTM" for node in proto.graph.node) in (2, 4)
    assert {entry.domain for entry in proto.opset_import} <= {"", "ai.onnx.ml"}


def test_recorded_answers_tell_sentences_apart(golden: tuple[np.ndarray, np.ndarray]) -> None:
    sentences, manuals = golden
    assert len({len(sentence.split()) for sentence in sentences}) > 4
    assert manuals.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert len(set(manuals.argmax(axis=1))) == manuals.shape[1]


def test_example_stays_small() -> None:
    assert sum(path.stat().st_size for path in TEXT.rglob("*") if path.is_file()) < LARGEST
