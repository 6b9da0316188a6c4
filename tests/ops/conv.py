"""Convolutions."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, f32, w

CASES = {
    "conv2d/valid": case(lambda x: tf.nn.conv2d(x, w(3, 3, 4, 8), 1, "VALID"), f32("b", "h", "w", 4)),
    "conv2d/same-strided": case(lambda x: tf.nn.conv2d(x, w(3, 3, 4, 8), 2, "SAME"), f32("b", "h", "w", 4)),
}
