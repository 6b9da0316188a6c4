"""The command line on the digits example."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from onward.arguments import custom_ops, layouts, pairs, specs
from onward.cli.commands import PANELS
from onward.errors import InvalidArgumentError
from onward.specs import Spec
from onward.version import __version__
from tests.command import DIGITS, ENVIRONMENT, ROOT, onward

SAVED_MODEL, GOLDEN = DIGITS / "saved_model", DIGITS / "golden.npz"
COMMANDS = [name for names in PANELS.values() for name in names]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits SavedModel, converted."""
    path = tmp_path_factory.mktemp("cli") / "digits.onnx"
    result = onward("convert", SAVED_MODEL, "-o", path, "--no-verify")
    assert result.returncode == 0, result.stderr
    return path


def test_imports_nothing_heavy_to_start() -> None:
    assert onward("--version").stdout == f"onward {__version__}\n"
    listing = "import onward.cli, sys; print(*{'numpy', 'onnx', 'rich', 'google.protobuf'} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", listing], env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout.split() == []


@pytest.mark.parametrize("command", COMMANDS)
def test_pages_name_every_command(command: str) -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    [table] = [block for block in page.split("\n\n") if block.startswith("| command |")]
    assert f"`{command}`" in table
    assert any(command in heading.split() for heading in re.findall("^## (.*)$", page, re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(command: str) -> None:
    result = onward(command, "--help")
    assert result.returncode == 0
    assert result.stdout.count(f"onward {command}") > 1


def test_wrong_usage_is_2() -> None:
    for arguments in (["convert"], ["convert", SAVED_MODEL], ["transmogrify"], ["convert", "--opset", "many"]):
        result = onward(*arguments)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr


def test_convert_writes_a_checked_file_and_reports(model: Path) -> None:
    onnx.checker.check_model(str(model), full_check=True)
    assert list(model.parent.iterdir()) == [model]


def test_convert_is_quiet_and_says_what_it_made(tmp_path: Path) -> None:
    result = onward("convert", SAVED_MODEL, "-o", tmp_path / "a.onnx", "--golden", GOLDEN)
    assert (result.returncode, result.stderr) == (0, "")
    assert "equal to the answers in golden.npz" in result.stdout


def test_convert_reports_as_json(tmp_path: Path) -> None:
    result = onward("convert", SAVED_MODEL, "-o", tmp_path / "a.onnx", "--golden", GOLDEN, "--json")
    report = json.loads(result.stdout)
    assert report["ops"]["Conv"] == 3
    assert report["verification"]["passed"]
    assert [port["name"] for port in report["inputs"]] == ["image"]
    assert set(report["seconds"]) == {"read", "lower", "simplify", "verify", "write"}


def test_convert_takes_names_opset_and_external_data(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    result = onward(
        "convert", SAVED_MODEL, "-o", path, "--no-verify",
        "--input", "image=pictures,8,8,1", "--opset", 17, "--external-data", "--signature", "serve", "--name", "net",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "a.onnx.data").stat().st_size > path.stat().st_size
    loaded = onnx.load(path)
    assert loaded.opset_import[0].version == 17
    assert loaded.graph.name == "net"
    assert loaded.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "pictures"


def test_verify_against_golden(model: Path) -> None:
    result = onward("verify", model, "--golden", GOLDEN)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " ok" in result.stdout


def test_verify_tells_what_is_wrong_and_where(model: Path, tmp_path: Path) -> None:
    with np.load(GOLDEN) as arrays:
        changed = dict(arrays)
    changed["output:digit"][3, 4] += 0.01
    np.savez(tmp_path / "wrong.npz", **changed)
    result = onward("verify", model, "--golden", tmp_path / "wrong.npz", "--json")
    assert result.returncode == 8
    [run] = json.loads(result.stdout)["runs"]
    assert run["outputs"][0]["worst"] == [3, 4]
    assert run["outputs"][0]["linf"] == pytest.approx(0.01, rel=1e-2)
    assert onward("verify", model, "--golden", tmp_path / "wrong.npz", "--tolerance", 0.1).returncode == 0


def test_failed_verification_writes_nothing(tmp_path: Path) -> None:
    with np.load(GOLDEN) as arrays:
        changed = {name: array * 1.01 if name.startswith("output") else array for name, array in arrays.items()}
    np.savez(tmp_path / "wrong.npz", **changed)
    output = tmp_path / "a.onnx"
    output.write_text("precious")
    result = onward("convert", SAVED_MODEL, "-o", output, "--golden", tmp_path / "wrong.npz")
    assert result.returncode == 8
    assert "FAILED" in result.stderr
    assert output.read_text() == "precious"


def test_record_then_verify_with_and_without_the_source(model: Path, tmp_path: Path) -> None:
    io = tmp_path / "io.npz"
    recorded = onward("record", SAVED_MODEL, io)
    assert recorded.returncode == 0, recorded.stderr
    with np.load(io) as arrays:
        assert sorted(arrays.files) == ["0/input:image", "0/output:output_0", "1/input:image", "1/output:output_0"]
        assert arrays["0/input:image"].shape[0] != arrays["1/input:image"].shape[0]
    assert onward("verify", model, "--golden", io).returncode == 0
    compared = onward("verify", model, SAVED_MODEL, "--data", io, "--json")
    found = json.loads(compared.stdout)
    assert compared.returncode == 0
    assert found["against"].startswith("TensorFlow 2")
    assert len(found["runs"]) == 2


def test_inspect_an_onnx_file(model: Path) -> None:
    found = json.loads(onward("inspect", model, "--json").stdout)
    assert found["kind"] == "ONNX"
    assert found["inputs"] == [{"name": "image", "dtype": "float32", "shape": ["batch", 8, 8, 1]}]
    assert found["dynamic"] == ["batch"]
    assert found["ops"]["Conv"] == 3
    assert found["parameters"] > 20_000
    assert found["producer"] == f"onward {__version__}"
    text = onward("inspect", model).stdout
    assert "image: float32 (batch, 8, 8, 1)" in text


def test_inspect_a_saved_model() -> None:
    found = json.loads(onward("inspect", SAVED_MODEL, "--json").stdout)
    assert found["kind"] == "TensorFlow"
    assert {signature["name"] for signature in found["signatures"]} == {"serve", "serving_default"}
    assert found["missing"] == []
    assert found["ops"]["Conv2D"] == 2
    assert found["parameters"] > 20_000


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (None, None),
        (["x=batch,224,224,3"], {"x": Spec(("batch", 224, 224, 3), None, "x")}),
        (["x:int32=batch,128", "y="], {"x": Spec(("batch", 128), np.dtype("int32"), "x"), "y": Spec((), None, "y")}),
        (["x:0=?,-1, None"], {"x:0": Spec((None, None, None), None, "x:0")}),
        (["a:string=()"], {"a": Spec((), np.dtype(object), "a")}),
        (["batch,8"], [Spec(("batch", 8), None, None)]),
        (["a", "b"], ["a", "b"]),
        (["a", "b=3"], {"a": Spec(None, None, "a"), "b": Spec((3,), None, "b")}),
    ],
)
def test_input_is_parsed(texts: list[str] | None, expected: object) -> None:
    assert specs(texts) == expected


@pytest.mark.parametrize("texts", [["x=a,,b"], ["x=3", "4,5"], ["x=-2"]])
def test_input_makes_sense(texts: list[str]) -> None:
    with pytest.raises(InvalidArgumentError):
        specs(texts)


def test_names_and_layouts_as_written() -> None:
    assert pairs(["a=b", "x:0=c/d"], "--rename") == {"a": "b", "x:0": "c/d"}
    assert layouts(["nchw"], "--inputs-as") == "nchw"
    assert layouts(["image=nchw", "mask=nchw"], "--inputs-as") == {"image": "nchw", "mask": "nchw"}
    assert pairs(None, "--rename") is None
    for wrong in ("a", "=b", "a="):
        with pytest.raises(InvalidArgumentError, match=r"--rename takes NAME="):
            pairs([wrong], "--rename")


def test_custom_ops_as_written() -> None:
    found = custom_ops(["MyOp=my.domain", "MyGelu=com.microsoft:Gelu"])
    assert found is not None
    assert [(kept.domain, kept.op) for kept in found.values()] == [("my.domain", None), ("com.microsoft", "Gelu")]


def test_convert_names_and_moves(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    flags = ["--rename", "image=pixels", "--inputs-as", "nchw", "--custom-op", "Relu=my.domain"]
    result = onward("convert", SAVED_MODEL, "-o", path, "--no-verify", *flags)
    assert result.returncode == 0, result.stderr
    model = onnx.load(path)
    (made,) = model.graph.input
    assert (made.name, [d.dim_value for d in made.type.tensor_type.shape.dim]) == ("pixels", [0, 1, 8, 8])
    assert "my.domain" in {node.domain for node in model.graph.node}


def test_optimize_shows_before_and_after(model: Path, tmp_path: Path) -> None:
    result = onward("optimize", model, "-o", tmp_path / "lean.onnx")
    assert result.returncode == 0, result.stderr
    assert "before   after" in result.stdout
    assert f"equal to '{model.name}'" in result.stdout
    onnx.checker.check_model(str(tmp_path / "lean.onnx"), full_check=True)


def test_quantize_halves_too(model: Path, tmp_path: Path) -> None:
    target = tmp_path / "half.onnx"
    result = onward("quantize", model, "-o", target, "--to", "float16", "--data", GOLDEN, "--json")
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["figures"]["agreement"] == 1
    assert said["quantised"]["halves"]["Conv"] == 3
    assert target.stat().st_size < model.stat().st_size
    assert onward("quantize", model, "-o", target, "--to", "int3").returncode == 2


def test_quantize_holds_a_limit_or_writes_nothing(model: Path, tmp_path: Path) -> None:
    target, report = tmp_path / "small.onnx", tmp_path / "report.md"
    flags = ["--data", GOLDEN, "--no-time", "--report", report]
    result = onward("quantize", model, "-o", target, *flags, "--min-sqnr", "20dB")
    assert result.returncode == 0, result.stderr
    assert "at least 20 dB" in result.stdout
    assert target.stat().st_size < 0.4 * model.stat().st_size
    assert "SQNR" in report.read_text()
    target.unlink()
    result = onward("quantize", model, "-o", target, *flags, "--min-sqnr", "200dB")
    assert result.returncode == 8
    assert "does not hold for any choice of nodes" in result.stderr
    assert not target.exists()
