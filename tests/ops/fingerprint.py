"""Fingerprints of rows."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import boolean, case, f32, f64, i8, i32, i64, prefixed, string

CASES = prefixed(
    "rows",
    {
        "int64": case(tf.fingerprint, i64("b", 3, low=-5, high=99)),
        "int32": case(tf.fingerprint, i32("b", 2, 12)),
        "int8": case(tf.fingerprint, i8("b", 70)),
        "float": case(tf.fingerprint, f32("b", 5)),
        "double": case(tf.fingerprint, f64("b", 1)),
        "vector": case(tf.fingerprint, i64("n")),
        "bool": case(tf.fingerprint, boolean("b", 4)),
        "string": case(tf.fingerprint, string("n")),
        "strings": case(tf.fingerprint, string("b", 3)),
    },
)
