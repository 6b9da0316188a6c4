"""Buckets, bins and histograms."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, f64, i32, i64, prefixed

_RAW = tf.raw_ops
_LIMITS = [-1.0, 0.0, 0.5, 2.0]
_EDGES = (-1.0, 0.0, 0.5, 2.0, 7.0, -9.0, float("inf"), -float("inf"), float("nan"))


def _bincount(x, weights=(), size=6, binary=False, dtype=tf.float32):
    return _RAW.DenseBincount(
        input=x, size=tf.constant(size, x.dtype), weights=tf.cast(weights, dtype), binary_output=binary
    )


_SOME = {
    "bincount/vector": case(_bincount, i32("n", low=0, high=6)),
    "bincount/matrix": case(_bincount, i32("b", "t", low=0, high=6)),
    "bincount/weights": case(_bincount, i32("b", "t", low=0, high=6), f32("b", "t")),
    "bincount/binary": case(lambda x: _bincount(x, binary=True), i32("b", "t", low=0, high=6)),
    "bincount/beyond": case(_bincount, i64("b", "t", low=0, high=9)),
    "bucketize": case(lambda x: _RAW.Bucketize(input=x, boundaries=_LIMITS), f32("b", "t", values=_EDGES)),
}

CASES = {
    **_SOME,
    **at_opsets(_SOME, 13, 15, 18, 23),
    "bincount/beyond-weights": case(_bincount, i32("n", low=0, high=9), f32("n")),
    "bincount/int": case(lambda x: _bincount(x, dtype=tf.int32), i32("b", "t", low=0, high=6)),
    "bincount/int64": case(lambda x: _bincount(x, dtype=tf.int64), i32("b", "t", low=0, high=6)),
    "bincount/float64": case(lambda x, w: _bincount(x, w, dtype=tf.float64), i32("n", low=0, high=6), f64("n")),
    "bincount/old": case(lambda x, w: _RAW.Bincount(arr=x, size=5, weights=w), i32("n", low=0, high=8), f32("n")),
    "bincount/public": case(lambda x: tf.math.bincount(x, minlength=6, maxlength=6), i32("n", low=0, high=9)),
    **prefixed(
        "bucketize",
        dtypes(lambda x: _RAW.Bucketize(input=x, boundaries=_LIMITS), i32("b", "t"), over="int32 int64 float64"),
    ),
    "bucketize/none": case(lambda x: _RAW.Bucketize(input=x, boundaries=[]), f32("b", "t")),
    "histogram": case(lambda x: tf.histogram_fixed_width(x, [-2.0, 2.0], 5), f32("b", "t")),
    "histogram/int64": case(lambda x: tf.histogram_fixed_width(x, [-2.0, 2.0], 7, tf.int64), f32("n")),
    "histogram/int": case(lambda x: tf.histogram_fixed_width(x, [0, 9], 4), i32("b", "t", low=-3, high=14)),
    "histogram/range": case(
        lambda x, r: tf.histogram_fixed_width(x, [-r[0] - 1, r[0] + 1], 4), f32("n"), f32(1, low=0)
    ),
}
