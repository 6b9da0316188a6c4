"""Channels-first convolutions and poolings, which TensorFlow itself does not run on a CPU: compared channels-last."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

import onward
from tests.harness import w

raw = tf.raw_ops
SAME = {"strides": [1, 1, 2, 2], "padding": "SAME", "data_format": "NCHW"}


def _last(numbers: list[int]) -> list[int]:
    return [numbers[0], *numbers[2:], numbers[1]]


def _conv(**frame: object) -> tuple[Callable, Callable]:
    def first(x: tf.Tensor) -> tf.Tensor:
        return raw.Conv2D(input=x, filter=w(3, 3, 4, 6), **frame)

    def last(x: tf.Tensor) -> tf.Tensor:
        pads = frame.get("explicit_paddings", [])
        ordered = [*pads[:2], *pads[4:], *pads[2:4]]
        return raw.Conv2D(
            input=x, filter=w(3, 3, 4, 6), strides=_last(frame["strides"]), padding=frame["padding"],
            dilations=_last(frame.get("dilations", [1] * 4)), explicit_paddings=ordered,
        )  # fmt: skip

    return first, last


PAIRS: dict[str, tuple[Callable, Callable]] = {
    "conv/same": _conv(**SAME),
    "conv/valid": _conv(strides=[1, 1, 1, 2], padding="VALID", data_format="NCHW"),
    "conv/dilated": _conv(strides=[1, 1, 1, 1], padding="SAME", data_format="NCHW", dilations=[1, 1, 2, 3]),
    "conv/explicit": _conv(
        strides=[1, 1, 1, 1], padding="EXPLICIT", data_format="NCHW", explicit_paddings=[0, 0, 0, 0, 1, 2, 3, 0]
    ),
    "depthwise": (
        lambda x: raw.DepthwiseConv2dNative(input=x, filter=w(3, 3, 4, 2), **SAME),
        lambda x: raw.DepthwiseConv2dNative(input=x, filter=w(3, 3, 4, 2), strides=[1, 2, 2, 1], padding="SAME"),
    ),
    "transposed": (
        lambda x: raw.Conv2DBackpropInput(
            input_sizes=tf.stack([tf.shape(x)[0], 5, tf.shape(x)[2] * 2, tf.shape(x)[3] * 2]),
            filter=w(3, 3, 5, 4), out_backprop=x, **SAME,
        ),
        lambda x: raw.Conv2DBackpropInput(
            input_sizes=[x.shape[0], x.shape[1] * 2, x.shape[2] * 2, 5], filter=w(3, 3, 5, 4), out_backprop=x,
            strides=[1, 2, 2, 1], padding="SAME",
        ),
    ),
    "max-pool": (
        lambda x: raw.MaxPool(input=x, ksize=[1, 1, 3, 2], **SAME),
        lambda x: raw.MaxPool(input=x, ksize=[1, 3, 2, 1], strides=[1, 2, 2, 1], padding="SAME"),
    ),
    "avg-pool": (
        lambda x: raw.AvgPool(value=x, ksize=[1, 1, 3, 2], **SAME),
        lambda x: raw.AvgPool(value=x, ksize=[1, 3, 2, 1], strides=[1, 2, 2, 1], padding="SAME"),
    ),
    "bias": (
        lambda x: raw.BiasAdd(value=x, bias=w(4), data_format="NCHW"),
        lambda x: raw.BiasAdd(value=x, bias=w(4)),
    ),
    "batch-norm": (
        lambda x: raw.FusedBatchNormV3(
            x=x, scale=w(4), offset=w(4, seed=1), mean=w(4, seed=2), variance=w(4, seed=3) ** 2, is_training=False,
            data_format="NCHW",
        ).y,
        lambda x: raw.FusedBatchNormV3(
            x=x, scale=w(4), offset=w(4, seed=1), mean=w(4, seed=2), variance=w(4, seed=3) ** 2, is_training=False
        ).y,
    ),
    "to-depth": (
        lambda x: raw.SpaceToDepth(input=x, block_size=2, data_format="NCHW"),
        lambda x: raw.SpaceToDepth(input=x, block_size=2),
    ),
    "from-depth": (
        lambda x: raw.DepthToSpace(input=x, block_size=2, data_format="NCHW"),
        lambda x: raw.DepthToSpace(input=x, block_size=2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
def test_channels_first(name: str, dynamic: bool) -> None:
    first, last = PAIRS[name]
    shape = [None, 4, None, None] if dynamic else [None, 4, 8, 10]
    function = tf.function(first, input_signature=[tf.TensorSpec(shape, tf.float32, name="x")])
    model = onward.convert(function, verify=False).model_proto
    assert "Transpose" not in {node.op_type for node in model.graph.node}
    x = np.random.default_rng(0).standard_normal((2, 4, 8, 10)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {"x": x})
    want = np.moveaxis(last(tf.constant(np.moveaxis(x, 1, -1))).numpy(), -1, 1)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
