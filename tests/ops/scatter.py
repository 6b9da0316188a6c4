"""Scattering."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, boolean, case, dtypes, f32, i32, i64, prefixed, string, u8

raw = tf.raw_ops
PLACES = [[0, 1], [2, 3], [0, 1]]

_scatter = {
    "rows": case(lambda i, u: tf.scatter_nd(i, u, [8, 3]), i32("n", 1, low=0, high=8), f32("n", 3)),
    "elements": case(lambda i, u: tf.scatter_nd(i, u, [4, 5]), i64("n", 2, low=0, high=4), f32("n")),
    "shape": case(lambda x, i, u: tf.scatter_nd(i, u, tf.shape(x)), f32("t", 3), i32(4, 1, low=0, high=5), f32(4, 3)),
    "shape-dynamic": case(
        lambda i, u, s: tf.scatter_nd(i, u, s), i32("n", 1, low=0, high=4), f32("n"), i32(1, low=4, high=9)
    ),
    "distinct": case(lambda u: tf.scatter_nd([[4], [1]], u, [6]), f32(2)),
    "int": case(lambda i, u: tf.scatter_nd(i, u, [4]), i32("n", 1, low=0, high=4), i32("n")),
    "bool": case(lambda i, u: tf.scatter_nd(i, u, [4]), i32("n", 1, low=0, high=4), boolean("n")),
    "batched-indices": case(
        lambda i, u: tf.scatter_nd(i, u, [4, 2]), i32("b", "k", 1, low=0, high=4), f32("b", "k", 2)
    ),
    "bad-ignored": case(
        lambda i, u: tf.scatter_nd(i, u, [4, 2], bad_indices_policy="IGNORE"), i32("n", 1, low=-2, high=6), f32("n", 2)
    ),
    "sparse-to-dense": case(
        lambda v: raw.SparseToDense(
            sparse_indices=[[0, 1], [2, 3]], output_shape=[3, 4], sparse_values=v, default_value=9.0
        ),
        f32(2),
    ),
    "sparse-to-dense-positions": case(
        lambda i, v: raw.SparseToDense(
            sparse_indices=i, output_shape=[9], sparse_values=v[0], default_value=0, validate_indices=False
        ),
        i64("n", low=0, high=9),
        i32(1),
    ),
    "sparse-to-dense-string": case(
        lambda v: raw.SparseToDense(sparse_indices=3, output_shape=[5], sparse_values=v, default_value="none"), string()
    ),
}


def _tensor(name, **options):
    return lambda x, u: getattr(tf, f"tensor_scatter_nd_{name}")(x, PLACES, u, **options)


_combining = {
    "add": case(_tensor("add"), f32(4, 5), f32(3)),
    "sub": case(_tensor("sub"), f32(4, 5), f32(3)),
    "sub-uint8": case(_tensor("sub"), u8(4, 5), u8(3)),
    "max": case(_tensor("max"), f32(4, 5), f32(3)),
    "min": case(_tensor("min"), f32(4, 5), f32(3)),
    "max-int": case(_tensor("max"), i32(4, 5), i32(3)),
    "min-rows": case(
        lambda x, i, u: tf.tensor_scatter_nd_min(x, i, u), f32("b", 5), i32("n", 1, low=0, high=2), f32("n", 5)
    ),
    "add-dynamic": case(
        lambda x, i, u: tf.tensor_scatter_nd_add(x, i, u), f32("b", 5), i64("n", 1, low=0, high=2), f32("n", 5)
    ),
}
_putting = {
    "update": case(lambda x, u: tf.tensor_scatter_nd_update(x, [[0, 1], [2, 3], [1, 1]], u), f32(4, 5), f32(3)),
    "update-rows": case(lambda x, u: tf.tensor_scatter_nd_update(x, [[2], [0]], u), f32(4, "t"), f32(2, "t")),
    "update-string": case(lambda x, u: tf.tensor_scatter_nd_update(x, [[2], [0]], u), string(4), string(2)),
    "update-bool": case(lambda x, u: tf.tensor_scatter_nd_update(x, [[2], [0]], u), boolean(4), boolean(2)),
    "update-found": case(
        lambda x: tf.tensor_scatter_nd_update(x, tf.where(x > 1), tf.zeros([tf.shape(tf.where(x > 1))[0]])),
        f32("b", "t"),
    ),
    "non-aliasing-add": case(
        lambda x, u: raw.ScatterNdNonAliasingAdd(input=x, indices=PLACES, updates=u), f32(4, 5), f32(3)
    ),
    "add-bad-ignored": case(
        lambda x, i, u: raw.TensorScatterAdd(tensor=x, indices=i, updates=u, bad_indices_policy="IGNORE"),
        f32("b", 5),
        i64("n", 2, low=-2, high=7),
        f32("n"),
    ),
    "inplace-update": case(lambda x, u: raw.InplaceUpdate(x=x + 0, i=[2, 0], v=u), f32(4, 3), f32(2, 3)),
    "inplace-add": case(lambda x, u: raw.InplaceAdd(x=x + 0, i=[2, 0], v=u), f32(4, 3), f32(2, 3)),
    "inplace-sub": case(lambda x, u: raw.InplaceSub(x=x + 0, i=[2, 0], v=u), f32(4, 3), f32(2, 3)),
}

_dynamic = {
    "partition": case(lambda x, p: tf.dynamic_partition(x, p, 3), f32("n", 2), i32("n", low=0, high=3)),
    "partition-scalars": case(lambda x, p: tf.dynamic_partition(x, p, 2), f32("b", "t"), i32("b", "t", low=0, high=2)),
    "partition-rows": case(lambda x, p: tf.dynamic_partition(x, p, 2), f32("b", "t", 2), i32("b", "t", low=0, high=2)),
    "partition-string": case(lambda x, p: tf.dynamic_partition(x, p, 2), string("n"), i32("n", low=0, high=2)),
    "stitch": case(lambda x, y: tf.dynamic_stitch([[0, 3], [1, 2, 4]], [x, y]), f32(2, 3), f32(3, 3)),
    "stitch-overlap": case(lambda x, y: tf.dynamic_stitch([[0, 2], [1, 2]], [x, y]), f32(2, 3), f32(2, 3)),
    "stitch-scalars": case(lambda x: tf.dynamic_stitch([1, 0], [x[0], x[1]]), f32(2)),
    "stitch-back": case(
        lambda x, p: tf.dynamic_stitch(
            tf.dynamic_partition(tf.range(tf.shape(x)[0]), p, 2), [v * 2 for v in tf.dynamic_partition(x, p, 2)]
        ),
        f32("n", 2),
        i32("n", low=0, high=2),
    ),
    "parallel-stitch": case(
        lambda x, y: tf.raw_ops.ParallelDynamicStitch(indices=[[[0, 3]], [[1, 2]]], data=[x, y]), f32(1, 2), f32(1, 2)
    ),
}

CASES = {
    **prefixed("scatter", {**_scatter, **at_opsets({k: _scatter[k] for k in ("rows", "int")}, 13, 16, 18, 23)}),
    **prefixed("tensor-scatter", {**_combining, **at_opsets(_combining, 13, 16, 18, 23)}),
    **prefixed("tensor-scatter", _putting),
    **prefixed("dynamic", _dynamic),
    **prefixed(
        "scatter",
        dtypes(
            lambda x: tf.scatter_nd([[1], [1], [0]], x, [3]),
            f32(3),
            over="float16 float64 int64 int8 uint8 bfloat16 int16",
        ),
    ),
}
