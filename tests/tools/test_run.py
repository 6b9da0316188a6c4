"""`onward run`: inputs from files or drawn, outputs as figures and files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.runtime import Port, Session
from onward.tools import inputs, pictures
from onward.tools.run import figures, run
from tests.command import DIGITS, onward


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "digits.onnx"
    result = onward("convert", DIGITS / "saved_model", "-o", path, "--no-verify")
    assert result.returncode == 0, result.stderr
    return path


def test_recorded_inputs_give_the_recorded_outputs(digits: Path, tmp_path: Path) -> None:
    out, trace = tmp_path / "out.npz", tmp_path / "trace.json"
    given = [digits, "--inputs", DIGITS / "golden.npz", "-o", out, "--threads", 1, "--profile", trace]
    given += ["--json", "--report", tmp_path / "page.md"]
    result = onward("run", *given, "--provider", "cuda,cpu", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["providers"] == ["cpu"]
    assert "pip install onnxruntime-gpu" in found["fallbacks"][0]["reason"]
    expected = np.load(DIGITS / "golden.npz")["output:digit"]
    assert np.allclose(np.load(out)["output_0"], expected, atol=1e-5)
    [[figure]] = found["outputs"]
    assert figure["shape"] == list(expected.shape)
    assert figure["high"] == pytest.approx(float(expected.max()), abs=1e-5)
    assert "Conv" in {timing["operator"] for timing in found["profile"]["timings"]}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.npz", "page.md", "trace.json"]
    assert "onnxruntime-gpu" in (tmp_path / "page.md").read_text()


def test_without_inputs_some_are_drawn(digits: Path) -> None:
    result = onward("run", digits, "--dim", "batch=5")
    assert result.returncode == 0, result.stderr
    assert "inputs, drawn: image float32 (5, 8, 8, 1)" in result.stdout
    assert "(5, 10)" in result.stdout
    assert onward("run", digits, "--dim", "length=5").returncode == InvalidArgumentError.exit_code


def test_a_provider_that_is_not_here_ends_with_what_to_install(digits: Path) -> None:
    result = onward("run", digits, "--provider", "directml")
    assert result.returncode == 4
    assert "pip install onnxruntime-directml" in result.stderr


def test_a_picture_is_read_as_the_input_wants_it(digits: Path, tmp_path: Path) -> None:
    golden = np.load(DIGITS / "golden.npz")
    scaled = golden["input:image"][:1]
    Image.fromarray((scaled[0, :, :, 0] * 255 / max(scaled.max(), 1)).round().astype(np.uint8)).save(tmp_path / "d.png")
    session = Session(digits)
    [arrays] = inputs.read([f"image={tmp_path / 'd.png'}"], session)
    assert arrays["image"].shape == (1, 8, 8, 1)
    assert arrays["image"].max() == 255
    ran = run(session, [str(tmp_path / "d.png")], preprocess="unit")
    assert ran.outputs[0]["output_0"].shape == (1, 10)


def test_pictures_are_resized_moved_and_scaled(tmp_path: Path) -> None:
    Image.new("RGB", (20, 10), (255, 0, 51)).save(tmp_path / "p.png")
    first = Port("x", np.dtype("float32"), ("n", 3, 4, 6))
    array = pictures.read(tmp_path / "p.png", first, pictures.preprocessing("tf"))
    assert array.shape == (1, 3, 4, 6)
    assert array[0, :, 2, 3] == pytest.approx([1, -1, -0.6])
    free = pictures.read(tmp_path / "p.png", Port("x", np.dtype("uint8"), (None, None, 1)))
    assert free.shape == (10, 20, 1)
    assert free.dtype == np.uint8
    with pytest.raises(InvalidArgumentError, match="takes no picture"):
        pictures.read(tmp_path / "p.png", Port("x", np.dtype("float32"), ("n", 7)))
    (tmp_path / "q.png").write_text("none")
    with pytest.raises(InvalidSourceError, match="is no picture"):
        pictures.read(tmp_path / "q.png", first)


def _joined() -> bytes:
    """Two texts in, their concatenation out, and a number that is not one."""
    info = helper.make_tensor_value_info
    ins = [info("a", TensorProto.STRING, ["n"]), info("b", TensorProto.STRING, ["n"])]
    outs = [info("c", TensorProto.STRING, ["n"]), info("z", TensorProto.FLOAT, [3])]
    odd = helper.make_tensor("v", TensorProto.FLOAT, [3], [1.0, float("nan"), float("-inf")])
    nodes = [helper.make_node("StringConcat", ["a", "b"], ["c"]), helper.make_node("Constant", [], ["z"], value=odd)]
    model = helper.make_model(
        helper.make_graph(nodes, "g", ins, outs), opset_imports=[helper.make_opsetid("", 21)], ir_version=10
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def test_texts_and_what_is_no_number(tmp_path: Path) -> None:
    session = Session(_joined())
    np.save(tmp_path / "a.npy", np.array(["x", "é"]))
    np.savez(tmp_path / "b.npz", b=np.array(["1", "2"]))
    ran = run(session, [f"a={tmp_path / 'a.npy'}", str(tmp_path / "b.npz")], tmp_path / "out.npz")
    assert np.load(tmp_path / "out.npz")["c"].tolist() == ["x1", "é2"]
    [[texts, numbers]] = ran.figures
    assert texts.sample == ("x1", "é2")
    assert (numbers.low, numbers.high, numbers.nans, numbers.infinities) == (1, 1, 1, 1)
    assert "'x1'" in str(ran)


def test_files_that_do_not_fit(digits: Path, tmp_path: Path) -> None:
    session = Session(_joined())
    with pytest.raises(InvalidArgumentError, match="say which input"):
        inputs.read([str(tmp_path / "a.npy")], session)
    with pytest.raises(InvalidArgumentError, match="no input 'q'"):
        inputs.read(["q=a.npy"], session)
    with pytest.raises(InvalidSourceError):
        inputs.read([f"a={tmp_path / 'missing.npy'}"], session)


def test_figures_of_nothing() -> None:
    empty = figures("x", np.zeros((0, 2), np.float32))
    assert (empty.low, empty.nans) == (None, 0)
