"""Bits of integers."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f16, f32, i32, i64, prefixed, u8

_INTEGERS = "int8 uint8 int16 uint16 int32 int64 uint32 uint64"
_BINARY = {n: getattr(tf.bitwise, n) for n in ("bitwise_and", "bitwise_or", "bitwise_xor")}
_SHIFTS = {n: getattr(tf.bitwise, n) for n in ("left_shift", "right_shift")}
_count = tf.raw_ops.PopulationCount
_any32 = i32("n", low=-(2**31), high=2**31 - 1)

_FEW = {
    **{n: case(f, _any32, _any32) for n, f in _BINARY.items()},
    **{n: case(f, _any32, i32("n", low=0, high=31)) for n, f in _SHIFTS.items()},
    "invert": case(tf.bitwise.invert, _any32),
}

CASES = {
    **{
        k: c
        for n, f in _BINARY.items()
        for k, c in prefixed(n, dtypes(f, i32("n", low=0, high=99), i32("n", low=0, high=99), over=_INTEGERS)).items()
    },
    **{
        k: c
        for n, f in _SHIFTS.items()
        for k, c in prefixed(n, dtypes(f, i32("n", low=0, high=99), i32("n", low=0, high=7), over=_INTEGERS)).items()
    },
    **{
        k: c
        for n, f in _SHIFTS.items()
        for k, c in prefixed(
            f"{n}/negative",
            dtypes(f, i32("n", low=-99, high=99), i32("n", low=0, high=7), over="int8 int16 int32 int64"),
        ).items()
    },
    **prefixed("invert", dtypes(tf.bitwise.invert, i32("n", low=0, high=99), over=_INTEGERS)),
    **prefixed("count", dtypes(lambda x: _count(x=x), i32("n", low=0, high=99), over=_INTEGERS)),
    "count/negative": case(lambda x: _count(x=x), _any32),
    "count/negative64": case(lambda x: _count(x=x), i64("n", low=-(2**63), high=2**63 - 1)),
    "and/sign-of-float": case(
        lambda x: tf.bitwise.bitwise_and(tf.bitcast(x, tf.int32), tf.int32.min),
        f32("n", values=(0.0, -0.0, 1.5, -2.5, np.inf, -np.inf, 1e-40, -1e-40)),
        ops="!Log",
    ),
    "and/sign-of-half": case(
        lambda x: tf.bitwise.bitwise_and(tf.constant(-32768, tf.int16), tf.bitcast(x, tf.int16)) < 0,
        f16("n", values=(0.0, -0.0, 1.5, -2.5, np.inf, -np.inf)),
        ops="!Log",
    ),
    "and/negative": case(tf.bitwise.bitwise_and, _any32, _any32),
    "shift/constant": case(lambda x: tf.bitwise.right_shift(x, tf.constant(2, tf.uint8)), u8("b", "t")),
    **{
        f"{n}/wide@{o}": case(
            f, i64("n", low=-(2**63), high=2**63 - 1), i64("n", low=-(2**63), high=2**63 - 1), opset=o
        )
        for n, f in _BINARY.items()
        for o in (13, 21)
    },
    **at_opsets(_FEW, 13, 17, 18, 23),
}
