"""Training checkpoints and weight files, loaded into the model that they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import onward
from onward.errors import InvalidArgumentError, InvalidSourceError

X = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)


def model(seed: int, width: int = 5) -> Any:
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(width, "relu"), layers.BatchNormalization(), layers.Dense(2)]
    )


def trained(seed: int) -> Any:
    made = model(seed)
    made.compile("adam", "mse")
    made.fit(X, X[:, :2], verbose=0)
    return made


class Affine(tf.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = tf.Variable(scale)

    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="x")])
    def __call__(self, x: Any) -> Any:
        return x * self.scale


def _named(source: Any, folder: Path) -> str:
    return tf.train.Checkpoint(model=source, optimizer=source.optimizer).save(str(folder / "ckpt"))


def _by_another_name(source: Any, folder: Path) -> str:
    return tf.train.Checkpoint(step=tf.Variable(1), net=source).write(str(folder / "ckpt"))


def _as_root(source: Any, folder: Path) -> str:
    return tf.train.Checkpoint(source).write(str(folder / "ckpt"))


def _latest(source: Any, folder: Path) -> str:
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(model=source), str(folder), max_to_keep=2)
    manager.save()
    return str(folder)


def _weights(source: Any, folder: Path) -> str:
    source.save_weights(folder / "model.weights.h5")
    return str(folder / "model.weights.h5")


@pytest.mark.parametrize("save", [_named, _by_another_name, _as_root, _latest, _weights])
def test_values_come_from_the_checkpoint(save: Any, tmp_path: Path) -> None:
    source = trained(1)
    program = onward.convert(model(2), checkpoint=save(source, tmp_path), verify=False)
    (got,) = program.run({program.input_names[0]: X}).values()
    np.testing.assert_allclose(got, source(X, training=False), rtol=1e-5, atol=1e-6)


def test_a_keras_file_is_the_model(tmp_path: Path) -> None:
    source = trained(1)
    model(2).save(tmp_path / "model.keras")
    program = onward.convert(tmp_path / "model.keras", checkpoint=_named(source, tmp_path), verify=False)
    (got,) = program.run({program.input_names[0]: X}).values()
    np.testing.assert_allclose(got, source(X, training=False), rtol=1e-5, atol=1e-6)


def test_a_module(tmp_path: Path) -> None:
    path = tf.train.Checkpoint(Affine(3.0)).write(str(tmp_path / "ckpt"))
    program = onward.convert(Affine(1.0), checkpoint=path)
    np.testing.assert_allclose(program.run({"x": X})["output_0"], X * 3)


def test_what_does_not_fit(tmp_path: Path) -> None:
    path = _named(trained(1), tmp_path)
    with pytest.raises(InvalidSourceError, match="does not fit the model"):
        onward.convert(model(1, width=7), checkpoint=path, verify=False)
    with pytest.raises(InvalidSourceError, match="does not hold values for all"):
        onward.convert(Affine(1.0), checkpoint=path, verify=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidSourceError, match="without a checkpoint"):
        onward.convert(model(1), checkpoint=tmp_path / "empty", verify=False)
    with pytest.raises(InvalidSourceError, match=r"nowhere\.index"):
        onward.convert(model(1), checkpoint=tmp_path / "nowhere", verify=False)
    with pytest.raises(InvalidArgumentError, match="into which it is loaded"):
        onward.convert(tmp_path / "ckpt-1.index", checkpoint=path, verify=False)
    with pytest.raises(InvalidArgumentError, match="give that"):
        onward.convert(lambda x: x, inputs=onward.spec(2), checkpoint=path, verify=False)
