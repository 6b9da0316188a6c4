"""Products of vectors."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, dtypes, f32, prefixed

CASES = {
    "cross/plain": case(tf.linalg.cross, f32("b", 3), f32("b", 3)),
    **prefixed("cross", dtypes(lambda x, y: tf.linalg.cross(x, y), f32(2, 3, low=0, high=5), f32(2, 3, low=0, high=5),
                               over="float16 float64 int32 int64 int8 uint8 bfloat16")),
}  # fmt: skip
