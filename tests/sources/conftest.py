"""Models that several tests read, saved once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keras models and a tf.Module as SavedModels and Keras files, in one directory."""
    import keras
    import tensorflow as tf

    root = tmp_path_factory.mktemp("saved")
    model = two_inputs()
    model.export(root / "exported", verbose=False)
    tf.saved_model.save(model, root / "saved")
    model.save(root / "model.keras")
    model.save(root / "model.h5")
    many = [keras.Input((i + 1,), name=f"in{i}") for i in range(12)]
    keras.Model(many, [keras.layers.Dense(2)(x) for x in many]).export(root / "many", verbose=False)
    (root / "words.txt").write_text("x\ny\nz\n")
    module = module_with_tables(str(root / "words.txt"))
    tf.saved_model.save(module, root / "called")
    tf.saved_model.save(module, root / "signed", signatures={"whole": module.__call__, "part": module.part})
    return root


def two_inputs() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    z = keras.layers.Dense(3, name="left")(a)
    y = keras.layers.Dense(2, name="right")(keras.layers.Add()([a, b]))
    return keras.Model({"b": b, "a": a}, {"z": z, "y": y}, name="two")


def module_with_tables(words: str) -> Any:
    import numpy as np
    import tensorflow as tf

    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = tf.Variable([1.0, 2.0, 3.0], name="bias")
            self.weight = tf.Variable(np.arange(9, dtype="float32").reshape(3, 3), name="weight")
            pairs = tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2])
            self.table = tf.lookup.StaticHashTable(pairs, -1)
            line = tf.lookup.TextFileIndex
            lines = tf.lookup.TextFileInitializer(words, tf.string, line.WHOLE_LINE, tf.int64, line.LINE_NUMBER)
            self.vocabulary = tf.lookup.StaticVocabularyTable(lines, 2)
            self.constant = tf.constant(np.arange(3000, dtype="float32"))

        @tf.function(input_signature=[tf.TensorSpec((None, 3), name="x"), tf.TensorSpec((None,), tf.string, name="s")])
        def __call__(self, x: Any, s: Any) -> Any:
            return {
                "o": x @ self.weight + self.bias,
                "t": self.table.lookup(s),
                "v": self.vocabulary.lookup(s),
                "c": self.constant * 2.0,
            }

        @tf.function(input_signature=[tf.TensorSpec((None, 3), name="x")])
        def part(self, x: Any) -> Any:
            return x + self.bias

    return Module()
