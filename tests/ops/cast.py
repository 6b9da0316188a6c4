"""Casts between every pair of dtypes."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import Arg, at_opsets, case, f32

_INF = float("inf")
_INTEGERS = "int8 uint8 int16 uint16 int32 uint32 int64 uint64".split()
_FLOATS = "float16 bfloat16 float32 float64".split()


def _cast(source: str, target: str, arg: Arg):
    return case(lambda x: tf.cast(x, target), Arg(source, arg.dims, arg.low, arg.high, arg.values))


_pairs = [(a, b) for a in (*_INTEGERS, *_FLOATS, "bool") for b in (*_INTEGERS, *_FLOATS, "bool") if a != b]

CASES = {
    **{f"{a}-{b}": _cast(a, b, Arg(a, ("n",), 0, 100)) for a, b in _pairs},
    **{
        f"{a}-{b}/negative": _cast(a, b, Arg(a, ("n",), -100, 0))
        for a in ("int32", "int64")
        for b in _INTEGERS
        if a != b
    },
    **{
        f"{a}-{b}/fraction": _cast(a, b, f32("n", values=(0.5, -0.5, 1.9, -1.9, 2.5)))
        for a in _FLOATS
        for b in ("int8", "int32", "int64", "bool")
    },
    **{
        f"int32-{b}/wraps": _cast("int32", b, Arg("int32", ("n",), -(2**31), 2**31 - 1))
        for b in ("int8", "uint8", "int16", "uint16")
    },
    "bool/edges": case(lambda x: tf.cast(x, tf.bool), f32("n", values=(0.0, -0.0, 1e-30, float("nan"), _INF))),
    "half/overflow": case(lambda x: tf.cast(x, tf.float16), f32("n", values=(1e6, -1e6, 65504.0, 1e-9, _INF))),
    "saturate/uint8": case(lambda x: tf.saturate_cast(x, tf.uint8), f32("n", low=-500, high=500)),
    "saturate/int8": case(lambda x: tf.saturate_cast(x, tf.int8), Arg("int32", ("n",), -500, 500)),
    **at_opsets({"op": case(lambda x: tf.cast(x, tf.int32), f32("n"))}, 13, 18, 23, 26),
}
