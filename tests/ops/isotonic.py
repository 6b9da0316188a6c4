"""Isotonic regression."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, prefixed
from tests.ops.grad import gradient_of

regression = tf.nn.isotonic_regression
CASES = {
    "rows": case(regression, f32("b", "t")),
    "rising": case(lambda x: regression(x, decreasing=False), f32("b", 3, "t")),
    "axis": case(lambda x: regression(x, axis=0), f32("t", "b")),
    "steps": case(regression, f32("b", "t", values=[0.0, 1.0, 2.0, 3.0]), why="means that tie are separate blocks"),
    "one": case(regression, f32("b", 1)),
    "gradient": case(gradient_of(lambda x: regression(x)[0] ** 2), f32(3, 6)),
    **prefixed("dtype", dtypes(regression, f32("b", "t"), over="float64 int32 int8")),
    **at_opsets({"opset": case(regression, f32("b", "t"))}, 13, 18, 23),
}
