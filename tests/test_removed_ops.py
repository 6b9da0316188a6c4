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
