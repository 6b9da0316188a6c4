"""A plain command line means to `plain` what it means to typer."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from typer.main import get_command

from onward.cli import batch, conversion, plain
from onward.cli.commands import app
from tests.command import COMMAND as COMMAND_LINE
from tests.command import DIGITS, ENVIRONMENT, onward

COMMAND: Any = get_command(app)
PLAIN = (
    "model -o a.onnx",
    "--output a.onnx model",
    "model --output=a.onnx --no-verify",
    "model -o a.onnx -o b.onnx --verify --no-verify",
    "model -o a.onnx --input x=batch,3 --input=y:int32=4 --outputs a,b --opset 17",
    "model -o a.onnx --signature s --tag t --name n --json --debug --allow-unsafe --dequantize",
    "model -o a.onnx --golden io.npz --single-file --checkpoint weights/model",
    "model -o a.onnx --external-data --rename a=b --rename c=d --inputs-as nchw --outputs-as x=nchw",
    "model -o a.onnx --custom-op A=b --custom-op=C=d:E --use-default all --ignore-default x,y --state carried",
)
NOT_PLAIN = (
    "",
    "model",
    "-o a.onnx",
    "model other -o a.onnx",
    "model -o",
    "model -oa.onnx",
    "model -o=a.onnx",
    "model -o a.onnx --help",
    "model -o a.onnx --verify=yes",
    "model -o a.onnx --opset many",
    "model -o a.onnx --opset -3",
    "model -o a.onnx --name -n",
    "model -o a.onnx --name=",
    "model -o a.onnx --unheard-of 3",
    "model -o a.onnx --report page.html",
    "-o a.onnx -- model",
)


def _read_by_typer(words: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(conversion, "convert", given.append)
    monkeypatch.setattr("onward.console.mute_native_code", lambda: None)
    COMMAND(["convert", *words], standalone_mode=False)
    return given[0]


@pytest.mark.parametrize("line", PLAIN)
def test_means_the_same_as_to_typer(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = line.split()
    assert plain.read(["convert", *words]) == _read_by_typer(words, monkeypatch)


@pytest.mark.parametrize("line", NOT_PLAIN)
def test_leaves_what_is_not_plain_to_typer(line: str) -> None:
    assert plain.read(["convert", *line.split()]) is None


def test_knows_every_flag_whose_value_is_not_checked_at_once() -> None:
    declared = {
        (parameter.name, flag)
        for parameter in COMMAND.commands["convert"].params
        for flag in (*parameter.opts, *parameter.secondary_opts)
        if flag.startswith("-") and parameter.name not in ("help", "report", "verbose", "log_file", *batch.PARAMETERS)
    }
    known = {(name, flag) for flag, (name, _, _) in plain._flags().items()}
    assert known == declared


def _loaded(*words: str) -> set[str]:
    """The packages that a run of the command line has imported at its end."""
    script = (
        "import atexit, sys; from onward.cli import main; sys.argv[0] = 'onward'\n"
        "atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr))\n"
        "main()"
    )
    line = [sys.executable, "-c", script, *words]
    result = subprocess.run(line, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=True)
    return set(result.stderr.split())


@pytest.mark.parametrize("words", [["--help"], ["convert", "--help"]])
def test_help_imports_nothing_that_converts(words: list[str]) -> None:
    assert not _loaded(*words) & {"numpy", "onnx", "google", "ml_dtypes", "tensorflow", "onnxruntime"}


def test_a_version_needs_next_to_nothing() -> None:
    assert not _loaded("--version") & {"numpy", "onnx", "google", "typer", "rich"}


def test_a_conversion_imports_what_it_uses(tmp_path: Any) -> None:
    line = ["convert", str(DIGITS / "saved_model"), "-o", str(tmp_path / "a.onnx"), "--no-verify", "--debug"]
    unused = {"onnx", "typer", "pydantic", "rich", "tensorflow", "onnxruntime", "onnx_ir", "zipfile", "socket"}
    loaded = _loaded(*line)
    assert "numpy" in loaded
    assert not loaded & unused


def test_errors_end_as_typer_ends_them(tmp_path: Any) -> None:
    plainly = onward("convert", tmp_path / "none", "-o", tmp_path / "a.onnx")
    by_typer = onward("convert", "-o", tmp_path / "a.onnx", "--", tmp_path / "none")
    assert plainly.returncode == by_typer.returncode == 3
    assert plainly.stderr == by_typer.stderr


def test_a_reader_who_left_is_no_traceback(tmp_path: Any) -> None:
    line = [*COMMAND_LINE, "convert", str(DIGITS / "saved_model"), "-o", str(tmp_path / "a.onnx"), "--no-verify"]
    with subprocess.Popen(line, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
    assert (tmp_path / "a.onnx").exists()


def test_what_was_to_be_done_at_exit_is_done() -> None:
    script = (
        "import atexit; from onward import console\n"
        "atexit.register(print, 'last words')\nprint('first words')\nconsole.leave(7)"
    )
    result = subprocess.run([sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout.split("\n")[:2]) == (7, ["first words", "last words"])
