"""Small models of every kind that is converted, with TensorFlow's answers: what runtimes and targets are tried on.

``convert(name, folder)`` writes ``NAME.onnx`` and ``NAME.npz``, the latter as ``onward.tools.golden`` reads it, with an
example at each of two sizes of the dynamic dimensions. Weights are random, and the same every time; in a test session
the fixture ``fleet`` converts each model once.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import onward
from onward.tools import golden
from onward.tools.reference import Source

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Recorded:
    """A source on disk, and what it answers."""

    source: Path
    golden: Path


def convert(name: str, folder: Path) -> Path:
    """Converts one model into the folder, unless it is there already; gives the path of the ONNX file."""
    path = folder / f"{name}.onnx"
    if path.exists():
        return path
    seed = zlib.crc32(name.encode())
    keras.utils.set_random_seed(seed)
    source = MODELS[name]()
    if isinstance(source, Recorded):
        program = onward.convert(source.source, verify=False)
        examples = golden.read(source.golden)
        for example in examples:  # Keras' export calls its output output_0
            if len(program.output_names) == 1:
                [answer] = example.outputs.values()
                example.outputs.clear()
                example.outputs[program.output_names[0]] = answer
    else:
        if isinstance(source, keras.Model):
            _shake(source, seed)
        program = onward.convert(source, verify=False)
        assert program.graph is not None
        examples = list(Source(program.graph).examples(None, seed=0))
    golden.write(path.with_suffix(".npz"), examples)
    return program.save(path)


def _shake(model: keras.Model, seed: int) -> None:
    """Gives the weights that layers begin with at 0 or 1 values that show whether they are used."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "seed" in weight.path or weight.dtype not in ("float32", "float16"):
            continue
        value = np.asarray(weight)
        if value.size and (value == value.flat[0]).all():
            weight.assign(value.flat[0] + rng.uniform(-0.3, 0.3, value.shape))


def _model(inputs: Any, output: Any) -> keras.Model:
    return keras.Model(inputs, layers.Identity(name="y")(output))


def _picture(*shape: int | None, name: str = "x") -> Any:
    return keras.Input(shape or (16, 16, 3), name=name)


def _conv_bn(x: Any, filters: int, size: int = 3, **options: Any) -> Any:
    x = layers.Conv2D(filters, size, padding="same", use_bias=False, **options)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def _classify(x: Any, classes: int = 5) -> Any:
    return layers.Dense(classes, activation="softmax")(layers.GlobalAveragePooling2D()(x))


# --- pictures ---------------------------------------------------------------------------------------------------------


def cnn() -> keras.Model:
    x = _picture()
    h = layers.MaxPooling2D()(_conv_bn(x, 8))
    h = layers.AveragePooling2D(2)(_conv_bn(h, 16, strides=2))
    return _model(x, layers.Dense(5, activation="softmax")(layers.Flatten()(h)))


def cnn_any_size() -> keras.Model:
    x = _picture(None, None, 3)
    return _model(x, _classify(layers.MaxPooling2D(3, 2, "same")(_conv_bn(x, 8))))


def cnn_depthwise() -> keras.Model:
    x = _picture()
    h = layers.ReLU(6.0)(layers.DepthwiseConv2D(3, 2, padding="same", depth_multiplier=2)(x))
    h = layers.Activation("hard_swish")(layers.SeparableConv2D(12, 3, padding="same")(h))
    return _model(x, _classify(h))


def cnn_residual() -> keras.Model:
    x = _picture()
    h = _conv_bn(x, 8)
    h = layers.ReLU()(
        layers.Add()([h, layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(_conv_bn(h, 8)))])
    )
    short = layers.Conv2D(16, 1, strides=2)(h)
    return _model(x, _classify(layers.Add()([short, _conv_bn(h, 16, strides=2)])))


def cnn_dilated() -> keras.Model:
    x = _picture()
    rates = [_conv_bn(x, 4, dilation_rate=rate) for rate in (1, 2, 4)]
    return _model(x, layers.Conv2D(2, 1)(layers.Concatenate()(rates)))


def cnn_transposed() -> keras.Model:
    x = _picture(8, 8, 4)
    h = layers.LeakyReLU()(layers.Conv2DTranspose(6, 3, 2, padding="same")(x))
    return _model(x, layers.Conv2DTranspose(3, 4, 2, activation="tanh")(h))


def cnn_grouped() -> keras.Model:
    x = _picture(12, 12, 8)
    return _model(x, _classify(layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(16, 3, groups=4)(x))))


