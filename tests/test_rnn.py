"""Loops that are recurrent layers become ONNX's operators, and loops that only look alike stay loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import Arg, Case, boolean, case, check, f32, f64, i32, w

L = keras.layers
X = f32("b", "t", 3)


def layers(make: Callable[..., Any], *args: Arg, **options: Any) -> Case:
    """A Keras model of some layers, its weights (biases too) drawn."""

    def build():
        shapes = [[None if isinstance(d, str) else d for d in a.dims] for a in args]
        inputs = [keras.Input(batch_shape=s, dtype=a.dtype) for s, a in zip(shapes, args, strict=True)]
        model = keras.Model(inputs, make(*inputs))
        rng = np.random.default_rng(3)
        for variable in model.trainable_variables:
            variable.assign(rng.standard_normal(variable.shape) * 0.5)
        return lambda *xs: keras.tree.flatten(model(list(xs) if len(xs) > 1 else xs[0], training=False))

    return case(build, *args, builds=True, **options)


def _kind(layer: Any, cell: Any, op: str) -> dict[str, Case]:
    """What every kind of recurrent layer does."""
    states = [f32("b", 4)] * (2 if op == "LSTM" else 1)
    ops = f"{op} !Loop"
    everything = {"return_sequences": True, "return_state": True}
    rows = {
        "last": layers(lambda x: layer(4)(x), X),
        "static": layers(lambda x: layer(4, return_sequences=True)(x), f32(2, 5, 3)),
        "one-row": layers(lambda x: layer(4, **everything)(x), f32(1, 5, 3)),
        "one-row/mask": layers(lambda x, m: layer(4)(x, mask=m), f32(1, 5, 3), boolean(1, 5)),
        "everything": layers(lambda x: layer(4, **everything)(x), X),
        "backwards": layers(lambda x: layer(4, go_backwards=True)(x), X),
        "backwards/everything": layers(lambda x: layer(4, go_backwards=True, **everything)(x), X),
        "stacked": layers(lambda x: layer(4)(layer(5, return_sequences=True)(x)), X),
        "stacked-cells": layers(lambda x: L.RNN(L.StackedRNNCells([cell(4), cell(5)]), **everything)(x), X),
        "bidirectional": layers(lambda x: L.Bidirectional(layer(4, return_sequences=True))(x), X),
        "bidirectional/last": layers(lambda x: L.Bidirectional(layer(4, return_state=True))(x), X),
        "bidirectional/sum": layers(lambda x: L.Bidirectional(layer(4, return_sequences=True), "sum")(x), X),
        "no-bias": layers(lambda x: layer(4, use_bias=False)(x), X),
        "relu": layers(lambda x: layer(4, activation="relu")(x), X),
        "elu": layers(lambda x: layer(4, activation="elu")(x), X),
        "softsign": layers(lambda x: layer(4, activation="softsign")(x), X),
        "linear": layers(lambda x: layer(4, activation="linear")(x), X),
        "given-state": layers(lambda x, *s: layer(4, **everything)(x, initial_state=[*s]), X, *states),
        "mask": layers(lambda x, m: layer(4)(x, mask=m), X, boolean("b", "t")),
        "mask/everything": layers(lambda x, m: layer(4, **everything)(x, mask=m), X, boolean("b", "t")),
        "mask/zeros": layers(
            lambda x, m: layer(4, return_sequences=True, zero_output_for_mask=True)(x, mask=m), X, boolean("b", "t")
        ),
        "mask/backwards": layers(
            lambda x, m: layer(4, go_backwards=True, **everything)(x, mask=m), X, boolean("b", "t")
        ),
        "mask/given-state": layers(
            lambda x, m, *s: layer(4, return_state=True)(x, mask=m, initial_state=[*s]), X, boolean("b", "t"), *states
        ),
        "mask/nothing-counts": layers(
            lambda x, m, *s: layer(4, return_state=True)(x, mask=m, initial_state=[*s]),
            X,
            Arg("bool", ("b", "t"), values=(False,)),
            *states,
        ),
        "mask/stacked-cells": layers(
            lambda x, m: L.RNN(L.StackedRNNCells([cell(4), cell(5)]), return_sequences=True)(x, mask=m),
            X,
            boolean("b", "t"),
        ),
        "mask/embedding": layers(
            lambda x: L.Bidirectional(layer(4))(L.Embedding(9, 3, mask_zero=True)(x)), i32("b", "t", low=0, high=9)
        ),
    }
    rows |= {f"everything@{o}": layers(lambda x: layer(4, **everything)(x), X, opset=o) for o in (13, 14, 18, 22, 26)}
    rows |= {
        f"mask@{o}": layers(lambda x, m: layer(4, **everything)(x, mask=m), X, boolean("b", "t"), opset=o)
        for o in (13, 18, 26)
    }
    named = {f"{op}/{name}": Case(**{**vars(row), "ops": ops}) for name, row in rows.items()}
    large = f32("b", "t", 3, values=[-200.0, 3.0, 200.0])
    return {**named, f"{op}/softplus": layers(lambda x: layer(4, activation="softplus")(x), large, ops="Loop")}


def _scan(step: Callable[..., Any], *sizes: int) -> Callable[[tf.Tensor], Any]:
    """A loop over the first axis that starts with zeros, and all it puts out."""

    def call(x):
        zeros = tuple(tf.zeros([tf.shape(x)[1], n], x.dtype) for n in sizes)
        return tf.scan(lambda s, y: step(y, *s), x, zeros)

    return call


def _one_kernel(x, c, h):
    """An LSTM whose kernels are one, with gates in an order of its own and a bias on the forget gate."""
    i, j, f, o = tf.split(tf.concat([x, h], 1) @ w(7, 16) + w(16), 4, axis=1)
    c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
    return c, tf.tanh(c) * tf.sigmoid(o)


def _four_kernels(x, h, c):
    """An LSTM with a kernel a gate."""
    i, f, o, j = (x @ w(3, 4, seed=k) + h @ w(4, 4, seed=k + 4) + w(4, seed=k) for k in range(4))
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(j)
    return tf.sigmoid(o) * tf.tanh(c), c


def _dropped_out(x, h):
    """A cell with dropout, of which inference leaves a product with ones."""
    return (tf.tanh(x @ w(3, 4) + (h * tf.ones_like(h)) @ w(4, 4) + w(4)),)


def _unsquashed(x, h, c):
    """Puts out the cell state scaled, which no LSTM does."""
    i, f, o, j = tf.split(x @ w(3, 16) + h @ w(4, 16), 4, axis=1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(j)
    return tf.sigmoid(o) * tf.tanh(c * c), c


def _uncoupled(x, h):
    """Nearly a GRU: what is kept and what is new do not add up to one."""
    z, r = tf.split(tf.sigmoid(x @ w(3, 8) + h @ w(4, 8)), 2, axis=1)
    return (z * h + (2.0 - z) * tf.tanh(x @ w(3, 4) + (r * h) @ w(4, 4)),)


def _halved(x, h):
    return (0.5 * tf.tanh(x @ w(3, 4) + h @ w(4, 4)),)


def _squared(x, h):
    return (tf.tanh(x @ w(3, 4) + (h * h) @ w(4, 4)),)


def _double(x, h):
    return (tf.tanh(x @ tf.cast(w(3, 4), tf.float64) + h @ tf.cast(w(4, 4), tf.float64)),)


def _last(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: function(x)[0][-1]


T = f32("t", "b", 3)
CASES: dict[str, Case] = {
    **_kind(L.LSTM, L.LSTMCell, "LSTM"),
    **_kind(L.GRU, L.GRUCell, "GRU"),
    **_kind(L.SimpleRNN, L.SimpleRNNCell, "RNN"),
    "GRU/reset-before": layers(lambda x: L.GRU(4, reset_after=False, return_sequences=True)(x), X, ops="GRU !Loop"),
    "GRU/hard-sigmoid": layers(lambda x: L.GRU(4, recurrent_activation="hard_sigmoid")(x), X, ops="GRU !Loop"),
    "LSTM/hard-sigmoid": layers(lambda x: L.LSTM(4, recurrent_activation="hard_sigmoid")(x), X, ops="LSTM !Loop"),
    "LSTM/both-ways": layers(
        lambda x: L.Bidirectional(L.LSTM(4))(L.Bidirectional(L.LSTM(5, return_sequences=True))(x)),
        X,
        ops="LSTM !Loop !Concat",
    ),
    "GRU/both-ways/softsign": layers(
        lambda x: L.Bidirectional(L.GRU(4, "softsign", "hard_sigmoid", return_sequences=True))(x),
        X,
        ops="GRU !Loop !Concat",
    ),
    "RNN/both-ways/of-two-sizes": layers(
        lambda x: L.Bidirectional(L.SimpleRNN(3), backward_layer=L.SimpleRNN(5, go_backwards=True))(x),
        X,
        ops="RNN !Loop Concat",
    ),
    "LSTM/four-kernels": case(lambda x: _scan(_four_kernels, 4, 4)(x)[0], T, ops="LSTM !Loop"),
    "LSTM/one-kernel": case(lambda x: _scan(_one_kernel, 4, 4)(x)[1], T, ops="LSTM !Loop"),
    "RNN/dropped-out": case(lambda x: _scan(_dropped_out, 4)(x)[0], T, ops="RNN !Loop"),
    "look-alike/every-cell-state-used": case(lambda x: _scan(_four_kernels, 4, 4)(x), T, ops="Loop !LSTM"),
    "look-alike/unsquashed": case(_last(_scan(_unsquashed, 4, 4)), T, ops="Loop !LSTM"),
    "look-alike/uncoupled": case(_last(_scan(_uncoupled, 4)), T, ops="Loop !GRU", tolerance=1e-4),
    "look-alike/halved": case(_last(_scan(_halved, 4)), T, ops="Loop !RNN"),
    "look-alike/squared": case(_last(_scan(_squared, 4)), T, ops="Loop !RNN"),
    "look-alike/float64": case(_last(_scan(_double, 4)), f64("t", "b", 3), ops="Loop !RNN"),
}


@pytest.mark.parametrize("name", CASES)
def test_recurrent(name: str) -> None:
    check(name, CASES[name])
