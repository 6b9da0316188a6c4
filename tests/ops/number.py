"""Numbers as text and back."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import Arg, at_opsets, boolean, case, dtypes, f32, f64, i16, i32, i64, string

S = tf.strings
_REAL = [0.0, -0.0, 1.5, -2.675, 0.0005, 1e-9, 123456.789, 0.9999999, -99.99999, 1e15, np.nan, np.inf, -np.inf, 0.125,
         2.5, 3.5, -0.5, 1048575.96875, 0.3, 5e-324, 1e-38]  # fmt: skip
_TIES = [0.5, 1.5, 2.5, 0.05, 0.15, 0.25, 0.35, 0.0625, 0.1875, 1.005, 0.0005, 0.285, 0.145]


def reals(make: object, values: list[float] = _REAL) -> Arg:
    return make("n", values=values)  # type: ignore[operator]


_TEXT = {
    "f32": case(lambda x: tf.as_string(x), reals(f32)),
    "f64": case(lambda x: tf.as_string(x), reals(f64)),
    **{f"f64/{p}": case(lambda x, p=p: tf.as_string(x, precision=p), reals(f64, _REAL + _TIES)) for p in (0, 1, 3, 7)},
    **{f"f32/{p}": case(lambda x, p=p: tf.as_string(x, precision=p), reals(f32, _REAL + _TIES)) for p in (0, 2, 9)},
    "f64/random": case(lambda x: tf.as_string(x, precision=4), f64("b", "t", low=-1e6, high=1e6)),
    "f64/width": case(lambda x: tf.as_string(x, precision=2, width=9), reals(f64)),
    "f64/zeros": case(lambda x: tf.as_string(x, precision=2, width=9, fill="0"), reals(f64)),
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
