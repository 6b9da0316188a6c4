"""Nearest neighbours."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f32

nearest = tf.raw_ops.NearestNeighbors


def _few(points: tf.Tensor, centers: tf.Tensor) -> object:
    return nearest(points=points, centers=centers, k=2)


CASES = {
    "two": case(_few, f32("b", 3), f32("n", 3)),
    "all": case(lambda p, c: nearest(points=p, centers=c, k=9), f32("b", 3), f32("n", 3)),
    **at_opsets({"opset": case(_few, f32("b", 3), f32("n", 3))}, 13, 18, 23),
}
