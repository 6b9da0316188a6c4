"""Inputs and outputs that stay where the model computes; here that is the CPU's memory, and the calls are the same."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper

from onward.errors import InvalidArgumentError
from onward.runtime import Session


def counter() -> bytes:
    """A sum of all inputs so far, as it is, as text and as a narrow type."""
    info = helper.make_tensor_value_info
    inputs = [info("x", TensorProto.FLOAT, [2]), info("total", TensorProto.FLOAT, [2])]
    outputs = [
        info("total_next", TensorProto.FLOAT, [2]),
        info("u", TensorProto.STRING, [2]),
        info("narrow", TensorProto.BFLOAT16, [2]),
    ]
    nodes = [
        helper.make_node("Add", ["x", "total"], ["total_next"]),
        helper.make_node("Cast", ["total_next"], ["u"], to=TensorProto.STRING),
        helper.make_node("Cast", ["total_next"], ["narrow"], to=TensorProto.BFLOAT16),
    ]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return model.SerializeToString()


def test_an_output_goes_on_as_an_input() -> None:
    bound = Session(counter()).bind({"x": [1, 2], "total": [0, 0]})
    kept = []
    for step in range(4):
        bound.set({"x": [step, 1]})
        bound.run()
        kept.append(bound.values()["total_next"])
        bound.carry({"total_next": "total"})
    # Earlier outputs stand: later runs do not write over what was carried.
    assert [value.numpy().tolist() for value in kept] == [[0, 1], [1, 2], [3, 3], [6, 4]]
    arrays = bound.arrays()
    assert arrays["u"].tolist() == ["6", "4"]
    assert arrays["narrow"].dtype == ml_dtypes.bfloat16
    assert np.array_equal(arrays["narrow"].astype(np.float32), [6, 4])


def test_names_are_checked() -> None:
    bound = Session(counter()).bind({"x": [1, 2], "total": [0, 0]})
    bound.run()
    with pytest.raises(InvalidArgumentError, match="no input 'y'"):
        bound.set({"y": [1, 2]})
    with pytest.raises(InvalidArgumentError, match="no output 'x'"):
        bound.carry({"x": "total"})


def test_texts_are_not_bound() -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.STRING, ["n"]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    with pytest.raises(InvalidArgumentError, match="binds no strings"):
        Session(model.SerializeToString()).bind({"x": ["a"]})
