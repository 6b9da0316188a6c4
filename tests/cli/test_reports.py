"""Every command writes a report, about what it found and about what went wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from typer.main import get_command

from onward.cli.commands import app
from tests.command import DIGITS, onward

COMMANDS: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
SAVED_MODEL, GOLDEN = DIGITS / "saved_model", DIGITS / "golden.npz"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_report(name: str) -> None:
    assert {"report", "as_json"} <= {parameter.name for parameter in COMMANDS[name].params}


def test_a_conversion_and_what_comes_after_it(tmp_path: Path) -> None:
    model, page = tmp_path / "digits.onnx", tmp_path / "report.md"
    lines = {
        ("convert", SAVED_MODEL, "-o", model, "--golden", GOLDEN): (
            "# saved\\_model to ONNX",
            "| Erfc | 2 | fused | Gelu |",
            "| SHA-256 |",
        ),
        ("inspect", model): ("## Operators", "| Conv | 3 |"),
        ("verify", model, "--golden", GOLDEN): ("## Verification", "✓ equal"),
        ("optimize", model, "-o", tmp_path / "lean.onnx", "--data", GOLDEN): ("## Rewrites", "| cancel\\_transposes |"),
        ("ops", "--missing", SAVED_MODEL): ("No ops missing", "## Environment"),
    }
    for line, words in lines.items():
        result = onward(*line, "--report", page, "--json")
        assert result.returncode == 0, result.stdout + result.stderr
        assert json.loads(result.stdout)
        text = page.read_text()
        assert "onward " + " ".join(map(str, line[:1])) in text
        for word in words:
            assert word in text, word
        page.unlink()


def test_a_difference_is_reported_with_its_figures(tmp_path: Path) -> None:
    answers = dict(np.load(GOLDEN))
    (name,) = (key for key in answers if key.startswith("output:"))
    np.savez(tmp_path / "wrong.npz", **{**answers, name: answers[name] + 1})
    model, page = tmp_path / "digits.onnx", tmp_path / "report.md"
    model.write_bytes(b"an earlier one")
    result = onward("convert", SAVED_MODEL, "-o", model, "--golden", tmp_path / "wrong.npz", "--report", page)
    assert result.returncode == 8
    assert model.read_bytes() == b"an earlier one"
    text = page.read_text()
    assert "SHA-256" not in text
    assert "**✗ The model does not compute what the answers in wrong.npz does" in text
    assert "✗ differs" in text
    assert "## TensorFlow ops" in text


def test_an_error_is_a_page_of_its_sentence(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    result = onward("convert", SAVED_MODEL, "-o", tmp_path / "a.onnx", "--opset", 99, "--report", page)
    assert result.returncode == 2
    assert "Opset 99 is not supported" in page.read_text()


@pytest.mark.parametrize("name", ["report.pdf", "nowhere/report.html"])
def test_a_report_that_cannot_be_written_is_refused_before_work(name: str, tmp_path: Path) -> None:
    result = onward("convert", SAVED_MODEL, "-o", tmp_path / "a.onnx", "--no-verify", "--report", tmp_path / name)
    assert result.returncode in (2, 7)
    assert list(tmp_path.iterdir()) == []


def test_what_an_input_file_says_is_text(tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>"
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N"]) for name in (evil, "y"))
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", [evil], ["y"])], evil, [x], [y])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)]), tmp_path / "a.onnx")
    assert onward("inspect", tmp_path / "a.onnx", "--report", tmp_path / "a.html").returncode == 0
    assert "<img" not in (tmp_path / "a.html").read_text()


def test_models_beside_their_answers(tmp_path: Path) -> None:
    shutil.copy(GOLDEN, tmp_path / "a.npz")
    assert onward("convert", SAVED_MODEL, "-o", tmp_path / "a.onnx", "--no-verify").returncode == 0
    shutil.copy(tmp_path / "a.onnx", tmp_path / "b.onnx")
    models = (tmp_path / "a.onnx", tmp_path / "b.onnx")
    assert onward("verify-beside", *models, "--report", tmp_path / "r.md").returncode == 0
    text = (tmp_path / "r.md").read_text()
    assert "! no answers beside it" in text
    assert "✓ equal to the answers in a.npz" in text
