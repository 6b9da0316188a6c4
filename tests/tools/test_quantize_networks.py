"""Networks as people have them: how small they become, and what computes in integers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import onward
from onward.tools.quantize import quantize
from onward.tools.quantize.switchboard import _together

keras = pytest.importorskip("keras", reason="the networks are built with Keras")

TARGET = 0.27  # of the float file: a quarter, scales, and what stays in float


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="module")
def mobilenet(folder: Path) -> tuple[Path, dict[str, np.ndarray]]:
    from bench.calibrate import calibrate, images

    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3))
    calibrate(model, images(4, 64, 64))
    path = folder / "mobilenet.onnx"
    [name] = onward.convert(model, output=path, verify=False).input_names
    return path, {name: images(40, 64, 64, seed=3)}


@pytest.fixture(scope="module")
def transformer(folder: Path) -> tuple[Path, dict[str, np.ndarray]]:
    """Two blocks over a vocabulary of 2,000, of width 128."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    ids = keras.Input((16,), dtype="int32", name="ids")
    x = layers.Embedding(2000, 128)(ids)
    for _ in range(2):
        attended = layers.MultiHeadAttention(4, 32)(x, x)
        x = layers.LayerNormalization()(layers.Add()([x, attended]))
        wide = layers.Dense(128)(layers.Dense(512, activation="gelu")(x))
        x = layers.LayerNormalization()(layers.Add()([x, wide]))
    scores = layers.Dense(8)(layers.GlobalAveragePooling1D()(x))
    path = folder / "transformer.onnx"
    onward.convert(keras.Model(ids, scores), output=path, verify=False)
    return path, {"ids": np.random.default_rng(0).integers(0, 2000, (40, 16)).astype(np.int32)}


def _as_run(path: Path) -> Counter[str]:
    """The operators that ONNX Runtime makes of a model."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(path.with_suffix(".run.onnx"))
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node)


def test_mobilenet_is_a_quarter_and_runs_in_integers(mobilenet, tmp_path: Path) -> None:
    path, data = mobilenet
    result = quantize(path, tmp_path / "q.onnx", data=data, timed=False)
    assert result.ratio <= TARGET + 0.003  # the file states 64 pixels, and is otherwise that of 224
    assert result.quantised == {"integers": {"Conv": 52, "Gemm": 1}, "between": {"Add": 10}}
    assert result.figures.sqnr > 15
    ops = _as_run(tmp_path / "q.onnx")
    assert (ops["QLinearConv"], ops["QLinearAdd"], ops["Conv"]) == (52, 10, 0)


def test_mobilenet_is_guarded(mobilenet, tmp_path: Path) -> None:
    path, data = mobilenet
    data = {name: array[:8] for name, array in data.items()}
    plain = quantize(path, data=data, timed=False)
    wanted = plain.figures.sqnr + 1
    result = quantize(path, tmp_path / "q.onnx", data=data, min_sqnr=wanted, budget=600, timed=False)
    assert result.figures.sqnr >= wanted
    assert 1 <= len(result.kept) < 50
    assert [each.alone for each in result.kept] == sorted(each.alone for each in result.kept)
    assert result.steps[0].figures.sqnr < wanted
    assert result.size_after > plain.size_after


def test_where_time_is_short_neighbours_are_tried_together() -> None:
    assert _together(left=60, end=100, now=0, each=1.0) == 1
    assert _together(left=60, end=20, now=0, each=1.0) == 3
    assert _together(left=60, end=20, now=19.9, each=1.0) == 60
    assert _together(left=60, end=20, now=50, each=1.0) == 60


@pytest.mark.parametrize("kind", ["int8", "int8-dynamic", "int4"])
def test_a_transformer_is_a_quarter_or_less(kind: str, transformer, tmp_path: Path) -> None:
    path, data = transformer
    result = quantize(path, tmp_path / "q.onnx", to=kind, data=data, timed=False)
    assert result.ratio <= {"int4": 0.25}.get(kind, 0.29)  # names and shapes weigh in a model this small
    assert result.figures.sqnr > (18 if kind == "int4" else 30)
    assert result.quantised["rows"] == {"Gather": 1}
    assert result.left["MatMul"] == (4, "multiplies activations with each other")
    ops = _as_run(tmp_path / "q.onnx")
    assert ops["MatMulIntegerToFloat"] + ops["DynamicQuantizeMatMul"] + ops["MatMulNBits"] + ops["QGemm"] == 13
