"""Order, search and distinct elements."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, i32, i64, prefixed, string

raw = tf.raw_ops
TIES = [0.0, 1.0, 2.0, -1.0]

_top = {
    "k": case(lambda x: tf.math.top_k(x, 3), f32("b", "t", 9)),
    "ties": case(lambda x: tf.math.top_k(x, 4), f32("b", 9, values=TIES)),
    "k-dynamic": case(lambda x: tf.math.top_k(x, tf.shape(x)[1] // 2), f32("b", "t")),
    "k-zero": case(lambda x: tf.math.top_k(x, 0), f32("b", "t")),
    "int64-index": case(lambda x: raw.TopKV2(input=x, k=tf.constant(2, tf.int64), index_type=tf.int64), f32("b", 5)),
    "sort": case(lambda x: tf.sort(x, 1, "DESCENDING"), f32("b", "t", 3)),
    "argsort": case(lambda x: tf.argsort(x, stable=True), i32("b", "t")),
    "nth": case(
        lambda x: (tf.raw_ops.NthElement(input=x, n=2), raw.NthElement(input=x, n=0, reverse=True)), f32("b", 7)
    ),
    "in-top-k": case(lambda p, t: raw.InTopKV2(predictions=p, targets=t, k=2), f32("n", 7), i32("n", low=-1, high=8)),
    "in-top-k-v1": case(
        lambda p, t: raw.InTopK(predictions=p, targets=t, k=3),
        f32("n", 7, values=[1.0, 2.0, np.inf, 3.0, np.nan]),
        i64("n", low=0, high=7),
    ),
}

_arg = {
    "max": case(lambda x: tf.argmax(x, 1), f32("b", "t", 5, values=TIES)),
    "min": case(lambda x: tf.argmin(x, -1, output_type=tf.int32), f32("b", "t", 5, values=TIES)),
    "max-dynamic": case(lambda x, a: tf.argmax(x, a[0]), f32("b", "t"), i32(1, low=-2, high=2)),
    "min-dynamic": case(lambda x, a: tf.argmin(x, a[0]), i32("n"), i32(1, low=0, high=1)),
}

_unique = {
    "list-diff-constant": case(lambda x: tf.tensordot(x, tf.ones([6]), [[1], [0]]), f32("b", 6, 5), ops="!Unique !If"),
    "int": case(lambda x: tf.unique(x), i32("n", low=0, high=5)),
    "counts": case(lambda x: tf.unique_with_counts(x, tf.int64), i64("n", low=0, high=5)),
    "string": case(lambda x: tf.unique(x), string("n")),
    "axis": case(lambda x: raw.UniqueV2(x=x, axis=[0]), i32("n", 2, low=0, high=2)),
    "axis-counts": case(lambda x: raw.UniqueWithCountsV2(x=x, axis=[1]), i64(2, "n", low=0, high=2)),
    "no-axis": case(lambda x: raw.UniqueV2(x=x, axis=tf.zeros([0], tf.int64)), f32("n", values=TIES)),
    "list-diff": case(lambda x, y: raw.ListDiff(x=x, y=y), i32("n", low=0, high=9), i32("k", low=0, high=9)),
    "list-diff-string": case(lambda x, y: raw.ListDiff(x=x, y=y, out_idx=tf.int64), string("n"), string("k")),
}

_search = {
    "left": case(lambda x, y: tf.searchsorted(tf.sort(x), y), f32("b", 9), f32("b", "t")),
    "right": case(lambda x, y: tf.searchsorted(tf.sort(x), y, side="right"), f32("b", 9), f32("b", "t")),
    "ties": case(
        lambda x, y: (
            raw.LowerBound(sorted_inputs=tf.sort(x), values=y),
            raw.UpperBound(sorted_inputs=tf.sort(x), values=y, out_type=tf.int64),
        ),
        i32("b", 7, low=0, high=5),
        i32("b", "t", low=-1, high=6),
    ),
    "vector": case(lambda x, y: tf.searchsorted(tf.sort(x), y), f32(9), f32("t")),
}

CASES = {
    "approximate": case(lambda x: tf.math.approx_max_k(x, 3), f32("b", 7)),
    **prefixed("top-k", {**_top, **at_opsets({"ties": _top["ties"]}, 13, 18, 23)}),
    **prefixed(
        "top-k",
        dtypes(
            lambda x: tf.math.top_k(x, 2),
            f32(3, 5, low=0, high=9),
            over="float16 float64 int8 uint8 int16 uint16 int32 int64 bfloat16",
        ),
    ),
    **prefixed("arg", _arg),
    **prefixed(
        "arg-max",
        dtypes(
            lambda x: tf.argmax(x, 1),
            f32(3, 5, low=0, high=9),
            over="float16 float64 int8 uint8 int16 uint16 int64 bfloat16 bool",
        ),
    ),
    **prefixed("unique", {**_unique, **at_opsets({"list-diff-string": _unique["list-diff-string"]}, 13, 18, 23)}),
    **prefixed("search", _search),
}
