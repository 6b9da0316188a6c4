"""Numbers as text and back."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import Arg, at_opsets, boolean, case, dtypes, f16, f32, f64, i16, i32, i64, string

S = tf.strings
_REAL = [0.0, -0.0, 1.5, -2.675, 0.0005, 1e-9, 123456.789, 0.9999999, -99.99999, 1e15, np.nan, np.inf, -np.inf, 0.125,
         2.5, 3.5, -0.5, 1048575.96875, 0.3, 1e-37]  # fmt: skip
_WIDE = [1e20, -3.4028235e38, 1.18e-38, 1e-5, 1e-4, 9.9999997e-5, 123456.0, 1234567.0, 999999.5, 100000.0, 1e6, 20.0]
_LARGE = [
    1e19,
    -9.223372036854775807e18,
    1.8446744073709552e19,
    3e38,
    -1.2345678e25,
    1e18,
    5.5,
    0.0,
    2.0**63,
    1e27,
    np.inf,
]
_HUGE = [*_LARGE, 1.7976931348623157e308, -1e300, 123456789012345678901234567890.0]
_TIES = [0.5, 1.5, 2.5, 0.05, 0.15, 0.25, 0.35, 0.0625, 0.1875, 1.005, 0.0005, 0.285, 0.145]


def reals(make: object, values: list[float] = _REAL) -> Arg:
    return make(len(values), values=values)  # type: ignore[operator]


_TEXT = {
    "f32": case(lambda x: tf.as_string(x), reals(f32)),
    "f64": case(lambda x: tf.as_string(x), reals(f64)),
    **{f"f64/{p}": case(lambda x, p=p: tf.as_string(x, precision=p), reals(f64, _REAL + _TIES)) for p in (0, 1, 3, 7)},
    **{f"f32/{p}": case(lambda x, p=p: tf.as_string(x, precision=p), reals(f32, _REAL + _TIES)) for p in (0, 2, 9)},
    "f64/random": case(lambda x: tf.as_string(x, precision=4), f64("b", "t", low=-1e6, high=1e6)),
    "f64/width": case(lambda x: tf.as_string(x, precision=2, width=9), reals(f64)),
    "f64/zeros": case(lambda x: tf.as_string(x, precision=2, width=9, fill="0"), reals(f64)),
    "f32/large": case(lambda x: tf.as_string(x, precision=2), reals(f32, _LARGE)),
    "f32/large-width": case(lambda x: tf.as_string(x, precision=0, width=25, fill="0"), reals(f32, _LARGE)),
    "f64/large": case(lambda x: tf.as_string(x), reals(f64, _HUGE)),
    "f32/e": case(lambda x: tf.as_string(x, scientific=True), reals(f32, _REAL + _WIDE)),
    "f32/e2": case(lambda x: tf.as_string(x, scientific=True, precision=2, width=12), reals(f32, _REAL + _WIDE)),
    "f32/e0": case(lambda x: tf.as_string(x, scientific=True, precision=0), reals(f32, _REAL + _WIDE)),
    "f32/e_random": case(lambda x: tf.as_string(x, scientific=True), f32("n", low=-1e5, high=1e5)),
    "f32/g": case(lambda x: tf.as_string(x, shortest=True), reals(f32, _REAL + _WIDE)),
    "f32/g3": case(lambda x: tf.as_string(x, shortest=True, precision=3, width=8), reals(f32, _REAL + _WIDE)),
    "f32/g1": case(lambda x: tf.as_string(x, shortest=True, precision=0), reals(f32, _REAL + _WIDE)),
    "f32/g_random": case(lambda x: tf.as_string(x, shortest=True), f32("n", low=-9, high=9)),
    "f16/g": case(lambda x: tf.as_string(x, shortest=True), f16("n", low=-9, high=9)),
    "bool": case(lambda x: tf.as_string(x), boolean("b")),
    "string": case(lambda x: tf.as_string(x) + "", string("b")),
    "i32/width": case(lambda x: tf.as_string(x, width=4), i32("b", low=-999, high=999)),
    "i64/zeros": case(lambda x: tf.as_string(x, width=6, fill="0"), i64("b", low=-99999, high=99999)),
    "i32/left": case(lambda x: tf.as_string(x, width=6, fill="-"), i32("b", low=-999, high=999)),
    "i32/plus": case(lambda x: tf.as_string(x, width=6, fill="+"), i32("b", low=-999, high=999)),
    "i16/space": case(lambda x: tf.as_string(x, fill=" ", width=0), i16("b", low=-999, high=999)),
}
_NUMBERS = ["1", "-5", "0", "+7", "123456"]

CASES = {
    **{f"as_string/{name}": c for name, c in _TEXT.items()},
    **{
        f"as_string/{name}": c
        for name, c in dtypes(
            lambda x: tf.as_string(x), i32("b"), over="int8 uint8 int16 uint16 int32 uint32 int64 uint64"
        ).items()
    },
    **{
        f"as_string/{name}": c
        for name, c in dtypes(lambda x: tf.as_string(x, precision=3), f32("b"), over="float16 bfloat16").items()
    },
    **at_opsets({"as_string/f32": _TEXT["f32"]}, 20, 23),
    "to_number/f32": case(lambda x: S.to_number(x), string("b", values=["1.5", "-2e3", " 4", "nan", "inf", "-.5"])),
    "to_number/f64": case(lambda x: S.to_number(x, tf.float64), string("b", values=["0.1", "-2e300", "7"])),
    "to_number/i32": case(lambda x: S.to_number(x, tf.int32), string("b", values=_NUMBERS)),
    "to_number/i64": case(lambda x: S.to_number(x, tf.int64), string("b", values=_NUMBERS)),
    "to_number/u32": case(lambda x: S.to_number(x, tf.uint32), string("b", values=["1", "77"])),
}
