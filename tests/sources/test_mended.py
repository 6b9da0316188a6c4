"""``TimeDistributed``: right where the number of steps is not known, and one call rather than one for each step."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import onward
from onward.errors import VerificationError

pytest.importorskip("keras")

LAYERS: dict[str, tuple[Any, tuple[int | None, ...]]] = {
    "dense": (lambda k: k.Dense(3), (5,)),
    "conv": (lambda k: k.Conv2D(3, 3, activation="relu"), (8, 8, 2)),
    "lstm": (lambda k: k.LSTM(3), (6, 2)),
    "nested": (lambda k: k.TimeDistributed(k.Dense(3)), (None, 2)),
    "dropout": (lambda k: k.Dropout(0.3), (2,)),
}


@pytest.mark.parametrize("steps", [None, 4])
@pytest.mark.parametrize("name", LAYERS)
def test_steps_are_one_batch(name: str, steps: int | None) -> None:
    from keras import Input, Model, layers

    make, shape = LAYERS[name]
    wrapper = layers.TimeDistributed(make(layers))
    x = Input((steps, *shape))
    program = onward.convert(Model(x, wrapper(x)))
    assert program.verification is not None
    assert program.verification.passed
    kinds = Counter(node.op_type for node in program.model_proto.graph.node)
    assert not kinds.keys() & {"Loop", "Scan", "If"}
    assert max(kinds[kind] for kind in ("Gemm", "MatMul", "Conv", "LSTM")) <= 1
    assert "call" not in vars(wrapper)


def test_masks_go_to_the_layer() -> None:
    import keras

    x = keras.Input((None, 6, 2), name="x")
    masked = keras.layers.Masking()(x)
    model = keras.Model(x, keras.layers.TimeDistributed(keras.layers.LSTM(3))(masked))
    rng = np.random.default_rng(0)
    data = {"x": (rng.normal(size=(2, 5, 6, 2)) * (rng.random((2, 5, 6, 1)) < 0.7)).astype("float32")}
    program = onward.convert(model)
    assert onward.verify(program, data=data).passed


def test_a_layer_that_mixes_the_batch_keeps_its_steps() -> None:
    import keras

    def build(steps: int | None) -> Any:
        x = keras.Input((steps, 3))
        mean = keras.layers.Lambda(lambda v: v - keras.ops.mean(v, axis=0, keepdims=True))
        return keras.Model(x, keras.layers.TimeDistributed(mean)(x))

    program = onward.convert(build(4))
    assert program.verification is not None
    assert program.verification.passed
    with pytest.raises(VerificationError):
        onward.convert(build(None))
