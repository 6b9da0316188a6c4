"""Crosses of categorical columns."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, i64, string


def _parts(x: tf.SparseTensor) -> tuple[tf.Tensor, ...]:
    return x.indices, x.values, x.dense_shape


def _v1(*columns: tf.Tensor) -> tuple[tf.Tensor, ...]:
    kinds = {"out_type": tf.string, "internal_type": tf.string, "hashed_output": False}
    return tuple(
        tf.raw_ops.SparseCross(
            indices=[], values=[], shapes=[], dense_inputs=columns, num_buckets=0, hash_key=1, **kinds
        )
    )


CASES = {
    "hashed": case(lambda a, b: _parts(tf.sparse.cross_hashed([a, b], 11)), string("b", 1), i64("b", 1)),
    "hashed/wide": case(
        lambda a, b, c: _parts(tf.sparse.cross_hashed([a, b, c], 1000)), string("b", 2), i64("b", 3), string("b", 1)
    ),
    "hashed/open": case(lambda a, b: _parts(tf.sparse.cross_hashed([a, b])), i64("b", "t"), i64("b", 2)),
    "joined": case(lambda a, b: _parts(tf.sparse.cross([a, b])), string("b", 2), i64("b", 2)),
    "joined/v1": case(_v1, string("b", 2), string("b", 3)),
}
