"""Sobol sequences."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, f32

CASES = {
    f"{dim}-{count}-{skip}": case(
        lambda x, dim=dim, count=count, skip=skip: x + tf.math.sobol_sample(dim, count, skip), f32(1, dim)
    )
    for dim, count, skip in ((1, 7, 0), (3, 5, 0), (12, 40, 5), (200, 9, 100))
}
