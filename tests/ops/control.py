"""Choices and loops."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import boolean, case, f32, i32, string, w


def _scan(x):
    return tf.scan(lambda a, e: a * 0.5 + e, x)


def _power(x, n):
    return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * x), (0, tf.ones_like(x)))[1]


def _grow(x):
    return tf.while_loop(
        lambda i, y: tf.shape(y)[0] < 9, lambda i, y: (i + 1, tf.concat([y, y[:1] + 1], 0)), (0, x),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, 3])),
    )  # fmt: skip


def _collect(x):
    items = tf.TensorArray(tf.float32, 0, dynamic_size=True, element_shape=[3])
    _, items = tf.while_loop(
        lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, x[0] * tf.cast(i, tf.float32))), (0, items)
    )
    return items.stack()


def _early_exit(x):
    items = tf.TensorArray(tf.float32, tf.shape(x)[0])
    n, items = tf.while_loop(
        lambda i, a: (i < tf.shape(x)[0]) & (i < 3), lambda i, a: (i + 1, a.write(i, x[i] * 2)), (0, items)
    )
    return n, items.gather(tf.range(3))


def _collatz(n):
    return tf.while_loop(
        lambda n, steps: n > 1,
        lambda n, steps: (tf.cond(n % 2 == 0, lambda: n // 2, lambda: 3 * n + 1), steps + 1),
        (n[0] * n[0] + 2, 0),
    )


CASES = {
    "truth": case(
        lambda x, n, t: [tf.raw_ops.ToBool(input=v) for v in (x, n, t)], f32("b"), i32(low=0, high=2), string()
    ),
    "cond/tensor": case(lambda x, p: tf.cond(p[0], lambda: x * 2, lambda: x - 1), f32("b", 3), boolean("b")),
    "cond/shapes-differ": case(
        lambda x, p: tf.cond(p[0], lambda: x[:1], lambda: tf.concat([x, x], 0)), f32("b", 3), boolean("b")
    ),
    "cond/captures-weights": case(
        lambda x, p: tf.cond(p[0], lambda: x @ w(3, 4), lambda: x[:, :1] + w(4)), f32("b", 3), boolean("b")
    ),
    "cond/nested": case(
        lambda x, p: tf.cond(p[0], lambda: tf.cond(p[1], lambda: x, lambda: -x), lambda: x * x),
        f32("b", 3),
        boolean("b"),
    ),
    "switch-case": case(
        lambda x, i: tf.switch_case(i[0], [lambda: x, lambda: x + 1, lambda: x * 3]),
        f32("b", 3),
        i32("b", low=-1, high=4),
    ),
    "while/power": case(_power, f32("b", 3), i32(low=0, high=4)),
    "while/shape-grows": case(_grow, f32("b", 3)),
    "while/cond-inside": case(_collatz, i32("b", low=1, high=5)),
    "while/collects": case(_collect, f32("b", 3)),
    "while/early-exit": case(_early_exit, f32("t", 3)),
    "while/never": case(
        lambda x: tf.while_loop(lambda i, y: i < 0, lambda i, y: (i + 1, y + 1), (0, x))[1], f32("b", 3)
    ),
    "scan": case(_scan, f32("t", 3), ops="Loop"),
    "scan/reversed": case(lambda x: tf.scan(lambda a, e: a + e, x, tf.zeros(3), reverse=True), f32("t", 3)),
    "map-fn": case(lambda x: tf.map_fn(lambda e: e @ w(3, 2), x), f32("b", "t", 3)),
    "vectorized-map": case(lambda x: tf.vectorized_map(lambda e: tf.reduce_sum(e * e, -1), x), f32("b", "t", 3)),
    "foldl": case(lambda x: tf.foldl(lambda a, e: a * 0.9 + e, x), f32("t", 3)),
}
