"""From a source to a deployment, as a user goes: the digits example command by command, a MobileNetV2 by a list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.datasets import load_digits

from bench.calibrate import calibrate, images
from onward.tools.check.table import names
from onward.tools.package import KINDS
from tests import javascript
from tests.command import DIGITS, onward

GOLDEN = DIGITS / "golden.npz"
DROP = 0.005  # of accuracy, that quantising may cost
SQNR = 15  # dB
WEB = pytest.mark.skipif(not javascript.HAS_WEB, reason=javascript.WHY_NOT)


def succeeds(*arguments: Any) -> str:
    """What a command prints, which ends well and complains of nothing."""
    result = onward(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the digits example goes."""
    return tmp_path_factory.mktemp("digits")


@pytest.fixture(scope="module")
def data(folder: Path) -> Path:
    """Handwritten digits with what they are."""
    pictures, labels = load_digits(return_X_y=True)
    np.savez(folder / "data.npz", image=pictures.reshape(-1, 8, 8, 1).astype(np.float32), label=labels)
    return folder / "data.npz"


@pytest.fixture(scope="module")
def converted(folder: Path) -> Path:
    path = folder / "digits.onnx"
    flags = ("--golden", GOLDEN, "--junit", folder / "convert.xml", "--report", folder / "convert.html")
    assert "equal to the answers in golden.npz" in succeeds("convert", DIGITS / "saved_model", "-o", path, *flags)
    return path


@pytest.fixture(scope="module")
def lean(converted: Path, folder: Path) -> Path:
    path = folder / "lean.onnx"
    assert "equal to 'digits.onnx'" in succeeds("optimize", converted, "-o", path, "--report", folder / "optimize.html")
    return path


@pytest.fixture(scope="module")
def quantised(lean: Path, data: Path, folder: Path) -> Path:
    path = folder / "int8.onnx"
    flags = ("--labels", "label", "--max-drop", f"{DROP:.1%}", "--report", folder / "quantize.html", "--json")
    succeeds("quantize", lean, "-o", path, "--data", data, *flags)
    return path


def test_digits_are_verified(lean: Path) -> None:
    assert " ok" in succeeds("verify", lean, "--golden", GOLDEN)


def test_digits_keep_their_accuracy_in_int8(lean: Path, quantised: Path, data: Path) -> None:
    with np.load(data) as arrays:
        pictures, labels = arrays["image"], arrays["label"]
    accuracy = {}
    for path in (lean, quantised):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        [answers] = session.run(None, {"image": pictures})
        accuracy[path] = float(np.mean(answers.argmax(1) == labels))
    assert accuracy[lean] > 0.97
    assert accuracy[quantised] >= accuracy[lean] - DROP
    integers = {node.op_type for node in onnx.load(quantised).graph.node}
    assert "QuantizeLinear" in integers


def test_digits_run(quantised: Path, folder: Path) -> None:
    succeeds("run", quantised, "--inputs", GOLDEN, "-o", folder / "answers.npz")
    with np.load(folder / "answers.npz") as got, np.load(GOLDEN) as golden:
        [answers] = got.values()
        assert (answers.argmax(1) == golden["output:digit"].argmax(1)).mean() > 0.9


def test_digits_are_timed(lean: Path, quantised: Path, folder: Path) -> None:
    flags = ("--runs", 5, "--threads", 1, "--clients", 0, "--report", folder / "bench.html")
    told = succeeds("bench", lean, quantised, *flags)
    assert "options.intra_op_num_threads = 1" in told


def test_digits_are_checked_against_every_target(lean: Path, folder: Path) -> None:
    found = json.loads(succeeds("check", lean, "--target", "all", "--report", folder / "check.html", "--json"))
    assert set(found["targets"]) == set(names("all"))
    assert all(verdict["runs"] for verdict in found["targets"].values())


