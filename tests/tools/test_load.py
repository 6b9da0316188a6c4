"""ONNX files of anyone's, read, run as they were and optimised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import onward
from onward.errors import InvalidSourceError
from onward.runtime import Session
from onward.tools.load import load

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "saved_model"


def _tensor(name: str, array: object, dtype: type = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(array, dtype), name)


def _model(nodes, inputs, outputs, initializers=(), *, opset=17, ir_version=8, **more) -> onnx.ModelProto:
    def infos(declared):
        return [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in declared]

    graph = helper.make_graph(nodes, "g", infos(inputs), infos(outputs), list(initializers))
    imports = [helper.make_opsetid("", opset), *more.pop("imports", ())]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir_version, **more)


def _branch(value: float) -> onnx.GraphProto:
    node = helper.make_node("Add", ["x", "c"], ["z"])
    return helper.make_graph([node], "b", [], [helper.make_tensor_value_info("z", FLOAT, None)], [_tensor("c", value)])


X = ("x", FLOAT, ["batch", 4])
BODY = helper.make_graph(
    [helper.make_node("Mul", ["state", "x"], ["next"]), helper.make_node("Identity", ["go"], ["go_on"])],
    "body",
    [helper.make_tensor_value_info(n, k, []) for n, k in (("i", INT64), ("go", BOOL))]
    + [helper.make_tensor_value_info("state", FLOAT, ["batch", 4])],
    [helper.make_tensor_value_info("go_on", BOOL, []), helper.make_tensor_value_info("next", FLOAT, ["batch", 4])],
)
MODELS = {
    "constant-nodes": _model(
        [
            helper.make_node("Constant", [], ["two"], value_float=2.0),
            helper.make_node("Constant", [], ["shape"], value_ints=[-1]),
            helper.make_node("Mul", ["x", "two"], ["y"]),
            helper.make_node("Reshape", ["y", "shape"], ["z"]),
        ],
        [X], [("z", FLOAT, None)],
    ),
    "shape-arithmetic": _model(
        [
            helper.make_node("Shape", ["x"], ["s"]),
            helper.make_node("Gather", ["s", "zero"], ["b"]),
            helper.make_node("Unsqueeze", ["b", "axes"], ["b1"]),
            helper.make_node("Concat", ["b1", "rest"], ["t"], axis=0),
            helper.make_node("Reshape", ["x", "t"], ["y"]),
        ],
        [X], [("y", FLOAT, ["batch", 2, 2])],
        [_tensor("zero", 0, np.int64), _tensor("axes", [0], np.int64), _tensor("rest", [2, 2], np.int64)],
    ),
    "branches": _model(
        [
            helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
            helper.make_node("Greater", ["sum", "zero"], ["positive"]),
            helper.make_node("If", ["positive"], ["y"], then_branch=_branch(1), else_branch=_branch(-1)),
        ],
        [X], [("y", FLOAT, ["batch", 4])], [_tensor("zero", 0)],
    ),
    "loop": _model(
        [helper.make_node("Loop", ["trips", "", "x"], ["y"], body=BODY)],
        [X], [("y", FLOAT, ["batch", 4])], [_tensor("trips", 3, np.int64)],
    ),
    "omitted-outputs": _model(
        [helper.make_node("Dropout", ["x"], ["y", ""]), helper.make_node("Clip", ["y", "", "one"], ["z"])],
        [X], [("z", FLOAT, ["batch", 4])], [_tensor("one", 1)],
    ),
    "weights-listed-as-inputs": _model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [X, ("w", FLOAT, [4, 3])], [("y", FLOAT, ["batch", 3])], [_tensor("w", np.ones((4, 3)))], ir_version=3, opset=9,
    ),
    "older-opset": _model(
        [helper.make_node("Squeeze", ["x"], ["y"], axes=[1]), helper.make_node("Softmax", ["y"], ["z"])],
        [("x", FLOAT, ["batch", 1, 4])], [("z", FLOAT, ["batch", 4])], opset=11,
    ),
    "runtime-operator": _model(
        [helper.make_node("FusedGemm", ["x", "w"], ["y"], domain="com.microsoft", activation="Relu"),
         helper.make_node("Neg", ["y"], ["z"])],
        [X], [("z", FLOAT, ["batch", 3])], [_tensor("w", np.ones((4, 3)))],
        imports=[helper.make_opsetid("com.microsoft", 1)],
    ),
}  # fmt: skip
MODELS["runtime-operator"].graph.value_info.append(helper.make_tensor_value_info("y", FLOAT, ["batch", 3]))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("optimised", [False, True], ids=["as-is", "optimised"])
def test_a_file_computes_the_same(name: str, optimised: bool, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(MODELS[name], path)
    program = load(path, optimised=optimised)
    onnx.checker.check_model(program.model_proto, full_check=True)
    theirs = Session(path)
    for batch in (1, 3):
        shape = [batch, *(d for d in theirs.inputs[0].shape[1:] if isinstance(d, int))]
        feed = {"x": np.random.default_rng(batch).standard_normal(shape).astype(np.float32)}
        want, got = theirs.run(feed), program.run(feed)
        assert list(got) == list(want)
        for key, array in want.items():
            np.testing.assert_allclose(got[key], array, rtol=1e-6)


def test_shape_arithmetic_vanishes(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(MODELS["shape-arithmetic"], path)
    assert [node.op_type for node in load(path, optimised=True).model_proto.graph.node] == ["Reshape"]


def test_onwards_own_file_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "digits.onnx"
    onward.convert(DIGITS, output=path, verify=False)
    written, read = onnx.load(path).graph.node, load(path, optimised=True).model_proto.graph.node
    assert [(n.op_type, n.name) for n in read] == [(n.op_type, n.name) for n in written]


def test_weights_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "digits.onnx"
    onward.convert(DIGITS, output=path, verify=False, external_data=True)
    x = np.zeros((2, *(64 if d is None else d for d in _sides(path))), np.float32)
    want = Session(path).run({Session(path).inputs[0].name: x})
    got = load(path).run({Session(path).inputs[0].name: x})
    for key, array in want.items():
        np.testing.assert_array_equal(got[key], array)


def _sides(path: Path) -> list[int]:
    return [d for d in Session(path).inputs[0].shape[1:] if isinstance(d, int)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"not a model", "no ONNX model"),
        (b"", "no ONNX model"),
        (_model([], [X], [("x", FLOAT, None)], opset=99).SerializeToString(), "opset 99"),
        (
            _model(
                [helper.make_node("Odd", ["x"], ["y"], domain="my.domain")], [X], [("z", FLOAT, None)],
                imports=[helper.make_opsetid("my.domain", 1)],
            ).SerializeToString(),
            "my.domain.Odd",
        ),
    ],
    ids=["text", "empty", "future", "unknown-type"],
)  # fmt: skip
def test_what_cannot_be_read_is_named(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(InvalidSourceError, match=says) as caught:
        load(path)
    assert "model.onnx" in str(caught.value)


def test_weights_outside_of_the_folder_are_refused(tmp_path: Path) -> None:
    model = _model([helper.make_node("MatMul", ["x", "w"], ["y"])], [X], [("y", FLOAT, None)])
    weight = model.graph.initializer.add(name="w", data_type=FLOAT, dims=[4, 3], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="../secret")
    (tmp_path / "folder").mkdir()
    (tmp_path / "secret").write_bytes(bytes(48))
    path = tmp_path / "folder" / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidSourceError, match="outside"):
        load(path)
