"""Running models: what goes in, what comes out, and what is said when it cannot."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import helper

from onward.errors import InvalidArgumentError
from onward.runtime import RuntimeFailureError, Session

NARROW = {
    16: ml_dtypes.bfloat16,
    17: ml_dtypes.float8_e4m3fn,
    19: ml_dtypes.float8_e5m2,
    21: ml_dtypes.uint4,
    22: ml_dtypes.int4,
}


def session(kind: int, op: str = "Identity", result: int | None = None, **attributes: int) -> Session:
    x = helper.make_tensor_value_info("x", kind, ["n", 3])
    y = helper.make_tensor_value_info("y", result or kind, ["n", 3])
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"], **attributes)], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return Session(model.SerializeToString())


@pytest.mark.parametrize("kind", NARROW)
def test_types_that_numpy_lacks(kind: int) -> None:
    numbers = np.array([[0, 1, 2], [3, 5, 7], [4, 6, 1]], "float32")
    narrow = numbers.astype(NARROW[kind])
    made = session(1, "Cast", kind, to=kind).run({"x": numbers})["y"]
    assert made.dtype == narrow.dtype
    assert np.array_equal(made.astype("float32"), narrow.astype("float32"))
    back = session(kind, "Cast", 1, to=1)
    if narrow.dtype.name in ("int4", "uint4"):
        with pytest.raises(InvalidArgumentError, match="4-bit"):
            back.run({"x": narrow})
    else:
        assert np.array_equal(back.run({"x": narrow})["y"], narrow.astype("float32"))


def test_python_values_become_the_inputs_dtype() -> None:
    assert session(1).run({"x": [[1, 2, 3]]})["y"].dtype == np.float32
    assert session(7).run({"x": np.ones((2, 3), "int32")})["y"].dtype == np.int64
    assert session(8).run({"x": [["a", b"b", "é"]]})["y"].tolist() == [["a", "b", "é"]]


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(InvalidArgumentError, match="'x' is int64, not float64"):
        session(7).run({"x": [[1.5, 2, 3]]})
    with pytest.raises(InvalidArgumentError, match="z"):
        session(1).run({"z": [[1, 2, 3]]})


def test_failures_are_ours() -> None:
    with pytest.raises(RuntimeFailureError, match="does not load"):
        Session(b"noise")
    with pytest.raises(RuntimeFailureError, match="fails on the model"):
        session(onnx.TensorProto.FLOAT).run({"x": np.ones((2, 4), "float32")})
