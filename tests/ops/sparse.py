"""Sparse tensors inside a function."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, bf16, case, f32, f64, i32, prefixed

raw = tf.raw_ops
S = tf.sparse
HALVES = [0.0, 0.0, 0.5, -1.0, 2.0]


def _of(x: tf.Tensor) -> tf.SparseTensor:
    return S.from_dense(x)


def _parts(x: tf.SparseTensor) -> tuple[tf.Tensor, ...]:
    return x.indices, x.values, x.dense_shape


X = f32(3, 4, values=HALVES)
N = f32("b", "t", values=HALVES)

_moving = {
    "dense": case(lambda x: S.to_dense(_of(x)), N),
    "empty": case(lambda x: (S.to_dense(S.reorder(_of(x * 0))), S.to_dense(S.transpose(_of(x * 0)))), N),
    "reorder": case(lambda x: _parts(S.reorder(tf.SparseTensor([[2, 1], [0, 3], [2, 0]], x, [3, 4]))), f32(3)),
    "reshape": case(lambda x: _parts(S.reshape(_of(x), [6, -1])), X),
    "reshape-dynamic": case(lambda x: S.to_dense(S.reshape(_of(x), [-1])), N),
    "transpose": case(lambda x: _parts(S.transpose(_of(x))), N),
    "expand-dims": case(lambda x: S.to_dense(S.expand_dims(_of(x), 1)), X),
    "retain": case(lambda x: S.to_dense(S.retain(_of(x), _of(x).values > 0)), N),
    "slice": case(lambda x: _parts(S.slice(_of(x), [1, 0], [9, 2])), X),
    "slice-dynamic": case(
        lambda x, i: S.to_dense(S.slice(_of(x), tf.cast(i, tf.int64), [2, 2])), N, i32(2, low=0, high=2)
    ),
    "concat": case(lambda x, y: _parts(S.concat(1, [_of(x), _of(y)])), X, f32(3, 2, values=HALVES)),
    "concat-rows": case(lambda x: _parts(S.concat(0, [_of(x), _of(-x), _of(x)])), N),
    "split": case(lambda x: [p for s in S.split(_of(x), 3, 1) for p in _parts(s)], X),
    "fill-empty-rows": case(
        lambda x: [*_parts(S.fill_empty_rows(_of(tf.nn.relu(x - 1)), 7.0)[0]), S.fill_empty_rows(_of(x), 7.0)[1]],
        f32("b", 3, values=HALVES),
    ),
    "fill-empty-ragged-rows": case(
        lambda x: raw.RaggedFillEmptyRows(
            value_rowids=tf.constant([1, 1, 3], tf.int64), values=x, nrows=5, default_value=0.5
        ),
        f32(3),
    ),
    "fill-empty-rows-map": case(
        lambda x: raw.SparseFillEmptyRows(
            indices=[[3, 0], [1, 2], [3, 1]], values=x, dense_shape=tf.constant([5, 4], tf.int64), default_value=0.5
        ),
        f32(3),
    ),
}
_combining = {
    "matmul": case(lambda x, y: S.sparse_dense_matmul(_of(x), y), X, f32(4, 5)),
    "matmul-dynamic": case(lambda x, y: S.sparse_dense_matmul(_of(x), y), f32("b", 4, values=HALVES), f32(4, "k")),
    "matmul-adjoint": case(lambda x, y: S.sparse_dense_matmul(_of(x), y, adjoint_a=True, adjoint_b=True), X, f32(5, 3)),
    "matmul-zeros": case(lambda x, y: tf.matmul(x, y, transpose_b=True, a_is_sparse=True), f32("b", 4), f32(2, 4)),
    "matmul-zeros-transposed": case(lambda x, y: raw.SparseMatMul(a=x, b=y, transpose_a=True), f32(4, "b"), bf16(4, 2)),
    "add": case(lambda x, y: _parts(S.add(_of(x), _of(y))), X, X),
    "add-threshold": case(lambda x, y: _parts(S.add(_of(x), _of(y), 1.0)), X, X),
    "add-dense": case(lambda x, y: S.add(_of(x), y), X, f32(3, 4)),
    "maximum": case(lambda x, y: _parts(S.maximum(_of(x), _of(y))), N, N),
    "minimum": case(lambda x, y: _parts(S.minimum(_of(x), _of(y))), X, X),
    "dense-add": case(
        lambda x, y: raw.SparseDenseCwiseAdd(
            sp_indices=_of(x).indices, sp_values=_of(x).values, sp_shape=_of(x).dense_shape, dense=y
        ),
        X,
        f32(3, 4),
    ),
    "dense-mul": case(lambda x, y: _parts(_of(x) * y), X, f32(4)),
    "dense-div": case(lambda x, y: _parts(_of(x) / y), X, f32(3, 1, low=1, high=2)),
    "softmax": case(lambda x: _parts(S.softmax(_of(x))), f64("b", "t", values=HALVES)),
    "map-values": case(lambda x: S.to_dense(S.map_values(tf.square, _of(x))), X),
}
_reducing = {
    "sum": case(lambda x: S.reduce_sum(_of(x), 1), X),
    "sum-keep": case(lambda x: S.reduce_sum(_of(x), 0, keepdims=True), X),
    "sum-all": case(lambda x: S.reduce_sum(_of(x)), X),
    "sum-axes": case(lambda x: S.reduce_sum(_of(x), [0, -1]), f32(2, 3, 2, values=HALVES)),
    "max": case(lambda x: S.reduce_max(_of(x), 1), X),
    "sum-sparse": case(
        lambda x: raw.SparseReduceSumSparse(
            input_indices=_of(x).indices, input_values=_of(x).values, input_shape=_of(x).dense_shape, reduction_axes=[1]
        ),
        X,
    ),
    "max-sparse": case(
        lambda x: raw.SparseReduceMaxSparse(
            input_indices=_of(x).indices,
            input_values=_of(x).values,
            input_shape=_of(x).dense_shape,
            reduction_axes=[-1],
            keep_dims=True,
        ),
        X,
    ),
    "max-negative": case(lambda x: S.reduce_max(_of(-tf.abs(x)), -1, keepdims=True), X),
    "bincount": case(
        lambda x: raw.SparseBincount(
            indices=_of(x).indices,
            values=_of(x).values,
            dense_shape=_of(x).dense_shape,
            size=5,
            weights=tf.zeros([0], tf.float32),
        ),
        i32(3, 6, low=0, high=8),
    ),
    "bincount-vector": case(
        lambda x, w: raw.SparseBincount(indices=[[0], [3], [4]], values=x, dense_shape=[6], size=5, weights=w),
        i32(3, low=0, high=8),
        f32(3),
    ),
}

CASES = {
    **prefixed("move", {**_moving, **at_opsets({k: _moving[k] for k in ("fill-empty-rows", "concat")}, 13, 18, 23)}),
    **prefixed("combine", {**_combining, **at_opsets({k: _combining[k] for k in ("add", "softmax")}, 13, 18, 23)}),
    **prefixed("reduce", _reducing),
}
