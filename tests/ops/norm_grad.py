"""Gradients of normalisation."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f16, f32
from tests.ops.grad import gradient_of

IMAGE = f32("b", "h", "w", 3)
batch_norm = tf.compat.v1.nn.fused_batch_norm


def _trained(data_format: str = "NHWC"):
    return gradient_of(lambda x, s, o: batch_norm(x, s, o, data_format=data_format)[0] ** 3)


def _frozen(x, scale, offset):
    mean, variance = tf.constant([0.1, 0.2, 0.3]), tf.constant([1.0, 2.0, 0.5])
    return batch_norm(x, scale, offset, mean=mean, variance=variance, is_training=False)[0] ** 2


CASES = {
    "batch/training": case(_trained(), IMAGE, f32(3), f32(3), tolerance=2e-3),
    "batch/training-3d": case(
        _trained("NDHWC"), f32("b", "d", 5, 6, 3), f32(3), f32(3), tolerance=2e-3
    ),
    "batch/inference": case(gradient_of(_frozen), IMAGE, f32(3), f32(3), tolerance=1e-3),
    "batch/half": case(gradient_of(_frozen), f16("b", 4, 5, 3), f32(3), f32(3), tolerance=3e-2),
    "lrn": case(
        gradient_of(lambda x: tf.nn.local_response_normalization(x, 2, 1.5, 0.3, 0.7) ** 2), f32("b", "h", "w", 7)
    ),
    "lrn/few-channels": case(gradient_of(lambda x: tf.nn.local_response_normalization(x) ** 2), f32("b", 4, "w", 3)),
    **at_opsets(
        {
            "opset": case(_trained(), IMAGE, f32(3), f32(3), tolerance=2e-3),
            "opset/lrn": case(gradient_of(lambda x: tf.nn.lrn(x, 2) ** 2), f32("b", 4, "w", 5)),
        },
        13, 18, 23,
    ),
}  # fmt: skip
