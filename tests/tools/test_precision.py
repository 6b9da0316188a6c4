"""Half precision where it does no harm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import onward
from onward.errors import InvalidArgumentError, VerificationError
from onward.tools.precision import halve

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
FLOAT = TensorProto.FLOAT


def _save(path: Path, nodes, weights, shape=("batch", 8)) -> Path:
    ends = [[helper.make_tensor_value_info(name, FLOAT, shape)] for name in "xy"]
    tensors = [numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "g", *ends, tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_network_takes_half_the_space(dtype: str, tmp_path: Path) -> None:
    source, target = tmp_path / "digits.onnx", tmp_path / "half.onnx"
    onward.convert(DIGITS / "saved_model", output=source, verify=False, opset=22)  # the first with bfloat16 in Conv
    result = halve(source, target, dtype=dtype, data=DIGITS / "golden.npz")
    assert result.verification.passed
    assert not result.kept
    assert target.stat().st_size < 0.6 * source.stat().st_size
    proto = onnx.load(target)
    assert {i.type.tensor_type.elem_type for i in (*proto.graph.input, *proto.graph.output)} == {FLOAT}
    half = TensorProto.FLOAT16 if dtype == "float16" else TensorProto.BFLOAT16
    sizes = {w.data_type: 0 for w in proto.graph.initializer}
    for weight in proto.graph.initializer:
        sizes[weight.data_type] += int(np.prod(weight.dims))
    assert max(sizes, key=lambda kind: sizes[kind]) == half


def test_values_beyond_the_range_stay_wide(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["small"]),
        helper.make_node("Mul", ["small", "large"], ["wide"]),
        helper.make_node("Div", ["wide", "large"], ["y"]),
    ]
    source = _save(tmp_path / "m.onnx", nodes, {"w": np.eye(8), "large": 1e6})
    result = halve(source)
    assert result.kept == {"range": {"Mul": 1, "Div": 1}}
    assert result.halved == {"MatMul": 1}
    assert result.verification.passed


def test_what_costs_accuracy_stays_wide(tmp_path: Path) -> None:
    nodes = [  # a small difference of large numbers, then made large again
        helper.make_node("Mul", ["x", "tiny"], ["t"]),
        helper.make_node("Add", ["t", "offset"], ["a"]),
        helper.make_node("Sub", ["a", "offset"], ["s"]),
        helper.make_node("Div", ["s", "tiny"], ["y"]),
    ]
    source = _save(tmp_path / "m.onnx", nodes, {"tiny": 1e-3, "offset": 64.0})
    result = halve(source, tolerance=1e-1)
    assert result.verification.passed
    assert {"Add", "Sub"} <= set(result.kept["accuracy"])


def test_operators_that_take_no_halves_stay_wide(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Range", ["start", "end", "step"], ["r"]),
        helper.make_node("Add", ["x", "r"], ["y"]),
    ]
    source = _save(tmp_path / "m.onnx", nodes, {"start": 0.0, "end": 8.0, "step": 1.0})
    result = halve(source)
    assert result.halved == {"Add": 1}
    assert result.verification.passed


def test_nothing_is_written_where_the_answers_do_not_hold(tmp_path: Path) -> None:
    source, target = tmp_path / "digits.onnx", tmp_path / "half.onnx"
    onward.convert(DIGITS / "saved_model", output=source, verify=False)
    with pytest.raises(VerificationError):
        halve(source, target, tolerance=1e-9)
    assert not target.exists()


def test_another_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="float16 or bfloat16"):
        halve(tmp_path / "m.onnx", dtype="int8")
