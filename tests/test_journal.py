"""What becomes of nodes is taken down where somebody wants to know, and only there."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import onward
from onward import fuse, passes
from onward.journal import Journal
from onward.lowering import Context
from onward.options import Options
from onward.pipeline import run
from tests.command import DIGITS
from tests.command import onward as command

SAVED_MODEL = DIGITS / "saved_model"


def test_nothing_is_taken_down_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def noted(*_: Any) -> None:
        raise AssertionError("taken down though nobody asked")

    monkeypatch.setattr(Context, "_lower_noted", noted)
    assert onward.convert(SAVED_MODEL, verify=False).journal is None


def test_a_journal_changes_nothing_in_the_model() -> None:
    journal = Journal()
    noted = run(SAVED_MODEL, Options(verify=False), journal=journal)
    plain = onward.convert(SAVED_MODEL, verify=False)
    assert noted.model_proto.SerializeToString() == plain.model_proto.SerializeToString()
    assert {change.by for change in journal.changes} >= {"gemm", "scale_weights", "GeluErfcOfNegation"}
    assert [p.name for p in journal.passes][:2] == ["simplify", "recognise"]
    assert journal.passes[-1].after == len(plain.model_proto.graph.node)


def test_every_rewrite_has_a_name_to_be_told_by() -> None:
    for found in pkgutil.iter_modules(fuse.__path__):
        module = importlib.import_module(f"onward.fuse.{found.name}")
        for table in ("RULES", "EARLY"):
            for rewrites in getattr(module, table, {}).values():
                names = [rewrite.__name__ for rewrite in rewrites]
                assert not {"rewrite", "<lambda>"} & set(names), module
    assert [step.__name__ for step in passes.PIPELINE].count("simplify") == 2


def test_the_python_logger_hears_stages_or_everything(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "onward"):
        onward.convert(SAVED_MODEL, verify=False)
    assert any(text.startswith("lower: ") for text in caplog.messages)
    assert any(text.startswith("pass absorb: ") for text in caplog.messages)
    assert not any("Softmax" in text for text in caplog.messages)
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "onward"):
        onward.convert(SAVED_MODEL, verify=False)
    lowered = [
        text for text in caplog.messages if text.startswith("lower Softmax 'digits_1/digit_1/Softmax' -> Softmax")
    ]
    assert len(lowered) == 1
    assert "gemm at 'digits_1/dense_1/BiasAdd': Add, MatMul -> Gemm" in caplog.messages


def test_verbose_and_log_file(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    found = command("convert", SAVED_MODEL, "-o", tmp_path / "a.onnx", "--no-verify", "--verbose", "--log-file", log)
    assert found.returncode == 0, found.stderr
    told, written = found.stderr.splitlines(), log.read_text().splitlines()
    assert len(told) == len(written) > 100
    assert any("GeluErfcOfNegation at" in line for line in told)
    assert all(ours.endswith(theirs) for ours, theirs in zip(written, told, strict=True))
    assert "DEBUG" in written[1]


def test_a_log_file_that_cannot_be_written_is_told_first(tmp_path: Path) -> None:
    found = command("convert", SAVED_MODEL, "-o", tmp_path / "a.onnx", "--log-file", tmp_path / "nowhere" / "log")
    assert (found.returncode, found.stdout) == (7, "")
    assert list(tmp_path.iterdir()) == []


def test_trials_of_a_guard_are_told(tmp_path: Path) -> None:
    model, log = tmp_path / "a.onnx", tmp_path / "log.txt"
    onward.convert(SAVED_MODEL, verify=False, output=model)
    golden = DIGITS / "golden.npz"
    line = ("quantize", model, "-o", tmp_path / "q.onnx", "--data", golden, "--min-sqnr", "30dB", "--log-file", log)
    assert command(*line).returncode == 0
    told = [line for line in log.read_text().splitlines() if "kept in float" in line]
    assert len(told) > 1
    assert "falls short" in told[0]
    assert "holds" in told[-1] or "holds" in told[-2]
