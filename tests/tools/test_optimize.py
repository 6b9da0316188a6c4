"""Optimising files of anyone's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onward.errors import InvalidSourceError, VerificationError
from onward.tools.optimize import optimize


def _wasteful(path: Path) -> Path:
    """Convolutions between transposes, a batch norm, and a dead end, as exporters leave them."""
    rng = np.random.default_rng(0)

    def weight(name: str, *shape: int) -> onnx.TensorProto:
        return numpy_helper.from_array(rng.uniform(0.5, 1, shape).astype(np.float32), name)

    nodes = [
        helper.make_node("Transpose", ["x"], ["t1"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t1", "k1"], ["c1"]),
        helper.make_node("Transpose", ["c1"], ["t2"], perm=[0, 2, 3, 1]),
        helper.make_node("Relu", ["t2"], ["r"]),
        helper.make_node("Transpose", ["r"], ["t3"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t3", "k2"], ["c2"]),
        helper.make_node("BatchNormalization", ["c2", "scale", "bias", "mean", "var"], ["n"]),
        helper.make_node("Transpose", ["n"], ["y"], perm=[0, 2, 3, 1]),
        helper.make_node("Neg", ["r"], ["unused"]),
    ]
    weights = [weight("k1", 4, 3, 3, 3), weight("k2", 5, 4, 1, 1)]
    weights += [weight(name, 5) for name in ("scale", "bias", "mean", "var")]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "height", "width", channels])]
        for name, channels in (("x", 3), ("y", 5))
    ]
    graph = helper.make_graph(nodes, "wasteful", *ends, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_what_is_in_the_way_goes(tmp_path: Path) -> None:
    source, target = _wasteful(tmp_path / "in.onnx"), tmp_path / "out.onnx"
    result = optimize(source, target)
    assert sorted(node.op_type for node in onnx.load(target).graph.node) == [
        "Conv",
        "Conv",
        "Relu",
        "Transpose",
        "Transpose",
    ]
    assert result.before.ops["Transpose"] == 4
    assert result.verification is not None
    assert result.verification.passed
    assert len(result.verification.runs) == 2
    line = next(line for line in str(result).splitlines() if line.startswith("Transpose"))
    assert line.split() == ["Transpose", "4", "2", "-2"]
    assert result.to_dict()["after"]["ops"]["Conv"] == 2


def test_inputs_may_be_given(tmp_path: Path) -> None:
    arrays = {"x": np.ones((2, 8, 9, 3), np.float32)}
    result = optimize(_wasteful(tmp_path / "in.onnx"), data=arrays)
    assert result.verification is not None
    assert [run.sizes for run in result.verification.runs] == [{"batch": 2, "height": 8, "width": 9}]


def test_a_result_that_differs_is_not_written(tmp_path: Path) -> None:
    source, target = tmp_path / "in.onnx", tmp_path / "out.onnx"
    nodes = [helper.make_node("Mul", ["x", "a"], ["m"]), helper.make_node("Mul", ["m", "b"], ["y"])]
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 500])] for name in "xy"]
    factors = [numpy_helper.from_array(np.float32(value), name) for name, value in (("a", 0.1), ("b", 0.3))]
    graph = helper.make_graph(nodes, "rounded", *ends, factors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), source)
    assert optimize(source).after.ops == {"Mul": 1}
    with pytest.raises(VerificationError, match="'y'"):  # two roundings became one
        optimize(source, target, tolerance=0)
    assert not target.exists()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.onnx"
    source.write_bytes(b"no model")
    with pytest.raises(InvalidSourceError, match=r"in\.onnx"):
        optimize(source)
