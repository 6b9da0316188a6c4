"""The drop-in for tf2onnx: its functions and command lines, and the names and shapes that it gives."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import onward
import onward.tf2onnx as tf2onnx
from onward.errors import InvalidArgumentError
from onward.tf2onnx import command

IMAGE = np.random.default_rng(0).standard_normal((2, 8, 8, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(4, 3, name="convolution", activation="relu")(image)
    probabilities = keras.layers.Dense(2, name="probs")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, probabilities, name="net")


@pytest.fixture(scope="module")
def graph_def() -> Any:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, (None, 4), name="X")
        tf.nn.relu(x @ np.arange(8, dtype=np.float32).reshape(4, 2), name="out")
    return graph.as_graph_def()


@pytest.fixture(scope="module")
def folder(model: Any, graph_def: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of every kind that the command line reads."""
    import tensorflow as tf

    from tests.sources.test_tfjs import write

    found = tmp_path_factory.mktemp("models")
    model.export(found / "saved", verbose=False)
    model.save(found / "model.keras")
    (found / "graph.pb").write_bytes(graph_def.SerializeToString())
    converter = tf.lite.TFLiteConverter.from_saved_model(str(found / "saved"))
    (found / "model.tflite").write_bytes(converter.convert())
    (found / "js").mkdir()
    write(found / "js", graph_def)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, (None, 4), name="X")
        weight = tf.compat.v1.get_variable("w", (4, 2), initializer=tf.compat.v1.ones_initializer())
        tf.nn.relu(x @ weight, name="out")
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(found / "trained"))
    return found


def described(proto: onnx.ModelProto) -> tuple[list[tuple[str, list[int]]], list[tuple[str, list[int]]]]:
    """Names and shapes of inputs and outputs, dynamic sizes as 0."""
    inputs, outputs = (
        [(v.name, [d.dim_value for d in v.type.tensor_type.shape.dim]) for v in ports]
        for ports in (proto.graph.input, proto.graph.output)
    )
    return inputs, outputs


def ran(proto: onnx.ModelProto, **arrays: np.ndarray) -> np.ndarray:
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, arrays)
    return found


def named(name: str | None = None) -> Any:
    import tensorflow as tf

    return tf.TensorSpec((None, 8, 8, 3), tf.float32, name=name)


TFLITE = ([("serving_default_image:0", [0, 8, 8, 3])], [("StatefulPartitionedCall_1:0", [0, 2])])


# --- functions --------------------------------------------------------------------------------------------------------


def test_from_keras(model: Any) -> None:
    proto, storage = tf2onnx.convert.from_keras(model)
    assert storage is None
    assert described(proto) == ([("image", [0, 8, 8, 3])], [("probs", [0, 2])])
    np.testing.assert_allclose(ran(proto, image=IMAGE), model(IMAGE), rtol=1e-4, atol=1e-5)


