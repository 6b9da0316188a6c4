"""What all kinds of package have in common: whole or not at all, tested on answers, clear about what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import onward
from onward.errors import InvalidArgumentError, InvalidSourceError, OutputError, VerificationError
from onward.tools import golden
from onward.tools.package import KINDS
from onward.tools.package.folder import MANIFEST, building, manifest
from tests.command import DIGITS
from tests.command import onward as command
from tests.tools.package.conftest import GOLDEN, model

OTHERS = [kind for kind in KINDS if kind != "web"]  # that need nothing but what the tests have


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_says_what_it_is(kind: str, digits: Path, runtime: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    options = {"runtime": runtime} if kind == "web" else {}
    result = onward.package(digits, folder, kind, golden=GOLDEN, **options)
    assert sorted(result.files) == sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    about = json.loads((folder / MANIFEST).read_text())
    assert about["kind"] == result.kind == kind
    assert "golden.npz" in str(result) or kind == "triton"
    readme = (folder / "README.md").read_text()
    assert "digits" in readme
    assert "batch × 8 × 8 × 1" in readme or kind == "web"
    assert "{{" not in readme
    assert result.to_dict()["files"]["README.md"] == len(readme.encode())
    assert {path.name for path in tmp_path.iterdir()} == {"out", "onnxruntime-web"}


@pytest.mark.parametrize("kind", KINDS)
def test_weights_beside_the_model_come_along(kind: str, external: Path, runtime: Path, tmp_path: Path) -> None:
    options = {"runtime": runtime} if kind == "web" else {}
    result = onward.package(external, tmp_path / "out", kind, golden=GOLDEN, **options)
    if kind == "mobile":  # in one file with the model
        assert result.files["model.ort"] > external.with_name("apart.onnx.data").stat().st_size
        return
    [place] = [path for path in result.files if path.endswith("model.onnx")]
    copied = tmp_path / "out" / place
    assert copied.with_name("apart.onnx.data").read_bytes() == external.with_name("apart.onnx.data").read_bytes()
    assert onward.verify(copied, golden=GOLDEN).passed


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_not_finished_is_not_there(kind: str, digits: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.npz"
    [example] = golden.read(GOLDEN)
    golden.write(wrong, [example._replace(outputs={"digit": example.outputs["digit"] + 1})])
    onward.package(digits, tmp_path / "out", kind)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with pytest.raises(VerificationError, match="too far off"):
        onward.package(digits, tmp_path / "out", kind, golden=wrong)
    with pytest.raises(VerificationError):
        onward.package(digits, tmp_path / "new", kind, golden=wrong)
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "wrong.npz"]


def test_only_packages_of_the_same_kind_are_replaced(digits: Path, tmp_path: Path) -> None:
    onward.package(digits, tmp_path / "out", "docker")
    (tmp_path / "out" / "old").touch()
    onward.package(digits, tmp_path / "out", "docker", name="again")
    assert not (tmp_path / "out" / "old").exists()
    assert manifest(tmp_path / "out") is not None
    with pytest.raises(OutputError, match="package for docker"):
        onward.package(digits, tmp_path / "out", "mobile")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(OutputError, match="not empty"):
        onward.package(digits, tmp_path / "mine", "docker")
    with pytest.raises(OutputError, match="is a file"):
        onward.package(digits, tmp_path / "mine" / "thesis.tex", "docker")
    with pytest.raises(OutputError, match="does not exist"):
        onward.package(digits, tmp_path / "nowhere" / "out", "docker")


def test_an_interrupted_package_leaves_nothing(tmp_path: Path) -> None:
    def begin() -> None:
        with building(tmp_path / "out", "docker") as folder:
            (folder / "half").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin()
    assert list(tmp_path.iterdir()) == []


def test_a_program_is_packaged_as_its_file_is(tmp_path: Path) -> None:
    program = onward.convert(DIGITS / "saved_model", verify=False)
    result = onward.package(program, tmp_path / "out", "docker", name="net", golden=GOLDEN)
    assert result.name == "net"
    assert onward.verify(tmp_path / "out" / "model" / "model.onnx", golden=GOLDEN).passed


def test_arguments_that_contradict_are_told(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for match, kind, options in (
        ("no package for 'toaster'", "toaster", {}),
        ("for docker knows no labels", "docker", {"labels": "l.txt"}),
        ("knows no port", "triton", {"port": 80}),
        ("port is 80", "docker", {"port": 80}),
        ("'a/b' is no name", "docker", {"name": "a/b"}),
        ("not both", "docker", {"golden": GOLDEN, "data": GOLDEN}),
        ("platform is 'mips'", "mobile", {"platform": "mips"}),
    ):
        with pytest.raises(InvalidArgumentError, match=match):
            onward.package(digits, out, kind, **options)
    assert not out.exists()


def test_models_that_cannot_be_read_are_told(digits: Path, external: Path, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    lonely = tmp_path / "lonely.onnx"
    lonely.write_bytes(external.read_bytes())
    for match, path in (("does not exist", "none.onnx"), ("no ONNX model", "text.onnx"), ("is missing", "lonely.onnx")):
        with pytest.raises(InvalidSourceError, match=match):
            onward.package(tmp_path / path, tmp_path / "out", "docker")
    custom = model(
        tmp_path / "custom.onnx",
        [helper.make_node("Own", ["x"], ["y"], domain="my.domain")],
        [("x", TensorProto.FLOAT, [1])],
        [("y", TensorProto.FLOAT, [1])],
    )
    proto = onnx.load(custom)
    proto.opset_import.append(helper.make_opsetid("my.domain", 1))
    onnx.save(proto, custom)
    with pytest.raises(InvalidArgumentError, match=r"operators of my\.domain"):
        onward.package(custom, tmp_path / "out", "docker")
    assert not (tmp_path / "out").exists()


def test_kinds_refuse_dtypes_that_they_lack(halves: Path, runtime: Path, tmp_path: Path) -> None:
    for kind, who in (("web", "ONNX Runtime Web"), ("triton", "Triton"), ("docker", "Open Inference Protocol")):
        with pytest.raises(InvalidArgumentError, match=f"{who}.* no bfloat16, which 'x' is"):
            onward.package(halves, tmp_path / "out", kind)


def test_random_outputs_are_not_held_to_their_values(runtime: Path, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["noise"]),
        helper.make_node("Add", ["x", "noise"], ["noisy"]),
        helper.make_node("Neg", ["x"], ["y"]),
    ]
    ports = [[(name, TensorProto.FLOAT, ["batch", 3]) for name in names] for names in (["x"], ["noisy", "y"])]
    onward.package(model(tmp_path / "noise.onnx", nodes, *ports), tmp_path / "out", "web", runtime=runtime)
    tests = json.loads((tmp_path / "out" / "selftest.json").read_text())
    assert [[output["random"] for output in example["outputs"]] for example in tests["examples"]] == [[True, False]] * 2


def test_recorded_answers_lie_where_the_list_says(digits: Path, tmp_path: Path) -> None:
    onward.package(digits, tmp_path / "out", "mobile", golden=GOLDEN)
    tests = json.loads((tmp_path / "out" / "selftest.json").read_text())
    blob = (tmp_path / "out" / "selftest.bin").read_bytes()
    [example], [recorded] = tests["examples"], golden.read(GOLDEN)
    for entry, array in (
        (example["inputs"][0], recorded.inputs["image"]),
        (example["outputs"][0], recorded.outputs["digit"]),
    ):
        assert entry["offset"] % 8 == 0
        read = np.frombuffer(blob, "<f4", entry["bytes"] // 4, entry["offset"]).reshape(entry["shape"])
        np.testing.assert_array_equal(read, array)
    assert example["outputs"][0]["tolerance"] == 1e-4


def test_on_the_command_line(digits: Path, tmp_path: Path) -> None:
    result = command(
        "package", digits, "--for", "docker", "-o", tmp_path / "out", "--golden", GOLDEN, "--port", 9000, "--json",
        "--report", tmp_path / "report.md",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["kind"], found["name"]) == ("docker", "digits")
    assert "9000:9000" in found["next"]
    assert "server.py" in (tmp_path / "report.md").read_text()
    refused = command("package", digits, "--for", "mobile", "-o", tmp_path / "out")
    assert refused.returncode == 7
    assert refused.stderr.startswith("onward: cannot write")
