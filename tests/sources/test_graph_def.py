"""Frozen graphs and SavedModels of TensorFlow 1."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

import onward
from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.options import Options
from onward.sources import open_source
from onward.specs import spec


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tensorflow as tf

    file = tmp_path_factory.mktemp("frozen") / "graph.pb"
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, (None, 4), name="x")
        tf.compat.v1.placeholder(tf.float32, (None, 4), name="unused")
        y = tf.split(x @ np.ones((4, 4), np.float32), 2, axis=1, name="y")
        tf.nn.relu(y[0], name="z")
        tf.nn.relu(y[1], name="w")
        file.write_bytes(graph.as_graph_def().SerializeToString())
    return file


@pytest.mark.parametrize(
    ("options", "inputs", "outputs"),
    [
        (Options(), [("x", (None, 4))], ["z", "w"]),
        (Options(inputs={"x": spec("n", 4)}, outputs=["w:0"]), [("x", ("n", 4))], ["w"]),
        (Options(inputs={"y:1": spec("n", 2)}, outputs=["w"]), [("y:1", ("n", 2))], ["w"]),
        (Options(inputs=["x:0"], outputs=["y:1", "z"]), [("x", (None, 4))], ["y:1", "z"]),
        (Options(inputs={"x": spec("n", 4, name="x")}), [("x", ("n", 4))], ["z", "w"]),
        (Options(inputs=["unused", "x"]), [("unused", (None, 4)), ("x", (None, 4))], ["z", "w"]),
    ],
)
def test_reading(frozen: Path, options: Options, inputs: list, outputs: list[str]) -> None:
    graph = open_source(frozen, options)
    assert [(made.name, made.shape) for made in graph.inputs] == inputs
    assert [made.name for made in graph.outputs] == outputs
    assert graph.reference is not None
    arrays = {name: np.ones((2, shape[-1]), np.float32) for name, shape in inputs}
    assert [result.shape for result in graph.reference(arrays)] == [(2, 2)] * len(outputs)


def test_what_does_not_fit(frozen: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="no output 'nothing'"):
        open_source(frozen, Options(outputs=["nothing"]))
    with pytest.raises(InvalidArgumentError, match="no input 'nothing'"):
        open_source(frozen, Options(inputs=["nothing"]))
    (tmp_path / "cut.pb").write_bytes(frozen.read_bytes()[:-20])
    with pytest.raises(InvalidSourceError, match="damaged or cut short"):
        open_source(tmp_path / "cut.pb", Options())


def test_a_spec_without_a_dtype_takes_the_sources(tmp_path: Path) -> None:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.identity(tf.compat.v1.placeholder(tf.int32, None, name="x"), name="y")
        (tmp_path / "graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    program = onward.convert(tmp_path / "graph.pb", inputs={"x": spec("n")}, outputs=["y"])
    assert program.run({"x": np.arange(3, dtype=np.int32)})["y"].tolist() == [0, 1, 2]


def test_what_only_says_which_side_is_no_output(tmp_path: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    with tf.Graph().as_default() as graph:
        x, p = v1.placeholder(tf.float32, (None, 4), name="x"), v1.placeholder(tf.bool, (), name="p")
        tf.identity(v1.cond(p, lambda: x, lambda: tf.constant([[1.0]])), name="y")
        (tmp_path / "graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    v1.enable_control_flow_v2()
    program = onward.convert(tmp_path / "graph.pb")
    assert program.output_names == ["y"]
    assert program.verification is not None
    assert program.verification.passed
    with pytest.raises(InvalidArgumentError, match="one side of a choice only"):
        onward.convert(tmp_path / "graph.pb", outputs=["y", "cond/switch_f"], verify=False)


def test_an_unknown_rank_is_told(tmp_path: Path) -> None:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.identity(tf.compat.v1.placeholder(tf.float32, name="x") * 2.0, name="y")
        (tmp_path / "graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    program = onward.convert(tmp_path / "graph.pb")
    assert [note for note in program.notes if "rank of the input 'x'" in note]
    given = onward.convert(tmp_path / "graph.pb", inputs={"x:0": onward.spec("n", 3)})
    assert given.notes == []
    onnx.checker.check_model(given.model_proto, full_check=True)


@pytest.fixture(scope="module")
def with_defaults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """y = x * scale + 1 in training, x * scale otherwise; both have defaults, and one default is computed."""
    import tensorflow as tf

    v1 = tf.compat.v1
    file = tmp_path_factory.mktemp("defaults") / "graph.pb"
    with tf.Graph().as_default() as graph:
        v1.disable_control_flow_v2()
        x = v1.placeholder(tf.float32, (None, 4), name="x")
        training = v1.placeholder_with_default(False, (), name="training")
        scale = v1.placeholder_with_default(tf.constant([[2.0]]), (None, None), name="scale")
        computed = v1.placeholder_with_default(tf.reduce_sum(x) * 0.0, (), name="computed")
        tf.identity(v1.cond(training, lambda: x * scale + 1.0, lambda: x * scale) + computed, name="y")
        file.write_bytes(graph.as_graph_def().SerializeToString())
        v1.enable_control_flow_v2()
    return file


def test_a_default_makes_an_input_optional(with_defaults: Path) -> None:
    program = onward.convert(with_defaults, outputs=["y"])
    assert program.verification is not None
    assert program.verification.passed
    assert program.input_names == ["x", "training", "scale"]
    x = np.ones((2, 4), np.float32)
    assert program.run({"x": x})["y"].tolist() == (x * 2).tolist()
    assert program.run({"x": x, "training": np.array(True)})["y"].tolist() == (x * 2 + 1).tolist()
    assert program.run({"x": x, "scale": np.full((2, 1), 3, np.float32)})["y"].tolist() == (x * 3).tolist()
    onnx.checker.check_model(program.model_proto, full_check=True)
    initializers = {tensor.name for tensor in program.model_proto.graph.initializer}
    assert {"training", "scale"} <= initializers


@pytest.mark.parametrize(
    ("options", "inputs", "required"),
    [
        ({"use_default": True}, ["x"], ["x"]),
        ({"use_default": ["training"]}, ["x", "scale"], ["x"]),
        ({"ignore_default": "scale:0"}, ["x", "training", "scale"], ["x", "scale"]),
        ({"ignore_default": True}, ["x", "training", "scale", "computed"], ["x", "training", "scale", "computed"]),
    ],
)
def test_what_becomes_of_defaults(with_defaults: Path, options: dict, inputs: list[str], required: list[str]) -> None:
    program = onward.convert(with_defaults, outputs=["y"], verify=False, **options)
    assert program.input_names == inputs
    assert [port.name for port in program.session.inputs] == required


def test_text_is_read_like_binary(frozen: Path, tmp_path: Path) -> None:
    import tensorflow as tf
    from google.protobuf import text_format

    message = tf.compat.v1.GraphDef.FromString(frozen.read_bytes())
    message.node[0].attr["note"].s = b'a "DT_FLOAT" that \\ is no type # nor comment'
    text = "# a comment with DT_HALF\n" + text_format.MessageToString(message)
    for name in ("graph.pbtxt", "graph.pb"):
        (tmp_path / name).write_text(text)
        program = onward.convert(tmp_path / name)
        assert program.output_names == ["z", "w"]
        assert program.verification is not None
        assert program.verification.passed
    (tmp_path / "cut.pbtxt").write_text(text[: len(text) // 2])
    with pytest.raises(InvalidSourceError, match=r"cut\.pbtxt is damaged or cut short"):
        open_source(tmp_path / "cut.pbtxt", Options())


def test_not_frozen(tmp_path: Path) -> None:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.identity(tf.compat.v1.get_variable("w", (2,)), name="y")
        (tmp_path / "graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(InvalidSourceError, match="not frozen"):
        open_source(tmp_path / "graph.pb", Options())


def test_a_saved_model_file_names_its_directory(saved: Path, tmp_path: Path) -> None:
    assert len(open_source(saved / "exported" / "saved_model.pb", Options()).inputs) == 2
    (tmp_path / "moved.pb").write_bytes((saved / "exported" / "saved_model.pb").read_bytes())
    with pytest.raises(InvalidSourceError, match="give its directory"):
        open_source(tmp_path / "moved.pb", Options())


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("signed", [True, False])
def test_any_tensor_of_a_saved_model_of_tensorflow_1(signed: bool, tmp_path: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, 4), name="x")
        y = tf.nn.relu(x @ v1.get_variable("w", (4, 3)), name="y")
        z = tf.exp(y, name="z")
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(tmp_path / "model"))
        info = v1.saved_model.utils.build_tensor_info
        signature = v1.saved_model.signature_def_utils.build_signature_def({"a": info(x)}, {"b": info(z)})
        builder.add_meta_graph_and_variables(session, ["serve"], {"only": signature} if signed else {})
        builder.save()
    for inputs, outputs in ((["x:0"], ["y:0"]), ({"y:0": onward.spec("n", 3)}, ["z:0"])):
        program = onward.convert(tmp_path / "model", inputs=inputs, outputs=outputs)
        assert (program.input_names, program.output_names) == ([next(iter(inputs))[:-2]], [outputs[0][:-2]])
        assert program.verification is not None
        assert program.verification.passed


def test_a_saved_model_as_text(saved: Path, tmp_path: Path) -> None:
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2

    shutil.copytree(saved / "called", tmp_path / "model")
    file = tmp_path / "model" / "saved_model.pb"
    message = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    file.unlink()
    file.with_suffix(".pbtxt").write_text(text_format.MessageToString(message))
    for path in (tmp_path / "model", file.with_suffix(".pbtxt")):
        program = onward.convert(path, outputs=["o"], verify=False)
        assert program.output_names == ["o"]


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("resource", [False, True], ids=["ref", "resource"])
def test_saved_models_of_tensorflow_1(tmp_path: Path, resource: bool) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default():
        x, s = v1.placeholder(tf.float32, (None, 4), name="x"), v1.placeholder(tf.string, (None,), name="s")
        w = v1.get_variable("w", (4, 3), initializer=v1.random_normal_initializer(), use_resource=resource)
        with v1.variable_scope("cut", partitioner=v1.fixed_size_partitioner(2, axis=0)):
            e = v1.get_variable("e", (3, 5), initializer=v1.random_normal_initializer(), use_resource=resource)
        table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([b"a", b"b"], [10.0, 20.0]), -1.0)
        y, t = tf.matmul(tf.matmul(x, w), tf.convert_to_tensor(e)), table.lookup(s)
        with v1.Session() as session:
            session.run([v1.global_variables_initializer(), v1.tables_initializer()])
            values = session.run([w, tf.convert_to_tensor(e)])
            v1.saved_model.simple_save(
                session, str(tmp_path / "m"), {"x": x, "s": s}, {"y": y, "t": t}, legacy_init_op=v1.tables_initializer()
            )
    graph = open_source(tmp_path / "m", Options())
    assert [(made.name, made.shape) for made in graph.inputs] == [("s", ("batch",)), ("x", ("batch", 4))]
    assert [made.name for made in graph.outputs] == ["t", "y"]
    nodes = {node.name: node for node in graph.nodes()}
    np.testing.assert_array_equal(nodes["w"].value, values[0])
    parts = [np.asarray(nodes[f"cut/e/part_{i}"].value) for i in range(2)]
    np.testing.assert_array_equal(np.concatenate(parts), values[1])
    found = next(node.value for node in graph.nodes() if node.op == "HashTableV2")
    assert dict(zip(found.keys, found.values, strict=True)) == {b"a": 10, b"b": 20}
    assert graph.reference is not None
    ones = np.ones((2, 4), np.float32)
    results = graph.reference({"x": ones, "s": np.array(["b", "?"], object)})
    np.testing.assert_allclose(results[1], ones @ values[0] @ values[1], rtol=1e-5)
    assert results[0].tolist() == [20, -1]
