"""Connectionist temporal classification."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, f32, i32


def _greedy(merge: bool, blank: int | None = None) -> object:
    def function(x: tf.Tensor, lengths: tf.Tensor) -> list[tf.Tensor]:
        (decoded,), score = tf.nn.ctc_greedy_decoder(x, lengths, merge, blank)
        return [decoded.indices, decoded.values, decoded.dense_shape, score]

    return function


ARGS = (f32("t", "b", 3), i32("b", low=0, high=6))
CASES = {
    "greedy": case(_greedy(True), *ARGS),
    "greedy/repeated": case(_greedy(False), *ARGS),
    "greedy/blank": case(_greedy(True, 0), *ARGS),
    "greedy/blank-from-end": case(_greedy(True, -2), *ARGS),
    "greedy/nothing": case(_greedy(True), f32("t", "b", 3), i32("b", values=[0])),
}
