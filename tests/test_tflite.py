"""Whole TFLite models: every kind of quantisation that the converter makes, names, shapes, files that are not there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf

import onward
from onward.errors import InvalidArgumentError, InvalidSourceError, OnwardError
from onward.tools.inspect import inspect
from tests.tflite.build import Model, case, f32, i8, weights, write

SHAPE = (12, 12, 3)


def picture() -> tf.Module:
    """Convolutions of all kinds, a residual, pools and a classifier."""
    layers = tf.keras.layers
    x = inputs = tf.keras.Input(SHAPE)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = layers.DepthwiseConv2D(3, padding="same")(x)
    y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
    x = layers.Add()([x, layers.Conv2D(8, 1)(y)])
    x = layers.MaxPooling2D(2)(x)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.Conv2D(12, 3, strides=2, activation="relu6")(x)
    x = layers.Conv2DTranspose(8, 2, strides=2, padding="same")(x)
    x = layers.Concatenate()([layers.LeakyReLU()(x), layers.Activation("sigmoid")(x)])
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return tf.keras.Model(inputs, layers.Dense(5, activation="softmax")(x))


def sequence() -> tf.Module:
    """A Transformer's block on vectors."""
    layers = tf.keras.layers
    x = inputs = tf.keras.Input((6, 12))
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 6)(x, x))
    x = layers.Dense(12)(layers.Dense(24, activation="gelu")(x))
    return tf.keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


def _samples(shape: tuple[int, ...]) -> Callable[[], Iterator[list[np.ndarray]]]:
    rng = np.random.default_rng(0)
    return lambda: ([rng.uniform(-1, 1, (1, *shape)).astype(np.float32)] for _ in range(20))


def plain(converter: Any) -> None:
    pass


