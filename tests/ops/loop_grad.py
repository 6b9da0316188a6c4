"""Gradients of loops, which keep what each iteration computed in lists."""

from __future__ import annotations

import keras
import tensorflow as tf

from tests.harness import at_opsets, case, f32, i32
from tests.ops.grad import gradient_of

X = f32("b", "t", 4)


def _layer(make):
    def build():
        layer = make()
        layer.build([None, None, 4])
        return gradient_of(lambda x: layer(x) ** 2)

    return case(build, X, builds=True, tolerance=1e-4)


def _counted(x, n):
    return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.tanh(y) + x), [0, x])[1]


def _choosing(x):
    def body(i, y):
        return i + 1, tf.cond(i > 1, lambda: tf.sin(y), lambda: y * y)

    return tf.while_loop(lambda i, y: i < 3, body, [0, x])[1]


CASES = {
    "while": case(lambda x, n: gradient_of(lambda y: _counted(y, n))(x), X, i32(low=1, high=5)),
    "while/cond": case(gradient_of(_choosing), X),
    "map": case(gradient_of(lambda x: tf.map_fn(lambda row: tf.reduce_sum(row**2), x)), X),
    "scan": case(gradient_of(lambda x: tf.scan(lambda total, row: total * row, x)), X),
    "lstm": _layer(lambda: keras.layers.LSTM(3, return_sequences=True)),
    "gru": _layer(lambda: keras.layers.GRU(3)),
    "rnn": _layer(lambda: keras.layers.Bidirectional(keras.layers.SimpleRNN(2))),
    **at_opsets({"opset": case(gradient_of(lambda x: tf.scan(lambda a, v: tf.tanh(a) + v, x)), X)}, 13, 18, 23),
}
