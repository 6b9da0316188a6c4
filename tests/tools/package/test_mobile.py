"""The model in ONNX Runtime's own format: it runs, answers, and says what it needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import onward
from onward.tools import golden
from tests.tools.package.conftest import GOLDEN


def test_both_files_answer(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = onward.package(digits, out, "mobile", golden=GOLDEN)
    [example] = golden.read(GOLDEN)
    for file, replay in (("model.ort", "0"), ("model.with_runtime_opt.ort", "0"), ("model.with_runtime_opt.ort", "1")):
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.enable_saved_runtime_optimizations", replay)
        session = onnxruntime.InferenceSession(out / file, options, providers=["CPUExecutionProvider"])
        [answer] = session.run(None, example.inputs)
        np.testing.assert_allclose(answer, example.outputs["digit"], rtol=1e-4, atol=1e-5)
    assert "give the answers: recorded in golden.npz" in result.checked


def test_what_a_build_of_its_own_needs(digits: Path, tmp_path: Path) -> None:
    onward.package(digits, tmp_path / "out", "mobile")
    configs = sorted((tmp_path / "out").glob("*.config"))
    assert [path.name for path in configs] == [
        "required_operators_and_types.config",
        "required_operators_and_types.with_runtime_opt.config",
    ]
    for path in configs:
        text = path.read_text()
        assert 'Conv{"inputs": {"0": ["float"]}}' in text
        assert str(tmp_path) not in text
        assert "#" not in text


def test_what_accelerates_it(digits: Path, tmp_path: Path) -> None:
    onward.package(digits, tmp_path / "out", "mobile")
    found = {entry["provider"]: entry for entry in json.loads((tmp_path / "out" / "acceleration.json").read_text())}
    assert list(found) == ["NNAPI", "CoreML, NeuralNetwork", "CoreML, MLProgram", "XNNPACK"]
    assert found["NNAPI"]["taken"] == 0  # no dynamic batch there
    assert found["NNAPI"]["fixed"] > 5
    assert "Gelu" in found["NNAPI"]["lacking"]
    assert 0 < found["XNNPACK"]["taken"] < found["XNNPACK"]["nodes"]
    readme = (tmp_path / "out" / "README.md").read_text()
    for provider in found:
        assert f"| {provider} |" in readme
    assert "OnnxTensor.createTensor(environment, FloatBuffer.wrap(values), longArrayOf(1, 8, 8, 1))" in readme


@pytest.mark.parametrize("name", ["unet", "masked_lstm", "text", "float16"])
def test_models_of_many_kinds_convert(name: str, fleet: Callable[[str], Path], tmp_path: Path) -> None:
    path = fleet(name)
    result = onward.package(path, tmp_path / name, "mobile", golden=path.with_suffix(".npz"))
    assert result.checked.startswith("model.ort and model.with_runtime_opt.ort run")


def test_what_onnx_runtime_does_not_write_is_told(fleet: Callable[[str], Path], tmp_path: Path) -> None:
    path = fleet("tflite_int8")
    result = onward.package(path, tmp_path / "out", "mobile", golden=path.with_suffix(".npz"))
    assert any(note.startswith("there is no model.with_runtime_opt.ort") for note in result.notes) == (
        "model.with_runtime_opt.ort" not in result.files
    )
    assert "with_runtime_opt" not in (tmp_path / "out" / "README.md").read_text().partition("## What")[0] or (
        "model.with_runtime_opt.ort" in result.files
    )