def test_digits_in_int8_run_where_they_are_said_to(quantised: Path) -> None:
    result = onward("check", quantised, "--target", "all", "--json")
    found = json.loads(result.stdout)
    assert result.returncode == (0 if found["runs"] else 9)
    assert all(found["targets"][name]["complete"] for name in ("cpu", "openvino", "web-wasm", "node"))


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=WEB if kind == "web" else ()) for kind in KINDS])
def test_digits_are_packaged(lean: Path, folder: Path, kind: str) -> None:
    runtime = ("--runtime", javascript.WEB_RUNTIME) if kind == "web" else ()
    told = succeeds("package", lean, "--for", kind, "-o", folder / kind, "--golden", GOLDEN, *runtime)
    assert "checked" in told
    assert any((folder / kind).iterdir())


@pytest.mark.parametrize("name", ["convert", "optimize", "quantize", "check"])
def test_digits_are_reported_on(lean: Path, quantised: Path, folder: Path, name: str) -> None:
    if name == "check":
        succeeds("check", lean, "--report", folder / "check.html")
    page = (folder / f"{name}.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert f"onward {name}" in page  # how to repeat it
    assert "http://" not in page.replace("http://www.w3.org", "")  # nothing is loaded from elsewhere


@pytest.fixture(scope="module")
def mobile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small MobileNetV2 with random weights, what it answers, and the list that takes it on."""
    root = tmp_path_factory.mktemp("mobile")
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), alpha=0.35, classes=10)
    pictures = images(8, 64, 64)
    calibrate(model, pictures)
    model.save(root / "mobilenet.keras")
    names = f"input:{model.layers[0].name}", f"output:{model.output_names[0]}"
    np.savez(root / "data.npz", **dict(zip(names, (pictures, model(pictures)), strict=True)))
    steps = [
        ("optimize", {"output": "{name}.lean.onnx"}),
        ("verify", {"golden": "data.npz"}),
        *(
            ("package", {"kind": kind, "output": f"packages/{kind}", "golden": "data.npz"})
            for kind in ("mobile", "triton")
        ),
        ("check", {"target": "all"}),
        ("quantize", {"output": "{name}.int8.onnx", "data": "data.npz", "min_sqnr": SQNR, "timed": False}),
        ("bench", {"runs": 3, "threads": [1], "clients": [0]}),
        ("package", {"kind": "docker", "output": "packages/docker"}),
        ("check", {"target": "cpu"}),
    ]
    lines = ["[models.mobilenet]", 'source = "mobilenet.keras"', "verify = true"]
    for function, given in steps:
        lines += ["[[models.mobilenet.steps]]", f'run = "{function}"']
        lines += [f"{key} = {json.dumps(value)}" for key, value in given.items()]
    (root / "onward.toml").write_text("\n".join(lines))
    return root


def test_mobilenet_goes_all_the_way(mobile: Path) -> None:
    flags = ("--junit", mobile / "results.xml", "--report", mobile / "report.html", "--json")
    [found] = json.loads(succeeds("convert", "--config", mobile / "onward.toml", *flags))["models"]
    done = found["done"]
    assert found["status"] == "ok"
    assert [each["name"] for each in done] == [
        "convert", "optimize", "verify", "package", "package", "check", "quantize", "bench", "package", "check",
    ]  # fmt: skip
    assert all(each["passed"] for each in done)
    assert done[0]["text"].startswith("equal to TensorFlow 2")
    assert done[6]["size"] < 0.45 * done[1]["size"]  # small as it is, names and scales take a part of it
    assert {path.name for path in (mobile / "packages").iterdir()} == {"mobile", "triton", "docker"}
    assert "mobilenet" in (mobile / "report.html").read_text()
    answers = _answers(mobile / "mobilenet.int8.onnx", mobile / "data.npz")
    with np.load(mobile / "data.npz") as arrays:
        [expected] = [array for name, array in arrays.items() if name.startswith("output:")]
    noise = np.sum((answers - expected) ** 2)
    assert 10 * np.log10(np.sum(expected**2) / noise) > SQNR - 1


def _answers(model: Path, data: Path) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    with np.load(data) as arrays:
        [pictures] = [array for name, array in arrays.items() if name.startswith("input:")]
    [answers] = session.run(None, {session.get_inputs()[0].name: pictures})
    return answers
