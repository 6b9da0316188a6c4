"""Gradients of pooling."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, prefixed
from tests.ops.grad import gradient_of

raw = tf.raw_ops
IMAGE = f32("b", "h", "w", 3)
STEPS, REAL = (0.0, 1.0), "float16 float64"


def _rank(n: int) -> dict:
    image = ("b", "t", 3) if n == 1 else ("b", "h", "w", 3) if n == 2 else (2, "d", 6, 5, 2)
    rows = {}
    for kind in ("max", "avg"):
        pool = getattr(tf.nn, f"{kind}_pool{n}d")
        for size, stride in ((2, 2), (3, 2), (2, 3)):
            for padding in ("SAME", "VALID"):
                rows[f"{kind}/{padding.lower()}-{size}-{stride}"] = case(
                    gradient_of(lambda x, pool=pool, k=size, s=stride, p=padding: pool(x, k, s, p) ** 2), f32(*image)
                )
    return prefixed(f"{n}d", rows)


def _second(f):
    inner = gradient_of(f)
    return gradient_of(lambda x: inner(x)[0] ** 2)


def _with_argmax(include: bool, k: int, padding: str):
    def function(x):
        return tf.nn.max_pool_with_argmax(x, k, 2, padding, include_batch_in_index=include)[0] ** 2

    return gradient_of(function)


CASES = {
    **_rank(1),
    **_rank(2),
    **_rank(3),
    "static": case(
        gradient_of(lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME") ** 2 * tf.nn.max_pool2d(x, 3, 2, "SAME")),
        f32("b", 9, 8, 3),
    ),
    "explicit": case(
        gradient_of(lambda x: tf.nn.max_pool2d(x, 3, 2, [[0, 0], [1, 1], [1, 0], [0, 0]]) ** 2), f32("b", 8, 9, 3)
    ),
    "max/ties": case(gradient_of(lambda x: tf.nn.max_pool2d(x, 3, 1, "SAME") * 2), f32("b", "h", "w", 2, values=STEPS)),
    "max/ties-3d": case(
        gradient_of(lambda x: tf.nn.max_pool3d(x, 2, 1, "SAME") * 2), f32(2, 4, "h", 5, 2, values=STEPS)
    ),
    **prefixed("max", dtypes(gradient_of(lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME") ** 2), IMAGE, over=REAL)),
    **prefixed("avg", dtypes(gradient_of(lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME") ** 2), IMAGE, over=REAL)),
    "avg/size-at-run-time": case(
        lambda shape, g: raw.AvgPoolGrad(
            orig_input_shape=tf.shape(shape), grad=g, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME"
        ),
        f32("b", "h", "w", 2),
        f32("b", 5, 6, 2),
        sizes={"h": (9, 10), "w": (11, 12)},
    ),
    "max/v2": case(
        lambda x: raw.MaxPoolGradV2(
            orig_input=x, orig_output=tf.nn.max_pool2d(x, 2, 2, "SAME"), grad=tf.nn.max_pool2d(-x, 2, 2, "SAME"),
            ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME",
        ),
        IMAGE,
    ),
    "max/second": case(_second(lambda x: tf.nn.max_pool2d(x, 2, 2, "SAME") ** 3), IMAGE, tolerance=1e-3),
    "max/second-overlap": case(_second(lambda x: tf.nn.max_pool2d(x, 3, 2, "VALID") ** 3), IMAGE, tolerance=1e-3),
    "max/second-v2": case(
        lambda x: raw.MaxPoolGradGradV2(
            orig_input=x, orig_output=tf.nn.max_pool2d(x, 2, 2, "VALID"), grad=-x, ksize=[1, 2, 2, 1],
            strides=[1, 2, 2, 1], padding="VALID",
        ),
        IMAGE,
    ),
    "max/second-3d": case(
        lambda x: raw.MaxPool3DGradGrad(
            orig_input=x, orig_output=tf.nn.max_pool3d(x, 3, 2, "SAME"), grad=-x, ksize=[1, 3, 3, 3, 1],
            strides=[1, 2, 2, 2, 1], padding="SAME",
        ),
        f32(2, "d", 6, 5, 2),
    ),
    "avg/second": case(_second(lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME") ** 3), IMAGE, tolerance=1e-3),
    "argmax": case(_with_argmax(False, 2, "SAME"), IMAGE),
    "argmax/overlap": case(_with_argmax(False, 3, "VALID"), IMAGE),
    "argmax/batch": case(_with_argmax(True, 3, "SAME"), IMAGE),
    **{
        f"dilation/{padding}-{stride}-{rate}".lower(): case(
            gradient_of(
                lambda x, k, p=padding, s=stride, r=rate: tf.nn.dilation2d(
                    x, k, [1, s, s, 1], p, "NHWC", [1, r, r, 1]
                ) ** 2
            ),
            IMAGE,
            f32(3, 2, 3),
            tolerance=1e-4,
        )
        for padding, stride, rate in (("SAME", 1, 1), ("SAME", 2, 2), ("VALID", 2, 1), ("VALID", 1, 2))
    },
    **at_opsets(
        {
            "opset": case(
                gradient_of(lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME") ** 2 + tf.nn.max_pool2d(x, 3, 2, "SAME") ** 2),
                f32("b", "h", "w", 2),
            ),
            "opset/3d": case(gradient_of(lambda x: tf.nn.max_pool3d(x, 2, 2, "SAME") ** 2), f32(1, "d", 5, 5, 2)),
        },
        13, 18, 23,
    ),
}  # fmt: skip