def unet() -> keras.Model:
    x = _picture()
    down = _conv_bn(x, 8)
    low = _conv_bn(layers.MaxPooling2D()(down), 12)
    up = layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(low), down])
    return _model(x, layers.Conv2D(1, 1, activation="sigmoid")(_conv_bn(up, 8)))


def inception() -> keras.Model:
    x = _picture()
    pooled = _conv_bn(layers.MaxPooling2D(3, 1, "same")(x), 4, 1)
    return _model(x, _classify(layers.Concatenate()([_conv_bn(x, 4, 1), _conv_bn(x, 4, 3), _conv_bn(x, 4, 5), pooled])))


def squeeze_excite() -> keras.Model:
    x = _picture()
    h = layers.Activation("swish")(layers.Conv2D(8, 3)(x))
    gate = layers.Dense(2, activation="swish")(layers.GlobalAveragePooling2D(keepdims=True)(h))
    return _model(x, _classify(layers.Multiply()([h, layers.Dense(8, activation="sigmoid")(gate)])))


def group_norm() -> keras.Model:
    x = _picture(12, 12, 8)
    return _model(x, layers.Conv2D(4, 3)(layers.Activation("mish")(layers.GroupNormalization(4)(x))))


def convnext() -> keras.Model:
    x = _picture(12, 12, 8)
    h = layers.LayerNormalization(epsilon=1e-6)(layers.DepthwiseConv2D(7, padding="same")(x))
    h = layers.Dense(8)(layers.Dense(16, activation="gelu")(h))
    return _model(x, layers.Add()([x, h]))


def cnn_1d() -> keras.Model:
    x = keras.Input((None, 6), name="x")
    h = layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="elu")(x)
    return _model(x, layers.GlobalMaxPooling1D()(layers.AveragePooling1D(2)(h)))


def cnn_3d() -> keras.Model:
    x = _picture(6, 8, 8, 2)
    h = layers.MaxPooling3D()(layers.Conv3D(4, 3, padding="same", activation="selu")(x))
    return _model(x, layers.GlobalAveragePooling3D()(h))


def super_resolution() -> keras.Model:
    x = _picture(8, 8, 3)
    h = layers.Conv2D(12, 3, padding="same", activation="softplus")(x)
    return _model(x, keras.layers.Lambda(lambda v: tf.nn.depth_to_space(v, 2), output_shape=(16, 16, 3))(h))


def preprocessing() -> keras.Model:
    x = _picture(20, 24, 3)
    h = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.1, 0.2, 0.3])(layers.Rescaling(1 / 255)(x))
    h = layers.CenterCrop(16, 16)(layers.ZeroPadding2D(2)(layers.Resizing(20, 20)(h)))
    return _model(x, layers.Conv2D(2, 3)(layers.Cropping2D(1)(h)))


# --- tables, text and sequences ---------------------------------------------------------------------------------------


def mlp() -> keras.Model:
    x = keras.Input((12,), name="x")
    h = layers.Dropout(0.5)(layers.BatchNormalization()(layers.Dense(16, activation="gelu")(x)))
    return _model(x, layers.Dense(1)(layers.Dense(8, activation="relu")(h)))


def wide_and_deep() -> keras.Model:
    wide, deep = keras.Input((6,), name="wide"), keras.Input((10,), name="deep")
    h = layers.Dense(8, activation="relu")(layers.Dense(16, activation="tanh")(deep))
    return _model([wide, deep], layers.Dense(1, activation="sigmoid")(layers.Concatenate()([wide, h])))


def embeddings() -> keras.Model:
    user, item = (keras.Input((1,), dtype="int32", name=name) for name in ("user", "item"))
    a, b = (layers.Flatten()(layers.Embedding(20, 6)(ids)) for ids in (user, item))
    return _model([user, item], layers.Dot(1, normalize=True)([a, b]))


def lstm() -> keras.Model:
    x = keras.Input((None, 6), name="x")
    return _model(x, layers.Dense(3)(layers.LSTM(8)(layers.LSTM(8, return_sequences=True)(x))))


def gru() -> keras.Model:
    x = keras.Input((7, 6), name="x")
    return _model(x, layers.GRU(8, return_sequences=True)(x))


def simple_rnn() -> keras.Model:
    x = keras.Input((7, 6), name="x")
    return _model(x, layers.SimpleRNN(8)(x))


def bilstm() -> keras.Model:
    x = keras.Input((7, 6), name="x")
    return _model(
        x, layers.TimeDistributed(layers.Dense(4))(layers.Bidirectional(layers.LSTM(5, return_sequences=True))(x))
    )