def half(converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def dynamic(converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def whole(converter: Any) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = _samples(converter.shape)


def integers(converter: Any) -> None:
    whole(converter)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type, converter.inference_output_type = tf.int8, tf.uint8


def wide(converter: Any) -> None:
    whole(converter)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]


KINDS = (plain, half, dynamic, whole, integers, wide)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The file of a model in a kind of quantisation, converted once."""
    folder = tmp_path_factory.mktemp("tflite")

    def make(build: Callable[[], Any], kind: Callable[[Any], None]) -> Path:
        path = folder / f"{build.__name__}_{kind.__name__}.tflite"
        if not path.exists():
            tf.keras.utils.set_random_seed(1)
            model = build()
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.shape = model.input_shape[1:]
            kind(converter)
            path.write_bytes(converter.convert())
        return path

    return make


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
@pytest.mark.parametrize("build", [picture, sequence], ids=lambda b: b.__name__)
def test_kinds(made: Callable[..., Path], build: Callable[[], Any], kind: Callable[[Any], None]) -> None:
    if build is sequence and kind is wide:
        return  # TensorFlow's converter has no int16 NEG
    program = onward.convert(made(build, kind), verify=True)
    assert program.verification is not None
    assert program.verification.passed
    dtypes = [port.dtype.name for ports in (program.session.inputs, program.session.outputs) for port in ports]
    assert dtypes == (["int8", "uint8"] if kind is integers else ["float32", "float32"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [whole, integers], ids=lambda k: k.__name__)
def test_integer_kernels(made: Callable[..., Path], tmp_path: Path, kind: Callable[[Any], None]) -> None:
    """ONNX Runtime has none for ConvTranspose and Resize; everything else that computes runs in integers."""
    program = onward.convert(made(picture, kind), verify=False)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(program.model_proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = Counter(node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node)
    assert found["QLinearConv"] == 4
    assert found["QLinearGlobalAveragePool"] == 1
    assert found["QLinearAdd"] == found["QLinearSigmoid"] == found["QLinearLeakyRelu"] == found["QGemm"] == 1
    assert not {"Conv", "Add", "Gemm", "Sigmoid", "LeakyRelu", "Softmax"} & set(found)


@pytest.mark.filterwarnings("ignore")
def test_dequantize(made: Callable[..., Path]) -> None:
    """A float model of a quantised one: float inputs and outputs, and nearly what the float model computes."""
    program = onward.convert(made(picture, integers), dequantize=True)
    assert not {"QuantizeLinear", "DequantizeLinear"} & {node.op_type for node in program.model_proto.graph.node}
    assert any("not verified" in note for note in program.notes)
    real = onward.convert(made(picture, plain), verify=False)
    x = next(_samples(SHAPE)())[0]
    (got,), (wanted,) = (p.run({p.input_names[0]: x}).values() for p in (program, real))
    np.testing.assert_allclose(got, wanted, atol=0.02)


@pytest.mark.filterwarnings("ignore")
def test_names_and_shapes(made: Callable[..., Path]) -> None:
    path = made(picture, plain)
    program = onward.convert(path, verify=False)
    (port,) = program.session.inputs
    assert (port.name, port.shape[0], tuple(port.shape[1:])) == (program.input_names[0], "batch", SHAPE)
    with pytest.raises(InvalidArgumentError, match="no signature 'other'; it has: serving_default"):
        onward.convert(path, signature="other")
    fixed = onward.convert(path, inputs=[onward.spec(2, *SHAPE)], verify=False)
    assert fixed.session.inputs[0].shape == (2, *SHAPE)


def test_names_without_a_signature(tmp_path: Path) -> None:
    path = write(case("ADD", [f32(2, 3), f32(3)], [f32(2, 3)]), tmp_path / "add.tflite")
    program = onward.convert(path)
    assert (program.input_names, program.output_names) == (["x0", "x1"], ["y0"])
    wider = onward.convert(path, inputs={"x0": onward.spec("rows", 3)})  # the interpreter resizes inputs, too
    assert wider.session.inputs[0].shape == ("rows", 3)
    found = inspect(path)
    assert "TFLite" in str(found)
    assert "x0: float32 (2, 3)" in str(found)


def test_recorded_answers_know_their_slack(tmp_path: Path) -> None:
    path = write(_dense(), tmp_path / "dense.tflite")
    (first, *_) = onward.record(path, tmp_path / "io.npz")
    assert float(first.slack["y0"]) >= 1
    assert np.ptp(first.inputs["x0"].astype(int)) > 100  # quantised inputs are drawn from all there are
    assert onward.verify(onward.convert(path, verify=False), golden=tmp_path / "io.npz").passed


def _dense() -> Any:
    w, b = weights(6, 7, dtype="int8", scale=0.01), weights(6, dtype="int32", scale=0.0005)
    return case("FULLY_CONNECTED", [i8(None, 7), w, b], [i8(scale=0.5)], version=4)


def test_needs_no_tensorflow(tmp_path: Path) -> None:
    path = write(_dense(), tmp_path / "dense.tflite")
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None; import onward; "
        f"onward.convert({str(path)!r}, output={str(tmp_path / 'dense.onnx')!r}, verify=False)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, env=environment)
    assert (tmp_path / "dense.onnx").exists()


def test_weights_behind_the_flatbuffer(tmp_path: Path) -> None:
    """Files above 2 GB keep buffers behind the FlatBuffer, at an offset from the file's start."""
    c = case("MUL", [f32(3), weights(3)], [f32(3)])
    model = Model()
    graph = model.subgraph()
    for i, t in enumerate([*c.inputs, *c.outputs]):
        model.tensor(graph, t, f"t{i}")  # type: ignore[arg-type]
    model.operator(graph, "MUL", [0, 1], [2], {})
    graph.inputs, graph.outputs = [0], [2]
    moved = bytes(model.model.buffers[1].data)
    model.model.buffers[1].data, model.model.buffers[1].size = None, len(moved)
    for _ in range(2):  # the offset is known once the rest has its size
        model.model.buffers[1].offset = 4096
        path = model.save(tmp_path / "large.tflite")
    data = path.read_bytes()
    path.write_bytes(data + bytes(4096 - len(data)) + moved)
    x = np.arange(3, dtype=np.float32)
    program = onward.convert(path, verify=False)
    np.testing.assert_allclose(program.run({"t0": x})["t2"], x * np.frombuffer(moved, np.float32))


@pytest.mark.parametrize(
    ("data", "fault"),
    [(b"", "empty"), (b"\x1c\0\0\0TFL4" + bytes(64), "TFL3"), (b"\xff\xff\0\0TFL3" + bytes(64), "damaged")],
)
def test_no_model(tmp_path: Path, data: bytes, fault: str) -> None:
    path = tmp_path / "some.tflite"
    path.write_bytes(data)
    with pytest.raises(InvalidSourceError, match=rf"some\.tflite.*{fault}"):
        onward.convert(path)


@pytest.mark.parametrize("seed", range(6))
def test_damage(tmp_path: Path, seed: int) -> None:
    """Whatever happens to a file, it converts or is refused."""
    rng = np.random.default_rng(seed)
    path = write(_dense(), tmp_path / "dense.tflite")
    whole = path.read_bytes()
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        match rng.integers(4):
            case 0:
                del data[rng.integers(len(data)) :]
            case 1:
                data[rng.integers(len(data))] ^= 1 << rng.integers(8)
            case 2:
                at = rng.integers(len(data) - 4)
                data[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\1\0\0\0"])
            case _:
                at, source = rng.integers(len(data) - 8, size=2)
                data[at : at + 8] = data[source : source + 8]
        path.write_bytes(data)
        try:
            onward.convert(path, verify=False)
        except OnwardError:
            refused += 1
    assert refused > 20
