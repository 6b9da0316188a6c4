"""The Levenshtein distance."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, i32, prefixed, string


def _distance(a: tf.Tensor, b: tf.Tensor, **options: bool) -> tf.Tensor:
    return tf.edit_distance(tf.sparse.from_dense(a), tf.sparse.from_dense(b), **options)


_rows = {
    "numbers": case(_distance, i32("b", "t", low=1, high=4), i32("b", "k", low=1, high=4)),
    "shorter": case(
        lambda a, b: _distance(a, b, normalize=False), i32("b", 6, low=0, high=3), i32("b", 5, low=0, high=3)
    ),
    "no-truth": case(
        lambda a, b: _distance(a * [[0], [1], [1]], b * [[0], [0], [1]]),
        i32(3, 4, low=0, high=3),
        i32(3, 5, low=1, high=3),
    ),
    "strings": case(_distance, string("b", 4), string("b", 5)),
    "three-axes": case(_distance, i32(2, "b", 4, low=1, high=3), i32(2, "b", 3, low=1, high=3)),
}

CASES = {**prefixed("distance", {**_rows, **at_opsets({"shorter": _rows["shorter"]}, 13, 18, 23)})}
