"""The same bits as another dtype."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import Arg, at_opsets, case, f32, f64, i32

_INF = float("inf")
_EDGES = (0.0, -0.0, 1.0, -1.5, 3.4028235e38, 1e-45, -1e-40, 1.17549435e-38, 65504.0, _INF, -_INF, 0.1, 1.9999999)
_SAME = {
    "float32-int32": (f32("n", values=_EDGES), tf.int32),
    "float32-uint32": (f32("n", values=_EDGES), tf.uint32),
    "int32-float32": (i32("n", low=-(2**31), high=2**31 - 1), tf.float32),
    "int32-uint32": (i32("n"), tf.uint32),
    "float64-int64": (f64("n", values=(*_EDGES, 5e-324, 1e308)), tf.int64),
    "int64-float64": (Arg("int64", ("n",), -(2**60), 2**60), tf.float64),
    "float16-int16": (Arg("float16", ("n",)), tf.int16),
    "int16-float16": (Arg("int16", ("n",), -30000, 30000), tf.float16),
    "bfloat16-uint16": (Arg("bfloat16", ("n",)), tf.uint16),
    "uint16-bfloat16": (Arg("uint16", ("n",), 0, 0x7F00), tf.bfloat16),
}
_OTHER = {
    "int32-uint8": (i32("n", 3, low=-(2**31), high=2**31 - 1), tf.uint8),
    "uint8-int32": (Arg("uint8", ("n", 4), 0, 256), tf.int32),
    "float32-uint8": (f32("n"), tf.uint8),
    "uint8-float32": (Arg("uint8", ("n", 4), 0, 120), tf.float32),
    "int64-int32": (Arg("int64", ("n",), -(2**60), 2**60), tf.int32),
    "int32-int64": (i32("n", 2, low=-(2**31), high=2**31 - 1), tf.int64),
    "float64-int32": (f64("n"), tf.int32),
}
_ALL = {n: case(lambda x, t=t: tf.bitcast(x, t), a, tolerance=0) for n, (a, t) in {**_SAME, **_OTHER}.items()}

CASES = {
    **_ALL,
    **at_opsets(_ALL, 13, 26),
    "constant": case(lambda x: x + tf.bitcast(tf.constant([1.0, -2.0, 0.5]), tf.int32), i32("n", 3)),
    "constant/narrower": case(
        lambda x: x + tf.cast(tf.bitcast(tf.constant([1.0, -2.0]), tf.uint8), tf.int32), i32(2, 4)
    ),
    "complex": case(lambda x: tf.math.imag(tf.bitcast(x, tf.complex64)), f32("n", 2)),
    "complex/back": case(lambda x, y: tf.bitcast(tf.complex(x, y), tf.float32), f32("n", 3), f32("n", 3)),
}