def masked_lstm() -> keras.Model:
    ids = keras.Input((None,), dtype="int32", name="ids")
    h = layers.Bidirectional(layers.LSTM(5))(layers.Embedding(12, 6, mask_zero=True)(ids))
    return _model(ids, layers.Dense(2, activation="softmax")(h))


def conv_lstm() -> keras.Model:
    x = _picture(3, 6, 6, 2)
    return _model(x, layers.ConvLSTM2D(3, 3, padding="same")(x))


def _block(x: Any, heads: int = 2, causal: bool = False, memory: Any = None) -> Any:
    width = x.shape[-1]
    h = layers.LayerNormalization(epsilon=1e-6)(x)
    x = x + layers.MultiHeadAttention(heads, width // heads)(h, h, use_causal_mask=causal)
    if memory is not None:
        x = x + layers.MultiHeadAttention(heads, width // heads)(layers.LayerNormalization()(x), memory)
    h = layers.LayerNormalization(epsilon=1e-6)(x)
    return x + layers.Dense(width)(layers.Dense(2 * width, activation="gelu")(h))


class Tokens(layers.Layer):
    """Embeddings of tokens and places; called on vectors, their likeness to each token."""

    def __init__(self, tokens: int, width: int, longest: int = 64) -> None:
        super().__init__()
        self.embedding, self.places = layers.Embedding(tokens, width), layers.Embedding(longest, width)

    def call(self, ids: Any) -> Any:
        return self.embedding(ids) + self.places(keras.ops.arange(keras.ops.shape(ids)[1]))

    def likeness(self, h: Any) -> Any:
        return keras.ops.matmul(h, keras.ops.transpose(self.embedding.embeddings))


def transformer_encoder() -> keras.Model:
    ids = keras.Input((None,), dtype="int32", name="ids")
    return _model(ids, layers.GlobalAveragePooling1D()(_block(_block(Tokens(20, 8)(ids)))))


def transformer_decoder() -> keras.Model:
    ids, memory = keras.Input((None,), dtype="int32", name="ids"), keras.Input((5, 8), name="memory")
    return _model([ids, memory], layers.Dense(20)(_block(Tokens(20, 8)(ids), causal=True, memory=memory)))


class GPT(keras.Model):
    """Causal blocks with tied logits."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = Tokens(20, 8)
        x = keras.Input((None, 8))
        self.body = keras.Model(x, _block(_block(x, causal=True), causal=True))

    def call(self, ids: Any) -> Any:
        return self.tokens.likeness(self.body(self.tokens(ids)))


def gpt() -> keras.Model:
    ids = keras.Input((None,), dtype="int32", name="ids")
    return _model(ids, GPT()(ids))


def vit() -> keras.Model:
    x = _picture()
    h = layers.Reshape((16, 8))(layers.Conv2D(8, 4, 4)(x))
    return _model(x, layers.Dense(5)(layers.GlobalAveragePooling1D()(_block(h))))


def attention() -> keras.Model:
    query, value = keras.Input((4, 6), name="query"), keras.Input((5, 6), name="value")
    both = [layers.Attention()([query, value]), layers.AdditiveAttention()([query, value])]
    return _model([query, value], layers.Concatenate()(both))


def float16() -> keras.Model:
    x = keras.Input((8,), name="x", dtype="float16")
    h = layers.Dense(16, activation="relu", dtype="float16")(x)
    return keras.Model(x, layers.Dense(3, dtype="float16", name="y")(h))


# --- functions --------------------------------------------------------------------------------------------------------


def _function(function: Callable[..., Any], **specs: tuple[Any, ...]) -> Callable[[], Any]:
    """A builder of a ``tf.function`` whose arguments are called and shaped as told: sizes, then the dtype."""
    signature = [tf.TensorSpec(dims[:-1], dims[-1], name) for name, dims in specs.items()]
    return lambda: tf.function(function, input_signature=signature)


def _boxes(x: Any) -> Any:
    corners = tf.sort(tf.reshape(tf.sigmoid(x), [-1, 2, 2]), axis=1)
    boxes = tf.reshape(corners, [-1, 4])
    kept = tf.image.non_max_suppression(boxes, tf.reduce_sum(boxes, 1), 4, 0.3)
    return tf.gather(boxes, kept)


def _branch(x: Any) -> Any:
    return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.nn.relu(x) * 2.0, lambda: tf.exp(x) - 1.0)


def _collatz(n: Any) -> Any:
    return tf.while_loop(
        lambda n, steps: tf.reduce_any(n > 1),
        lambda n, steps: (
            tf.where(n > 1, tf.where(n % 2 == 0, n // 2, 3 * n + 1), n),
            steps + tf.cast(n > 1, tf.int32),
        ),
        [n, tf.zeros_like(n)],
    )[1]


def _columns(age: Any, income: Any) -> Any:
    bucket = tf.one_hot(tf.raw_ops.Bucketize(input=age, boundaries=[18.0, 30.0, 65.0]), 4)
    return tf.concat([bucket, tf.math.log1p(tf.abs(income))[:, None], tf.clip_by_value(age, 0.0, 1.0)[:, None]], 1)


def _bytes(x: Any) -> Any:
    image = tf.image.resize(tf.cast(x, tf.float32), [8, 8], "nearest") / 255.0
    return tf.image.rgb_to_grayscale(tf.image.flip_left_right(image))


def _crops(x: Any) -> Any:
    boxes = tf.constant([[0.1, 0.2, 0.7, 0.9], [0.0, 0.0, 1.0, 1.0]])
    return tf.image.crop_and_resize(tf.image.resize(x, [12, 10]), boxes, [0, 1], [5, 5])


f32 = tf.float32
MODELS: dict[str, Callable[[], Any]] = {
    **{
        build.__name__: build
        for build in (
            cnn, cnn_any_size, cnn_depthwise, cnn_residual, cnn_dilated, cnn_transposed, cnn_grouped, unet, inception,
            squeeze_excite, group_norm, convnext, cnn_1d, cnn_3d, super_resolution, preprocessing, mlp, wide_and_deep,
            embeddings, lstm, gru, simple_rnn, bilstm, masked_lstm, conv_lstm, transformer_encoder,
            transformer_decoder, gpt, vit, attention, float16,
        )
    },
    "resize_and_crop": _function(_crops, x=(2, 16, 14, 3, f32)),
    "bytes": _function(_bytes, x=(None, 12, 12, 3, tf.uint8)),
    "branch": _function(_branch, x=(None, 4, f32)),
    "loop": _function(_collatz, n=(None, tf.int32)),
    "top_k": _function(lambda x: tuple(tf.math.top_k(x, 3)), x=(None, 8, f32)),
    "non_max_suppression": _function(_boxes, x=(9, 4, f32)),
    "gather": _function(
        lambda x, i: tf.gather(x, i, axis=1, batch_dims=1), x=(None, 12, 4, f32), i=(None, 3, tf.int32)
    ),
    "scatter": _function(
        lambda x, u: tf.tensor_scatter_nd_update(x, [[0], [2]], u), x=(4, None, f32), u=(2, None, f32)
    ),
    "einsum": _function(lambda x, y: tf.einsum("bij,bkj->bik", x, y), x=(None, 4, 5, f32), y=(None, 3, 5, f32)),
    "spectrum": _function(lambda x: tf.abs(tf.signal.stft(x, 16, 8)), x=(None, 64, f32)),
    "fft": _function(lambda x: tf.math.real(tf.signal.ifft(tf.signal.fft(tf.cast(x, tf.complex64)))), x=(None, 8, f32)),
    "cumulative": _function(
        lambda x: tf.cumsum(x, 1, exclusive=True) + tf.cumsum(x, 1, reverse=True), x=(None, 6, f32)
    ),
    "arg_max": _function(lambda x: (tf.argmax(x, 1), tf.argmin(x, 1, tf.int32)), x=(None, 6, f32)),
    "columns": _function(_columns, age=(None, f32), income=(None, f32)),
    "mirrored": _function(lambda x: tf.tile(tf.pad(x, [[0, 0], [2, 1]], "REFLECT"), [1, 2]), x=(None, 6, f32)),
    "doubles": _function(lambda x: tf.linalg.matmul(x, x, transpose_b=True) / 3, x=(None, 4, tf.float64)),
    "comparisons": _function(
        lambda x, y: tf.where((x > y) | tf.logical_not(y < 0), tf.minimum(x, y), tf.sign(x)),
        x=(None, 6, f32), y=(6, f32),
    ),
    "tflite_float": lambda: Recorded(ROOT / "tests/data/float.tflite", ROOT / "tests/data/float.tflite.npz"),
    "tflite_int8": lambda: Recorded(ROOT / "tests/data/int8.tflite", ROOT / "tests/data/int8.tflite.npz"),
    "digits": lambda: Recorded(ROOT / "examples/digits/saved_model", ROOT / "examples/digits/golden.npz"),
    "text": lambda: Recorded(ROOT / "examples/text/saved_model", ROOT / "examples/text/golden.npz"),
}  # fmt: skip
