"""Gradients of sparse tensors, sparse segments and ragged rows."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f32, i32, i64
from tests.ops.grad import gradient_of

raw, sparse = tf.raw_ops, tf.sparse
PLACES = [[0, 1], [2, 0], [2, 3]]


def _sparse(values, places=None):
    return tf.SparseTensor(PLACES if places is None else places, values, [4, 5])


def _segments(name: str):
    reduce = getattr(sparse, f"segment_{name}")
    return gradient_of(lambda x: reduce(x, [0, 1, 3, 1], [0, 0, 1, 2], num_segments=4) ** 2)


def _compact(name: str):
    def function(g, indices):
        return getattr(raw, f"SparseSegment{name}GradV2")(
            grad=g, indices=indices, segment_ids=[0, 0, 1, 1, 1], dense_output_dim0=6
        )

    return function


CASES = {
    **{f"segments/{name}": case(_segments(name), f32("t", 3)) for name in ("sum", "mean", "sqrt_n")},
    **{
        f"segments/compact-{name}".lower(): case(_compact(name), f32(2, "m"), i32(5, low=0, high=6))
        for name in ("Sum", "Mean", "SqrtN")
    },
    "segments/size-at-run-time": case(
        lambda g, x: raw.SparseSegmentSumGrad(
            grad=g, indices=[0, 2, 1, 2], segment_ids=[0, 0, 1, 2], output_dim0=tf.shape(x)[0]
        ),
        f32(3, "m"), f32("t"),
    ),
    "fill": case(gradient_of(lambda v, d: sparse.fill_empty_rows(_sparse(v), d)[0].values ** 2), f32(3), f32()),
    "fill/ragged": case(
        lambda went, g: raw.RaggedFillEmptyRowsGrad(reverse_index_map=went, grad_values=g),
        i64(2, values=[0, 1, 3]), f32(4),
    ),
    "add": case(
        gradient_of(lambda v, w: sparse.add(_sparse(v), _sparse(w, [[0, 0], [2, 0], [3, 1]])).values ** 2), f32(3),
        f32(3),
    ),
    "slice": case(gradient_of(lambda v: sparse.slice(_sparse(v), [1, 0], [2, 2]).values ** 2), f32(3)),
    **at_opsets(
        {
            "opset": case(_segments("mean"), f32("t", 3)),
            "opset/add": case(gradient_of(lambda v: sparse.add(_sparse(v), _sparse(v * 2)).values ** 2), f32(3)),
        },
        13, 18, 23,
    ),
}  # fmt: skip
