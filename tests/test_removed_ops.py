"""Ops that frozen graphs of TensorFlow 1 hold and today's TensorFlow no longer runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

import onward


@pytest.mark.parametrize("scaled", [True, False])
def test_batch_norm_with_global_normalization(tmp_path: Path, scaled: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 5, 6, 3)).astype(np.float32)
    mean, variance, beta, gamma = (rng.uniform(0.5, 2, 3).astype(np.float32) for _ in range(4))
    graph = tf.compat.v1.GraphDef()
    graph.versions.producer = 8
    node = graph.node.add(op="Placeholder", name="x")
    node.attr["dtype"].type = tf.float32.as_datatype_enum
    node.attr["shape"].shape.CopyFrom(tf.TensorShape([None, 5, 6, 3]).as_proto())
    for name, array in {"m": mean, "v": variance, "beta": beta, "gamma": gamma}.items():
        node = graph.node.add(op="Const", name=name)
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array))
    op = "BatchNormWithGlobalNormalization"
    node = graph.node.add(op=op, name="y", input=["x", "m", "v", "beta", "gamma"])
    node.attr["T"].type = tf.float32.as_datatype_enum
    node.attr["variance_epsilon"].f = 1e-3
    node.attr["scale_after_normalization"].b = scaled
    path = tmp_path / "frozen.pb"
    path.write_bytes(graph.SerializeToString())
    model = onward.convert(str(path), verify=False).model_proto
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {session.get_inputs()[0].name: x})
    want = tf.nn.batch_normalization(x, mean, variance, beta, gamma if scaled else None, 1e-3)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("version", ["", "V2"])
def test_arrays_before_version_3(tmp_path: Path, version: str) -> None:
    """Their flow begins as a plain number; what comes after the handle is the same."""
    path = tmp_path / "frozen.pbtxt"
    path.write_text(_ARRAYS.replace("VERSION", version))
    outputs = ["whole", "row", "size", "packed"] if not version else ["whole", "row", "size"]
    model = onward.convert(path, outputs=outputs, verify=False).model_proto
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    whole, row, size, *packed = session.run(None, {"x": x})
    np.testing.assert_array_equal(whole, [x[1], x[0], [0, 0, 0]])
    np.testing.assert_array_equal(row, x[1])
    assert size == 3
    for array in packed:
        np.testing.assert_array_equal(array, x)


_ARRAYS = """
versions { producer: 12 }
node { name: "x" op: "Placeholder"
  attr { key: "dtype" value { type: DT_FLOAT } }
  attr { key: "shape" value { shape { dim { size: 2 } dim { size: 3 } } } } }
node { name: "two" op: "Const"
  attr { key: "dtype" value { type: DT_INT32 } }
  attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { dim { size: 2 } } int_val: [1, 0] } } } }
node { name: "three" op: "Const"
  attr { key: "dtype" value { type: DT_INT32 } }
  attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { dim { size: 3 } } int_val: [0, 1, 2] } } } }
node { name: "zero" op: "Const"
  attr { key: "dtype" value { type: DT_INT32 } }
  attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 0 } } } }
node { name: "n" op: "Const"
  attr { key: "dtype" value { type: DT_INT32 } }
  attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 3 } } } }
node { name: "flow" op: "Const"
  attr { key: "dtype" value { type: DT_FLOAT } }
  attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { } float_val: 0 } } } }
node { name: "array" op: "TensorArrayVERSION" input: "n"
  attr { key: "dtype" value { type: DT_FLOAT } }
  attr { key: "element_shape" value { shape { dim { size: 3 } } } } }
node { name: "filled" op: "TensorArrayScatterVERSION" input: ["array", "two", "x", "flow"]
  attr { key: "T" value { type: DT_FLOAT } } }
node { name: "whole" op: "TensorArrayGatherVERSION" input: ["array", "three", "filled"]
  attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "row" op: "TensorArrayReadVERSION" input: ["array", "zero", "filled"]
  attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "size" op: "TensorArraySizeVERSION" input: ["array", "filled"] }
node { name: "spread" op: "TensorArrayUnpack" input: ["array", "x", "flow"]
  attr { key: "T" value { type: DT_FLOAT } } }
node { name: "packed" op: "TensorArrayPack" input: ["array", "spread"]
  attr { key: "dtype" value { type: DT_FLOAT } } }
"""
