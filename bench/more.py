"""Networks of other kinds, small, with random weights: segmentation, detection, diffusion, recommenders, sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

WORDS = 500  # items, users and categories each


def u_net(d: int = 64) -> Any:
    """Ronneberger's U-Net with batch normalisation, three levels deep, for pictures of any size divisible by eight."""
    import keras

    L = keras.layers

    def block(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = L.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = L.ReLU()(L.BatchNormalization()(x))
        return x

    x = inputs = keras.Input((None, None, 3), name="picture")
    passed = []
    for level in range(3):
        x = block(x, (d // 4) << level)
        passed.append(x)
        x = L.MaxPooling2D()(x)
    x = block(x, 2 * d)
    for level in reversed(range(3)):
        x = L.Conv2DTranspose((d // 4) << level, 2, strides=2)(x)
        x = block(L.Concatenate()([x, passed[level]]), (d // 4) << level)
    return keras.Model(inputs, L.Conv2D(2, 1, activation="softmax")(x), name="u_net")


def wide_and_deep(d: int = 64) -> Any:
    """Cheng's wide and deep recommender: crossed categories beside a network over embeddings and numbers."""
    import keras

    L = keras.layers
    numbers = keras.Input((13,), name="numbers")
    categories = keras.Input((8,), dtype="int32", name="categories")
    deep = L.Concatenate()([L.Flatten()(L.Embedding(WORDS, d // 4)(categories)), L.BatchNormalization()(numbers)])
    for units in (4 * d, 2 * d, d):
        deep = L.Dense(units, activation="relu")(deep)
    wide = L.Flatten()(L.Embedding(WORDS, 1)(categories))
    score = L.Dense(1, activation="sigmoid")(L.Concatenate()([wide, deep]))
    return keras.Model([numbers, categories], score, name="wide_and_deep")


def dlrm(d: int = 64) -> Any:
    """Naumov's DLRM: products of every pair of embeddings."""
    import keras
    import numpy as np
    from keras import ops

    L = keras.layers
    numbers = keras.Input((13,), name="numbers")
    categories = keras.Input((8,), dtype="int32", name="categories")
    dense = L.Dense(d, activation="relu")(L.Dense(2 * d, activation="relu")(numbers))
    vectors = ops.concatenate([ops.expand_dims(dense, 1), L.Embedding(WORDS, d)(categories)], axis=1)
    products = ops.reshape(ops.matmul(vectors, ops.transpose(vectors, (0, 2, 1))), (-1, 81))
    below = np.flatnonzero(np.tril(np.ones((9, 9)), -1))
    x = ops.concatenate([dense, ops.take(products, below, axis=1)], axis=1)
    for units in (4 * d, 2 * d):
        x = L.Dense(units, activation="relu")(x)
    return keras.Model([numbers, categories], L.Dense(1, activation="sigmoid")(x), name="dlrm")


def two_tower(d: int = 64) -> Any:
    """A retrieval model: a user's history, averaged without its padding, against an item."""
    import keras

    L = keras.layers
    history = keras.Input((None,), dtype="int32", name="history")
    item = keras.Input((), dtype="int32", name="item")
    user = L.GlobalAveragePooling1D()(L.Embedding(WORDS, d, mask_zero=True)(history))
    user = L.Dense(d)(L.Dense(2 * d, activation="gelu")(user))
    other = L.Dense(d)(L.Dense(2 * d, activation="gelu")(L.Embedding(WORDS, d)(item)))
    return keras.Model([history, item], L.Dot(1, normalize=True)([user, other]), name="two_tower")


def sasrec(d: int = 64) -> Any:
    """Kang's self-attentive sequential recommender: scores of all items after a history."""
    import keras
    import keras_hub

    L = keras.layers
    history = keras.Input((None,), dtype="int32", name="history")
    x = L.Embedding(WORDS, d)(history)
    x = x + keras_hub.layers.PositionEmbedding(128)(x)
    for _ in range(2):
        y = L.LayerNormalization()(x)
        x = x + L.MultiHeadAttention(2, d // 2)(y, y, use_causal_mask=True)
        x = x + L.Dense(d)(L.Dense(2 * d, activation="relu")(L.LayerNormalization()(x)))
    return keras.Model(history, L.Dense(WORDS)(L.LayerNormalization()(x)), name="sasrec")


def wave_net(d: int = 64) -> Any:
    """Van den Oord's WaveNet: dilated causal convolutions with gates."""
    import keras

    L = keras.layers
    x = inputs = keras.Input((None, 1), name="sound")
    x = L.Conv1D(d // 2, 2, padding="causal")(x)
    skips = []
    for dilation in (1, 2, 4, 8, 16, 32):
        gate = L.Conv1D(d // 2, 2, padding="causal", dilation_rate=dilation, activation="sigmoid")(x)
        value = L.Conv1D(d // 2, 2, padding="causal", dilation_rate=dilation, activation="tanh")(x)
        y = gate * value
        skips.append(L.Conv1D(d, 1)(y))
        x = x + L.Conv1D(d // 2, 1)(y)
    y = L.ReLU()(L.Conv1D(d, 1, activation="relu")(L.ReLU()(L.Add()(skips))))
    return keras.Model(inputs, L.Dense(64, activation="softmax")(y), name="wave_net")


def yolo_v8(d: int = 64) -> Any:
    """A detector after YOLOv8: C2f blocks, pooled pyramid, features up and down again, boxes as distributions."""
    import keras
    from keras import ops

    L = keras.layers

    def conv(x: Any, filters: int, size: int = 3, strides: int = 1) -> Any:
        x = L.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
        return L.Activation("swish")(L.BatchNormalization()(x))

    def c2f(x: Any, filters: int, shortcut: bool) -> Any:
        parts = ops.split(conv(x, filters, 1), 2, axis=-1)
        y = conv(conv(parts[-1], filters // 2), filters // 2)
        parts.append(y + parts[-1] if shortcut else y)
        return conv(ops.concatenate(parts, axis=-1), filters, 1)

    def pooled(x: Any, filters: int) -> Any:
        parts = [conv(x, filters // 2, 1)]
        for _ in range(3):
            parts.append(L.MaxPooling2D(5, 1, padding="same")(parts[-1]))
        return conv(ops.concatenate(parts, axis=-1), filters, 1)

    inputs = keras.Input((None, None, 3), name="picture")
    x = conv(conv(inputs, d // 4, strides=2), d // 2, strides=2)
    p3 = c2f(conv(c2f(x, d // 2, True), d, strides=2), d, True)
    p4 = c2f(conv(p3, 2 * d, strides=2), 2 * d, True)
    p5 = pooled(c2f(conv(p4, 2 * d, strides=2), 2 * d, True), 2 * d)
    n4 = c2f(L.Concatenate()([L.UpSampling2D()(p5), p4]), 2 * d, False)
    n3 = c2f(L.Concatenate()([L.UpSampling2D()(n4), p3]), d, False)
    n4 = c2f(L.Concatenate()([conv(n3, d, strides=2), n4]), 2 * d, False)
    n5 = c2f(L.Concatenate()([conv(n4, 2 * d, strides=2), p5]), 2 * d, False)
    boxes, classes = [], []
    for level in (n3, n4, n5):
        sides = L.Reshape((-1, 4, 16))(L.Conv2D(64, 1)(conv(level, d)))
        boxes.append(ops.sum(ops.softmax(sides) * ops.arange(16, dtype="float32"), axis=-1))
        classes.append(L.Reshape((-1, 20))(L.Conv2D(20, 1, activation="sigmoid")(conv(level, d))))
    outputs = {"boxes": ops.concatenate(boxes, axis=1), "classes": ops.concatenate(classes, axis=1)}
    return keras.Model(inputs, outputs, name="yolo_v8")


def diffusion_u_net(d: int = 64) -> Any:
    """A denoiser after latent diffusion: residual blocks told the time, attention to a text, group normalisation."""
    import keras
    from keras import ops

    L = keras.layers
    latent = keras.Input((16, 16, 4), name="latent")
    time = keras.Input((1,), name="time")
    text = keras.Input((None, d), name="text")
    angles = time * ops.exp(ops.arange(d // 2, dtype="float32") * (-9.21 / (d // 2)))
    embedded = L.Dense(2 * d)(
        L.Activation("swish")(L.Dense(2 * d)(ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)))
    )

    def residual(x: Any, filters: int) -> Any:
        y = L.Conv2D(filters, 3, padding="same")(L.Activation("swish")(L.GroupNormalization(16)(x)))
        y = y + L.Dense(filters)(L.Activation("swish")(embedded))[:, None, None, :]
        y = L.Conv2D(filters, 3, padding="same")(L.Activation("swish")(L.GroupNormalization(16)(y)))
        return y + (x if x.shape[-1] == filters else L.Conv2D(filters, 1)(x))

    def attention(x: Any, filters: int) -> Any:
        y = L.Reshape((-1, filters))(L.GroupNormalization(16)(x))
        z = L.LayerNormalization()(y)
        y = y + L.MultiHeadAttention(4, filters // 4)(z, z)
        y = y + L.MultiHeadAttention(4, filters // 4)(L.LayerNormalization()(y), text)
        y = y + L.Dense(filters)(L.Dense(4 * filters, activation="gelu")(L.LayerNormalization()(y)))
        return x + L.Reshape(x.shape[1:])(y)

    x = L.Conv2D(d, 3, padding="same")(latent)
    passed = [x]
    x = attention(residual(x, d), d)
    passed.append(x)
    x = attention(residual(L.Conv2D(d, 3, 2, padding="same")(x), 2 * d), 2 * d)
    x = L.UpSampling2D(interpolation="nearest")(residual(x, 2 * d))
    while passed:
        x = attention(residual(L.Concatenate()([x, passed.pop()]), d), d)
    x = L.Conv2D(4, 3, padding="same")(L.Activation("swish")(L.GroupNormalization(16)(x)))
    return keras.Model([latent, time, text], x, name="diffusion_u_net")


MODELS: dict[str, Callable[[int], Any]] = {
    "U-Net": u_net,
    "YOLOv8": yolo_v8,
    "Diffusion U-Net": diffusion_u_net,
    "Wide and deep": wide_and_deep,
    "DLRM": dlrm,
    "Two-tower retrieval": two_tower,
    "SASRec": sasrec,
    "WaveNet": wave_net,
}
