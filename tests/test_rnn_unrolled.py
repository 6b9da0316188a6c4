"""Recurrent layers that are written out step by step are found all the same, and what only looks alike stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf

from tests.harness import Case, boolean, case, check, f32, w
from tests.test_rnn import layers

L = keras.layers
X = f32("b", 5, 3)
STATE = f32("b", 4)
MASK = boolean("b", 5)
ALL = {"return_sequences": True, "return_state": True}


def _kind(layer: Any, cell: Any, op: str) -> dict[str, Case]:
    def unrolled(**options: Any) -> Any:
        return layer(4, unroll=True, **options)

    states = [STATE] * (2 if op == "LSTM" else 1)
    rows = {
        "last": layers(lambda x: unrolled()(x), X),
        "everything": layers(lambda x: unrolled(**ALL)(x), X),
        "backwards": layers(lambda x: unrolled(go_backwards=True, **ALL)(x), X),
        "both-ways": layers(lambda x: L.Bidirectional(unrolled(return_sequences=True))(x), X),
        "both-ways/last": layers(lambda x: L.Bidirectional(unrolled())(x), X),
        "stacked": layers(lambda x: unrolled()(layer(5, unroll=True, return_sequences=True)(x)), X),
        "stacked-cells": layers(
            lambda x: L.RNN(L.StackedRNNCells([cell(4), cell(5)]), unroll=True, return_sequences=True)(x), X
        ),
        "given-state": layers(lambda x, *s: unrolled(**ALL)(x, initial_state=[*s]), X, *states),
        "mask": layers(lambda x, m: unrolled()(x, mask=m), X, MASK),
        "mask/everything": layers(lambda x, m: unrolled(**ALL)(x, mask=m), X, MASK),
        "mask/backwards": layers(lambda x, m: unrolled(go_backwards=True, **ALL)(x, mask=m), X, MASK),
        "mask/zeros": layers(
            lambda x, m: unrolled(return_sequences=True, zero_output_for_mask=True)(x, mask=m), X, MASK
        ),
        "fixed-batch": layers(lambda x: unrolled(**ALL)(x), f32(2, 5, 3)),
        "one-row": layers(lambda x: unrolled(**ALL)(x), f32(1, 5, 3)),
        "three-steps": layers(lambda x: unrolled(**ALL)(x), f32("b", 3, 3)),
        "everything@13": layers(lambda x: unrolled(**ALL)(x), X, opset=13),
    }
    rows = {f"{op}/{name}": Case(**{**vars(row), "ops": f"{op} !Loop"}) for name, row in rows.items()}
    rows[f"{op}/two-steps"] = layers(lambda x: unrolled(**ALL)(x), f32("b", 2, 3), ops=f"!Loop !{op}", why="too short")
    return rows


def _written(step: Callable[..., Any], keep: Callable[[list[Any]], Any]) -> Callable[[tf.Tensor], Any]:
    """A cell of four units over (rows, steps, 3), written out; what is kept of its outputs."""

    def call(x):
        h, outputs = tf.zeros([tf.shape(x)[0], 4]), []
        for k, element in enumerate(tf.unstack(x, axis=1)):
            h = step(element, h, k)
            outputs.append(h)
        return keep(outputs)

    return call


def _plain(x, h, k):
    return tf.tanh(x @ w(3, 4) + h @ w(4, 4) + w(4))


def _other_weights(x, h, k):
    """Kernels of its own for every step."""
    return tf.tanh(x @ w(3, 4, seed=k) + h @ w(4, 4))


def _every_other(x, h, k):
    return tf.tanh(x @ w(3, 4) + h @ w(4, 4)) if k % 2 else tf.sigmoid(x @ w(3, 4) + h @ w(4, 4))


def _no_cell(x, h, k):
    return tf.tanh(x @ w(3, 4) + (h * h) @ w(4, 4))


CASES: dict[str, Case] = {
    **_kind(L.LSTM, L.LSTMCell, "LSTM"),
    **_kind(L.GRU, L.GRUCell, "GRU"),
    **_kind(L.SimpleRNN, L.SimpleRNNCell, "RNN"),
    "GRU/reset-before": layers(lambda x: L.GRU(4, unroll=True, reset_after=False, **ALL)(x), X, ops="GRU !Loop"),
    "kept/stack": case(_written(_plain, lambda h: tf.stack(h, 1)), X, ops="RNN"),
    "kept/turned-round": case(_written(_plain, lambda h: tf.stack(h[::-1])), X, ops="RNN"),
    "kept/some": case(_written(_plain, lambda h: (h[1] * 2.0, h[3], h[-1] + 1.0)), X, ops="RNN"),
    "kept/in-the-middle": case(_written(_plain, lambda h: (tf.stack(h[1:4]), h[2])), X, ops="!Loop"),
    "look-alike/other-weights": case(_written(_other_weights, lambda h: h[-1]), X, ops="!RNN !Loop"),
    "look-alike/every-other": case(_written(_every_other, lambda h: h[-1]), X, ops="!RNN !Loop"),
    "look-alike/no-cell": case(_written(_no_cell, lambda h: h[-1]), X, ops="!RNN !Loop"),
    "look-alike/no-state": case(
        lambda x: tf.add_n([tf.tanh(e @ w(3, 4)) for e in tf.unstack(x, axis=1)]), X, ops="!RNN !Loop"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_unrolled(name: str) -> None:
    check(name, CASES[name])
