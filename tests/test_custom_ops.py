"""Ops of the user's own: a lowering that goes with the call, one that is registered, and ops kept in a domain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import onward
from onward.errors import InvalidArgumentError, UnsupportedOpsError
from onward.lowering.registry import USERS

X = np.linspace(-3, 3, 12, dtype=np.float32).reshape(3, 4)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A frozen graph with an op that TensorFlow does not know."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.compat.v1.placeholder(tf.float32, (None, 4), name="x")
    graph_def = graph.as_graph_def()
    node = graph_def.node.add(name="odd", op="MyGelu", input=["x"])
    node.attr["T"].type = 1
    node.attr["slope"].f = 0.5
    node.attr["names"].list.s.extend([b"a", b"b"])
    node.attr["shape"].shape.dim.add(size=-1)
    node.attr["shape"].shape.dim.add(size=4)
    sizes = node.attr["_output_shapes"].list.shape.add()
    sizes.dim.add(size=-1)
    sizes.dim.add(size=4)
    node = graph_def.node.add(name="y", op="Neg", input=["odd"])
    node.attr["T"].type = 1
    path = tmp_path / "graph.pb"
    path.write_bytes(graph_def.SerializeToString())
    return path


@pytest.fixture
def registered() -> Iterator[None]:
    """Forgets what a test registers."""
    yield
    USERS.clear()


def only(program: onward.ONNXProgram, domain: str) -> onnx.NodeProto:
    """The one operator of a domain."""
    (found,) = (node for node in program.model_proto.graph.node if node.domain == domain)
    return found


def gelu(x: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    return tf.nn.gelu(x).numpy()


def test_missing(file: Path) -> None:
    with pytest.raises(UnsupportedOpsError, match=r"(?s)MyGelu .*custom_ops=\{"):
        onward.convert(file)


def test_a_function_with_the_call(file: Path) -> None:
    program = onward.convert(file, custom_ops={"MyGelu": lambda op, x, *, slope: op.Max(x, x * slope)}, verify=False)
    np.testing.assert_allclose(program.run({"x": X})["y"], -np.maximum(X, X * 0.5))


@pytest.mark.usefixtures("registered")
def test_a_registered_function(file: Path) -> None:
    @onward.lower("MyGelu")
    def my_gelu(op: Any, x: Any) -> Any:
        return x * 2.0

    np.testing.assert_allclose(onward.convert(file, verify=False).run({"x": X})["y"], -2 * X)

    @onward.lower("Neg", "MyGelu")
    def other(op: Any, x: Any) -> Any:
        return x + 1.0

    np.testing.assert_allclose(onward.convert(file, verify=False).run({"x": X})["y"], X + 2)


def test_an_operator_that_the_runtime_knows(file: Path) -> None:
    """``com.microsoft`` has a Gelu: the model is checked, loaded and run."""
    kept = onward.keep("com.microsoft", "Gelu", attributes=[])
    program = onward.convert(file, custom_ops={"MyGelu": kept}, verify=False)
    onnx.checker.check_model(program.model_proto, full_check=True)
    assert ("com.microsoft", 1) in [(o.domain, o.version) for o in program.model_proto.opset_import]
    np.testing.assert_allclose(program.run({"x": X})["y"], -gelu(X), rtol=1e-5, atol=1e-6)


def test_a_domain_alone(file: Path) -> None:
    """The op keeps its name and its attributes; what no runtime knows is not verified."""
    program = onward.convert(file, custom_ops={"MyGelu": "my.domain"})
    onnx.checker.check_model(program.model_proto)
    node = only(program, "my.domain")
    found = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    assert (node.op_type, found) == ("MyGelu", {"T": 1, "slope": 0.5, "names": [b"a", b"b"], "shape": [-1, 4]})
    assert "does not know the operators of my.domain" in program.notes[0]


def test_hints(file: Path) -> None:
    kept = onward.keep("d", version=3, dtype=["float32", "int64"], shape=[lambda x: (x[0], 4), ("n", None)])
    program = onward.convert(file, custom_ops={"MyGelu": kept}, outputs=["y", "odd:1"], verify=False)
    described = {v.name: v.type.tensor_type for v in program.model_proto.graph.output}
    dims = {name: [d.dim_value or d.dim_param for d in t.shape.dim] for name, t in described.items()}
    assert dims["y"] == ["batch", 4]
    assert dims["odd:1"][0] == "n"
    assert described["odd:1"].elem_type == onnx.TensorProto.INT64
    assert ("d", 3) in [(o.domain, o.version) for o in program.model_proto.opset_import]


def test_an_op_that_tensorflow_knows() -> None:
    """Its definition says how many outputs there are, their dtypes, and the attributes that are left out."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="x")])
    def best(x: Any) -> Any:
        return tf.math.top_k(x, 2)

    program = onward.convert(best, custom_ops={"TopKV2": "my.domain"})
    node = only(program, "my.domain")
    assert len(node.output) == 2
    types = [output.type.tensor_type.elem_type for output in program.model_proto.graph.output]
    assert types == [onnx.TensorProto.FLOAT, onnx.TensorProto.INT32]
    assert {a.name: a.i for a in node.attribute} == {"sorted": 1, "T": 1, "Tk": 6, "index_type": 6}


def test_what_makes_no_sense(file: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="must be a function"):
        onward.convert(file, custom_ops={"MyGelu": 3}, verify=False)
    with pytest.raises(InvalidArgumentError, match="domain of its own"):
        onward.keep("")
    with pytest.raises(UnsupportedOpsError, match="it has no attribute 'nothing'"):
        onward.convert(file, custom_ops={"MyGelu": onward.keep("d", attributes=["nothing"])}, verify=False)
