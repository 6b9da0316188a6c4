"""The loss of connectionist temporal classification."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f32, f64, i32
from tests.ops.grad import gradient_of

LABELS = tf.SparseTensor([[0, 0], [0, 1], [0, 2], [1, 0], [2, 0], [2, 1]], [1, 1, 0, 2, 0, 2], [3, 3])
LENGTHS = i32(3, low=5, high=7)


def _loss(x, lengths):
    return tf.compat.v1.nn.ctc_loss(tf.cast(LABELS, tf.int32), x, lengths)


def _gradient(x, lengths):
    return gradient_of(lambda y: _loss(y, lengths) * tf.constant([1, 2, 3], x.dtype))(x)


CASES = {
    "loss": case(_loss, f32("t", 3, 4), LENGTHS, tolerance=1e-4, sizes={"t": (6, 9)}),
    "gradient": case(_gradient, f32("t", 3, 4), LENGTHS, tolerance=1e-4, sizes={"t": (6, 9)}),
    "double": case(_gradient, f64("t", 3, 4), LENGTHS, tolerance=1e-5, sizes={"t": (6, 9)}),
    "sparse": case(
        lambda x, lengths: tf.nn.ctc_loss(tf.cast(LABELS, tf.int32), x, None, lengths, blank_index=3),
        f32("t", 3, 5, low=-9, high=9), LENGTHS, tolerance=1e-4, sizes={"t": (6, 9)},
    ),
    "labels-at-run-time": case(
        lambda x, labels, lengths: tf.compat.v1.nn.ctc_loss(tf.sparse.from_dense(labels), x, lengths),
        f32("t", 3, 4), i32(3, 2, values=[1, 2]), LENGTHS, tolerance=1e-4, sizes={"t": (6, 9)},
    ),
    **at_opsets({"opset": case(_gradient, f32(7, 3, 4), LENGTHS, tolerance=1e-4)}, 13, 18, 23),
}  # fmt: skip
