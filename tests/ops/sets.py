"""Sets, and counts as sparse tensors."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, f32, i32, i64, prefixed, string

raw = tf.raw_ops
A, B = i32("b", 4, low=1, high=7), i32("b", 5, low=1, high=7)


def _parts(x: tf.SparseTensor) -> tuple[tf.Tensor, ...]:
    return x.indices, x.values, x.dense_shape


_sets = {
    "intersection": case(lambda a, b: _parts(tf.sets.intersection(a, b)), A, B),
    "union": case(lambda a, b: _parts(tf.sets.union(a, b)), A, B),
    "difference": case(lambda a, b: _parts(tf.sets.difference(a, b)), A, B),
    "difference-back": case(lambda a, b: _parts(tf.sets.difference(a, b, aminusb=False)), A, B),
    "nothing": case(lambda a, b: _parts(tf.sets.intersection(a, b + 100)), A, B),
    "string": case(lambda a, b: _parts(tf.sets.union(a, b)), string("b", 3), string("b", 4)),
    "three-axes": case(
        lambda a, b: _parts(tf.sets.union(a, b)), i64(2, "b", 3, low=0, high=4), i64(2, "b", 2, low=0, high=4)
    ),
    "dense-sparse": case(
        lambda a, b: _parts(tf.sets.intersection(a, tf.sparse.from_dense(b))), A, i32("b", 5, low=0, high=5)
    ),
    "sparse-sparse": case(
        lambda a, b: _parts(tf.sets.union(tf.sparse.from_dense(a), tf.sparse.from_dense(b))),
        i32("b", 5, low=0, high=4),
        i32("b", 4, low=0, high=5),
    ),
    "size": case(lambda a: tf.sets.size(tf.sparse.from_dense(a)), i32("b", 5, low=0, high=4)),
}
_counts = {
    "dense": case(lambda x: _parts(tf.sparse.bincount(x, axis=-1)), i32("b", 5, low=0, high=6)),
    "dense-vector": case(lambda x: _parts(tf.sparse.bincount(x, minlength=9)), i32("n", low=0, high=6)),
    "dense-limited": case(
        lambda x: _parts(tf.sparse.bincount(x, minlength=4, maxlength=4, axis=-1)), i64("b", 5, low=0, high=6)
    ),
    "dense-binary": case(
        lambda x: _parts(tf.sparse.bincount(x, binary_output=True, axis=-1)), i32("b", 5, low=0, high=3)
    ),
    "dense-weights": case(
        lambda x, w: raw.DenseCountSparseOutput(values=x, weights=w, minlength=-1, maxlength=4, binary_output=False),
        i32("b", 5, low=0, high=6),
        f32("b", 5),
    ),
    "sparse": case(lambda x: _parts(tf.sparse.bincount(tf.sparse.from_dense(x), axis=-1)), i32("b", 5, low=0, high=4)),
    "ragged": case(
        lambda x, n: _parts(tf.sparse.bincount(tf.RaggedTensor.from_tensor(x, n), axis=-1)),
        i32("b", 5, low=0, high=4),
        i32("b", low=0, high=5),
    ),
}

CASES = {**prefixed("set", _sets), **prefixed("count", _counts)}
