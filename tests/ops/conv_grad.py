"""Gradients of convolutions by their kernel."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f32
from tests.ops.grad import gradient_of

IMAGE, KERNEL = f32("b", "h", "w", 4), f32(3, 3, 4, 2)


def _conv(stride: int = 1, padding: object = "SAME", **options: object):
    return gradient_of(lambda x, k: tf.nn.conv2d(x, k, stride, padding, **options) ** 2)


def _depthwise(stride: int = 1, padding: object = "SAME", rate: int = 1):
    return gradient_of(
        lambda x, k: tf.nn.depthwise_conv2d(x, k, [1, stride, stride, 1], padding, dilations=[rate, rate]) ** 2
    )


# Sums over whole batches of images: rounding shows.
ROUGH = {"tolerance": 1e-3}
CASES = {
    "same": case(_conv(), IMAGE, KERNEL, **ROUGH),
    "same-strided": case(_conv(2), IMAGE, KERNEL, **ROUGH),
    "same-strided/static": case(_conv(2), f32("b", 9, 8, 4), KERNEL, **ROUGH),
    "valid": case(_conv(2, "VALID"), IMAGE, KERNEL, **ROUGH),
    "explicit": case(_conv(2, [[0, 0], [1, 2], [0, 1], [0, 0]]), IMAGE, KERNEL, **ROUGH),
    "stride-above": case(_conv(3), IMAGE, f32(2, 2, 4, 2), **ROUGH),
    "1d": case(gradient_of(lambda x, k: tf.nn.conv1d(x, k, 2, "SAME") ** 2), f32("b", "t", 4), f32(3, 4, 5), **ROUGH),
    "3d": case(
        gradient_of(lambda x, k: tf.nn.conv3d(x, k, [1, 2, 2, 2, 1], "SAME") ** 2), f32("b", "d", 7, 6, 2),
        f32(3, 3, 3, 2, 3), **ROUGH,
    ),
    "depthwise": case(_depthwise(), IMAGE, f32(3, 3, 4, 2), **ROUGH),
    "depthwise/strided": case(_depthwise(2), IMAGE, f32(3, 2, 4, 1), **ROUGH),
    "depthwise/valid": case(_depthwise(2, "VALID"), IMAGE, f32(3, 3, 4, 2), **ROUGH),
    "separable": case(
        gradient_of(lambda x, k, p: tf.nn.separable_conv2d(x, k, p, [1, 1, 1, 1], "VALID") ** 2), IMAGE,
        f32(3, 3, 4, 2), f32(1, 1, 8, 3), **ROUGH,
    ),
    **at_opsets({"opset": case(_conv(2), IMAGE, KERNEL, **ROUGH)}, 13, 18, 23),
}  # fmt: skip
