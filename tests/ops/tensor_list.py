"""TensorLists, which tf.TensorArray becomes."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import case, f32, i32

_RAW = tf.raw_ops
_ROW = np.array([3], np.int32)


def _filled(x):
    items = _RAW.TensorListReserve(element_shape=_ROW, num_elements=tf.shape(x)[0], element_dtype=tf.float32)
    return _RAW.TensorListSetItem(input_handle=items, index=1, item=x[0])


def _stacked(items, count=-1):
    return _RAW.TensorListStack(input_handle=items, element_shape=_ROW, element_dtype=tf.float32, num_elements=count)


def _grown(x):
    items = _RAW.EmptyTensorList(element_shape=_ROW, max_num_elements=-1, element_dtype=tf.float32)
    for i in range(3):
        items = _RAW.TensorListPushBack(input_handle=items, tensor=x[0] * i)
    rest, last = _RAW.TensorListPopBack(input_handle=items, element_shape=_ROW, element_dtype=tf.float32)
    return _stacked(rest), last, _RAW.TensorListLength(input_handle=items)


def _from(x):
    return _RAW.TensorListFromTensor(tensor=x, element_shape=_ROW)


def _scattered(x, i):
    order = tf.argsort(tf.range(tf.shape(x)[0]), direction="DESCENDING")
    once = _RAW.TensorListScatter(tensor=x, indices=order, element_shape=_ROW)
    many = _RAW.TensorListScatterV2(tensor=x, indices=order, element_shape=_ROW, num_elements=tf.shape(x)[0] + 2)
    over = _RAW.TensorListScatterIntoExistingList(input_handle=_from(-x), tensor=x[:1], indices=i[:1])
    return _stacked(once), _stacked(many), _stacked(over)


def _resized(x, count):
    items = _RAW.TensorListResize(input_handle=_from(x), size=count)
    return _stacked(items), _RAW.TensorListElementShape(input_handle=items, shape_type=tf.int32)


def _joined(x):
    parts = _RAW.TensorListSplit(tensor=x, element_shape=[2, 3], lengths=tf.constant([2, 2], tf.int64))
    both = _RAW.TensorListConcatV2(
        input_handle=parts, element_dtype=tf.float32, element_shape=[2, 3], leading_dims=tf.constant([], tf.int64)
    )
    plain = _RAW.TensorListConcat(input_handle=parts, element_dtype=tf.float32, element_shape=[2, 3])
    return [*both, *plain]


def _unequal(x):
    parts = tf.TensorArray(tf.float32, size=2, infer_shape=False).split(x, [2, 3])
    return parts.concat(), parts.read(1)


def _unequal_writes(x):
    parts = tf.TensorArray(tf.float32, size=3, infer_shape=False)
    for i in range(3):
        parts = parts.write(i, x[:, i:])
    return tf.reshape(parts.read(1), [-1]), tf.reshape(parts.read(2), [-1])


def _equal_writes(x):
    items = tf.TensorArray(tf.float32, size=3, dynamic_size=True, element_shape=[3])
    items = items.write(0, x[0]).write(3, x[1]).write(1, x[1] * 2)
    later = tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a + items.read(i)), (0, x[0]))[1]
    chosen = tf.cond(x[0, 0] > 0, lambda: items.write(2, x[0]).stack(), lambda: items.stack())
    return items.stack(), items.size(), later, chosen


def _filtered(x):
    kept = tf.TensorArray(tf.float32, size=0, dynamic_size=True, element_shape=[3])
    k = 0
    for i in tf.range(tf.shape(x)[0]):
        if tf.reduce_sum(x[i]) > -1.0:
            kept = kept.write(k, x[i] * 2)
            k += 1
    return kept.stack()


CASES = {
    "unequal": case(_unequal, f32(5, 3)),
    "unequal-writes": case(_unequal_writes, f32("b", 5)),
    "equal-writes": case(_equal_writes, f32(4, 3), ops="!ScatterND"),
    "filtered": case(_filtered, f32("n", 3)),
    "reserved": case(lambda x: _stacked(_filled(x)), f32("b", 3)),
    "grown": case(_grown, f32("b", 3)),
    "gathered": case(
        lambda x, i: _RAW.TensorListGather(
            input_handle=_from(x), indices=i, element_shape=_ROW, element_dtype=tf.float32
        ),
        f32("n", 3), i32("t", low=0, high=5),
    ),
    "scattered": case(_scattered, f32("n", 3), i32("n", low=0, high=5)),
    "resized/longer": case(lambda x: _resized(x, 11), f32("n", 3)),
    "resized/shorter": case(lambda x: _resized(x, 2), f32("n", 3)),
    "joined": case(_joined, f32(4, 3)),
}  # fmt: skip
