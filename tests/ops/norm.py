"""Normalisation."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f16, f32, w

raw = tf.raw_ops


def _fused(training: bool, data_format: str = "NHWC", **options: float) -> object:
    def function(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor) -> list:
        y = raw.FusedBatchNormV3(
            x=x, scale=scale, offset=offset, mean=mean, variance=variance, epsilon=1e-3, is_training=training,
            data_format=data_format, **options,
        )  # fmt: skip
        return [y.y, y.batch_mean, y.batch_variance]

    return function


STATISTICS = (f32(4), f32(4), f32(4), f32(4, low=0.3, high=2))

CASES = {
    "fused/inference": case(_fused(False), f32("b", "h", "w", 4), *STATISTICS),
    "fused/training": case(_fused(True), f32("b", "h", "w", 4), *STATISTICS),
    "fused/training-moving": case(_fused(True, exponential_avg_factor=0.3), f32("b", 5, 6, 4), *STATISTICS),
    "fused/3d": case(_fused(False, "NDHWC"), f32("b", 2, "h", "w", 4), *STATISTICS),
    "fused/float16": case(_fused(False), f16("b", "h", "w", 4), *STATISTICS),
    "fused/float16-training": case(_fused(True), f16("b", "h", "w", 4), *STATISTICS),
    "fused/v1": case(
        lambda x: raw.FusedBatchNorm(
            x=x, scale=w(4), offset=w(4, seed=1), mean=w(4, seed=2), variance=w(4, seed=3) ** 2, is_training=False
        ).y,
        f32("b", "h", "w", 4),
    ),
    "lrn": case(lambda x: tf.nn.local_response_normalization(x, 2, 1.0, 0.5, 0.75), f32("b", "h", "w", 8)),
    "lrn/wide": case(lambda x: tf.nn.local_response_normalization(x), f32("b", 3, 4, 7)),
    "l2-loss": case(tf.nn.l2_loss, f32("b", "t")),
    "l2-loss/float16": case(tf.nn.l2_loss, f16("b", "t")),
    "l2-normalize": case(lambda x: tf.nn.l2_normalize(x, [1, 2]), f32("b", "t", 3)),
    "moments": case(lambda x: tf.nn.moments(x, [1, 2]), f32("b", "h", "w", 3)),
    **at_opsets({"opset/float16": case(_fused(False), f16("b", "h", "w", 4), *STATISTICS)}, 13, 18, 23),
}  # fmt: skip
