"""Ragged tensors inside a function."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f32, f64, i32, i64, prefixed, string
from tests.ops.grad import gradient_of

raw = tf.raw_ops
R = tf.RaggedTensor
LENGTHS = i32("b", low=0, high=7)


def _nested(x: tf.Tensor) -> tf.RaggedTensor:
    """Rank 3, with empty rows at both levels."""
    return R.from_nested_row_splits(x, [[0, 2, 2, 4], [0, 3, 3, 4, 6]])


_dense = {
    "to-tensor": case(lambda x, n: R.from_tensor(x, n).to_tensor(), f32("b", 6), LENGTHS),
    "to-tensor-default": case(lambda x, n: R.from_tensor(x, n).to_tensor(-1.0), f32("b", 6), LENGTHS),
    "to-tensor-shape": case(lambda x, n: R.from_tensor(x, n).to_tensor(shape=[None, 4]), f32("b", 6), LENGTHS),
    "to-tensor-rows": case(lambda x, n: R.from_tensor(x, n).to_tensor(shape=[5, 9]), f32("b", 6), LENGTHS),
    "to-tensor-inner": case(lambda x, n: R.from_tensor(x, n).to_tensor(), f32("b", 6, 2), LENGTHS),
    "to-tensor-inner-default": case(lambda x, n: R.from_tensor(x, n).to_tensor([3.0, 4.0]), f32("b", 6, 2), LENGTHS),
    "to-tensor-string": case(lambda x, n: R.from_tensor(x, n).to_tensor("none"), string("b", 6), LENGTHS),
    "to-tensor-nested": case(lambda x: _nested(x).to_tensor(9.0), f32(6)),
    "to-tensor-nested-shape": case(lambda x: _nested(x).to_tensor(shape=[4, None, 2]), f32(6)),
    "to-tensor-empty": case(lambda x, n: R.from_tensor(x, n * 0).to_tensor(), f32("b", 6), LENGTHS),
    "to-tensor-empty-shape": case(lambda x, n: R.from_tensor(x, n * 0).to_tensor(shape=[3, 2]), f32("b", 6), LENGTHS),
    "to-sparse-empty": case(lambda x, n: tf.sparse.to_dense(R.from_tensor(x, n * 0).to_sparse()), f32("b", 6), LENGTHS),
    "to-tensor-ids": case(
        lambda x, i: R.from_value_rowids(x, tf.sort(i), nrows=7).to_tensor(), f32("n"), i64("n", low=0, high=6)
    ),
    "to-tensor-ids-nested": case(
        lambda x: raw.RaggedTensorToTensor(
            shape=-1,
            values=x,
            default_value=0.0,
            row_partition_tensors=[tf.constant(3), tf.constant([0, 0, 2]), tf.constant([0, 2, 2, 2])],
            row_partition_types=["FIRST_DIM_SIZE", "VALUE_ROWIDS", "VALUE_ROWIDS"],
        ),
        f32(4),
    ),
    "bincount": case(
        lambda x, n: tf.math.bincount(R.from_tensor(x, n), minlength=5, axis=-1), i32("b", 6, low=0, high=5), LENGTHS
    ),
    "bincount-limited": case(
        lambda x, n: tf.math.bincount(R.from_tensor(x, n), minlength=4, maxlength=4, axis=-1, binary_output=True),
        i32("b", 6, low=0, high=9),
        LENGTHS,
    ),
    "bincount-weights": case(
        lambda x, w: raw.RaggedBincount(splits=tf.constant([0, 2, 2, 5], tf.int64), values=x, size=4, weights=w),
        i32(5, low=0, high=6),
        f32(5),
    ),
}
_ranges = {
    "range": case(lambda n: tf.ragged.range(n).to_tensor(), i32("b", low=-1, high=5)),
    "range-all": case(
        lambda a, b: raw.RaggedRange(starts=a, limits=b, deltas=-2), i32("b", low=0, high=9), i32("b", low=-5, high=5)
    ),
    "range-float": case(lambda a: raw.RaggedRange(starts=a, limits=4.5, deltas=0.7, Tsplits=tf.int32), f32("b")),
    "range-double": case(
        lambda d: raw.RaggedRange(starts=tf.constant(0.5, tf.float64), limits=tf.constant(4.5, tf.float64), deltas=d),
        f64("b", low=0.3, high=2),
    ),
    "gather": case(lambda x, n: tf.gather(R.from_tensor(x, n), [1, 0, 1]).to_tensor(), f32("b", 6), LENGTHS),
    "gather-nested": case(lambda x, i: tf.gather(_nested(x), i).to_tensor(), f32(6), i32("n", low=0, high=3)),
    "gather-matrix": case(lambda x, i: tf.gather(_nested(x), i).to_tensor(), f32(6), i32("b", 2, low=0, high=3)),
    "slice": case(lambda x, n: R.from_tensor(x, n)[:, 1:3].to_tensor(), f32("b", 6), LENGTHS),
    "rows": case(lambda x, n: R.from_tensor(x, n)[1:].to_tensor(), f32("b", 6), LENGTHS),
    "row": case(lambda x, n: R.from_tensor(x, n)[1], f32("b", 6), LENGTHS),
    "concat": case(
        lambda x, n: tf.concat([R.from_tensor(x, n), R.from_tensor(-x)], 1).to_tensor(), f32("b", 6), LENGTHS
    ),
    "mask": case(lambda x: tf.ragged.boolean_mask(x, x > 0).to_tensor(), f32("b", "t")),
}
_sparse = {
    "to-sparse": case(lambda x, n: tf.sparse.to_dense(R.from_tensor(x, n).to_sparse()), f32("b", 6), LENGTHS),
    "to-sparse-parts": case(
        lambda x: raw.RaggedTensorToSparse(rt_nested_splits=_nested(x).nested_row_splits, rt_dense_values=x), f32(6)
    ),
    "to-sparse-inner": case(
        lambda x: raw.RaggedTensorToSparse(rt_nested_splits=_nested(x).nested_row_splits, rt_dense_values=x),
        f32(6, 2, 3),
    ),
    "variant": case(
        lambda x: raw.RaggedTensorFromVariant(
            encoded_ragged=raw.RaggedTensorToVariant(
                rt_nested_splits=_nested(x).nested_row_splits, rt_dense_values=x, batched_input=False
            ),
            input_ragged_rank=2,
            output_ragged_rank=2,
            Tvalues=tf.float32,
        ),
        f32(6),
    ),
}
_reduced = {
    name: case(lambda x, n, f=function: f(R.from_tensor(x, n), axis=1), f32("b", 6), i32("b", low=1, high=7))
    for name, function in {
        "sum": tf.reduce_sum,
        "mean": tf.reduce_mean,
        "max": tf.reduce_max,
        "min": tf.reduce_min,
        "prod": tf.reduce_prod,
    }.items()
}

_used = {
    "softmax": case(lambda x, n: tf.nn.softmax(R.from_tensor(x, n)).to_tensor(), f32("b", 6), i32("b", low=1, high=7)),
    "stack": case(lambda x, n: tf.ragged.stack([R.from_tensor(x, n)] * 2).to_tensor(), f32("b", 6), LENGTHS),
    "add": case(lambda x, n: (R.from_tensor(x, n) + tf.constant([[1.0]])).to_tensor(), f32("b", 6), LENGTHS),
    "tile": case(lambda x, n: tf.tile(R.from_tensor(x, n), [1, 2]).to_tensor(), f32("b", 6), LENGTHS),
    "embedding": case(
        lambda x, n: tf.nn.embedding_lookup(tf.reshape(tf.range(30.0), [10, 3]), R.from_tensor(x, n)).to_tensor(),
        i32("b", 6, low=0, high=10),
        LENGTHS,
    ),
}


def _padded(x: tf.Tensor) -> tf.Tensor:
    return R.from_row_lengths(x, [2, 0, 3]).to_tensor() ** 2


def _by_rows(x, n):
    rows = R.from_tensor(x, n)
    return (
        tf.map_fn(tf.reduce_sum, rows, fn_output_signature=tf.float32),
        tf.map_fn(lambda r: (tf.size(r), r[:1] * 2), rows, fn_output_signature=(tf.int32, tf.TensorSpec([None])))[0],
    )


def _by_nested_rows(x):
    nested = R.from_nested_row_splits(x, [[0, 2, 2, 3], [0, 2, 3, 6]])
    sums = tf.map_fn(lambda r: tf.reduce_max(tf.reduce_sum(r, 1)), nested, fn_output_signature=tf.float32)
    return tf.where(tf.math.is_inf(sums), -1.0, sums)


CASES = {
    "map-rows": case(_by_rows, f32("b", 6), i32("b", low=1, high=7)),
    "map-nested-rows": case(_by_nested_rows, f32(6)),
    "to-tensor-shape-at-run-time": case(
        lambda x, like: tf.RaggedTensor.from_row_lengths(x, [2, 0, 3]).to_tensor(shape=tf.shape(like)),
        f32(5),
        f32("n", "m"),
        sizes={"n": (2, 4), "m": (2, 4)},
    ),
    "to-tensor-gradient": case(lambda x: tf.convert_to_tensor(gradient_of(_padded)(x)[0]), f32(5, 3)),
    **prefixed("use", _used),
    **prefixed("dense", {**_dense, **at_opsets({k: _dense[k] for k in ("to-tensor", "to-tensor-ids")}, 13, 18, 23)}),
    **prefixed("rows", _ranges),
    **prefixed("parts", _sparse),
    **prefixed("reduce", _reduced),
}
