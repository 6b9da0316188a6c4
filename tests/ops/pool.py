"""Pooling."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, prefixed, w

raw = tf.raw_ops


def _rank(n: int) -> dict:
    image = ("b", "t", 3) if n == 1 else ("b", "h", "w", 3) if n == 2 else ("b", "d", "h", "w", 3)
    rows = {}
    for kind in ("max", "avg"):
        pool = getattr(tf.nn, f"{kind}_pool{n}d")
        for size, stride in ((2, 2), (3, 1), (3, 2), (2, 3), (1, 2)):
            for padding in ("SAME", "VALID"):
                rows[f"{kind}/{padding.lower()}-{size}-{stride}"] = case(
                    lambda x, pool=pool, k=size, s=stride, p=padding: pool(x, k, s, p), f32(*image)
                )
    return prefixed(f"{n}d", rows)


CASES = {
    **_rank(1),
    **_rank(2),
    **_rank(3),
    "static": case(
        lambda x: (tf.nn.avg_pool2d(x, 3, 2, "SAME"), tf.nn.max_pool2d(x, [3, 2], [2, 1], "SAME")), f32("b", 9, 8, 3)
    ),
    "explicit": case(lambda x: tf.nn.max_pool2d(x, 3, 2, [[0, 0], [1, 1], [1, 0], [0, 0]]), f32("b", 8, 9, 3)),
    "over-channels": case(
        lambda x: raw.MaxPool(input=x, ksize=[1, 1, 1, 2], strides=[1, 1, 1, 2], padding="VALID"),
        f32("b", "h", "w", 6),
    ),
    "v2": case(
        lambda x: raw.MaxPoolV2(input=x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME"),
        f32("b", "h", "w", 3),
    ),
    **prefixed(
        "max/dtype",
        dtypes(
            lambda x: tf.nn.max_pool2d(x, 2, 2, "SAME"), f32("b", 7, 8, 3),
            over="float16 float64 int8 uint8 int16 uint16 int32 int64",
        ),
    ),
    **prefixed(
        "max/dtype-dynamic",
        dtypes(lambda x: tf.nn.max_pool2d(x, 2, 3, "SAME"), f32("b", "h", "w", 3), over="float16 float64 int32"),
    ),
    **prefixed(
        "avg/dtype",
        dtypes(lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME"), f32("b", 7, 8, 3), over="float16 float64"),
    ),
    "argmax/valid": case(lambda x: tf.nn.max_pool_with_argmax(x, 2, 2, "VALID"), f32("b", "h", "w", 3)),
    "argmax/same": case(lambda x: tf.nn.max_pool_with_argmax(x, 3, 2, "SAME"), f32("b", "h", "w", 3)),
    "argmax/same-stride-above": case(lambda x: tf.nn.max_pool_with_argmax(x, 2, 3, "SAME"), f32("b", "h", "w", 3)),
    "argmax/batch": case(
        lambda x: tf.nn.max_pool_with_argmax(
            x, 2, 2, "SAME", include_batch_in_index=True, output_dtype=tf.int32
        ),
        f32("b", 7, 8, 3),
    ),
    "argmax/ties": case(
        lambda x: tf.nn.max_pool_with_argmax(x, 2, 2, "VALID"), f32("b", "h", "w", 3, values=[0.0, 1.0])
    ),
    "dilation/same": case(
        lambda x: tf.nn.dilation2d(x, w(3, 2, 3), [1, 1, 1, 1], "SAME", "NHWC", [1, 1, 1, 1]), f32("b", "h", "w", 3)
    ),
    "dilation/strided-rates": case(
        lambda x: tf.nn.dilation2d(x, w(3, 2, 3), [1, 2, 2, 1], "SAME", "NHWC", [1, 2, 2, 1]), f32("b", "h", "w", 3)
    ),
    "dilation/valid": case(
        lambda x: tf.nn.dilation2d(x, w(3, 2, 3), [1, 2, 1, 1], "VALID", "NHWC", [1, 1, 2, 1]), f32("b", "h", "w", 3)
    ),
    "erosion": case(
        lambda x: tf.nn.erosion2d(x, w(3, 3, 3), [1, 1, 1, 1], "SAME", "NHWC", [1, 1, 1, 1]), f32("b", 8, 9, 3)
    ),
    **at_opsets({
        "opset": case(
            lambda x: (tf.nn.avg_pool2d(x, 3, 2, "SAME"), tf.nn.max_pool2d(x, 3, 2, "SAME")), f32("b", "h", "w", 3)
        ),
    }, 13, 18, 23),
}  # fmt: skip
