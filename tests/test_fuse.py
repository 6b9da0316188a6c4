"""Fusions fire on what Keras and TensorFlow emit, keep the numbers, and leave look-alikes alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import onward
from tests.harness import Case, case, check, f32, f64, i32, w
from tests.keras_layers import both, chain, layer


def _excited(x):
    """A squeeze-and-excite block on channels-last pictures of 6 channels."""
    squeezed = tf.nn.relu(tf.nn.conv2d(tf.reduce_mean(x, [1, 2], keepdims=True), w(1, 1, 6, 3), 1, "SAME") + w(3))
    return x * tf.sigmoid(tf.nn.conv2d(squeezed, w(1, 1, 3, 6), 1, "SAME") + w(6))


def _attention(mask=lambda x: None, **options):
    """Keras' layer, where a sequence looks at itself, but for its last steps if it may."""

    def build():
        layer = L.MultiHeadAttention(2, 3)
        rng = np.random.default_rng(7)

        def call(x):
            seen = x if options.get("use_causal_mask") else x[:, :-2]
            if not layer.built:
                layer.build(x.shape, seen.shape)
                for variable in layer.variables:
                    variable.assign(rng.uniform(-1, 1, variable.shape).astype("float32"))
            return layer(x, seen, attention_mask=mask(x), training=False, **options)

        return call

    return build


def _grouped_attention():
    layer = L.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)
    return lambda x: layer(x, x[:, :-2], training=False)


def _softmax(x, change=lambda s: s, axis=-1):
    return tf.nn.softmax(change(x @ tf.transpose(x[:, :, :-2], [0, 1, 3, 2])), axis)


def _powers(axis=-1, summed=None):
    def call(x):
        powers = tf.exp(x - tf.reduce_max(x, axis, keepdims=True))
        return powers / tf.reduce_sum(powers, summed or axis, keepdims=True)

    return call


