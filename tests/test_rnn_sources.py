"""Every recurrent layer in every form it comes in becomes ONNX's operators: no loop is left.

SavedModels of Keras 3 and Keras 2, and live models of Keras 2; one model holds all variants of a layer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import onward
from tests.test_rnn_v1 import LOOPS

NATIVE = {"LSTM": "LSTM", "GRU": "GRU", "SimpleRNN": "RNN"}
ALL = {"return_sequences": True, "return_state": True}

# From the layers of a Keras, a recurrent layer's class, and a masked sequence. Keras 3 live is in test_rnn.py.
VARIANTS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "backwards": lambda L, C, x: C(4, go_backwards=True, **ALL)(x),
    "stacked, zeros": lambda L, C, x: C(4, zero_output_for_mask=True, **ALL)(C(5, return_sequences=True)(x)),
    "both ways": lambda L, C, x: L.Bidirectional(C(4, return_sequences=True), merge_mode="sum")(x),
}


def build(library: Any, kind: str) -> Any:
    """One model of all variants, over an embedded and a masked sequence; weights and biases drawn."""
    layers = library.layers
    x, tokens = library.Input((None, 3), name="x"), library.Input((None,), dtype="int32", name="tokens")
    sequences = (layers.Embedding(9, 3, mask_zero=True)(tokens), layers.Masking()(x))
    cell = getattr(layers, kind)
    outputs = [
        make(layers, cell, sequence) for sequence, make in zip(cycle(sequences), VARIANTS.values(), strict=False)
    ]
    model = library.Model([x, tokens], tf.nest.flatten(outputs))
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(rng.standard_normal(variable.shape) * 0.5)
    return model


def inputs(rows: int, steps: int) -> dict[str, np.ndarray]:
    """Sequences with gaps: padding behind, in the middle and in front, and one row of nothing else."""
    rng = np.random.default_rng(rows)
    x = rng.standard_normal((rows, steps, 3)).astype(np.float32)
    tokens = rng.integers(1, 9, (rows, steps)).astype(np.int32)
    tokens[0, steps // 2 :] = 0
    tokens[1] = 0
    tokens[-1, 1] = tokens[-1, 0] = 0
    x[0, 1:3], x[1, -1], x[-1] = 0, 0, 0
    return {"x": x, "tokens": tokens}


@pytest.mark.parametrize(("library", "saved"), [("keras", True), ("tf_keras", False), ("tf_keras", True)])
@pytest.mark.parametrize("kind", NATIVE)
def test_native(kind: str, library: str, saved: bool, tmp_path: Path) -> None:
    made = pytest.importorskip(library, reason="Keras 2 is not installed")
    model = build(made, kind)
    source: Any = model
    if saved:
        source = tmp_path / "model"
        model.export(source, **({"verbose": False} if made is keras else {}))
    program = onward.convert(source, verify=False)
    ops = Counter(node.op for node in program._ir.graph.all_nodes())
    assert not LOOPS & set(ops)
    assert ops[NATIVE[kind]] >= 4
    for sizes in ((2, 5), (3, 8)):
        feed = inputs(*sizes)
        want = [np.asarray(t) for t in model([feed["x"], feed["tokens"]], training=False)]
        got = list(program.run(feed).values())
        assert len(got) == len(want)
        for number, (a, b) in enumerate(zip(want, got, strict=True)):
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5, err_msg=f"output {number}")