def test_from_keras_with_a_signature(model: Any, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    proto, _ = tf2onnx.convert.from_keras(model, input_signature=(named("x"),), opset=13, output_path=file)
    assert described(proto) == ([("x", [0, 8, 8, 3])], [("probs", [0, 2])])
    assert [o.version for o in proto.opset_import if o.domain == ""] == [13]
    assert onnx.load(file) == proto


def test_from_keras_with_several_inputs() -> None:
    import keras

    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    left, total = keras.layers.Dense(3, name="left")(a), keras.layers.Add(name="sum")([a, b])
    proto, _ = tf2onnx.convert.from_keras(keras.Model([a, b], [left, total]))
    assert described(proto) == ([("a", [0, 4]), ("b", [0, 4])], [("left", [0, 3]), ("sum", [0, 4])])


def test_channels_first(model: Any) -> None:
    proto, _ = tf2onnx.convert.from_keras(model, [named("x")], inputs_as_nchw=["x:0"])
    assert described(proto)[0] == [("x", [0, 3, 8, 8])]
    first = np.ascontiguousarray(np.moveaxis(IMAGE, -1, 1))
    np.testing.assert_allclose(ran(proto, x=first), model(IMAGE), rtol=1e-4, atol=1e-5)


def test_from_function() -> None:
    import tensorflow as tf

    @tf.function
    def two(x: Any, y: Any) -> Any:
        return x @ y, x + 1

    @tf.function
    def keyed(x: Any) -> Any:
        return {"sum": tf.reduce_sum(x), "dbl": x * 2}

    x = tf.TensorSpec((None, 4), name="x")
    proto, _ = tf2onnx.convert.from_function(two, [x, tf.TensorSpec((4, 2), name="y")])
    assert described(proto) == ([("x", [0, 4]), ("y", [4, 2])], [("Identity:0", [0, 2]), ("Identity_1:0", [0, 4])])
    assert described(tf2onnx.convert.from_function(keyed, input_signature=[x])[0])[1] == [("dbl", [0, 4]), ("sum", [])]
    assert described(tf2onnx.convert.from_function(keyed, [x], shape_override={"x:0": [7, 4]})[0])[0] == [("x", [7, 4])]
    concrete = two.get_concrete_function(x, tf.TensorSpec((4, 2), name="y"))
    assert described(tf2onnx.convert.from_concrete_functions([concrete])[0]) == described(proto)
    with pytest.raises(ValueError, match="2 are given"):
        tf2onnx.convert.from_concrete_functions([concrete, concrete])
    with pytest.raises(ValueError, match="needs an input_signature"):
        tf2onnx.convert.from_function(two)


def test_from_graph_def(graph_def: Any) -> None:
    convert = tf2onnx.convert.from_graph_def
    proto, _ = convert(graph_def, input_names=["X:0"], output_names=["out:0"])
    assert described(proto) == ([("X:0", [0, 4])], [("out:0", [0, 2])])
    opset = onnx.helper.make_opsetid("com.microsoft", 1)
    proto, _ = convert(graph_def, "named", ["X:0"], ["out:0"], shape_override={"X:0": [5, 4]}, extra_opset=[opset])
    assert described(proto) == ([("X:0", [5, 4])], [("out:0", [5, 2])])
    assert proto.graph.name == "named"
    assert ("com.microsoft", 1) in [(o.domain, o.version) for o in proto.opset_import]
    renames = {"X:0": "in", "out:0": "result"}
    proto, _ = convert(graph_def, input_names=["X:0"], output_names=["out:0"], tensors_to_rename=renames)
    assert described(proto) == ([("in", [0, 4])], [("result", [0, 2])])
    with pytest.raises(ValueError, match="needs input_names"):
        convert(graph_def, output_names=["out:0"])


def test_from_tflite(folder: Path) -> None:
    proto, _ = tf2onnx.convert.from_tflite(str(folder / "model.tflite"), verify=False)
    assert described(proto) == TFLITE
    name = TFLITE[1][0][0]
    proto, _ = tf2onnx.convert.from_tflite(
        str(folder / "model.tflite"), output_names=[name], inputs_as_nchw=[TFLITE[0][0][0]], verify=False
    )
    assert described(proto) == ([(TFLITE[0][0][0], [0, 3, 8, 8])], TFLITE[1])


def test_large_model(graph_def: Any, tmp_path: Path) -> None:
    """Large weights are apart; the archive holds them under the names that the model refers to."""
    import tensorflow as tf

    @tf.function
    def wide(x: Any) -> Any:
        return {"y": x @ np.linspace(0, 1, 4000, dtype=np.float32).reshape(4, 1000)}

    file = tmp_path / "model.zip"
    spec = [tf.TensorSpec((None, 4), name="x")]
    proto, storage = tf2onnx.convert.from_function(wide, spec, large_model=True, output_path=file)
    assert storage is not None
    ((name, data),) = storage.name_to_tensor_data.items()
    assert len(data) == 16000
    assert [entry.value for t in proto.graph.initializer for entry in t.external_data] == [name]
    with zipfile.ZipFile(file) as archive:
        assert set(archive.namelist()) == {"__MODEL_PROTO.onnx", name}
        archive.extractall(tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "__MODEL_PROTO.onnx", providers=["CPUExecutionProvider"])
    x = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(session.run(None, {"x": x})[0], wide(x)["y"], rtol=1e-5)


def test_custom_ops(graph_def: Any) -> None:
    proto, _ = tf2onnx.convert.from_graph_def(
        graph_def, input_names=["X:0"], output_names=["out:0"], custom_ops={"Relu": "my.domain"}
    )
    assert ("my.domain", "Relu") in [(node.domain, node.op_type) for node in proto.graph.node]
    with pytest.raises(InvalidArgumentError, match="write a lowering"):
        tf2onnx.convert.from_graph_def(
            graph_def, input_names=["X:0"], output_names=["out:0"], custom_op_handlers={"Relu": (print, [])}
        )


def test_export_by_keras(model: Any, tmp_path: Path) -> None:
    tf2onnx.install()
    try:
        tf2onnx.install()
        model.export(tmp_path / "model.onnx", format="onnx", verbose=False)
    finally:
        tf2onnx.uninstall()
        tf2onnx.uninstall()
    proto = onnx.load(tmp_path / "model.onnx")
    assert proto.producer_name == "onward"
    assert described(proto) == ([("image", [0, 8, 8, 3])], [("Identity:0", [0, 2])])
    np.testing.assert_allclose(ran(proto, image=IMAGE), model(IMAGE), rtol=1e-4, atol=1e-5)


# --- command line -----------------------------------------------------------------------------------------------------

SAVED = ([("image", [0, 8, 8, 3])], [("output_0", [0, 2])])
PLAIN = ([("X:0", [0, 4])], [("out:0", [0, 2])])
# The command line, and inputs and outputs as tf2onnx has them.
LINES: dict[str, tuple[str, tuple[list[tuple[str, list[int]]], list[tuple[str, list[int]]]]]] = {
    "SavedModel": ("--saved-model saved", SAVED),
    "opset, tag, signature": ("--saved-model saved --opset 13 --tag serve --signature_def serving_default", SAVED),
    "outputs of a SavedModel": ("--saved-model saved --outputs StatefulPartitionedCall_1:0", SAVED),
    "shape of a SavedModel": (
        "--saved-model saved --inputs serving_default_image:0[1,8,8,3]",
        ([("image", [1, 8, 8, 3])], [("output_0", [1, 2])]),
    ),
    "names of tensors": (
        "--saved-model saved --use-graph-names",
        ([("serving_default_image:0", [0, 8, 8, 3])], [("StatefulPartitionedCall_1:0", [0, 2])]),
    ),
    "new names": (
        "--saved-model saved --rename-inputs in --rename-outputs result",
        ([("in", [0, 8, 8, 3])], [("result", [0, 2])]),
    ),
    "channels first": (
        "--saved-model saved --inputs-as-nchw serving_default_image:0",
        ([("image", [0, 3, 8, 8])], [("output_0", [0, 2])]),
    ),
    "Keras": ("--keras model.keras", ([("image", [0, 8, 8, 3])], [("probs", [0, 2])])),
    "names of a Keras model": (
        "--keras model.keras --inputs image:0[1,8,8,3] --outputs probs:0 --rename-outputs p",
        ([("image", [1, 8, 8, 3])], [("p", [1, 2])]),
    ),
    "GraphDef": ("--graphdef graph.pb --inputs X:0 --outputs out:0", PLAIN),
    "GraphDef as input": ("--input graph.pb --inputs X:0 --outputs out:0 --fold_const --target rs6", PLAIN),
    "GraphDef with a shape": (
        "--graphdef graph.pb --inputs X:0[3,4] --outputs out:0", ([("X:0", [3, 4])], [("out:0", [3, 2])])
    ),
    "GraphDef with new names": (
        "--graphdef graph.pb --inputs X:0 --outputs out:0 --rename-inputs a --rename-outputs b",
        ([("a", [0, 4])], [("b", [0, 2])]),
    ),
    "custom op": ("--saved-model saved --custom-ops Relu,BiasAdd:d --extra_opset d:2", SAVED),
    "checkpoint": ("--checkpoint trained.meta --inputs X:0 --outputs out:0 --continue_on_error", PLAIN),
    "TensorFlow.js": ("--tfjs js/model.json --inputs X:0 --outputs out:0", PLAIN),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_command_lines(name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line, expected = LINES[name]
    monkeypatch.chdir(folder)
    file = tmp_path / "new" / "model.onnx"
    tf2onnx.convert.main([*line.split(), "--output", str(file)])
    proto = onnx.load(file)
    onnx.checker.check_model(proto)
    assert described(proto) == expected


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_channels_first_of_tflite(folder: Path) -> None:
    """Compared with the interpreter, whose answers come with how exact they are."""
    name = onward.convert(folder / "model.tflite", verify=False).input_names[0]
    program = onward.convert(folder / "model.tflite", rename={name: "x"}, inputs_as={name: "nchw"}, verify=True)
    assert described(program.model_proto)[0] == [("x", [0, 3, 8, 8])]


@pytest.mark.parametrize("line", ["--tflite model.tflite", "--tflite model.tflite --dequantize -v --debug"])
def test_command_lines_of_tflite(line: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    tf2onnx.convert.main([*line.split(), "--no-verify", "--output", str(tmp_path / "model.onnx")])
    assert described(onnx.load(tmp_path / "model.onnx")) == TFLITE


def test_an_archive_from_the_command_line(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.zip"
    tf2onnx.convert.main(["--saved-model", str(folder / "saved"), "--large_model", "--output", str(file)])
    assert zipfile.ZipFile(file).namelist()[0] == "__MODEL_PROTO.onnx"


def test_as_a_module(folder: Path, tmp_path: Path) -> None:
    """``python -m`` runs it, without TensorFlow where none is needed."""
    root = Path(__file__).parents[1]
    line = [sys.executable, "-W", "error", "-m", "onward.tf2onnx.convert", "--no-verify"]
    arguments = ["--saved-model", str(folder / "saved"), "--output", str(tmp_path / "model.onnx")]
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    result = subprocess.run(
        [*line, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert "Model outputs: ['output_0']" in result.stderr
    assert described(onnx.load(tmp_path / "model.onnx")) == SAVED


def test_a_trace_by_its_number(tmp_path: Path) -> None:
    import tensorflow as tf

    class Module(tf.Module):
        @tf.function
        def __call__(self, x: Any) -> Any:
            return x * 2

    module = Module()
    for width in (3, 5):
        module(tf.zeros((2, width)))
    tf.saved_model.save(module, str(tmp_path / "saved"))
    for number, width in enumerate((3, 5)):
        file = tmp_path / "model.onnx"
        line = f"--saved-model {tmp_path / 'saved'} --concrete_function {number} --no-verify --output {file}"
        tf2onnx.convert.main(line.split())
        assert described(onnx.load(file))[0][0][1] == [2, width]
    with pytest.raises(InvalidArgumentError, match="no signature '__call__:2'"):
        onward.convert(tmp_path / "saved", signature="__call__:2")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("", 1, "--saved-model"),
        ("--graphdef graph.pb", 2, "needs --inputs and --outputs"),
        ("--saved-model saved --dequantize", 2, "is for --tflite"),
        ("--saved-model saved --extra_opset d", 2, "no domain:version"),
        ("--saved-model saved --output_frozen_graph f.pb", 2, "none to write"),
        ("--saved-model nowhere", 3, "nowhere"),
        ("--saved-model saved --signature_def other", 2, "no signature 'other'"),
        ("--saved-model saved --inputs [3]", 2, "no name|is not name"),
        ("--saved-model saved --rename-outputs a,b", 2, "2 new names"),
        ("--saved-model saved --opset 5", 2, "opset 5"),
    ],
)
def test_what_makes_no_sense(
    line: str, code: int, words: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as caught:
        tf2onnx.convert.main(line.split())
    said = "".join(capsys.readouterr())
    assert caught.value.code == code, said
    assert any(word in said for word in words.split("|"))


def test_inputs_with_shapes() -> None:
    names, shapes = command.split_inputs("a/b:0[1,-1,3],c, d:1[]")
    assert names == ["a/b:0", "c", "d:1"]
    assert {name: spec.shape for name, spec in shapes.items()} == {"a/b:0": (1, None, 3), "d:1": ()}
