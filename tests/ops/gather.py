"""Gathering."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, i32, i64, prefixed, string

raw = tf.raw_ops


def _table(function):
    """A builder of a function that reads a variable."""

    def build():
        table = tf.Variable(np.random.default_rng(0).standard_normal((7, 3)).astype("float32"))
        return lambda *xs: function(table, *xs)

    return build


_axis = {
    "first": case(lambda x, i: tf.gather(x, i), f32("b", "t"), i32("k", low=0, high=2)),
    "inner": case(lambda x, i: tf.gather(x, i, axis=1), f32("b", 7, 3), i64(2, "k", low=0, high=7)),
    "last": case(lambda x, i: tf.gather(x, i, axis=-1), f32("b", 7), i32("k", low=0, high=7)),
    "scalar": case(lambda x, i: tf.gather(x, i[0]), f32("b", 7), i32(1, low=0, high=2)),
    "constant": case(lambda x: tf.gather(x, [2, 0], axis=1), f32("b", "t")),
    "v1": case(lambda x, i: raw.Gather(params=x, indices=i), f32("b", 7), i32(2, 2, low=0, high=2)),
    "string": case(
        lambda x, i: (tf.gather(x, i), tf.gather(x, i, axis=1), x[0], x[:, 1, 0]),
        string(4, 3, 2),
        i32("k", low=0, high=3),
    ),
    "string-rows": case(lambda x, i: tf.gather(x, i), string("b", "t"), i32(3, 1, low=0, high=2)),
    "int16-indices": case(
        lambda x, i: raw.GatherV2(params=x, indices=tf.cast(i, tf.int16), axis=0), f32("b", 7), i32("k", low=0, high=2)
    ),
}

_batch = {
    "elements": case(lambda x, i: tf.gather(x, i, batch_dims=1), f32("b", 7), i32("b", 4, low=0, high=7)),
    "rows": case(lambda x, i: tf.gather(x, i, batch_dims=1), f32("b", 7, 3), i32("b", 4, low=0, high=7)),
    "one-each": case(lambda x, i: tf.gather(x, i, batch_dims=1), f32("b", 7, 3), i32("b", low=0, high=7)),
    "two": case(lambda x, i: tf.gather(x, i, batch_dims=2), f32("b", "t", 5), i64("b", "t", 2, 2, low=0, high=5)),
    "axis": case(
        lambda x, i: tf.gather(x, i, axis=2, batch_dims=1), f32("b", "t", 5, 2), i32("b", 3, 2, low=0, high=5)
    ),
    "axis-last": case(
        lambda x, i: tf.gather(x, i, axis=-1, batch_dims=1), f32("b", "t", 5), i32("b", 3, low=0, high=5)
    ),
    "negative": case(
        lambda x, i: tf.gather(x, i, batch_dims=-1, axis=2), f32("b", "t", 5), i32("b", "t", 3, low=0, high=5)
    ),
}

_nd = {
    "elements": case(lambda x, i: tf.gather_nd(x, i), f32(4, 5), i32("n", 2, low=0, high=4)),
    "rows": case(lambda x, i: tf.gather_nd(x, i), f32(4, 5, 3), i64("n", 2, low=0, high=4)),
    "batch": case(lambda x, i: tf.gather_nd(x, i, batch_dims=1), f32("b", 5, 3), i64("b", 2, 1, low=0, high=5)),
    "everything": case(lambda x: tf.gather_nd(x, tf.zeros([2, 0], tf.int32)), f32("b", 3)),
    "string": case(lambda x, i: tf.gather_nd(x, i), string(4, 5), i32("n", 1, low=0, high=4)),
    "bad-ignored": case(
        lambda x, i: tf.gather_nd(x, i, bad_indices_policy="IGNORE"), f32("b", 4, 2), i32("n", 2, low=-1, high=6)
    ),
}

_variable = {
    "gather": case(_table(lambda v, i: tf.gather(v, i)), i32("n", low=0, high=7), builds=True),
    "gather-batch": case(_table(lambda v, i: v.sparse_read(i)), i64("n", low=0, high=7), builds=True),
    "gather-nd": case(_table(lambda v, i: v.gather_nd(i)), i32("n", 2, low=0, high=3), builds=True),
    "embedding": case(_table(lambda v, i: tf.nn.embedding_lookup(v, i)), i64("b", "t", low=0, high=7), builds=True),
}

CASES = {
    **prefixed("gather", _axis),
    **prefixed("gather-batch", {**_batch, **at_opsets({"axis": _batch["axis"]}, 13, 18, 23)}),
    **prefixed("gather-nd", _nd),
    **prefixed("variable", _variable),
    **prefixed(
        "gather",
        dtypes(
            lambda x: (tf.gather(x, [1, 0], axis=1), tf.gather(x, [[0, 1], [1, 2]], batch_dims=1)),
            f32(2, 3, low=0, high=2),
            over="float16 float64 int8 uint8 int16 int64 bool bfloat16",
        ),
    ),
}
