"""Functions on tensors: tf.function, ConcreteFunction, callables, modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.graph import FunctionRef, Graph
from onward.options import Options
from onward.sources import open_source
from onward.specs import spec
from tests.sources.conftest import module_with_tables


def outline(graph: Graph) -> tuple[list[tuple[str, Any]], list[str]]:
    return [(made.name, made.shape) for made in graph.inputs], [made.name for made in graph.outputs]


@pytest.fixture(scope="module")
def function() -> Any:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((None, 3), name="x"), {"k": tf.TensorSpec((2,))}])
    def scale(x: Any, d: Any) -> Any:
        return x[:2] + d["k"][:, None], None, {"z": x}

    return scale


def test_signature_gives_the_inputs(function: Any) -> None:
    graph = open_source(function, Options())
    assert outline(graph) == ([("x", (None, 3)), ("d", (2,))], ["output_0", "output_2_z"])
    assert graph.name == "scale"
    assert graph.reference is not None
    x = np.arange(9, dtype="float32").reshape(3, 3)
    results = graph.reference({"d": np.array([1, 2]), "x": x})
    np.testing.assert_array_equal(results[0], x[:2] + [[1], [2]])
    np.testing.assert_array_equal(results[1], x)


@pytest.mark.parametrize(
    "inputs",
    [
        [spec("n", 3), {"k": spec(2)}],
        {"x": spec("n", 3), "d": {"k": spec(2)}},
        {"x": spec("n", 3)},
        {"x": ("n", 3)},
    ],
)
def test_inputs_complete_the_signature(function: Any, inputs: Any) -> None:
    assert outline(open_source(function, Options(inputs=inputs)))[0][0] == ("x", ("n", 3))
    assert outline(open_source(function.get_concrete_function(), Options(inputs=inputs)))[0][0] == ("x", ("n", 3))


def test_plain_callables() -> None:
    import tensorflow as tf

    def scaled(x: Any, factor: float = 2.0) -> Any:
        return {"b": x * factor, "a": (x, x + 1)}

    graph = open_source(scaled, Options(inputs=[spec("n", 3)]))
    assert outline(graph) == ([("x", ("n", 3))], ["a_0", "a_1", "b"])
    named = open_source(scaled, Options(inputs={"x": tf.TensorSpec((2,), tf.float64)}))
    assert named.inputs[0].dtype == np.dtype("float64")
    with pytest.raises(InvalidArgumentError, match="say what it is called with"):
        open_source(scaled, Options())
    with pytest.raises(InvalidSourceError, match="cannot trace"):
        open_source(scaled, Options(inputs=[spec(1), spec(1), spec(1)]))


def test_captures(tmp_path: Path) -> None:
    import tensorflow as tf

    (tmp_path / "words").write_text("x\ny\n")
    module = module_with_tables(str(tmp_path / "words"))
    graph = open_source(module, Options())
    assert outline(graph)[0] == [("x", (None, 3)), ("s", (None,))]
    by_op = {node.op: [n.value for n in graph.nodes() if n.op == node.op] for node in graph.nodes()}
    assert [list(table.keys) for table in by_op["HashTableV2"]] == [[b"a", b"b"], [b"x", b"y"]]
    weights = sorted((np.asarray(value) for value in by_op["VarHandleOp"]), key=np.size)
    np.testing.assert_array_equal(weights[1], np.arange(9).reshape(3, 3))
    assert any(np.size(value) == 3000 for value in by_op["Const"])
    module.weight.assign(tf.zeros((3, 3)))
    fresh = open_source(module, Options())
    variables = [np.asarray(n.value) for n in fresh.nodes() if n.op == "VarHandleOp" and n.value.shape == (3, 3)]
    assert not variables[0].any()


def test_control_flow_keeps_its_functions() -> None:
    import tensorflow as tf

    offset = tf.Variable(1.0)

    def loop(x: Any) -> Any:
        def body(i: Any, y: Any) -> Any:
            return i + 1, inner(y) + offset

        return tf.while_loop(lambda i, _: i < 3, body, (0, x))[1]

    @tf.function
    def inner(y: Any) -> Any:
        return y * 2

    graph = open_source(loop, Options(inputs=[spec("n")]))
    node = next(node for node in graph.nodes() if node.op in ("While", "StatelessWhile"))
    reference = node.attrs["body"]
    assert isinstance(reference, FunctionRef)
    body = graph.function(reference)
    assert body is graph.function(reference.name)
    assert [made.tensor.node.op for made in body.inputs] == ["_Arg"] * len(node.inputs)
    assert [made.dtype for made in body.inputs] == node.attrs["T"]
    ops = [n.op for n in body.nodes()]
    assert "Mul" in ops  # the inner function's, inlined
    assert "PartitionedCall" not in ops
    assert graph.function(node.attrs["cond"]).outputs[0].tensor.shape == ()


def test_writes_are_effects_in_order() -> None:
    import tensorflow as tf

    state = tf.Variable(0.0)

    @tf.function
    def step(x: Any) -> Any:
        tf.debugging.assert_positive(x)
        state.assign_add(1.0)
        y = x + state
        state.assign(0.0)
        return y

    graph = open_source(step, Options(inputs=[spec(3)]))
    assert [node.op for node in graph.effects] == ["AssignAddVariableOp", "AssignVariableOp"]
    ops = [node.op for node in graph.nodes()]
    assert ops.index("AssignAddVariableOp") < ops.index("ReadVariableOp") < ops.index("AssignVariableOp")
    assert "Assert" not in ops


@pytest.mark.parametrize("source", [3, None, object(), int, "/nowhere/model", "/tmp"])
def test_what_cannot_be_read(source: Any) -> None:
    with pytest.raises(InvalidSourceError):
        open_source(source, Options())
