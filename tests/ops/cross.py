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


def _sparse(values: object, rows: int = 4) -> tf.SparseTensor:
    return tf.SparseTensor([[0, 0], [0, 2], [2, 0], [2, 1], [2, 3]], values, [rows, 4])


def _ragged(values: object) -> tf.RaggedTensor:
    return tf.RaggedTensor.from_row_lengths(values, [2, 1, 0, 3])


def _strong(strong: bool, buckets: int = 97):
    def function(a, b, c):
        sparse = _sparse(a)
        return tuple(
            tf.raw_ops.SparseCrossHashed(
                indices=[sparse.indices],
                values=[sparse.values],
                shapes=[sparse.dense_shape],
                dense_inputs=[b, c],
                num_buckets=buckets,
                strong_hash=strong,
                salt=[173, 9],
            )
        )

    return function


def _flat(x: object) -> list[tf.Tensor]:
    return tf.nest.flatten(x, expand_composites=True)


CASES = {
    "hashed": case(lambda a, b: _parts(tf.sparse.cross_hashed([a, b], 11)), string("b", 1), i64("b", 1)),
    "hashed/wide": case(
        lambda a, b, c: _parts(tf.sparse.cross_hashed([a, b, c], 1000)), string("b", 2), i64("b", 3), string("b", 1)
    ),
    "hashed/open": case(lambda a, b: _parts(tf.sparse.cross_hashed([a, b])), i64("b", "t"), i64("b", 2)),
    "joined": case(lambda a, b: _parts(tf.sparse.cross([a, b])), string("b", 2), i64("b", 2)),
    "joined/v1": case(_v1, string("b", 2), string("b", 3)),
    "sparse/hashed": case(lambda a, b: _parts(tf.sparse.cross_hashed([_sparse(a), _sparse(b)], 29)), string(5), i64(5)),
    "sparse/mixed": case(
        lambda a, b: _parts(tf.sparse.cross_hashed([b, _sparse(a)], 29)), string(5), i64(4, "t")
    ),
    "sparse/joined": case(
        lambda a, b, c: _parts(tf.sparse.cross([_sparse(a), c, _sparse(b)], separator="-")),
        string(5), i64(5), string(4, 2),
    ),
    "sparse/empty": case(
        lambda a, b: _parts(tf.sparse.cross([tf.sparse.from_dense(a), b])), i64("b", 3, values=[0]), i64("b", 2)
    ),
    "fingerprints": case(_strong(False), string(5), i64(4, "t"), string(4, 1)),
    "fingerprints/strong": case(_strong(True), string(5), string(4, "t"), string(4, 1)),
    "fingerprints/open": case(_strong(False, 0), string(5), i64(4, 1), string(4, 1)),
    "ragged": case(lambda a, b: _flat(tf.ragged.cross([_ragged(a), _ragged(b)])), string(6), i64(6)),
    "ragged/hashed": case(
        lambda a, b, c: _flat(tf.ragged.cross_hashed([c, _ragged(a), _sparse(b)], 1000, 77)),
        string(6), i64(5), i64(4, 2),
    ),
}  # fmt: skip
