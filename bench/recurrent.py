"""Recurrent networks for texts and time series, of any length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

WORDS = 1000  # of vocabulary

Stack = Callable[[Any], Sequence[Any]]  # layers, from the module that has them
Make = Callable[[], Any]


def _text(stack: Stack) -> Make:
    """Embedded and masked tokens, then layers."""

    def make() -> Any:
        import keras

        embed = keras.layers.Embedding(WORDS, 32, mask_zero=True)
        return _through(keras.Input((None,), dtype="int32"), embed, *stack(keras.layers), keras.layers.Dense(4))

    return make


def _series(stack: Stack) -> Make:
    def make() -> Any:
        import keras

        return _through(keras.Input((None, 16)), *stack(keras.layers), keras.layers.Dense(1))

    return make


def _through(x: Any, *stack: Callable[[Any], Any]) -> Any:
    import keras

    inputs = x
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, x)


MODELS: dict[str, Make] = {
    "LSTM": _series(lambda L: [L.LSTM(64)]),
    "GRU": _series(lambda L: [L.GRU(64)]),
    "SimpleRNN": _series(lambda L: [L.SimpleRNN(64)]),
    "stacked LSTM": _series(lambda L: [L.LSTM(64, return_sequences=True), L.LSTM(64)]),
    "bidirectional LSTM": _series(lambda L: [L.Bidirectional(L.LSTM(64))]),
    "text LSTM, masked": _text(lambda L: [L.LSTM(64)]),
    "text GRU, masked": _text(lambda L: [L.GRU(64)]),
    "text bidirectional LSTM, masked": _text(lambda L: [L.Bidirectional(L.LSTM(64))]),
    "text stacked bidirectional GRU, masked": _text(
        lambda L: [L.Bidirectional(L.GRU(32, return_sequences=True)), L.Bidirectional(L.GRU(32))]
    ),
}
