"""What inspect tells of ONNX files and of sources."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import tensorflow as tf

import onward
from onward.errors import InvalidSourceError
from onward.options import Options
from onward.tools.inspect import inspect


def test_onnx_with_weights_elsewhere(tmp_path: Path) -> None:
    weights = tf.constant(np.ones((300, 7), "float32"))
    program = onward.convert(lambda x: x @ weights, inputs=[onward.spec("b", 300, name="x")], verify=False)
    program.save(tmp_path / "a.onnx", external_data=True)
    found = inspect(tmp_path / "a.onnx")
    assert (found.parameters, found.weight_bytes) == (2100, 8400)
    assert found.external == {"a.onnx.data": True}
    assert list(found.dynamic) == ["b"]
    (tmp_path / "a.onnx.data").unlink()
    assert "(missing)" in str(inspect(tmp_path / "a.onnx"))
    json.dumps(found.to_dict())


def test_onnx_counts_subgraphs_and_domains(tmp_path: Path) -> None:
    helper = onnx.helper
    value = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n"])
    body = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "then", [], [value])
    other = helper.make_graph([helper.make_node("Thing", ["x"], ["y"], domain="my")], "else", [], [value])
    branch = helper.make_node("If", ["c"], ["z"], then_branch=body, else_branch=other)
    graph = helper.make_graph(
        [branch],
        "g",
        [helper.make_tensor_value_info("c", onnx.TensorProto.BOOL, []), helper.make_tensor_value_info("x", 1, None)],
        [helper.make_tensor_value_info("z", 1, ["n"])],
    )
    onnx.save(helper.make_model(graph), tmp_path / "a.onnx")
    found = inspect(tmp_path / "a.onnx")
    assert found.ops == {"If": 1, "Neg": 1, "my.Thing": 1}
    assert found.signature.inputs[0].shape == ()
    assert found.signature.inputs[1].shape is None


@pytest.mark.parametrize("content", [b"", b"noise that is no protobuf \xff\xff\xff"])
def test_no_onnx(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(InvalidSourceError, match=r"a\.onnx"):
        inspect(tmp_path / "a.onnx")
    with pytest.raises(InvalidSourceError, match=r"b\.onnx"):
        inspect(tmp_path / "b.onnx")


def test_missing_ops_of_a_saved_model(tmp_path: Path) -> None:
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="path")])
        def __call__(self, path: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"there": tf.io.matching_files(path), "path": path}

    module = Module()
    tf.saved_model.save(module, str(tmp_path / "model"), signatures=module.__call__)
    found = inspect(tmp_path / "model")
    assert [m.op for m in found.missing] == ["MatchingFiles"]
    assert "MatchingFiles 1" in str(found)
    without = inspect(tmp_path / "model", Options(outputs=["path"]))
    assert not without.missing
    json.dumps(found.to_dict())


@pytest.mark.parametrize("name", ["tfjs", "tfjs/model.json", "layers", "trained.meta", "frozen.pb", "int8.tflite"])
def test_sources_of_every_kind(name: str) -> None:
    data = Path(__file__).parents[1] / "data"
    found = inspect(data / name, Options(outputs=["y"] if name in ("trained.meta", "frozen.pb") else None))
    assert found.parameters
    assert not found.missing
