"""Running sums, products and the like."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, i32, i64, prefixed, u32

_FORMS = {
    "plain": {},
    "exclusive": {"exclusive": True},
    "reverse": {"reverse": True},
    "both": {"exclusive": True, "reverse": True},
}
_OPS = {n: getattr(tf.math, n) for n in ("cumsum", "cumprod")}
_INF = float("inf")

_ALL = {
    **{
        f"{n}/{form}": case(lambda x, f=f, kw=kw: f(x, 1, **kw), f32("b", "t", 3))
        for n, f in _OPS.items()
        for form, kw in _FORMS.items()
    },
    **{
        f"logsumexp/{form}": case(lambda x, kw=kw: tf.math.cumulative_logsumexp(x, 1, **kw), f32("b", "t", 3))
        for form, kw in _FORMS.items()
    },
}

CASES = {
    **_ALL,
    **at_opsets(_ALL, 13, 18, 23, 26),
    **{f"{n}/last": case(lambda x, f=f: f(x, -1), f32("b", "t")) for n, f in _OPS.items()},
    **{f"{n}/vector": case(f, f32("n")) for n, f in _OPS.items()},
    "cumsum/empty": case(tf.cumsum, f32("n", 3), sizes={"n": (0, 3)}),
    **{f"{n}/zeros": case(f, f32("n", 3, values=(0.0, -1.0, 2.0))) for n, f in _OPS.items()},
    "cumsum/computed-axis": case(lambda x, a: tf.cumsum(x, tf.reshape(a, [])), f32("b", "t"), i32(1, low=0, high=2)),
    "cumsum/large": case(tf.cumsum, i64("n", low=2**55, high=2**60)),
    **prefixed("cumsum", dtypes(tf.cumsum, i32("n"), over="int8 int16 int32 int64 uint8 float16 bfloat16 float64")),
    **prefixed(
        "cumprod", dtypes(tf.math.cumprod, i32(4, low=1, high=4), over="int32 int64 float16 float64 int8 uint64")
    ),
    "cumprod/wraps": case(tf.math.cumprod, u32(9, low=2**20, high=2**30)),
    "logsumexp/wide": case(tf.math.cumulative_logsumexp, f32("n", low=-500, high=500)),
    "logsumexp/infinite": case(
        lambda x: tf.exp(tf.math.cumulative_logsumexp(x)), f32("n", values=(0.5, -_INF, 2.0, -1e30))
    ),
}
