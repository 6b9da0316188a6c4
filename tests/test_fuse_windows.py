"""Convolutions and pooling: what they take in, sequences as pictures, and the forms that have fast kernels."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.harness import Case, case, check, f32, w
from tests.keras_layers import chain, layer

L = keras.layers


def _causal(filters=7, dilation=2, **options):
    return lambda: L.Conv1D(filters, 3, padding="causal", dilation_rate=dilation, **options)


def _gated(x):
    """A step of WaveNet: two convolutions of one padded sequence, their product, and a residual."""
    padded = tf.pad(x, [[0, 0], [2, 0], [0, 0]])
    gate, value = (tf.nn.conv1d(padded, w(2, 16, 16, seed=s), 1, "VALID", dilations=2) + w(16) for s in (0, 1))
    y = tf.sigmoid(gate) * tf.tanh(value)
    return tf.nn.conv1d(y, w(1, 16, 16), 1, "VALID") + x


def _conv(x, filters):
    return tf.nn.conv2d(x, w(1, 1, x.shape[-1], filters), 1, "SAME")


def _shuffled(x, cut=(2, 2, 3), perm=(0, 1, 3, 2, 4, 5)):
    """Blocks of 2 by 2 pixels from 12 channels, channels last."""
    height, width = tf.shape(x)[1], tf.shape(x)[2]
    blocks = tf.transpose(tf.reshape(x, [-1, height, width, *cut]), perm)
    y = tf.reshape(blocks, [-1, 2 * height, 2 * width, 3])
    return tf.ensure_shape(y, [None, *(s and 2 * s for s in x.shape[1:3]), 3])


def _patches(x, perm=(0, 1, 3, 2, 4, 5)):
    """Blocks of 2 by 2 pixels as channels."""
    height, width, channels = x.shape[1:]
    blocks = tf.reshape(x, [-1, height // 2, 2, width // 2, 2, channels])
    return tf.reshape(tf.transpose(blocks, perm), [-1, height // 2, width // 2, 4 * channels])


def _strange(x):
    """With an infinity and what is no number among the elements."""
    odd = tf.constant([np.inf, np.nan, -np.inf, 0.0])
    return tf.where(tf.abs(x) > 2, tf.gather(odd, tf.cast(tf.abs(x) * 7, tf.int32) % 4), x)


CASES: dict[str, Case] = {
    "conv1d": case(
        layer(lambda: L.Conv1D(5, 3)), f32("b", "t", 3), builds=True, ops="Conv !Squeeze !Unsqueeze !Add"
    ),
    "conv1d/causal": case(
        layer(_causal()), f32("b", "t", 3), builds=True, ops="Conv !Squeeze !Unsqueeze !Add !Pad"
    ),
    "conv1d/same-strided": case(
        layer(lambda: L.Conv1D(5, 3, strides=2, padding="same", activation="relu")),
        f32("b", "t", 3), builds=True, ops="Conv Relu !Squeeze !Unsqueeze !Add",
    ),
    "conv1d/channels-first": case(
        lambda x: tf.transpose(tf.nn.conv1d(tf.transpose(x, [0, 2, 1]), w(3, 4, 5), 1, "SAME"), [0, 2, 1]),
        f32("b", 4, "t"), ops="Conv !Transpose !Squeeze",
    ),
    "conv1d/grouped": case(
        layer(lambda: L.Conv1D(6, 3, groups=2)), f32("b", "t", 4), builds=True, ops="Conv !Squeeze !Add"
    ),
    "conv1d/depthwise": case(
        layer(lambda: L.DepthwiseConv1D(3, padding="same")), f32("b", "t", 4), builds=True, ops="Conv !Squeeze !Add"
    ),
    "conv1d/separable": case(
        layer(lambda: L.SeparableConv1D(5, 3)), f32("b", "t", 4), builds=True, ops="Conv !Squeeze !Add"
    ),
    "conv1d/transposed": case(
        layer(lambda: L.Conv1DTranspose(5, 3, strides=2)), f32("b", "t", 4), builds=True,
        ops="ConvTranspose !Squeeze !Unsqueeze",
    ),
    "conv1d/batch-norm": case(
        chain(lambda: L.Conv1D(5, 3, use_bias=False), L.BatchNormalization), f32("b", "t", 3), builds=True,
        ops="Conv !Mul !Add !Squeeze",
    ),
    "conv1d/taller-window": case(
        lambda x: tf.squeeze(tf.nn.conv2d(x[:, None], w(2, 3, 4, 5), 1, "SAME"), 1), f32("b", "t", 4),
        ops="Conv Squeeze", why="a window of height 2 pads a sequence to two rows",
    ),
    "conv1d/picture-wanted": case(
        lambda x: (lambda y: (y, tf.squeeze(y, 1)))(tf.nn.conv2d(x[:, None], w(1, 3, 4, 5), 1, "SAME")),
        f32("b", "t", 4), ops="Conv Squeeze Unsqueeze",
    ),
    "conv1d/blocked": case(
        layer(lambda: L.Conv1D(32, 3)), f32("b", "t", 16), builds=True, ops="Conv Unsqueeze Squeeze",
        why="a picture has the faster kernel",
    ),
    "conv1d/blocked-gates": case(_gated, f32("b", "t", 16), ops="Conv !Pad"),
    "conv1d/blocked-chain": case(
        chain(_causal(16), L.PReLU, L.MaxPooling1D, _causal(32, activation="tanh"), lambda: L.AveragePooling1D(3)),
        f32("b", 40, 16), builds=True, ops="Conv MaxPool PRelu !AveragePool",
    ),
    "conv1d/blocked-pointwise": case(
        layer(lambda: L.Conv1D(32, 1)), f32("b", "t", 16), builds=True, ops="Conv !Unsqueeze",
        why="it is a matrix product in either form",
    ),
    "max-pool1d": case(
        layer(lambda: L.MaxPooling1D(2, padding="same")), f32("b", "t", 3), builds=True, ops="MaxPool !Squeeze"
    ),
    "average-pool1d": case(
        layer(lambda: L.AveragePooling1D(3, 2)), f32("b", "t", 3), builds=True, ops="Conv !AveragePool !Squeeze"
    ),
    "average-pool": case(
        layer(lambda: L.AveragePooling2D(3, 2)), f32("b", "h", "w", 6), builds=True, ops="Conv !AveragePool !Mul !Div"
    ),
    "average-pool/before-the-slow-kernel": case(
        layer(lambda: L.AveragePooling2D(3, 2)), f32("b", "h", "w", 6), builds=True, opset=18, ops="AveragePool !Conv"
    ),
    "average-pool/blocked": case(
        layer(lambda: L.AveragePooling2D(3, 2)), f32("b", "h", "w", 32), builds=True, ops="AveragePool !Conv"
    ),
    "average-pool/same": case(
        layer(lambda: L.AveragePooling2D((3, 4), (1, 2), padding="same")), f32("b", 9, 12, 6), builds=True,
        ops="Conv Mul !AveragePool !Div", why="the border's windows see less, as constants say",
    ),
    "average-pool/same-of-any-size": case(
        layer(lambda: L.AveragePooling2D((3, 4), (1, 2), padding="same")), f32("b", "h", "w", 6), builds=True,
        ops="Conv Div !AveragePool",
    ),
    "average-pool/same-3d": case(
        layer(lambda: L.AveragePooling3D(2, padding="same")), f32("b", "t", 5, 7, 3), builds=True, ops="!AveragePool"
    ),
    "average-pool/channels-first": case(
        lambda x: tf.nn.avg_pool2d(tf.transpose(x, [0, 2, 3, 1]), 2, 2, "VALID"), f32("b", 3, "h", "w"), ops="Conv"
    ),
    "average-pool/blocked-padded-with-zeros": case(
        chain(lambda: L.ZeroPadding2D(((1, 0), (0, 2))), lambda: L.AveragePooling2D(3, 2)), f32("b", "h", "w", 16),
        builds=True, ops="AveragePool !Pad",
    ),
    "average-pool/blocked-padded-with-ones": case(
        lambda x: tf.nn.avg_pool2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1), 3, 1, "VALID"),
        f32("b", "h", "w", 16), ops="AveragePool Pad",
    ),
    "average-pool/padded-with-zeros": case(
        chain(lambda: L.ZeroPadding2D(1), lambda: L.AveragePooling2D(3, 2)), f32("b", "h", "w", 6), builds=True,
        ops="Conv !Pad",
    ),
    "average-pool/infinities": case(
        lambda x: tf.nn.avg_pool2d(_strange(x), 3, 1, "SAME"), f32("b", 9, 12, 6), ops="Conv !AveragePool"
    ),
    "average-pool/of-one": case(
        lambda x: tf.nn.avg_pool2d(x, 1, 2, "VALID"), f32("b", "h", "w", 6), ops="Slice !AveragePool !Conv"
    ),
    "average-pool/of-one-before-a-pointwise-convolution": case(
        lambda x: tf.nn.conv2d(tf.nn.avg_pool2d(tf.nn.relu(x), 1, 2, "VALID"), w(1, 1, 6, 4), 2, "SAME"),
        f32("b", "h", "w", 6), ops="Conv !AveragePool !Slice",
    ),
    "average-pool/of-one-before-a-wider-convolution": case(
        lambda x: tf.nn.conv2d(tf.nn.avg_pool2d(tf.nn.relu(x), 1, 2, "VALID"), w(2, 2, 6, 4), 2, "VALID"),
        f32("b", "h", "w", 6), ops="Conv Slice",
    ),
    "pad/seen-by-two-convolutions": case(
        lambda x: [
            tf.nn.conv2d(tf.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]]), w(3, 3, 3, 4, seed=s), 1, "VALID") for s in (0, 1)
        ],
        f32("b", "h", "w", 3), ops="Conv !Pad",
    ),
    "pad/seen-by-another": case(
        lambda x: (lambda y: (tf.nn.conv2d(y, w(3, 3, 3, 4), 1, "VALID"), tf.nn.relu(y)))(
            tf.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]])
        ),
        f32("b", "h", "w", 3), ops="Conv Pad",
    ),
    "depth-to-space": case(
        lambda x: _conv(_shuffled(_conv(x, 12)), 4), f32("b", 5, 6, 4), ops="DepthToSpace Conv !Reshape"
    ),
    "depth-to-space/of-any-size": case(
        lambda x: _conv(_shuffled(_conv(x, 12)), 4), f32("b", "h", "w", 4), ops="DepthToSpace Conv"
    ),
    "depth-to-space/channels-before-blocks": case(
        lambda x: _conv(_shuffled(_conv(x, 12), cut=(3, 2, 2), perm=(0, 1, 4, 2, 5, 3)), 4), f32("b", 5, 6, 4),
        ops="DepthToSpace Conv !Reshape",
    ),
    "depth-to-space/to-channels-first": case(
        lambda x: tf.reshape(
            tf.transpose(tf.reshape(_conv(x, 12), [-1, 5, 6, 2, 2, 3]), [0, 5, 1, 3, 2, 4]), [-1, 3, 10, 12]
        ),
        f32("b", 5, 6, 4), ops="DepthToSpace Conv !Reshape",
    ),
    "depth-to-space/rows-and-columns-swapped": case(
        lambda x: _conv(_shuffled(_conv(x, 12), perm=(0, 1, 4, 2, 3, 5)), 4), f32("b", 5, 6, 4),
        ops="Conv Reshape !DepthToSpace",
    ),
    "depth-to-space/far-from-convolutions": case(
        lambda x: _shuffled(x * 2), f32("b", 5, 6, 12), ops="Transpose Reshape !DepthToSpace",
        why="it would take two transposes more",
    ),
    "space-to-depth": case(
        lambda x: _conv(_patches(_conv(x, 3)), 4), f32("b", 6, 8, 4), ops="SpaceToDepth Conv !Reshape"
    ),
    "space-to-depth/channels-before-blocks": case(
        lambda x: _conv(_patches(_conv(x, 3), perm=(0, 1, 3, 5, 2, 4)), 4), f32("b", 6, 8, 4),
        ops="Conv Reshape !SpaceToDepth",
    ),
    "upsample": case(
        layer(lambda: L.UpSampling2D((2, 3))), f32("b", "h", "w", 3), builds=True, ops="Resize !Tile !Reshape"
    ),
    "upsample/between-convolutions": case(
        chain(lambda: L.Conv2D(4, 3), L.UpSampling2D, lambda: L.Conv2D(5, 3)), f32("b", "h", "w", 3), builds=True,
        ops="Resize Conv !Tile !Shape",
    ),
    "upsample/channels-first": case(
        lambda x: tf.repeat(tf.repeat(x, 2, 2), 2, 3), f32("b", 3, "h", "w"), ops="Resize !Tile !Transpose"
    ),
    "upsample/of-volumes": case(
        layer(lambda: L.UpSampling3D(2)), f32("b", 3, "h", "w", 2), builds=True, ops="Resize !Tile"
    ),
    "upsample/of-sequences": case(layer(lambda: L.UpSampling1D(2)), f32("b", "t", 3), builds=True, ops="!Resize"),
    "upsample/of-rows-alone": case(lambda x: tf.repeat(x, 2, 1), f32("b", "h", "w", 3), ops="Tile !Resize"),
    "upsample/of-rows-and-channels": case(
        lambda x: tf.repeat(tf.repeat(x, 2, 1), 2, 3), f32("b", "h", "w", 3), ops="Tile !Resize"
    ),
    "upsample/rows-wanted-too": case(
        lambda x: (lambda y: (y, tf.repeat(y, 2, 2)))(tf.repeat(x, 2, 1)), f32("b", "h", "w", 3), ops="Tile !Resize"
    ),
    "upsample/tiled": case(
        lambda x: tf.reshape(tf.tile(x[:, None], [1, 2, 1, 1, 1]), [-1, 20, 6, 3]), f32("b", 10, 6, 3),
        ops="Tile !Resize", why="whole pictures come one after the other",
    ),
    "unsqueeze/of-a-squeeze": case(
        lambda x: tf.expand_dims(tf.squeeze(x, 2), 2) * 2, f32("b", "t", 1, 3), ops="!Squeeze !Unsqueeze"
    ),
    "unsqueeze/elsewhere": case(
        lambda x: tf.expand_dims(tf.squeeze(x, 2), 1) * 2, f32("b", "t", 1, 3), ops="Mul"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_fusion(name: str) -> None:
    check(name, CASES[name])
