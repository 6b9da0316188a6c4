"""Transposed convolutions."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, i32, prefixed, w

raw = tf.raw_ops


def _doubled(x: tf.Tensor, channels: int, offset: int = 0) -> tf.Tensor:
    shape = tf.shape(x)
    return tf.stack([shape[0], *(shape[i] * 2 + offset for i in range(1, len(x.shape) - 1)), channels])


CASES = {
    "1d/same": case(lambda x: tf.nn.conv1d_transpose(x, w(3, 5, 4), _doubled(x, 5), 2), f32("b", "t", 4)),
    "1d/static": case(lambda x: tf.nn.conv1d_transpose(x, w(3, 4, 3), [2, 14, 4], 2), f32(2, 7, 3)),
    "2d/same": case(lambda x: tf.nn.conv2d_transpose(x, w(3, 3, 5, 4), _doubled(x, 5), 2), f32("b", "h", "w", 4)),
    "2d/same-odd": case(
        lambda x: tf.nn.conv2d_transpose(x, w(3, 3, 5, 4), _doubled(x, 5, -1), 2), f32("b", "h", "w", 4)
    ),
    "2d/same-even-kernel": case(
        lambda x: tf.nn.conv2d_transpose(x, w(4, 2, 5, 4), _doubled(x, 5), 2), f32("b", "h", "w", 4)
    ),
    "2d/valid": case(
        lambda x: tf.nn.conv2d_transpose(x, w(3, 3, 5, 4), _doubled(x, 5, 1), 2, "VALID"), f32("b", "h", "w", 4)
    ),
    "2d/valid-larger": case(
        lambda x: tf.nn.conv2d_transpose(x, w(3, 3, 5, 4), _doubled(x, 5, 2), 2, "VALID"), f32("b", "h", "w", 4)
    ),
    "2d/small-kernel": case(
        lambda x: tf.nn.conv2d_transpose(x, w(1, 1, 5, 4), _doubled(x, 5), 2), f32("b", "h", "w", 4)
    ),
    "2d/sizes-at-run-time": case(
        lambda x, s: tf.nn.conv2d_transpose(x, w(3, 3, 5, 4), tf.concat([tf.shape(x)[:1], s, [5]], 0), 2),
        f32("b", 6, 6, 4), i32(2, values=[11, 12]),
    ),
    "2d/valid-at-run-time": case(
        lambda x, s: tf.nn.conv2d_transpose(x, w(3, 3, 5, 4), tf.concat([tf.shape(x)[:1], s, [5]], 0), 2, "VALID"),
        f32("b", 6, 6, 4), i32(2, values=[13, 14]),
    ),
    "2d/explicit": case(
        lambda x: raw.Conv2DBackpropInput(
            input_sizes=[2, 11, 12, 5], filter=w(3, 3, 5, 4), out_backprop=x, strides=[1, 2, 2, 1],
            padding="EXPLICIT", explicit_paddings=[0, 0, 1, 1, 0, 2, 0, 0],
        ),
        f32(2, 6, 6, 4),
    ),
    "3d/same": case(
        lambda x: tf.nn.conv3d_transpose(x, w(3, 3, 3, 5, 4), _doubled(x, 5), 2), f32("b", "k", 4, "k", 4)
    ),
    "3d/valid": case(
        lambda x: tf.nn.conv3d_transpose(x, w(2, 3, 3, 5, 4), [2, 8, 9, 9, 5], 2, "VALID"), f32(2, 4, 4, 4, 4)
    ),
    "depthwise": case(
        lambda y: tf.nn.depthwise_conv2d_backprop_input([2, 8, 9, 3], w(3, 3, 3, 2), y, [1, 1, 1, 1], "SAME"),
        f32(2, 8, 9, 6),
    ),
    "depthwise/strided": case(
        lambda y: tf.nn.depthwise_conv2d_backprop_input([2, 8, 9, 3], w(3, 3, 3, 2), y, [1, 2, 2, 1], "SAME"),
        f32(2, 4, 5, 6),
    ),
    **prefixed(
        "dtype",
        dtypes(
            lambda x, k: tf.nn.conv2d_transpose(x, k, [2, 12, 14, 5], 2), f32(2, 6, 7, 4), f32(3, 3, 5, 4),
            over="float16 float64", tolerance=2e-2,
        ),
    ),
    **at_opsets({
        "opset": case(lambda x: tf.nn.conv2d_transpose(x, w(3, 3, 5, 4), _doubled(x, 5), 2), f32("b", "h", "w", 4)),
    }, 13, 18, 23),
}  # fmt: skip