def _distances(x):
    steps = tf.range(tf.shape(x)[2])
    return tf.cast(tf.abs(steps[:, None] - steps[:-2]), tf.float32)[None, None]


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
    "prelu": case(layer(lambda: L.PReLU()), f32("b", 5, 6), builds=True, ops="PRelu !Relu"),
    "prelu/shared": case(
        chain(lambda: L.Conv2D(4, 3), lambda: L.PReLU(shared_axes=[1, 2])),
        f32("b", 6, 7, 3), builds=True, ops="PRelu !Relu !Add",
    ),
    "prelu/other-input": case(
        lambda x, y: tf.nn.relu(x) - 0.2 * tf.nn.relu(-y), f32("b", 7), f32("b", 7), ops="!PRelu"
    ),
    "prelu/slope-that-broadcasts": case(
        lambda x: tf.nn.relu(x) - w(3, 7) * tf.nn.relu(-x), f32("b", 1, 7), ops="!PRelu"
    ),
    "prelu/double": case(lambda x: tf.nn.relu(x) - 0.2 * tf.nn.relu(-x), f64("b", 7), ops="!PRelu"),
    "leaky-relu": case(layer(lambda: L.LeakyReLU(0.2)), f32("b", 7), builds=True, ops="LeakyRelu !Max !Mul"),
    "leaky-relu/by-hand": case(lambda x: tf.maximum(x, 0.2 * x), f32("b", 7), ops="LeakyRelu !Max !Mul"),
    "leaky-relu/steeper": case(lambda x: tf.maximum(x, 1.2 * x), f32("b", 7), ops="Max !LeakyRelu"),
    "leaky-relu/falling": case(lambda x: tf.maximum(x, -0.2 * x), f32("b", 7), ops="Max !LeakyRelu"),
    "leaky-relu/of-another": case(
        lambda x, y: tf.maximum(x, 0.2 * y), f32("b", 7), f32("b", 7), ops="Max !LeakyRelu"
    ),
    "softmax/by-hand": case(_powers(), f32("b", 5, 7), ops="Softmax !Exp !ReduceSum"),
    "softmax/by-hand-first-axis": case(_powers(axis=1), f32("b", 5, 7), ops="Softmax !Exp !ReduceSum"),
    "softmax/sum-of-another-axis": case(_powers(summed=1), f32("b", 5, 7), ops="Exp !Softmax"),
    "softmax/without-the-largest": case(
        lambda x: tf.exp(x) / tf.reduce_sum(tf.exp(x), -1, keepdims=True), f32("b", 5, 7), ops="Exp !Softmax",
        why="it overflows where the operator does not",
    ),
    "hard-sigmoid": case(lambda x: keras.ops.hard_sigmoid(x), f32("b", 7), ops="HardSigmoid !Clip"),
    "mish": case(lambda x: keras.activations.mish(x), f32("b", 7), ops="Mish !Softplus !Mul"),
    "mish/of-something-else": case(lambda x: x * tf.tanh(tf.nn.softplus(x + 1)), f32("b", 7), ops="Softplus !Mish"),
    "hard-swish": case(lambda x: keras.ops.hard_swish(x), f32("b", 7), ops="HardSwish !Mul"),
    "hard-swish/before-it-was-an-operator": case(
        lambda x: keras.ops.hard_swish(x), f32("b", 7), opset=13, ops="HardSigmoid Mul"
    ),
    "hard-swish/of-another": case(
        lambda x, y: y * keras.ops.hard_sigmoid(x), f32("b", 7), f32("b", 7), ops="HardSigmoid !HardSwish"
    ),
    "swish": case(
        lambda x: keras.ops.silu(x), f32("b", 7), opset=24, ops="Sigmoid Mul",
        why="which is three times as fast as the operator",
    ),
    "layer-norm/last-axis": case(
        layer(L.LayerNormalization), f32("b", "t", 6), builds=True, ops="LayerNormalization !ReduceMean"
    ),
    "layer-norm/plain": case(
        layer(lambda: L.LayerNormalization(scale=False, center=False)),
        f32("b", 6), builds=True, ops="LayerNormalization",
    ),
    "layer-norm/scale-only": case(
        layer(lambda: L.LayerNormalization(center=False)), f32("b", 6), builds=True, ops="LayerNormalization"
    ),
    "layer-norm/two-axes": case(
        layer(lambda: L.LayerNormalization(axis=[-2, -1])), f32("b", 4, 6), builds=True, ops="LayerNormalization"
    ),
    "layer-norm/first-axis": case(
        layer(lambda: L.LayerNormalization(axis=1)), f32("b", 4, 6), builds=True,
        ops="LayerNormalization Transpose !ReduceMean !Mul",
    ),
    "layer-norm/middle-axes": case(
        layer(lambda: L.LayerNormalization(axis=[1, 2], center=False)), f32("b", 4, 5, "n"), builds=True,
        ops="LayerNormalization !ReduceMean !Mul",
    ),
    "layer-norm/middle-axis-by-hand": case(
        lambda x: (x - tf.reduce_mean(x, 1, True)) / tf.sqrt(tf.math.reduce_variance(x, 1, True) + 0.001),
        f32("b", 4, "n"), ops="LayerNormalization !ReduceMean",
    ),
    "layer-norm/axis-of-any-size": case(
        lambda x: (x - tf.reduce_mean(x, 1, True)) / tf.sqrt(tf.math.reduce_variance(x, 1, True) + 0.001),
        f32("b", "t", "n"), ops="ReduceMean !LayerNormalization",
    ),
    "layer-norm/middle-axis-before-the-operator": case(
        layer(lambda: L.LayerNormalization(axis=1)), f32("b", 4, 6), builds=True, opset=17, ops="ReduceMean"
    ),
    "layer-norm/by-hand": case(
        lambda x: (
            (x - tf.reduce_mean(x, -1, True)) / tf.sqrt(tf.math.reduce_variance(x, -1, True) + 0.001) * w(6) + w(6)
        ),
        f32("b", 6),
        ops="LayerNormalization !ReduceMean !Mul !Add",
    ),
    "layer-norm/two-of-one-value": case(
        both(L.LayerNormalization, lambda: L.LayerNormalization(epsilon=0.1)),
        f32("b", "t", 6), builds=True, ops="LayerNormalization !ReduceMean",
    ),
    "rms-norm": case(layer(L.RMSNormalization), f32("b", "t", 6), builds=True, opset=23, ops="RMSNormalization !Mul"),
    "rms-norm/before-it-was-an-operator": case(
        layer(L.RMSNormalization), f32("b", "t", 6), builds=True, ops="Pow Div !Reciprocal",
        why="the form that ONNX Runtime has a kernel for",
    ),
    "rms-norm/unscaled": case(
        lambda x: x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), -1, keepdims=True) + 0.01),
        f32("b", 6), opset=23, ops="RMSNormalization !ReduceMean",
    ),
    "rms-norm/divided-two-axes": case(
        lambda x: x / tf.sqrt(tf.reduce_mean(x * x, [1, 2], keepdims=True) + 0.01) * w(5, 6),
        f32("b", 5, 6), opset=23, ops="RMSNormalization !Mul",
    ),
    "rms-norm/first-axis": case(
        lambda x: x * tf.math.rsqrt(tf.reduce_mean(x * x, 1, keepdims=True) + 0.01) * w(6),
        f32("b", 5, 6), opset=23, ops="ReduceMean !RMSNormalization",
    ),
    "rms-norm/scaled-by-input": case(
        lambda x, s: x * tf.math.rsqrt(tf.reduce_mean(x * x, -1, keepdims=True) + 0.01) * s,
        f32("b", 6), f32("b", 1), opset=23, ops="RMSNormalization Mul",
    ),
    "group-norm": case(
        layer(lambda: L.GroupNormalization(3)), f32("b", "h", "w", 6), builds=True,
        ops="InstanceNormalization !ReduceMean",
    ),
    "group-norm/between-convolutions": case(
        chain(lambda: L.Conv2D(6, 3), lambda: L.GroupNormalization(2), lambda: L.Conv2D(5, 3)),
        f32("b", "h", "w", 3), builds=True, ops="Conv InstanceNormalization !ReduceMean",
    ),
    "group-norm/groups-of-one": case(
        layer(lambda: L.GroupNormalization(-1)), f32("b", "h", "w", 6), builds=True,
        ops="InstanceNormalization !Mul !Add",
    ),
    "group-norm/one-group": case(
        layer(lambda: L.GroupNormalization(1, scale=False)), f32("b", "t", 6), builds=True,
        ops="InstanceNormalization !ReduceMean",
    ),
    "group-norm/channels-first": case(
        layer(lambda: L.GroupNormalization(2, axis=1, center=False)), f32("b", 6, "h", "w"), builds=True,
        ops="InstanceNormalization !ReduceMean",
    ),
    "group-norm/of-vectors": case(
        layer(lambda: L.GroupNormalization(2)), f32("b", 6), builds=True, ops="ReduceMean !InstanceNormalization",
        why="there is no picture to normalise over",
    ),
    "instance-norm/by-hand": case(
        lambda x: (x - tf.reduce_mean(x, [1, 2], True)) / tf.sqrt(tf.math.reduce_variance(x, [1, 2], True) + 0.1),
        f32("b", "h", "w", 3), ops="InstanceNormalization !ReduceMean",
    ),
    "instance-norm/scaled-over-the-picture": case(
        layer(lambda: L.LayerNormalization(axis=[1, 2])), f32("b", 4, 5, 3), builds=True,
        ops="LayerNormalization !ReduceMean !InstanceNormalization",
    ),
    "attention/scores": case(
        lambda q, k: tf.einsum("aecd,abcd->acbe", k, q), f32("b", "t", 2, 3), f32("b", "n", 2, 3), ops="MatMul",
    ),
    "attention": case(
        _attention(), f32("b", "t", 6), builds=True, opset=23, ops="Attention !Softmax !Transpose !Mul"
    ),
    "attention/later-form": case(_attention(), f32("b", "t", 6), builds=True, opset=24, ops="Attention !Softmax"),
    "attention/before-it-was-an-operator": case(_attention(), f32("b", "t", 6), builds=True, opset=22, ops="Softmax"),
    "attention/without-a-kernel": case(
        _attention(), f32("b", "t", 6), builds=True, opset=25, ops="Softmax !Attention"
    ),
    "attention/for-onnxruntime": case(
        _attention(), f32("b", "t", 6), builds=True, target="onnxruntime",
        ops="MultiHeadAttention !Softmax !Transpose !Mul",
    ),
    "attention/for-onnxruntime-without-a-kernel": case(
        _attention(), f32("b", "t", 6), builds=True, target="onnxruntime", opset=25, ops="MultiHeadAttention !Softmax"
    ),
    "attention/for-onnxruntime-by-the-operator": case(
        _attention(), f32("b", "t", 6), builds=True, target="onnxruntime", opset=23, ops="Attention !MultiHeadAttention"
    ),
    "attention/for-onnxruntime-causal": case(
        _attention(use_causal_mask=True), f32("b", "t", 6), builds=True, target="onnxruntime",
        ops="MultiHeadAttention !Softmax",
    ),
    "attention/for-onnxruntime-masked": case(
        _attention(lambda x: tf.matmul(x, x, transpose_b=True)[:, :, :-2] > 0), f32("b", "t", 6), builds=True,
        target="onnxruntime", ops="MultiHeadAttention !Softmax",
    ),
    "attention/for-onnxruntime-nothing-seen": case(
        _attention(lambda x: tf.zeros_like(x[:, None, :-2, 0], tf.bool)), f32("b", "t", 6), builds=True,
        target="onnxruntime", ops="MultiHeadAttention !Softmax", why="such rows are zero",
    ),
    "attention/for-onnxruntime-grouped": case(
        _grouped_attention, f32("b", "t", 6), builds=True, target="onnxruntime", ops="MultiHeadAttention !Softmax"
    ),
    "attention/for-onnxruntime-positions": case(
        lambda x: _softmax(x, lambda s: s * 0.3 + _distances(x)) @ (x[:, :, :-2] + 1), f32("b", 2, "t", 3),
        target="onnxruntime", ops="MultiHeadAttention !Softmax",
    ),
    "attention/masked": case(
        _attention(lambda x: tf.matmul(x, x, transpose_b=True)[:, :, :-2] > 0), f32("b", "t", 6), builds=True,
        opset=23, ops="Attention !Softmax",
    ),
    "attention/padded": case(
        _attention(lambda x: x[:, None, :-2, 0] > -1), f32("b", "t", 6), builds=True, opset=23,
        ops="Attention !Softmax",
    ),
    "attention/nothing-seen": case(
        _attention(lambda x: tf.zeros_like(x[:, None, :-2, 0], tf.bool)), f32("b", "t", 6), builds=True, opset=23,
        ops="Attention !Softmax", why="such rows are zero",
    ),
    "attention/causal": case(
        _attention(use_causal_mask=True), f32("b", "t", 6), builds=True, opset=23, ops="Attention !Softmax"
    ),
    "attention/grouped": case(
        _grouped_attention, f32("b", "t", 6), builds=True, opset=23, ops="Attention !Softmax !Tile !Expand"
    ),
    "attention/biased": case(
        lambda x: _softmax(x, lambda s: s * 0.3 + w(2, 1, 1)) @ (x[:, :, :-2] + 1), f32("b", 2, "t", 3), opset=23,
        ops="Softmax !Attention", why="what is added is no mask of the scores' shape",
    ),
    "attention/positions": case(
        lambda x: _softmax(x, lambda s: s * 0.3 + _distances(x)) @ (x[:, :, :-2] + 1), f32("b", 2, "t", 3), opset=23,
        ops="Attention !Softmax",
    ),
    "attention/weights-wanted": case(
        _attention(return_attention_scores=True), f32("b", "t", 6), builds=True, opset=23, ops="Softmax !Attention"
    ),
    "attention/weakly-masked": case(
        lambda x: _softmax(x, lambda s: tf.where(s > 0, s, -5.0)) @ x[:, :, :-2], f32("b", 2, "t", 3), opset=23,
        ops="Softmax !Attention", why="what is masked still has some weight",
    ),
    "attention/other-axis": case(
        lambda x: _softmax(x, axis=2) @ x[:, :, :-2], f32("b", 2, "t", 3), opset=23, ops="Softmax !Attention"
    ),
    "attention/queries-of-all": case(
        lambda q, k: tf.nn.softmax(q @ tf.transpose(k, [0, 1, 3, 2])) @ k, f32(1, 2, "t", 3), f32("b", 2, "n", 3),
        opset=23, ops="Softmax !Attention", why="the operator repeats no batches",
    ),
    "matmul/product-transposed-after": case(
        lambda x, y: tf.transpose(tf.transpose(x, [0, 2, 3, 1]) @ tf.transpose(y, [0, 2, 1, 3]), [0, 1, 3, 2]),
        f32("b", 5, 2, 3), f32("b", 5, 2, "n"), ops="MatMul",
    ),
    "matmul/one-factor-as-it-is": case(
        lambda x, y: tf.transpose(x @ tf.transpose(y, [0, 2, 1]), [0, 2, 1]), f32("b", "t", 4), f32("b", "n", 4),
    ),
    "concat/of-a-stack": case(
        lambda x: tf.reshape(tf.stack([-x[..., 3:], x[..., :3]], -2), [-1, 6]), f32("b", 6),
        ops="Concat !Unsqueeze !Reshape",
    ),
    "concat/interleaved": case(
        lambda x: tf.reshape(tf.stack([-x[..., 3:], x[..., :3]], -1), [-1, 6]), f32("b", 6), ops="Concat Reshape",
    ),
    "conv/batch-norm-and-bias": case(
        chain(lambda: L.Conv2D(5, 3), L.BatchNormalization), f32("b", "h", "w", 3), builds=True, ops="Conv !Mul !Add"
    ),
    "conv/depthwise-batch-norm": case(
        chain(lambda: L.DepthwiseConv2D(3, use_bias=False), L.BatchNormalization),
        f32("b", "h", "w", 4), builds=True, ops="Conv !Mul !Add",
    ),
    "conv/transposed-batch-norm": case(
        chain(lambda: L.Conv2DTranspose(5, 3), L.BatchNormalization),
        f32("b", "h", "w", 3), builds=True, ops="ConvTranspose !Mul !Add", tolerance=1e-4,
    ),
    "conv/padded": case(
        chain(lambda: L.ZeroPadding2D(1), lambda: L.Conv2D(5, 3)), f32("b", "h", "w", 3), builds=True, ops="Conv !Pad"
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
    "dense/bias": case(layer(lambda: L.Dense(5)), f32("b", 6), builds=True, ops="Gemm !MatMul"),
    "dense/batch-norm": case(
        chain(lambda: L.Dense(5), L.BatchNormalization), f32("b", 6), builds=True, ops="Gemm !Mul"
    ),
    "dense/more-axes": case(layer(lambda: L.Dense(5)), f32("b", "t", 6), builds=True, ops="MatMul !Reshape !Shape"),
    "dense/heads-side-by-side": case(
        lambda x: tf.reshape(tf.reshape(x * 2, [-1, 6]) @ w(6, 5), [tf.shape(x)[0], tf.shape(x)[1], 5]),
        f32("b", "t", 2, 3), ops="Reshape MatMul !Concat",
    ),
    "dense/rows-cut-elsewhere": case(
        lambda x: tf.reshape(tf.reshape(x * 2, [-1, 3]) @ w(3, 5), [tf.shape(x)[0], tf.shape(x)[1], 10]),
        f32("b", "t", 2, 3), ops="Reshape MatMul",
    ),
    "affine/run": case(lambda x: (x * 2.0 + 1.0 - w(7)) * w(7) / 4.0, f32("b", 7), ops="Mul Add !Div !Sub"),
    "affine/factors": case(lambda x: -2.0 * x * w(7) / 3.0, f32("b", 7), ops="Mul !Div"),
    "affine/tiny-divisor": case(lambda x: x / 1e-31, f32("b", 7), ops="Div", why="smaller ones overflow"),
    "affine/whole-numbers": case(lambda x: (x - 3) // 2, i32("b", 7), ops="Sub"),
    "affine/wider-constant": case(lambda x: x * w(3, 1) * w(1, 7), f32(1, 7), ops="Mul"),
    "reshape/there-and-back": case(
        lambda x: tf.nn.relu(tf.reshape(tf.reshape(x, [-1, 6]), [-1, 2, 3])), f32("b", 2, 3), ops="Relu !Reshape"
    ),
    "reshape/between-which-something-stands": case(
        lambda x: tf.reshape(tf.cumsum(tf.reshape(x, [-1, 6]), 1), [-1, 2, 3]), f32("b", 2, 3), ops="Reshape CumSum"
    ),
    "transpose/of-units": case(
        lambda x: tf.transpose(x, [0, 2, 1]) * 2, f32("b", "t", 1), ops="Reshape !Transpose"
    ),
    "transpose/of-more": case(lambda x: tf.transpose(x, [0, 2, 1]) * 2, f32("b", "t", 2), ops="Transpose !Reshape"),
    "conv/fused-batch-norm": case(
        lambda x: tf.compat.v1.nn.fused_batch_norm(
            tf.nn.conv2d(x, w(3, 3, 3, 5), 1, "SAME"), w(5), w(5), w(5), tf.abs(w(5)) + 1, is_training=False
        )[0],
        f32("b", "h", "w", 3), ops="Conv !BatchNormalization !Mul !Add",
    ),
    "concat/nested": case(lambda x: tf.concat([tf.concat([x, -x], 1), x * 2], 1), f32("b", 3), ops="Concat"),
    "layout/residual-block": case(
        lambda x: tf.nn.conv2d(tf.nn.relu(tf.nn.conv2d(x, w(3, 3, 4, 4), 1, "SAME")) + x, w(1, 1, 4, 4), 1, "SAME"),
        f32("b", "h", "w", 4), ops="Conv",
    ),
    "layout/squeeze-and-excite": case(
        lambda x: _excited(tf.nn.conv2d(x, w(3, 3, 4, 6), 1, "SAME")), f32("b", "h", "w", 4), ops="Conv !Add"
    ),
}  # fmt: skip


def test_branches_are_laid_out_too() -> None:
    def run(x):
        def both():
            y = tf.nn.conv2d(x, w(3, 3, 3, 3), 1, "SAME") + w(3)
            return tf.nn.conv2d(tf.nn.relu(y), w(3, 3, 3, 3), 1, "SAME")

        return tf.cond(x[0, 0, 0, 0] > 0, both, lambda: x)

    declared = case(run, f32("b", "h", "w", 3), ops="If")
    check("branches", declared)
    function = tf.function(run, input_signature=[declared.args[0].spec("x")])
    model = onward.convert(function, verify=False).model_proto
    (choice,) = [n for n in model.graph.node if n.op_type == "If"]
    branch = next(a.g for a in choice.attribute if a.name == "then_branch")
    assert sorted(n.op_type for n in branch.node) == ["Conv", "Conv", "Relu", "Transpose", "Transpose"]


@pytest.mark.parametrize("name", CASES)
def test_fusion(name: str) -> None:
    check(name, CASES[name])
