"""Rotary position embedding, as an operator of opset 23 or ONNX Runtime's own, from what KerasHub emits."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import onward
from tests.harness import Case, case, check, f32, w

UNITS = 6


def _angles(x, halves=lambda f: [f, f]):
    """Of every step and unit, shaped (1, steps, 1, units)."""
    steps = tf.range(tf.shape(x)[1], dtype=tf.float32)
    rates = tf.constant(100.0 ** -(np.arange(0, UNITS, 2) / UNITS), tf.float32)
    frequencies = tf.einsum("i,j->ij", steps * 0.5, rates)
    return tf.concat(halves(frequencies), -1)[None, :, None]


def _turned(x, angles=None, swap=lambda first, second: [-second, first]):
    angles = _angles(x) if angles is None else angles
    swapped = tf.reshape(tf.stack(swap(*tf.split(x, 2, axis=-1)), -2), tf.shape(x))
    return x * tf.cos(angles) + swapped * tf.sin(angles)


def _heads(x, count=2):
    return tf.reshape(x @ w(5, count * UNITS), [-1, tf.shape(x)[1], count, UNITS])


FIXED = tf.constant(np.tile(np.random.default_rng(3).uniform(-3, 3, (1, 7, 1, UNITS // 2)), 2).astype("float32"))
UNEVEN = tf.constant(np.random.default_rng(3).uniform(-3, 3, (1, 7, 1, UNITS)).astype("float32"))
NEW = {"opset": 23, "ops": "RotaryEmbedding !Neg !Split"}
OLD = {"target": "onnxruntime", "ops": "RotaryEmbedding !Neg !Split"}
LEFT = {"opset": 23, "ops": "Mul Cos !RotaryEmbedding"}
CASES: dict[str, Case] = {
    "opset": case(lambda x: _turned(_heads(x)), f32("b", "t", 5), **NEW),
    "opset-later": case(lambda x: _turned(_heads(x)), f32("b", "t", 5), **{**NEW, "opset": 25}),
    "for-onnxruntime": case(lambda x: _turned(_heads(x)), f32("b", "t", 5), **OLD),
    "before-it-was-an-operator": case(lambda x: _turned(_heads(x)), f32("b", "t", 5), ops="Mul !RotaryEmbedding"),
    "constant-angles": case(lambda x: _turned(_heads(x), FIXED), f32("b", 7, 5), **NEW),
    "constant-angles-for-onnxruntime": case(lambda x: _turned(_heads(x), FIXED), f32("b", 7, 5), **OLD),
    "one-head": case(lambda x: _turned(_heads(x, 1)), f32("b", "t", 5), **NEW),
    "two-of-one-value": case(lambda x: (_turned(_heads(x)), _turned(_heads(x) + 1)), f32("b", "t", 5), **NEW),
    "input-used-again": case(lambda x: (lambda q: (_turned(q), q * 2))(_heads(x)), f32("b", "t", 5), **NEW),
    "angles-that-differ-between-halves": case(
        lambda x: _turned(_heads(x), _angles(x, lambda f: [f, 2 * f])), f32("b", "t", 5), **LEFT
    ),
    "constant-angles-that-differ": case(
        lambda x: _turned(_heads(x), UNEVEN), f32("b", 7, 5), opset=23, ops="Mul !RotaryEmbedding"
    ),
    "turned-the-other-way": case(lambda x: _turned(_heads(x), swap=lambda a, b: [b, -a]), f32("b", "t", 5), **LEFT),
    "halves-in-place": case(lambda x: _turned(_heads(x), swap=lambda a, b: [-a, b]), f32("b", "t", 5), **LEFT),
    "angles-of-the-batch": case(
        lambda x: _turned(_heads(x), tf.concat([x[:, :, None, :3]] * 2, -1)), f32("b", "t", 5), **LEFT
    ),
    "angles-of-the-heads": case(
        lambda x: _turned(_heads(x), tf.concat([w(1, 1, 2, 3) + tf.zeros_like(x[:1, :, None, :1])] * 2, -1)),
        f32("b", "t", 5), **LEFT,
    ),
    "turned-value-used-again": case(
        lambda x: (lambda q: (lambda s: (q * tf.cos(_angles(q)) + s * tf.sin(_angles(q)), s))(
            tf.concat([-q[..., 3:], q[..., :3]], -1)
        ))(_heads(x)),
        f32("b", "t", 5), **LEFT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_rotation(name: str) -> None:
    check(name, CASES[name])


@pytest.mark.parametrize("options", [{"opset": 23}, {"target": "onnxruntime"}], ids=str)
@pytest.mark.parametrize("name", ["Llama3", "Gemma3", "Qwen3"])
def test_kerashub_s_rotations_are_found(name: str, options: dict) -> None:
    pytest.importorskip("keras_hub", reason="KerasHub is large and optional")
    from bench import hub

    model = hub.build(name)
    program = onward.convert(model, verify=False, **options)
    ops = [node.op_type for node in program.model_proto.graph.node]
    assert ops.count("RotaryEmbedding") == 4, "queries and keys of two layers"
    given = hub.feeds(model, 2, 9, 0)
    want, got = model(given, training=False), program.run(given)
    for expected, answer in zip(tf.nest.flatten(want), got.values(), strict=True):
        np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-4)
