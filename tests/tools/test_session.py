"""Models of every form, loaded and run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir
import pytest

import onward
from onward.errors import InvalidArgumentError, InvalidSourceError, MissingDependencyError
from onward.program import ONNXProgram
from tests.command import DIGITS


@pytest.fixture(scope="module")
def program() -> ONNXProgram:
    return onward.convert(DIGITS / "saved_model", verify=False)


@pytest.fixture(scope="module")
def picture() -> dict[str, Any]:
    return {"image": np.load(DIGITS / "golden.npz")["input:image"]}


def test_every_form_answers_alike(program: ONNXProgram, picture: dict[str, Any], tmp_path: Path) -> None:
    path = program.save(tmp_path / "digits.onnx")
    beside = program.save(tmp_path / "split.onnx", external_data=True)
    forms = [program, path, str(beside), path.read_bytes(), onnx.load(path), onnx_ir.load(path), onnx_ir.load(beside)]
    answers = [onward.session(form, "cpu").run(picture)["output_0"] for form in forms]
    for answer in answers:
        assert np.array_equal(answer, answers[0])
    assert np.allclose(answers[0], np.load(DIGITS / "golden.npz")["output:digit"], atol=1e-5)


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InvalidSourceError, match="does not exist"):
        onward.session(tmp_path / "none.onnx")
    with pytest.raises(InvalidArgumentError, match="is no ONNX model"):
        onward.session({"x": 1})  # type: ignore[arg-type]


def test_options_belong_to_a_provider(program: ONNXProgram) -> None:
    with pytest.raises(InvalidArgumentError, match="name it"):
        onward.session(program, options={"device_id": 1})
    with pytest.raises(MissingDependencyError, match="onnxruntime-directml"):
        onward.session(program, "directml", options={"device_id": 1})
    session = onward.session(program, "cuda,cpu", options={"cuda": {"device_id": 1}, "cpu": {}})
    assert session.settings.options == {"cuda": {"device_id": 1}, "cpu": {}}


def test_state_beside_a_file_begins_the_runs(tmp_path: Path) -> None:
    import tensorflow as tf

    class Sum(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.total = tf.Variable([3.0, 4.0])

        @tf.function(input_signature=[tf.TensorSpec([2])])
        def __call__(self, x: Any) -> Any:
            return self.total.assign_add(x)

    module = Sum()
    path = tmp_path / "sum.onnx"
    onward.convert(module.__call__, state="carried", output=path, verify=False)
    session = onward.session(path)
    name = next(port.name for port in session.inputs if port.name not in session.initial)
    answers = session.run({name: [1, 1]})
    assert any(array.tolist() == [4, 5] for array in answers.values())
