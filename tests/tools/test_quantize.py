"""Quantised models: small, close to what they were made of, and guarded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from sklearn.datasets import load_digits

import onward
from onward.errors import InvalidArgumentError, VerificationError
from onward.runtime import Session
from onward.tools.quantize import Quantization, quantize
from tests.command import DIGITS


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quantize") / "digits.onnx"
    onward.convert(DIGITS / "saved_model", output=path, verify=False)
    return path


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images, labels = load_digits(return_X_y=True)
    path = tmp_path_factory.mktemp("quantize") / "digits.npz"
    np.savez(path, image=images.reshape(-1, 8, 8, 1).astype(np.float32), y=labels)
    return path


@pytest.fixture(scope="module")
def uneven(digits: Path) -> Path:
    """The digits network with one channel of the first convolution a thousand times larger, and the next undoing it.

    It computes the same, and is what training leaves without anything to keep channels alike: the range of the tensor
    between the two is that one channel's, so that all others round to nothing.
    """
    model = onnx.load(digits)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    first, second = [node for node in model.graph.node if node.op_type == "Conv"][:2]
    for name, factor in ((first.input[1], 1000.0), (first.input[2], 1000.0), (second.input[1], 1 / 1000.0)):
        array = numpy_helper.to_array(weights[name]).copy()
        array[5] *= factor
        weights[name].CopyFrom(numpy_helper.from_array(array, name))
    path = digits.with_name("uneven.onnx")
    onnx.save(model, path)
    return path


def _accuracy(path: Path, data: Path) -> float:
    with np.load(data) as arrays:
        [answers] = Session(path).run({"image": arrays["image"]}).values()
        return float(np.mean(answers.argmax(axis=1) == arrays["y"]))


@pytest.mark.parametrize("kind", ["int8", "int8-dynamic", "int4"])
def test_digits_keep_their_accuracy(kind: str, digits: Path, labelled: Path, tmp_path: Path) -> None:
    target = tmp_path / "small.onnx"
    result = quantize(digits, target, to=kind, data=labelled, labels="y", max_drop="0.5%", samples=2000, timed=False)
    assert result.accuracy_before is not None
    assert _accuracy(target, labelled) == result.figures.accuracy
    assert _accuracy(digits, labelled) - _accuracy(target, labelled) <= 0.005
    assert target.stat().st_size == result.size_after < 0.42 * digits.stat().st_size
    onnx.checker.check_model(onnx.load(target), full_check=False)


def test_plain_int8_fails_and_the_guard_mends_it(uneven: Path, digits: Path, labelled: Path, tmp_path: Path) -> None:
    plain = quantize(uneven, data=labelled, labels="y", timed=False)
    assert plain.accuracy_before == pytest.approx(_accuracy(digits, labelled), abs=0.01)
    assert plain.figures.accuracy is not None
    assert plain.figures.accuracy < plain.accuracy_before - 0.1
    assert not plain.kept

    target = tmp_path / "guarded.onnx"
    guarded = quantize(uneven, target, data=labelled, labels="y", max_drop="0.5%", samples=2000, timed=False)
    assert [step.holds for step in guarded.steps].count(False) >= 1
    assert guarded.steps[0].kept == 0
    assert not guarded.steps[0].holds
    assert _accuracy(uneven, labelled) - _accuracy(target, labelled) <= 0.005
    assert 1 <= len(guarded.kept) <= 3
    assert guarded.kept[0].unit.op == "Conv"
    assert guarded.kept[0].alone is not None
    quantised = sum(sum(ops.values()) for ops in guarded.quantised.values())
    assert quantised >= 2
    ops = [node.op_type for node in onnx.load(target).graph.node]
    assert ops.count("QuantizeLinear") >= 2
    text = str(guarded)
    assert "falls short" in text
    assert f"in float  Conv '{guarded.kept[0].unit.node}'" in text


def test_a_limit_that_nothing_holds_leaves_no_file(uneven: Path, labelled: Path, tmp_path: Path) -> None:
    target = tmp_path / "none.onnx"
    with pytest.raises(VerificationError, match="does not hold for any choice of nodes") as caught:
        quantize(uneven, target, data=labelled, labels="y", min_sqnr="150 dB", samples=64)
    assert not target.exists()
    assert isinstance(caught.value.result, Quantization)
    assert len(caught.value.result.steps) > 2


def test_time_may_run_out(uneven: Path, labelled: Path) -> None:
    with pytest.raises(VerificationError, match="in the time given"):
        quantize(uneven, data=labelled, labels="y", min_sqnr=150, samples=64, budget=0)


def test_unlabelled_samples_are_guarded_too(uneven: Path, labelled: Path) -> None:
    with np.load(labelled) as arrays:
        images = arrays["image"]
    result = quantize(uneven, data={"image": images}, min_sqnr=15, samples=128, timed=False)
    assert result.kept
    assert result.figures.sqnr is not None
    assert result.figures.sqnr >= 15
    assert result.figures.accuracy is None


def test_a_metric_of_ones_own(digits: Path, labelled: Path) -> None:
    seen = []

    def metric(outputs, labels) -> float:
        [answers] = outputs.values()
        seen.append(answers.shape)
        return float(np.mean(np.log(answers[np.arange(len(labels)), labels])))

    result = quantize(digits, data=labelled, labels="y", metric=metric, max_drop=0.5, samples=100, timed=False)
    assert seen[0] == (100, 10)
    assert result.accuracy_before is not None
    assert result.accuracy_before < 0


def test_what_is_asked_for_stays_in_float(digits: Path, labelled: Path) -> None:
    result = quantize(digits, data=labelled, labels="y", keep=["Gemm"], samples=32, timed=False)
    assert [(each.unit.op, each.reason) for each in result.kept] == [("Gemm", "as asked")] * 2
    assert result.quantised == {"integers": {"Conv": 3}}
    assert result.model_proto is not None
    weights = {tensor.name: tensor for tensor in result.model_proto.graph.initializer}
    gemms = [node for node in result.model_proto.graph.node if node.op_type == "Gemm"]
    assert all(weights[node.input[1]].data_type == onnx.TensorProto.FLOAT for node in gemms)


@pytest.mark.parametrize("calibration", ["minmax", "entropy", "percentile=99.9"])
def test_ways_of_choosing_ranges(calibration: str, digits: Path, labelled: Path) -> None:
    result = quantize(digits, data=labelled, labels="y", calibration=calibration, samples=256, timed=False)
    assert result.figures.sqnr is not None
    assert result.figures.sqnr > 18
    assert result.accuracy_before - result.figures.accuracy < 0.02


def test_symmetric_activations_have_no_zero_point(digits: Path, labelled: Path) -> None:
    result = quantize(digits, data=labelled, labels="y", symmetric=True, samples=64, timed=False)
    assert result.model_proto is not None
    points = {tensor.name: numpy_helper.to_array(tensor) for tensor in result.model_proto.graph.initializer}
    nodes = [node for node in result.model_proto.graph.node if node.op_type == "QuantizeLinear"]
    assert nodes
    assert all(points[node.input[2]].dtype == np.int8 and not points[node.input[2]].any() for node in nodes)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_halves_are_one_more_kind(kind: str, tmp_path: Path, labelled: Path) -> None:
    source, target = tmp_path / "digits.onnx", tmp_path / "half.onnx"
    onward.convert(DIGITS / "saved_model", output=source, verify=False, opset=22)  # the first with bfloat16 in Conv
    if kind == "bfloat16":
        result = quantize(source, to=kind, data=labelled, labels="y", samples=32, timed=False, min_sqnr=20)
    else:
        result = quantize(source, target, to=kind, data=labelled, labels="y", samples=32, max_drop="1%")
        assert target.stat().st_size < 0.6 * source.stat().st_size
        assert result.speed is not None
    assert result.figures.agreement == 1
    assert result.quantised["halves"]["Conv"] == 3


def test_the_result_is_told_and_kept(digits: Path, labelled: Path, tmp_path: Path) -> None:
    result = quantize(digits, tmp_path / "q.onnx", data=labelled, labels="y", samples=64)
    said = result.to_dict()
    assert said["size"]["ratio"] == pytest.approx(result.ratio)
    assert said["speed"]["ratio"] > 0
    assert said["steps"][0]["kept"] == 0
    assert said["steps"][0]["time"] > 0
    assert "In float by their nature" in result.save(tmp_path / "r.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"to": "int3"}, "int8-dynamic"),
        ({}, "data to calibrate on"),
        ({"max_drop": 0.01, "to": "int4"}, "give labels"),
        ({"to": "int4", "min_sqnr": "loud"}, "30dB"),
        ({"to": "int4", "calibration": "median"}, "percentile"),
        ({"to": "int4", "keep": ["Conv", "MatMul"]}, "kept as asked"),
        ({"to": "int4", "keep": ["Convv"]}, "did you mean 'Conv'"),
    ],
)
def test_what_cannot_be_honoured_is_refused(arguments: dict, words: str, digits: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        quantize(digits, **arguments)
