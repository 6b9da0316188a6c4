"""Arithmetic."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import Arg, at_opsets, case, dtypes, f16, f32, f64, i8, i32, i64, prefixed, u8, u32

_INF, _NAN = float("inf"), float("nan")
EDGES = (0.0, -0.0, 1.0, -1.5, 2.5, 0.5, -0.5, 3.5, 1e-30, 1e30, _INF, -_INF, _NAN)
FINITE = (0.0, 1.0, -1.5, 2.5, 0.5, -0.5, 3.5, 1e-3, 7.0, -20.0)
RAW = tf.raw_ops
_pair = (f32(40, "n", values=EDGES), f32(40, "n", values=EDGES))

_NAMES = """abs ceil cos exp floor negative rint round sign sin sqrt square tanh sigmoid reciprocal log expm1 log1p erf
erfc rsqrt softsign""".split()
_UNARY = {
    **{n: (getattr(tf.math, n), f32("n", values=EDGES)) for n in _NAMES},
    **{
        n: (getattr(tf.math, n), f32("b", "t", low=-0.95, high=0.95))
        for n in "acos asin atan atanh tan asinh cosh sinh".split()
    },
    "acosh": (tf.math.acosh, f32("b", "t", low=1.0, high=9)),
}
_BINARY = "Add AddV2 Sub Mul RealDiv Maximum Minimum SquaredDifference DivNoNan MulNoNan Xdivy Xlogy Atan2".split()

CASES = {
    **{f"{n}/edges": case(f, x) for n, (f, x) in _UNARY.items()},
    **{
        f"{n}/{d}": case(f, Arg(d, ("b", "t"), 0.1, 0.9))
        for n, (f, _) in _UNARY.items()
        for d in ("float16", "float64", "bfloat16")
        if n not in ("acosh", "rint")
    },
    **{
        f"{n}/edges": case(lambda x, y, n=n: getattr(RAW, n)(x=x, y=y) if n != "Atan2" else tf.atan2(x, y), *_pair)
        for n in _BINARY
    },
    **prefixed(
        "add",
        dtypes(
            tf.add, i8("n"), i8("n"), over="int8 uint8 int16 uint16 int32 int64 uint32 uint64 float16 bfloat16 float64"
        ),
    ),
    **prefixed(
        "mul",
        dtypes(
            tf.multiply,
            i8("n"),
            i8("n"),
            over="int8 uint8 int16 uint16 int32 int64 uint32 uint64 float16 bfloat16 float64",
        ),
    ),
    **prefixed(
        "max",
        dtypes(
            tf.maximum,
            i8("n"),
            i8("n"),
            over="int8 uint8 int16 uint16 int32 int64 uint32 uint64 float16 bfloat16 float64",
        ),
    ),
    **prefixed("neg", dtypes(tf.negative, i8("n"), over="int8 int16 int32 int64 float16 bfloat16 float64")),
    **prefixed("abs", dtypes(tf.abs, i8("n"), over="int8 int16 int32 int64")),
    **prefixed("sign", dtypes(tf.sign, i8("n"), over="int8 int16 int32 int64")),
    **prefixed("square", dtypes(tf.square, i8("n"), over="int8 int16 int32 int64 uint8")),
    **prefixed("round", dtypes(tf.round, i8("n"), over="int8 int16 int32 int64")),
    "add/overflow": case(tf.add, i32("n", values=(2**31 - 1, -(2**31))), i32("n", values=(5, -5))),
    "add/broadcast": case(tf.add, f32("b", 1, "t"), f32("k", 1)),
    "add/empty": case(lambda x: tf.add(x[:0], 1.0), f32("b", 3)),
    **prefixed(
        "floordiv",
        dtypes(
            tf.math.floordiv,
            i8("n", values=(-20, -7, -1, 0, 3, 7, 20)),
            i8("n", values=(-7, -3, -1, 1, 4)),
            over="int8 int16 int32 int64 float32 float64 float16",
        ),
    ),
    **prefixed(
        "floormod",
        dtypes(
            tf.math.floormod,
            i8("n", values=(-20, -7, -1, 0, 3, 7, 20)),
            i8("n", values=(-7, -3, -1, 1, 4)),
            over="int8 int16 int32 int64 float32 float64 float16",
        ),
    ),
    **prefixed(
        "truncatediv",
        dtypes(
            tf.truncatediv,
            i8("n", values=(-20, -7, -1, 0, 3, 7, 20)),
            i8("n", values=(-7, -3, -1, 1, 4)),
            over="int8 int16 int32 int64",
        ),
    ),
    **prefixed(
        "truncatemod",
        dtypes(
            tf.truncatemod,
            i8("n", values=(-20, -7, -1, 0, 3, 7, 20)),
            i8("n", values=(-7, -3, -1, 1, 4)),
            over="int32 int64 float32 float64",
        ),
    ),
    "floordiv/unsigned": case(tf.math.floordiv, u8("n", low=0, high=200), u8("n", low=1, high=9)),
    "floormod/unsigned": case(tf.math.floormod, u32("n", low=0, high=200), u32("n", low=1, high=9)),
    "floordiv/edges": case(tf.math.floordiv, f32(40, "n", values=FINITE), f32(40, "n", values=(-3.0, 0.0, 2.5, _INF))),
    "floormod/edges": case(
        tf.math.floormod, f32(40, "n", values=FINITE), f32(40, "n", values=(-3.0, 2.5, _INF, -_INF))
    ),
    "floormod/positive": case(lambda x: tf.math.floormod(x, 2.5), f32(40, "n", values=FINITE)),
    "floormod/large": case(tf.math.floormod, i64("n", low=-(2**60), high=2**60), i64("n", values=(3, -7, 2**40 + 1))),
    "truncatemod/large": case(tf.truncatemod, i64("n", low=-(2**60), high=2**60), i64("n", values=(3, -7, 2**40 + 1))),
    "pow/float": case(tf.pow, f32("b", "t", low=0, high=3), f32("b", "t")),
    **{
        f"pow/{e}": case(lambda x, e=e: tf.pow(x, e), f32("n", values=EDGES))
        for e in (2.0, 3.0, 0.5, -0.5, -1.0, 0.0, 1.0, 4.0, -2.0, 1.5)
    },
    "pow/wider-exponent": case(lambda x: tf.pow(x, [[2.0], [3.0]]), f32("n")),
    "pow/int": case(lambda x: tf.pow(x, 5), i32("n")),
    "pow/int64": case(tf.pow, i64("n"), i64("n", low=0, high=5)),
    "pow/base": case(lambda x: tf.pow(2.0, x), f32("n")),
    "add_n": case(lambda x, y: tf.add_n([x, y, x]), f32("b", "t"), f32("b", "t")),
    "add_n/one": case(lambda x: tf.raw_ops.AddN(inputs=[x]), f32("b", "t")),
    "add_n/int64": case(lambda x, y: tf.add_n([x, y, x]), i64("n", low=2**53, high=2**60), i64("n")),
    "bias_add": case(lambda x: tf.nn.bias_add(x, [1.0, 2.0, 3.0]), f32("b", "h", "w", 3)),
    "bias_add/first": case(
        lambda x: RAW.BiasAdd(value=x, bias=[1.0, 2.0, 3.0], data_format="NCHW"), f32("b", 3, "h", "w")
    ),
    "bias_add/first-3d": case(
        lambda x: RAW.BiasAdd(value=x, bias=[1.0, 2.0, 3.0], data_format="NCHW"), f32("b", 3, "t")
    ),
    "bias_add/int": case(lambda x: tf.nn.bias_add(x, tf.constant([1, 2, 3])), i32("b", 3)),
    "clip/scalars": case(lambda x: tf.clip_by_value(x, -1.0, 1.0), f32("n", values=EDGES), ops="Clip !Min !Max"),
    "clip/min-of-max": case(lambda x: tf.minimum(tf.maximum(x, -1.0), 1.0), f32("n", values=EDGES), ops="Clip !Min"),
    "clip/crossed": case(lambda x: tf.maximum(tf.minimum(x, -1.0), 1.0), f32("n", values=EDGES)),
    "clip/wider": case(lambda x: tf.maximum(tf.minimum(x, 1.0), [[-1.0]]), f32("n", values=EDGES)),
    "clip/raw": case(
        lambda x: RAW.ClipByValue(t=x, clip_value_min=-1.0, clip_value_max=1.0), f32("n", values=EDGES), ops="Clip"
    ),
    "clip/tensors": case(
        lambda x, y: RAW.ClipByValue(t=x, clip_value_min=y - 1, clip_value_max=y + 1), f32("b", "t"), f32("b", "t")
    ),
    "clip/int": case(lambda x: RAW.ClipByValue(t=x, clip_value_min=-1, clip_value_max=1), i32("n")),
    "nextafter/f32": case(
        tf.math.nextafter,
        f32(40, "n", values=(0.0, -0.0, 1.0, -2.0, 0.1, 3e38, 1e-45, _INF, -_INF, _NAN, 3.4028235e38)),
        f32(40, "n", values=(0.0, 2.0, -3.0, _INF, -_INF)),
        tolerance=0,
    ),
    "nextafter/f64": case(
        tf.math.nextafter,
        f64(40, "n", values=(0.0, 1.0, -2.0, 0.1, 3e38, _INF)),
        f64(40, "n", values=(0.0, 2.0, -3.0, _INF)),
        tolerance=0,
    ),
    "Xlog1py": case(
        lambda x, y: RAW.Xlog1py(x=x, y=y),
        f32(40, "n", values=EDGES),
        f32(40, "n", values=(0.0, 1.5, -0.5, 1e30, -1.0)),
    ),
    "xlogy/float16": case(lambda x: tf.math.xlogy(x, x), f16("n", low=0, high=3)),
    "div/int": case(lambda x, y: RAW.Div(x=x, y=y), i32("n", low=-20, high=20), i32("n", low=1, high=7)),
    **at_opsets(
        {
            "op/pow": case(tf.pow, f32("b", "t", low=0, high=3), f32("b", "t")),
            "op/floormod": case(tf.math.floormod, f32(40, "n", values=FINITE), f32(40, "n", values=(-3.0, 2.5))),
            "op/atan2": case(tf.atan2, f32("n"), f32("n")),
            "op/clip": case(lambda x: tf.clip_by_value(x, -1.0, 1.0), f32("n")),
        },
        13,
        18,
        23,
        26,
    ),
    "bias-add-v1": case(lambda x, y: tf.raw_ops.BiasAddV1(value=x, bias=y), f32("b", "t", 3), f32(3)),
    "inv": case(lambda x: tf.raw_ops.Inv(x=x), f32("b", "t", low=0.2, high=3)),
}
