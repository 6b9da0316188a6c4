"""Losses."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f16, f32, f64, i32, i64

_RAW = tf.raw_ops


def _dense(x, y):
    return list(_RAW.SoftmaxCrossEntropyWithLogits(features=x, labels=y))


def _sparse(x, y):
    return list(_RAW.SparseSoftmaxCrossEntropyWithLogits(features=x, labels=y))


_SOME = {
    "dense": case(_dense, f32("b", 5), f32("b", 5, low=0, high=1)),
    "sparse": case(_sparse, f32("b", 5), i32("b", low=0, high=5)),
}

CASES = {
    **_SOME,
    **at_opsets(_SOME, 13, 18, 23),
    "dense/broadcast": case(_dense, f32("b", 5), f32(1, 5, low=0, high=1)),
    "dense/broadcast-logits": case(_dense, f32(1, 5), f32("b", 5, low=0, high=1)),
    "dense/float16": case(_dense, f16("b", 5), f16("b", 5, low=0, high=1)),
    "dense/float64": case(_dense, f64("b", 5), f64("b", 5, low=0, high=1)),
    "dense/large": case(_dense, f32("b", 5, low=-1000, high=1000), f32("b", 5, low=0, high=1)),
    "dense/public": case(tf.nn.softmax_cross_entropy_with_logits, f32("b", "t", 5, low=0, high=1), f32("b", "t", 5)),
    "sparse/int64": case(_sparse, f32("b", "t"), i64("b", low=0, high=6)),
    "sparse/public": case(
        tf.nn.sparse_softmax_cross_entropy_with_logits, i32("b", "t", low=0, high=5), f32("b", "t", 5)
    ),
    "sigmoid": case(
        lambda x, y: tf.nn.sigmoid_cross_entropy_with_logits(y, x), f32("b", 5), f32("b", 5, low=0, high=1)
    ),
}
