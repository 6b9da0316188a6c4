"""Slices."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops as xla

from tests.harness import at_opsets, case, dtypes, f32, i32, i64, prefixed, string

raw = tf.raw_ops

_slice = {
    "sizes": case(lambda x: tf.slice(x, [0, 1, 2], [-1, 3, -1]), f32("b", 6, 5)),
    "begin-dynamic": case(lambda x, i: tf.slice(x, [i[0], 0], [2, -1]), f32(6, "t"), i32(1, low=0, high=4)),
    "size-dynamic": case(lambda x, n: tf.slice(x, tf.constant([1, 0], tf.int64), n), f32(6, 4), i64(2, low=-1, high=4)),
    "computed": case(lambda x: tf.slice(x, [tf.shape(x)[0] // 2, 0], [tf.shape(x)[0] // 2, 2]), f32("t", 3)),
    "empty": case(lambda x: tf.slice(x, [0, 2], [0, 2]), f32("b", 4)),
}

_strided = {
    "steps": case(lambda x: x[::2, 1:-1, -3::2], f32("b", "t", 5)),
    "negative": case(lambda x: x[:, ::-1, -2::-1], f32("b", "t", 5)),
    "negative-bounds": case(lambda x: x[-2:-5:-2, 3:0:-1], f32("t", 5)),
    "beyond": case(lambda x: x[-99:99, 2:99], f32("t", 5)),
    "beyond-backwards": case(lambda x: x[99:-99:-1], f32("t", 5)),
    "nothing": case(lambda x: x[3:1, 5:5:2], f32("t", 5)),
    "one": case(lambda x: x[1], f32("t", 5)),
    "last": case(lambda x: x[:, -1], f32("b", "t", 5)),
    "two": case(lambda x: x[0, :, -1], f32("b", "t", 5), ops="Slice Squeeze !Gather"),
    "all-axes": case(lambda x: x[1, 0, 2], f32("b", "t", 5)),
    "new-axes": case(lambda x: x[:, None, 1:3, tf.newaxis], f32("b", "t")),
    "new-and-dropped": case(lambda x: x[None, 0, ..., None, -1], f32("b", "t", 5)),
    "ellipsis": case(lambda x: x[..., 1:], f32("b", "t", 5)),
    "ellipsis-middle": case(lambda x: x[1, ..., ::2], f32("b", "t", 5)),
    "ellipsis-empty": case(lambda x: x[0, ..., 1], f32("b", "t")),
    "index-dynamic": case(lambda x, i: x[:, i[0]], f32("b", 7, 2), i32(1, low=-7, high=7)),
    "window-dynamic": case(lambda x, i: x[:, i[0] : i[0] + 3, ::2], f32("b", 7, 5), i32(1, low=0, high=4)),
    "bounds-dynamic": case(lambda x, i: x[i[0] : i[1]], f32(9, 2), i32(2, low=-12, high=12)),
    "step-dynamic": case(lambda x, i: (x[:: i[0]], x[:: -i[0]], x[6 :: -i[0]]), f32(9), i32(1, low=1, high=4)),
    "all-dynamic": case(
        lambda x, b, e: raw.StridedSlice(input=x, begin=b, end=e, strides=[1, 2], end_mask=2),
        f32("t", 5),
        i32(2, low=0, high=3),
        i32(2, low=3, high=5),
    ),
    "mixed-index": case(lambda x, i: x[i[0], 1:, i[1]], f32("b", "t", 5), i32(2, low=0, high=2)),
    "half-of-size": case(lambda x: x[:, : tf.shape(x)[1] // 2], f32("b", "t", 3)),
    "all-but-one": case(lambda x: (x[:, : tf.shape(x)[1] - 1], x[:, tf.shape(x)[1] - 1]), f32("b", "t", 3)),
    "of-shape": case(lambda x: tf.reshape(x, tf.concat([tf.shape(x)[:1], tf.shape(x)[2:0:-1]], 0)), f32("b", "t", 3)),
    "string": case(lambda x: x[:, ::-1][0], string("b", 3)),
    "empty-axis": case(lambda x: x[:, 1:], f32(0, 3)),
}

_update = {
    "update": case(
        lambda x, v: raw.TensorStridedSliceUpdate(input=x, begin=[0, 1], end=[2, 4], strides=[1, 2], value=v),
        f32("b", 5),
        f32(2, 2),
    ),
    "update-backwards": case(
        lambda x, v: raw.TensorStridedSliceUpdate(
            input=x, begin=[-1, 0], end=[0, 0], strides=[-2, 1], value=v, end_mask=3, begin_mask=2
        ),
        f32(5, "t"),
        f32(3, "t"),
    ),
    "update-broadcast": case(
        lambda x, v: raw.TensorStridedSliceUpdate(
            input=x, begin=[1, 0], end=[2, 0], strides=[1, 1], value=v, shrink_axis_mask=1, begin_mask=2, end_mask=2
        ),
        f32("b", "t"),
        f32("t"),
    ),
    "gradient": case(
        lambda x: raw.StridedSliceGrad(shape=[6, 4], begin=[1, 0], end=[4, 3], strides=[1, 1], dy=x), f32(3, 3)
    ),
    "gradient-strided": case(
        lambda x: raw.StridedSliceGrad(shape=[6, 4], begin=[5, 0], end=[0, 4], strides=[-2, 3], dy=x), f32(3, 2)
    ),
    "gradient-dynamic": case(
        lambda x, y: raw.StridedSliceGrad(
            shape=tf.shape(y),
            begin=[0, -1],
            end=[0, 0],
            strides=[1, 1],
            dy=x,
            begin_mask=1,
            end_mask=1,
            shrink_axis_mask=2,
        ),
        f32("b"),
        f32("b", "t"),
    ),
    "gradient-new-axis": case(
        lambda x: raw.StridedSliceGrad(
            shape=[6], begin=[1, 0], end=[3, 0], strides=[1, 1], dy=x, new_axis_mask=2, ellipsis_mask=0
        ),
        f32(2, 1),
    ),
}

_moved = {
    "slice": case(
        lambda x, i: xla.xla_dynamic_slice(input=x, start_indices=i, size_indices=tf.constant([2, 3])),
        f32("b", 6),
        i32(2, low=-2, high=7),
    ),
    "update": case(
        lambda x, u, i: xla.xla_dynamic_update_slice(input=x, update=u, indices=i),
        f32("b", 6),
        f32(2, 3),
        i32(2, low=-2, high=7),
    ),
    "update-axis": case(
        lambda x, u, i: xla.xla_dynamic_update_slice(input=x, update=u, indices=[0, i[0], 0]),
        f32("b", 6, "t"),
        f32("b", 1, "t"),
        i32(1, low=0, high=6),
    ),
    "update-static": case(
        lambda x, u: xla.xla_dynamic_update_slice(input=x, update=u, indices=[1, 9]), f32(4, 6), f32(2, 3)
    ),
    "update-all": case(
        lambda x, u: xla.xla_dynamic_update_slice(input=x, update=u, indices=[1, 1]), f32(4, 6), f32(4, 6)
    ),
}

CASES = {
    **prefixed("dynamic-slice", _moved),
    **prefixed("slice", _slice),
    **prefixed("strided-slice", {**_strided, **at_opsets({"steps": _strided["steps"]}, 13, 18, 23)}),
    **prefixed("strided-slice", _update),
    **prefixed(
        "strided-slice",
        dtypes(lambda x: x[::-2, None, 1:], f32("b", 4, low=0, high=2), over="float16 float64 int8 uint8 int64 bool"),
    ),
}
