"""Segments."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, f64, i32, i64, prefixed

raw = tf.raw_ops
IDS = [0, 0, 1, 1, 1, 3, 3]
NAMES = ("sum", "prod", "mean", "max", "min")


def _sorted(name):
    function = getattr(tf.math, f"segment_{name}")
    return {
        f"{name}-constant": case(lambda x: function(x, IDS), f32(7, 3)),
        f"{name}-dynamic": case(lambda x, s: function(x, tf.sort(s)), f32("n", 3), i32("n", low=0, high=6)),
        f"{name}-int": case(lambda x, s: function(x, tf.sort(s)), i32("n"), i64("n", low=0, high=6)),
        f"{name}-vector": case(lambda x, s: function(x, tf.sort(s)), f64("n"), i32("n", low=0, high=4)),
    }


def _unsorted(name):
    function = getattr(tf.math, f"unsorted_segment_{name}")
    return {
        f"{name}": case(lambda x, s: function(x, s, 4), f32("n", 3), i32("n", low=-1, high=4)),
        f"{name}-matrix": case(lambda x, s: function(x, s, 6), f32("b", "t", 2), i32("b", "t", low=0, high=5)),
        f"{name}-count": case(
            lambda x, s, n: function(x, s, n[0]), f32("n"), i64("n", low=-1, high=3), i32(1, low=3, high=6)
        ),
    }


_ordered = {k: v for name in NAMES for k, v in _sorted(name).items()}
_free = {k: v for name in NAMES for k, v in _unsorted(name).items()} | {
    "max-int": case(lambda x, s: tf.math.unsorted_segment_max(x, s, 6), i32("n"), i32("n", low=0, high=4)),
    "min-int8": case(
        lambda x, s: tf.math.unsorted_segment_min(tf.cast(x, tf.int8), s, 6), i32("n"), i32("n", low=0, high=4)
    ),
    "sum-constant": case(lambda x: tf.math.unsorted_segment_sum(x, [2, 0, 2], 4), f32(3, "t")),
}
_sparse = {
    f"{name}": case(
        lambda x, i, s, name=name: getattr(tf.sparse, f"segment_{name}")(x, i, tf.sort(s)),
        f32(5, 3),
        i32("n", low=0, high=5),
        i32("n", low=0, high=4),
    )
    for name in ("sum", "mean", "sqrt_n")
} | {
    f"{name}-numbered": case(
        lambda x, i, s, name=name: getattr(tf.sparse, f"segment_{name}")(x, i, tf.sort(s), num_segments=6),
        f32(5, 3),
        i64("n", low=0, high=5),
        i32("n", low=0, high=4),
    )
    for name in ("sum", "mean", "sqrt_n")
}

CASES = {
    **prefixed(
        "segment", {**_ordered, **at_opsets({f"{n}-dynamic": _ordered[f"{n}-dynamic"] for n in NAMES}, 13, 16, 23)}
    ),
    **prefixed("unsorted-segment", {**_free, **at_opsets({n: _free[n] for n in NAMES}, 13, 16, 23)}),
    **prefixed("sparse-segment", _sparse),
    **prefixed(
        "unsorted-segment-max",
        dtypes(
            lambda x: tf.math.unsorted_segment_max(x, [0, 1, 1, 3], 4),
            f32(4, low=0, high=5),
            over="float16 float64 bfloat16 int64 int16 uint8",
        ),
    ),
}
