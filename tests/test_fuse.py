"""Fusions fire on what Keras and TensorFlow emit, keep the numbers, and leave look-alikes alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import Case, case, check, f32, w


def _layer(make):
    """A Keras layer, its weights drawn, as a case's builder."""

    def build():
        layer = make()
        rng = np.random.default_rng(7)

        def call(x):
            if not layer.built:
                layer.build(x.shape)
                for v in layer.variables:
                    v.assign(rng.uniform(0.5, 1.5, v.shape).astype("float32"))
            return layer(x, training=False)

        return call

    return build


def _chain(*makes):
    layers = [_layer(make) for make in makes]

    def build():
        calls = [layer() for layer in layers]

        def call(x):
            for one in calls:
                x = one(x)
            return x

        return call

    return build


def _excited(x):
    """A squeeze-and-excite block on channels-last pictures of 6 channels."""
    squeezed = tf.nn.relu(tf.nn.conv2d(tf.reduce_mean(x, [1, 2], keepdims=True), w(1, 1, 6, 3), 1, "SAME") + w(3))
    return x * tf.sigmoid(tf.nn.conv2d(squeezed, w(1, 1, 3, 6), 1, "SAME") + w(6))


L = keras.layers
CASES: dict[str, Case] = {
    "gelu/exact": case(lambda x: keras.ops.gelu(x, approximate=False), f32("b", 7), ops="Gelu !Erf"),
    "gelu/tanh": case(lambda x: keras.ops.gelu(x, approximate=True), f32("b", 7), ops="Gelu !Tanh"),
    "gelu/tf-exact": case(lambda x: tf.nn.gelu(x), f32("b", 7), ops="Gelu !Erf"),
    "gelu/before-it-was-an-operator": case(lambda x: tf.nn.gelu(x), f32("b", 7), opset=19, ops="Erf"),
    "gelu/other-factor": case(lambda x: 0.5 * x * (1 + tf.math.erf(x * 0.6)), f32("b", 7), ops="Erf !Gelu"),
    "gelu/inner-value-used": case(
        lambda x: (0.5 * x * (1 + tf.math.erf(x * 0.7071067811865476)), tf.math.erf(x * 0.7071067811865476)),
        f32("b", 7),
        ops="Erf !Gelu",
    ),
    "hard-sigmoid": case(lambda x: keras.ops.hard_sigmoid(x), f32("b", 7), ops="HardSigmoid !Clip"),
    "layer-norm/last-axis": case(
        _layer(L.LayerNormalization), f32("b", "t", 6), builds=True, ops="LayerNormalization !ReduceMean"
    ),
    "layer-norm/plain": case(
        _layer(lambda: L.LayerNormalization(scale=False, center=False)),
        f32("b", 6), builds=True, ops="LayerNormalization",
    ),
    "layer-norm/scale-only": case(
        _layer(lambda: L.LayerNormalization(center=False)), f32("b", 6), builds=True, ops="LayerNormalization"
    ),
    "layer-norm/two-axes": case(
        _layer(lambda: L.LayerNormalization(axis=[-2, -1])), f32("b", 4, 6), builds=True, ops="LayerNormalization"
    ),
    "layer-norm/first-axis": case(
        _layer(lambda: L.LayerNormalization(axis=1)), f32("b", 4, 6), builds=True, ops="ReduceMean !LayerNormalization"
    ),
    "layer-norm/by-hand": case(
        lambda x: (
            (x - tf.reduce_mean(x, -1, True)) / tf.sqrt(tf.math.reduce_variance(x, -1, True) + 0.001) * w(6) + w(6)
        ),
        f32("b", 6),
        ops="LayerNormalization !ReduceMean !Mul !Add",
    ),
    "conv/batch-norm-and-bias": case(
        _chain(lambda: L.Conv2D(5, 3), L.BatchNormalization), f32("b", "h", "w", 3), builds=True, ops="Conv !Mul !Add"
    ),
    "conv/depthwise-batch-norm": case(
        _chain(lambda: L.DepthwiseConv2D(3, use_bias=False), L.BatchNormalization),
        f32("b", "h", "w", 4), builds=True, ops="Conv !Mul !Add",
    ),
    "conv/transposed-batch-norm": case(
        _chain(lambda: L.Conv2DTranspose(5, 3), L.BatchNormalization),
        f32("b", "h", "w", 3), builds=True, ops="ConvTranspose !Mul !Add", tolerance=1e-4,
    ),
    "conv/padded": case(
        _chain(lambda: L.ZeroPadding2D(1), lambda: L.Conv2D(5, 3)), f32("b", "h", "w", 3), builds=True, ops="Conv !Pad"
    ),
    "conv/padded-with-ones": case(
        lambda x: tf.nn.conv2d(
            tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1), w(3, 3, 3, 4), 1, "VALID"
        ),
        f32("b", "h", "w", 3), ops="Conv Pad",
    ),
    "conv/result-used-twice": case(
        lambda x: (lambda y: (y, y * w(4)))(tf.nn.conv2d(x, w(3, 3, 3, 4), 1, "VALID")),
        f32("b", "h", "w", 3), ops="Conv Mul",
    ),
    "max-pool/padded-after-relu": case(
        lambda x: tf.nn.max_pool2d(tf.pad(tf.nn.relu(x), [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "VALID"),
        f32("b", "h", "w", 3), ops="MaxPool !Pad",
    ),
    "max-pool/padded-signed": case(
        lambda x: tf.nn.max_pool2d(tf.pad(x - 9, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "VALID"),
        f32("b", "h", "w", 3), ops="MaxPool Pad",
    ),
    "dense/bias": case(_layer(lambda: L.Dense(5)), f32("b", 6), builds=True, ops="Gemm !MatMul"),
    "dense/batch-norm": case(
        _chain(lambda: L.Dense(5), L.BatchNormalization), f32("b", 6), builds=True, ops="Gemm !Mul"
    ),
    "dense/more-axes": case(_layer(lambda: L.Dense(5)), f32("b", "t", 6), builds=True, ops="MatMul !Reshape !Shape"),
    "concat/nested": case(lambda x: tf.concat([tf.concat([x, -x], 1), x * 2], 1), f32("b", 3), ops="Concat"),
    "layout/residual-block": case(
        lambda x: tf.nn.conv2d(tf.nn.relu(tf.nn.conv2d(x, w(3, 3, 4, 4), 1, "SAME")) + x, w(1, 1, 4, 4), 1, "SAME"),
        f32("b", "h", "w", 4), ops="Conv",
    ),
    "layout/squeeze-and-excite": case(
        lambda x: _excited(tf.nn.conv2d(x, w(3, 3, 4, 6), 1, "SAME")), f32("b", "h", "w", 4), ops="Conv !Add"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_fusion(name: str) -> None:
    check(name, CASES[name])
