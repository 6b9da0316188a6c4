"""Shapes."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f32, i32, i64, prefixed, string

raw = tf.raw_ops


def _ranked(x: tf.Tensor) -> tf.Tensor:
    """The tensor with its static rank forgotten."""
    return raw.PlaceholderWithDefault(input=x, shape=None)


_asking = {
    "shape": case(lambda x: (tf.shape(x), tf.shape(x, tf.int64)[1:]), f32("b", "t", 3)),
    "shape-n": case(lambda x, y: raw.ShapeN(input=[x, y]), f32("b", "t"), f32("t")),
    "size": case(lambda x: tf.size(x) + 1, f32("b", "t", 3)),
    "size-static": case(lambda x: x * tf.cast(tf.size(x, tf.int64), tf.float32), f32(2, 3)),
    "rank": case(lambda x: x * tf.cast(tf.rank(x), tf.float32), f32("b", "t")),
    "unravel": case(lambda x: tf.unravel_index(x, [3, 4, 5]), i32("t", low=0, high=60)),
    "unravel-scalar": case(lambda x: tf.unravel_index(x, [3, 4]), i64(low=0, high=12)),
    "unravel-dynamic": case(lambda x, d: tf.unravel_index(x, d), i64("t", low=0, high=8), i64(2, low=3, high=5)),
    "unravel-sizes": case(lambda x, y: tf.unravel_index(x, tf.shape(y)), i32("n", low=0, high=12), f32("b", "t")),
    "broadcast-args": case(
        lambda x, y: tf.broadcast_dynamic_shape(tf.shape(x), tf.shape(y)), f32("b", 1, "t"), f32("k", 1)
    ),
    "broadcast-args-unknown": case(lambda a, b: raw.BroadcastArgs(s0=a, s1=b), i32(3, values=[1]), i32(2, low=0)),
    "broadcast-args-sizes": case(
        lambda x, y: raw.BroadcastArgs(s0=tf.shape(x), s1=tf.shape(y)), f32("b", "t"), f32("b", "t")
    ),
    "broadcast-gradient-args": case(
        lambda a, b: raw.BroadcastGradientArgs(s0=a, s1=b), i32(3, values=[1, 2, 2]), i32(1, values=[2])
    ),
    "broadcast-gradient-args-static": case(
        lambda x: [v + tf.cast(x[:1], tf.int32) * 0 for v in raw.BroadcastGradientArgs(s0=[4, 1, 3], s1=[2, 3])], f32(2)
    ),
    "broadcast-gradient-args-same": case(
        lambda x: raw.BroadcastGradientArgs(s0=tf.shape(x), s1=tf.shape(x)), f32("b", "t")
    ),
    "concat-offset": case(
        lambda x, y: raw.ConcatOffset(concat_dim=1, shape=[tf.shape(x), tf.shape(y), tf.shape(x)]),
        f32("b", "t"),
        f32("b", "k"),
    ),
    "concat-offset-unknown": case(
        lambda a, b: raw.ConcatOffset(concat_dim=0, shape=[a, b, a]), i32(2, values=[4]), i32(2, values=[4])
    ),
}

_changing = {
    "reshape": case(lambda x: tf.reshape(x, [-1, 3]), f32("b", 6)),
    "reshape-merged": case(lambda x: tf.reshape(x, [tf.shape(x)[0] * tf.shape(x)[1], 3]), f32("b", "t", 3)),
    "reshape-sizes": case(
        lambda x: tf.reshape(x, tf.concat([tf.shape(x)[:1], [tf.reduce_prod(tf.shape(x)[1:])]], 0)), f32("b", "t", 4)
    ),
    "reshape-none": case(
        lambda x: (tf.reshape(x[:, :0], [-1]), tf.reshape(x[:, :0], [0, tf.shape(x)[0], 4])), f32("b", 3)
    ),
    "reshape-zero": case(lambda x: (tf.reshape(x, [0, 7]), tf.reshape(x, [3, 0, -1 + 1])), f32("b", 0)),
    "reshape-dynamic": case(lambda x, n: tf.reshape(x, n), f32(6, 2), i64(1, values=[-1, 12])),
    "reshape-to-scalar": case(lambda x: tf.reshape(x, []), f32(1, 1)),
    "reshape-empty-batch": case(
        lambda x: (tf.reshape(x, [tf.shape(x)[0], 20]), tf.reshape(x, [-1, 4])), f32("b", 5, 4), sizes={"b": (0, 2)}
    ),
    "reshape-empty-middle": case(
        lambda x: tf.reshape(x, [tf.shape(x)[1], tf.shape(x)[0] * 2]),
        f32("b", "t", 2),
        sizes={"b": (3, 2), "t": (0, 2)},
    ),
    "expand-dims": case(lambda x: (tf.expand_dims(x, 0), tf.expand_dims(x, -1), tf.expand_dims(x, -2)), f32("b", "t")),
    "expand-dims-dynamic": case(lambda x, a: tf.expand_dims(x, a[0]), f32("b", "t"), i32(1, low=-3, high=3)),
    "squeeze": case(lambda x: (tf.squeeze(x, [1, 3]), tf.squeeze(x, [-1])), f32("b", 1, "t", 1)),
    "squeeze-all": case(lambda x: tf.squeeze(x), f32(1, 4, 1, 5)),
    "squeeze-unknown": case(lambda x: tf.reshape(tf.squeeze(x), [-1]), f32("b", 1, "t"), sizes={"b": (1, 3)}),
    "squeeze-all-dynamic": case(lambda x: tf.reshape(tf.squeeze(x), [-1]), f32(3, 1, "t", 1), sizes={"t": (1, 4)}),
    "squeeze-unknown-ranked": case(lambda x: tf.squeeze(_ranked(x), [0]), f32(1, "t")),
    "transpose": case(lambda x: tf.transpose(x, [2, 0, 1]), f32("b", "t", 5)),
    "transpose-conjugate": case(lambda x: raw.ConjugateTranspose(x=x, perm=[1, 0]), f32("b", "t")),
    "transpose-string": case(lambda x: tf.transpose(x), string("b", "t")),
    "transpose-computed": case(
        lambda x: tf.transpose(x, tf.concat([[0], tf.range(tf.rank(x) - 1, 0, -1)], 0)), f32("b", "t", 5)
    ),
    "transpose-dynamic": case(lambda x, r: tf.transpose(x, tf.argsort(r)), f32("b", "t", 5), f32(3)),
    "ensure-shape": case(lambda x: tf.ensure_shape(x, [None, 5]) * 2, f32("b", 5)),
}

_unknown_rank = {
    "shape": case(lambda x: tf.shape(_ranked(x)), f32("b", "t")),
    "rank": case(lambda x: tf.rank(_ranked(x)), f32("b", "t")),
    "size": case(lambda x: tf.size(_ranked(x)), f32("b", "t")),
    "reshape": case(lambda x: tf.reshape(_ranked(x) * 2, [-1]), f32("b", "t")),
    "zeros-like": case(lambda x: tf.reshape(tf.zeros_like(_ranked(x)), [-1]), f32("b", "t")),
    "slice": case(lambda x: tf.reshape(_ranked(x)[1:, 0], [-1]), f32("b", "t")),
    "split": case(lambda x: [tf.reshape(p, [-1]) for p in tf.split(_ranked(x), 2, 1)], f32("b", 4)),
    "gather": case(lambda x: tf.reshape(tf.gather(_ranked(x), [1, 0]), [-1]), f32("b", 4)),
    "stack": case(lambda x: tf.reshape(tf.stack([_ranked(x)] * 2), [-1]), f32("b", 4)),
}

CASES = {
    **prefixed("ask", _asking),
    **prefixed(
        "change",
        {
            **_changing,
            **at_opsets(
                {
                    k: _changing[k]
                    for k in ("reshape-none", "reshape-zero", "reshape-sizes", "expand-dims-dynamic", "squeeze")
                },
                13,
                18,
                23,
            ),
        },
    ),
    **prefixed("unknown-rank", _unknown_rank),
}
