"""Reductions."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, boolean, case, dtypes, f32, i32, i64, prefixed

_RAW = tf.raw_ops
_INF = float("inf")
_NUMBERS = "int8 uint8 int16 int32 int64 uint32 float16 bfloat16 float32 float64"
_REDUCTIONS = {n: getattr(tf, f"reduce_{n}") for n in ("sum", "mean", "max", "min", "prod")}
_small = i32("b", "t", low=0, high=5)

_FORMS = {
    **{f"{n}/axis": case(lambda x, f=f: f(x, 1), f32("b", "t", 5)) for n, f in _REDUCTIONS.items()},
    **{
        f"{n}/keep": case(lambda x, f=f: f(x, [0, -1], keepdims=True), f32("b", "t", 5)) for n, f in _REDUCTIONS.items()
    },
    **{f"{n}/all": case(lambda x, f=f: f(x), f32("b", "t")) for n, f in _REDUCTIONS.items()},
    "any": case(lambda x: tf.reduce_any(x, 1), boolean("b", "t")),
    "all": case(lambda x: tf.reduce_all(x, 1), boolean("b", "t")),
    "euclidean": case(lambda x: tf.math.reduce_euclidean_norm(x, 1), f32("b", "t")),
}

CASES = {
    **_FORMS,
    **at_opsets(_FORMS, 13, 18, 23),
    **{
        k: c
        for n, f in _REDUCTIONS.items()
        for k, c in prefixed(n, dtypes(lambda x, f=f: f(x, 1), _small, over=_NUMBERS)).items()
    },
    **{f"{n}/none": case(lambda x, f=f: f(x, []), f32("b", "t")) for n, f in _REDUCTIONS.items()},
    **{f"{n}/scalar": case(lambda x, f=f: f(x), f32()) for n, f in _REDUCTIONS.items()},
    **{
        f"{n}/infinite": case(lambda x, f=f: f(x, 1), f32("b", "t", values=(1.0, 2.0, -_INF)))
        for n, f in _REDUCTIONS.items()
    },
    **{
        f"{n}/empty": case(lambda x, f=f: f(x, 0), f32("n", 3), sizes={"n": (0, 4)})
        for n, f in _REDUCTIONS.items()
        if n != "mean"
    },
    **{
        f"{n}/computed-axis": case(lambda x, a, f=f: f(x, a[0] - 1), f32("b", "t"), i32(1, low=1, high=3))
        for n, f in _REDUCTIONS.items()
    },
    **at_opsets(
        {
            f"{n}/computed-axes": case(
                lambda x, a, f=f: (f(x, [a[0], a[0] + 1]), f(x, a[0]), f(x, [a[0]], keepdims=True)),
                f32("b", "t", 3),
                i32(1, low=-3, high=-1),
            )
            for n, f in {**_REDUCTIONS, "euclidean": tf.math.reduce_euclidean_norm}.items()
        },
        13,
    ),
    "any/computed-axis@13": case(
        lambda x, a: tf.reduce_any(x, a[0]), boolean("b", "t"), i32(1, low=0, high=2), opset=13
    ),
    "euclidean/none": case(lambda x: tf.math.reduce_euclidean_norm(x, []), f32("b", "t")),
    "any/empty": case(lambda x: tf.reduce_any(x, 0), boolean("n", 3), sizes={"n": (0, 4)}),
    "all/empty": case(lambda x: tf.reduce_all(x, 0), boolean("n", 3), sizes={"n": (0, 4)}),
    "any/whole": case(tf.reduce_any, boolean("b", "t")),
    "sum/large": case(lambda x: tf.reduce_sum(x, 1), i64("b", "t", low=2**45, high=2**46)),
    "mean/negative-int": case(lambda x: tf.reduce_mean(x, 1), i32("b", "t", low=-9, high=0)),
    "euclidean/keep": case(lambda x: tf.math.reduce_euclidean_norm(x, [0, 1], keepdims=True), f32("b", "t", 3)),
    "logsumexp": case(lambda x: tf.reduce_logsumexp(x, 1), f32("b", "t")),
    "variance": case(lambda x: tf.math.reduce_variance(x, 1), f32("b", "t")),
}
