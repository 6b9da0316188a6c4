"""Making, joining, splitting and repeating tensors."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import at_opsets, boolean, case, dtypes, f16, f32, f64, i8, i32, i64, prefixed, string, u8

raw = tf.raw_ops
MOVED = "float16 float32 float64 int8 int16 int32 int64 uint8 uint32 uint64 bool bfloat16"

_mirror = {
    "symmetric": case(lambda x: tf.pad(x, [[0, 0], [2, 1], [1, 3]], "SYMMETRIC"), f32("b", "t", 5)),
    "symmetric-int": case(lambda x: tf.pad(x, [[1, 1], [0, 3]], "SYMMETRIC"), i32("b", 4)),
    "symmetric-whole": case(lambda x: tf.pad(x, [[4, 4]], "SYMMETRIC"), f32(4)),
    "symmetric-dynamic": case(
        lambda x, n: tf.pad(x, tf.reshape(tf.concat([[0, 0], n], 0), [2, 2]), "SYMMETRIC"),
        f32("b", "t"),
        i32(2, low=0, high=4),
    ),
    "reflect": case(lambda x: tf.pad(x, [[0, 0], [2, 1], [1, 3]], "REFLECT"), f32("b", "t", 5)),
    "reflect-dynamic": case(
        lambda x, n: tf.pad(x, tf.reshape(tf.concat([[0, 0], n], 0), [2, 2]), "REFLECT"),
        f32("b", "t"),
        i32(2, low=0, high=4),
    ),
}

_one_hot = {
    "plain": case(lambda x: tf.one_hot(x, 6), i32("b", "t", low=0, high=6)),
    "outside": case(lambda x: tf.one_hot(x, 5, axis=1, dtype=tf.int32), i32("b", "t", low=-3, high=8)),
    "values": case(lambda x: tf.one_hot(x, 6, 2.0, -1.0, axis=0), i64("b", low=-1, high=7)),
    "uint8": case(lambda x: tf.one_hot(x, 300, dtype=tf.float64), u8("b", "t", low=0, high=255)),
    "int8": case(lambda x: tf.one_hot(x, 5), i8("b", low=-3, high=8)),
    "bool": case(lambda x: tf.one_hot(x, 5, True, False), i32("b", low=0, high=5)),
    "string": case(lambda x: tf.one_hot(x, 3, "on", "off"), i32("b", low=-1, high=4)),
    "half": case(lambda x: tf.one_hot(x, 5, dtype=tf.float16), i32("b", low=0, high=5)),
    "scalar": case(lambda x: tf.one_hot(x, 5), i32(low=0, high=5)),
    "dynamic-depth": case(lambda x, d: tf.one_hot(x, d[0]), i32("b", low=0, high=5), i32(1, low=2, high=8)),
}

_range = {
    "size": case(lambda x: tf.range(tf.shape(x)[0]), f32("n")),
    "step": case(lambda x: tf.range(10, tf.shape(x)[0], -2), f32("n")),
    "float": case(lambda x: tf.range(x[0], x[0] + 3.3, 0.5), f32(1)),
    "dynamic": case(lambda x: tf.range(x[0], x[1], x[2]), i32(3, values=[2, 3])),
    "dynamic-count": case(lambda x: tf.range(x[0], x[0] + 9, 2), i64(1)),
    "half": case(lambda x: raw.Range(start=x, limit=x + 4, delta=tf.constant(0.5, x.dtype)), f16()),
}

_linspace = {
    "raw": case(lambda x: raw.LinSpace(start=x[0], stop=x[1], num=7), f32(2)),
    "raw-one": case(lambda x: raw.LinSpace(start=x[0], stop=x[1], num=1), f32(2)),
    "raw-dynamic": case(lambda x, n: raw.LinSpace(start=x[0], stop=x[1], num=n[0]), f32(2), i32(1, low=1, high=9)),
    "double": case(lambda x: raw.LinSpace(start=x[0], stop=x[1], num=5), f64(2)),
    "tf": case(lambda x: tf.linspace(x[0], x[1], 7), f32(2)),
    "tf-axis": case(lambda x, y: tf.linspace(x, y, 4, axis=1), f32("b", "t"), f32("b", "t")),
}

_joining = {
    "concat": case(lambda x, y: tf.concat([x, y, x], -1), f32("b", "t"), f32("b", "k")),
    "concat-raw": case(lambda x, y: raw.Concat(concat_dim=1, values=[x, y]), f32("b", "t"), f32("b", "k")),
    "concat-string": case(lambda x: tf.concat([x, x], 0), string("b", "t")),
    "concat-empty": case(lambda x, y: tf.concat([x, y], 0), f32(0, 3), f32("b", 3)),
    "concat-sizes": case(lambda x: tf.concat([tf.shape(x), [3, 4]], 0), f32("b", "t")),
    "parallel-concat": case(lambda x, y: raw.ParallelConcat(values=[x, y], shape=[2, 3]), f32(1, 3), f32(1, 3)),
    "pack-last": case(lambda x, y: tf.stack([x, y], -1), f32("b", "t"), f32("b", "t")),
    "pack-scalars": case(lambda x: tf.stack([x[0], x[1]]), f32("n")),
    "pack-sizes": case(lambda x: tf.reshape(x, tf.stack([tf.shape(x)[0] * 2, -1])), f32("b", 4)),
    "unpack": case(lambda x: tf.unstack(x, axis=1), f32("b", 3, "t")),
    "unpack-last": case(lambda x: tf.unstack(x, axis=-1), i32("b", 3)),
    "unpack-one": case(lambda x: tf.unstack(x, axis=0), f32(1, "t")),
    "split": case(lambda x: tf.split(x, 3, 1), f32("b", 9)),
    "split-last": case(lambda x: tf.split(x, 2, -1), f32("b", "t", 6)),
    "split-dynamic": case(lambda x: tf.split(tf.concat([x, x], 0), 2), f32("t", 3)),
    "split-v": case(lambda x: tf.split(x, [2, -1, 3], 1), f32("b", 9)),
    "split-v-dynamic": case(lambda x: tf.split(x, [2, -1, 1], 1), f32("b", "t")),
    "split-v-sizes": case(
        lambda x, n: raw.SplitV(value=x, size_splits=tf.stack([n[0], 2, -1]), axis=0, num_split=3),
        f32("t", 2),
        i32(1, low=0, high=3),
    ),
    "split-v-one": case(lambda x: tf.split(x, [-1], 1), f32("b", "t")),
    "split-string": case(lambda x: tf.split(x, 2, 1), string("b", 4)),
}

_filling = {
    "fill": case(lambda x: tf.fill([tf.shape(x)[0], 3], 2.5) + x[:, :1], f32("b", "t")),
    "fill-value": case(lambda x: tf.fill([2, tf.shape(x)[0]], x[0]), f32("n")),
    "fill-string": case(lambda x: tf.fill(tf.shape(x), "word"), f32("n")),
    "fill-target": case(lambda n: tf.fill(n, 1.5), i32(3, low=0, high=4)),
    "fill-bool": case(lambda x: tf.fill(tf.shape(x), True), f32("n")),
    "empty": case(lambda x: raw.Empty(shape=tf.shape(x), dtype=tf.float32, init=True), f32("n")),
    "zeros-like-string": case(lambda x: tf.zeros_like(x), string("b", "t")),
    "broadcast-to": case(lambda x: tf.broadcast_to(x[:, None], [tf.shape(x)[0], 4, tf.shape(x)[1]]), f32("b", "t")),
    "broadcast-to-target": case(lambda x, n: tf.broadcast_to(x, n), f32(3, 1), i32(2, values=[3])),
    "broadcast-to-string": case(lambda x: tf.broadcast_to(x, [2, 5]), string(5)),
    "tile": case(lambda x: tf.tile(x, [1, 3, 2]), f32("b", "t", 5)),
    "tile-zero": case(lambda x: tf.tile(x, [0, 2]), f32("b", 2)),
    "tile-dynamic": case(lambda x, n: tf.tile(x, n), f32("b", "t"), i32(2, low=0, high=3)),
    "tile-scalar": case(lambda x: tf.tile(x, tf.zeros([0], tf.int32)), f32()),
    "pad": case(lambda x: tf.pad(x, [[0, 0], [1, 2]]), f32("b", "t")),
    "pad-value": case(lambda x: tf.pad(x, [[0, 1], [3, 0]], constant_values=-9.0), f32("b", "t")),
    "pad-string": case(lambda x: tf.pad(x, [[0, 1], [2, 0]], constant_values="none"), string("b", "t")),
    "pad-string-empty": case(lambda x, p: tf.pad(x[:, :0], p), string("b", "t"), i32(2, 2, low=0, high=3)),
    "pad-computed": case(lambda x: tf.pad(x, [[0, 0], [0, 20 - tf.shape(x)[1]]]), f32("b", "t")),
    "pad-dynamic": case(lambda x, p: tf.pad(x, p), f32("b", "t"), i32(2, 2, low=0, high=3)),
    "pad-dynamic-int64": case(
        lambda x, p: raw.PadV2(input=x, paddings=p, constant_values=7), i32("t"), i64(1, 2, low=0)
    ),
}

_choosing = {
    "where": case(lambda x: tf.where(x > 0), f32("b", "t")),
    "where-float": case(lambda x: tf.where(x), f32("b", "t", values=[0.0, 1.0, np.nan, -0.0])),
    "where-int8": case(lambda x: raw.Where(condition=tf.cast(x, tf.int8)), i32("b", low=-1, high=2)),
    "where-none": case(lambda x: tf.where(x > 99), f32("b", "t")),
    "select-broadcast": case(lambda c, x: tf.where(c[:, None], x, 0.0), boolean("b"), f32("b", "t")),
    "select-scalar": case(lambda c, x: tf.where(c[0], x, -x), boolean(1), f32("b", "t")),
    "select-string": case(lambda c, x: tf.where(c, x, "other"), boolean("b", "t"), string("b", "t")),
    "select-complex-free": case(lambda c, x, y: tf.where(c, x, y), boolean("b", 1), i32("t"), i32("b", "t")),
    "select-rows": case(
        lambda c, x, y: raw.Select(condition=c, x=x, y=y), boolean("b"), f32("b", "t", 2), f32("b", "t", 2)
    ),
    "select-same": case(
        lambda c, x, y: raw.Select(condition=c, x=x, y=y), boolean("b", "t"), f32("b", "t"), f32("b", "t")
    ),
    "select-by-scalar": case(lambda c, x: raw.Select(condition=c, x=x, y=-x), boolean(), f32("b", "t")),
}

_turning = {
    "reverse": case(lambda x: tf.reverse(x, [0, 2]), f32("b", "t", 5)),
    "reverse-negative": case(lambda x: tf.reverse(x, [-1]), i32("b", "t")),
    "reverse-none": case(lambda x: tf.reverse(x, tf.zeros([0], tf.int32)), i32("b", "t")),
    "reverse-dynamic": case(lambda x, a: tf.reverse(x, a), f32("b", "t", 5), i32(1, low=0, high=3)),
    "reverse-bools": case(lambda x: raw.Reverse(tensor=x, dims=[True, False, True]), f32("b", "t", 5)),
    "reverse-sequence": case(
        lambda x, n: tf.reverse_sequence(x, n, seq_axis=1), f32("b", 6, 3), i32("b", low=0, high=7)
    ),
    "reverse-sequence-time": case(
        lambda x, n: tf.reverse_sequence(x, n, seq_axis=0, batch_axis=1), f32(6, "b", 3), i64("b", low=1, high=7)
    ),
    "reverse-sequence-inner": case(
        lambda x, n: tf.reverse_sequence(x, n, seq_axis=3, batch_axis=1), f32(2, "b", 3, 6), i64("b", low=0, high=7)
    ),
    "roll": case(lambda x: tf.roll(x, [1, -2], [0, 1]), f32("b", "t")),
    "roll-far": case(lambda x: tf.roll(x, 17, 1), i32("b", "t")),
    "roll-static": case(lambda x: tf.roll(x, -9, -1), f32("b", 4)),
    "roll-twice": case(lambda x: tf.roll(x, [3, 2], [1, 1]), f32("b", 7)),
    "roll-dynamic": case(lambda x, s: tf.roll(x, s[0], 0), f32("n"), i32(1, low=-20, high=20)),
    "roll-none": case(lambda x: tf.roll(x, 0, 0), f32("n")),
    "invert-permutation": case(lambda x: tf.math.invert_permutation(tf.argsort(x)), f32("n")),
    "invert-permutation-constant": case(lambda x: tf.gather(x, tf.math.invert_permutation([2, 0, 1])), f32(3)),
}

CASES = {
    **prefixed("mirror-pad", {**_mirror, **at_opsets(_mirror, 13, 18, 23)}),
    **prefixed("one-hot", {**_one_hot, **at_opsets({"outside": _one_hot["outside"]}, 13, 18, 23)}),
    **prefixed("range", _range),
    **prefixed("linspace", _linspace),
    **prefixed("join", _joining),
    **prefixed("fill", {**_filling, **at_opsets({"pad-dynamic": _filling["pad-dynamic"]}, 13, 18, 23)}),
    **prefixed("choose", _choosing),
    **prefixed("turn", {**_turning, **at_opsets({"roll-far": _turning["roll-far"]}, 13, 18, 23)}),
    **prefixed(
        "moved",
        dtypes(
            lambda x: (
                tf.concat([x, x], 0),
                tf.stack([x, x]),
                tf.split(x, 2, 1)[1],
                tf.tile(x, [1, 2]),
                tf.reverse(x, [0]),
                tf.zeros_like(x),
                tf.where(tf.constant([[True], [False]]), x, tf.ones_like(x)),
                tf.roll(x, 1, 1),
                tf.fill([2], x[0, 0]),
                tf.pad(x, [[1, 0], [0, 2]]),
                tf.broadcast_to(x[:1], [3, 4]),
            ),
            f32(2, 4, low=0, high=2),
            over=MOVED,
        ),
    ),
}
