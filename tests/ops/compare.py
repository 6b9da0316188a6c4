"""Comparisons and tests."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, boolean, case, dtypes, f32, f64, i32, i64, prefixed, string

_INF, _NAN = float("inf"), float("nan")
_EDGES = (0.0, -0.0, 1.0, -1.5, _INF, -_INF, _NAN)
_NUMBERS = "int8 uint8 int16 uint16 int32 int64 uint32 uint64 float16 bfloat16 float32 float64"
_RAW = tf.raw_ops
_few = i32("n", low=0, high=4)
_COMPARISONS = {n: getattr(tf.math, n) for n in "equal not_equal less less_equal greater greater_equal".split()}
_TESTS = {n: getattr(tf.math, n) for n in "is_nan is_inf is_finite".split()}

CASES = {
    **{k: c for n, f in _COMPARISONS.items() for k, c in prefixed(n, dtypes(f, _few, _few, over=_NUMBERS)).items()},
    **{
        f"{n}/edges": case(f, f32(40, "n", values=_EDGES), f32(40, "n", values=_EDGES)) for n, f in _COMPARISONS.items()
    },
    **{
        f"{n}/bool": case(f, boolean("n"), boolean("n"))
        for n, f in _COMPARISONS.items()
        if "equal" in n and "_e" not in n[3:]
    },
    "equal/string": case(tf.equal, string("n"), string("n")),
    **at_opsets(
        {
            "equal/string": case(
                lambda x, y: (x == y, x == "apple", tf.constant("") == x), string("b", "t"), string("t")
            ),
            "not_equal/string": case(lambda x: x != x[:, :1], string("b", "t")),
        },
        13,
        18,
        19,
    ),
    "equal/broadcast": case(tf.equal, i32("b", 1, "t"), i32("k", 1)),
    "equal/incompatible": case(lambda x, y: _RAW.Equal(x=x, y=y, incompatible_shape_error=False), f32("b", 3), f32(4)),
    "not_equal/incompatible": case(
        lambda x, y: _RAW.NotEqual(x=x, y=y, incompatible_shape_error=False), f32("b", 3), f32(4)
    ),
    "less/large": case(tf.less, i64("n", low=2**60, high=2**60 + 3), i64("n", low=2**60, high=2**60 + 3)),
    "less/wide": case(tf.less, f64("n"), f64("n")),
    **{
        k: c
        for n, f in _TESTS.items()
        for k, c in prefixed(n, dtypes(f, f32(40, "n", values=_EDGES), over="float16 bfloat16 float32 float64")).items()
    },
    **{
        f"{n}@ops": case(getattr(tf.math, n), boolean("b", "t"), boolean("b", "t"))
        for n in ("logical_and", "logical_or", "logical_xor")
    },
    "logical_not": case(tf.math.logical_not, boolean("b", "t")),
    "approximate_equal": case(
        lambda x, y: _RAW.ApproximateEqual(x=x, y=y, tolerance=0.5), f32("b", "t"), f32("b", "t")
    ),
    **at_opsets(
        {n: case(f, f32(40, "n", values=_EDGES), f32(40, "n", values=_EDGES)) for n, f in _COMPARISONS.items()},
        13,
        18,
        23,
    ),
    **at_opsets({n: case(f, f32(40, "n", values=_EDGES)) for n, f in _TESTS.items()}, 13, 18, 23),
}
