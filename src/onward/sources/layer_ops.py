"""Keras 2's layers as TensorFlow's ops: each function draws what one layer computes at inference.

A layer that is not here, or is used in a way that is not, raises :class:`NotDrawn`; Keras itself can then build it.
Defaults are those of Keras, which TensorFlow.js leaves out at times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.graph import Node, Tensor

Weights = Callable[[str, Sequence[int | None]], NDArray[Any]]


class NotDrawn(Exception):
    """A layer that has no function here, or a setting that its function does not know; the text says which."""


class Value:
    """A tensor between layers, and its rank."""

    def __init__(self, tensor: Tensor, rank: int) -> None:
        self.tensor = tensor
        self.rank = rank


class Canvas:
    """Where one layer is drawn."""

    def __init__(self, scope: str, weights: Weights) -> None:
        self.scope = scope
        self._weights = weights
        self._names: set[str] = set()

    def weight(self, name: str, *shape: int | None) -> NDArray[Any]:
        """The layer's weight of this name; it must have this shape, None being any size."""
        return self._weights(name, shape)

    def add(self, op: str, *inputs: Any, rank: int | None = None, **attrs: Any) -> Value:
        """A node; arrays and numbers among its inputs become constants. The rank is the first input's if not given."""
        tensors = [self._tensor(value) for value in inputs]
        node = Node(self._name(op), op, tensors, attrs)
        return Value(Tensor(node, 0), inputs[0].rank if rank is None else rank)

    def constant(self, array: Any, dtype: Any = None) -> Value:
        """A constant; a weight goes by the layer's name for it."""
        value = np.asarray(array, dtype)
        attrs = {"dtype": value.dtype, "value": value}
        node = Node(self._name("weight"), "Const", (), attrs, shapes=[value.shape], value=value)
        return Value(Tensor(node, 0), value.ndim)

    def sizes(self, x: Value) -> Value:
        """The shape, as a tensor."""
        return self.add("Shape", x, rank=1, T=np.dtype(np.float32), out_type=np.dtype(np.int32))

    def _tensor(self, value: Any) -> Tensor:
        if isinstance(value, Value):
            return value.tensor
        array = np.asarray(value)
        kinds = {"i": np.int32, "f": np.float32}
        return self.constant(array.astype(kinds.get(array.dtype.kind, array.dtype))).tensor

    def _name(self, what: str) -> str:
        name, number = f"{self.scope}/{what}", 0
        while name in self._names:
            number += 1
            name = f"{self.scope}/{what}_{number}"
        self._names.add(name)
        return name


Config = Mapping[str, Any]
Layer = Callable[[Canvas, Config, Value], Value]


def pair(value: Any, count: int = 2) -> list[int]:
    """One number for each axis."""
    return [int(v) for v in value] if isinstance(value, (list, tuple)) else [int(value)] * count


def padding(config: Config) -> str:
    mode = str(config.get("padding", "valid"))
    if mode not in ("same", "valid"):
        raise NotDrawn(f"padding '{mode}'")
    return mode.upper()


def last(config: Config) -> None:
    """Only layouts with the channels at the end are drawn."""
    if config.get("data_format") not in (None, "channels_last"):
        raise NotDrawn(f"the data format '{config['data_format']}'")


def need(config: Config, **values: Any) -> None:
    """Settings that must have these values, or be left out."""
    for key, value in values.items():
        if config.get(key, value) not in (value, None):
            raise NotDrawn(f"{key}={config[key]!r}")


# --- activations ------------------------------------------------------------------------------------------------------

_ACTIVATIONS = {
    "elu": "Elu", "exponential": "Exp", "relu": "Relu", "relu6": "Relu6", "selu": "Selu", "sigmoid": "Sigmoid",
    "softmax": "Softmax", "softplus": "Softplus", "softsign": "Softsign", "tanh": "Tanh",
}  # fmt: skip


def activate(c: Canvas, function: Any, x: Value) -> Value:
    if function in (None, "linear"):
        return x
    if function in _ACTIVATIONS:
        return c.add(_ACTIVATIONS[function], x)
    if function in ("swish", "silu"):
        return c.add("Mul", x, c.add("Sigmoid", x))
    if function == "hard_sigmoid":
        return c.add("ClipByValue", c.add("AddV2", c.add("Mul", x, 0.2), 0.5), 0.0, 1.0)
    if function == "mish":
        return c.add("Mul", x, c.add("Tanh", c.add("Softplus", x)))
    raise NotDrawn(f"the activation {function!r}")


def activation(c: Canvas, config: Config, x: Value) -> Value:
    return activate(c, config.get("activation"), x)


def relu(c: Canvas, config: Config, x: Value) -> Value:
    need(config, threshold=0)
    slope, most = float(config.get("negative_slope") or 0), config.get("max_value")
    y = c.add("LeakyRelu", x, alpha=slope) if slope else c.add("Relu", x)
    return y if most is None else c.add("Minimum", y, float(most))


def leaky_relu(c: Canvas, config: Config, x: Value) -> Value:
    slope = config.get("alpha", config.get("negative_slope"))
    return c.add("LeakyRelu", x, alpha=0.3 if slope is None else float(slope))


def elu(c: Canvas, config: Config, x: Value) -> Value:
    need(config, alpha=1)
    return c.add("Elu", x)


def softmax(c: Canvas, config: Config, x: Value) -> Value:
    if config.get("axis", -1) not in (-1, x.rank - 1):
        raise NotDrawn(f"axis={config['axis']}")
    return c.add("Softmax", x)


def prelu(c: Canvas, config: Config, x: Value) -> Value:
    negative = c.add("Relu", c.add("Neg", x))
    return c.add("AddV2", c.add("Relu", x), c.add("Mul", negative, -c.weight("alpha", *[None] * (x.rank - 1))))


# --- weights ----------------------------------------------------------------------------------------------------------


def biased(c: Canvas, config: Config, y: Value) -> Value:
    """What ends most layers with a kernel: the bias and the activation."""
    if config.get("use_bias", True):
        bias = c.weight("bias", None)
        y = c.add("BiasAdd", y, bias) if y.rank > 2 else c.add("AddV2", y, bias)
    return activate(c, config.get("activation"), y)


def dense(c: Canvas, config: Config, x: Value) -> Value:
    op = "MatMul" if x.rank == 2 else "BatchMatMulV2"
    return biased(c, config, c.add(op, x, c.weight("kernel", None, int(config["units"]))))


def conv2d(c: Canvas, config: Config, x: Value) -> Value:
    last(config)
    strides, rates = pair(config.get("strides", 1)), pair(config.get("dilation_rate", 1))
    kernel = c.weight("kernel", *pair(config["kernel_size"]), None, int(config["filters"]))
    y = c.add("Conv2D", x, kernel, strides=[1, *strides, 1], padding=padding(config), dilations=[1, *rates, 1])
    return biased(c, config, y)


def conv1d(c: Canvas, config: Config, x: Value) -> Value:
    """In two dimensions, of which the first has the size 1."""
    last(config)
    kernel = c.weight("kernel", *pair(config["kernel_size"], 1), None, int(config["filters"]))
    (stride,), (rate,) = pair(config.get("strides", 1), 1), pair(config.get("dilation_rate", 1), 1)
    mode = config.get("padding", "valid")
    if mode == "causal":
        x = c.add("Pad", x, [[0, 0], [rate * (len(kernel) - 1), 0], [0, 0]])
        mode = "valid"
    flat = c.add("ExpandDims", x, -3, rank=4)
    y = c.add(
        "Conv2D", flat, kernel[None], strides=[1, 1, stride, 1], padding=padding({"padding": mode}),
        dilations=[1, 1, rate, 1],
    )  # fmt: skip
    return biased(c, config, c.add("Squeeze", y, rank=3, squeeze_dims=[-3]))


def conv2d_transpose(c: Canvas, config: Config, x: Value) -> Value:
    last(config)
    need(config, output_padding=None)
    need({"dilation_rate": pair(config.get("dilation_rate", 1))}, dilation_rate=[1, 1])
    kernel = c.weight("kernel", *pair(config["kernel_size"]), int(config["filters"]), None)
    strides, mode = pair(config.get("strides", 1)), padding(config)
    grown = [max(k - s, 0) if mode == "VALID" else 0 for k, s in zip(kernel.shape, strides, strict=False)]
    scaled = c.add("Mul", c.sizes(x), [1, *strides, 0])
    sizes = c.add("AddV2", scaled, [0, *grown, kernel.shape[2]])
    attrs = {"strides": [1, *strides, 1], "padding": mode}
    return biased(c, config, c.add("Conv2DBackpropInput", sizes, kernel, x, rank=4, **attrs))


def depthwise_conv2d(c: Canvas, config: Config, x: Value) -> Value:
    return biased(c, config, _depthwise(c, config, x))


def separable_conv2d(c: Canvas, config: Config, x: Value) -> Value:
    kernel = c.weight("pointwise_kernel", 1, 1, None, int(config["filters"]))
    attrs: dict[str, Any] = {"strides": [1, 1, 1, 1], "padding": "VALID", "dilations": [1, 1, 1, 1]}
    return biased(c, config, c.add("Conv2D", _depthwise(c, config, x), kernel, **attrs))


def _depthwise(c: Canvas, config: Config, x: Value) -> Value:
    last(config)
    strides, rates = pair(config.get("strides", 1)), pair(config.get("dilation_rate", 1))
    kernel = c.weight("depthwise_kernel", *pair(config["kernel_size"]), None, int(config.get("depth_multiplier", 1)))
    return c.add(
        "DepthwiseConv2dNative", x, kernel, strides=[1, *strides, 1], padding=padding(config),
        dilations=[1, *rates, 1], explicit_paddings=[],
    )  # fmt: skip


def batch_normalization(c: Canvas, config: Config, x: Value) -> Value:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, as one product and one sum."""
    (axis,) = pair(config.get("axis", -1), 1)
    if axis not in (-1, x.rank - 1):
        raise NotDrawn(f"axis={axis}")
    mean, variance = (c.weight(f"moving_{name}", None).astype(np.float64) for name in ("mean", "variance"))
    scale = 1 / np.sqrt(variance + float(config.get("epsilon", 1e-3)))
    if config.get("scale", True):
        scale = scale * c.weight("gamma", None)
    offset = -mean * scale + (c.weight("beta", None) if config.get("center", True) else 0)
    return c.add("AddV2", c.add("Mul", x, scale.astype(np.float32)), offset.astype(np.float32))


def layer_normalization(c: Canvas, config: Config, x: Value) -> Value:
    (axis,) = pair(config.get("axis", -1), 1)
    if axis not in (-1, x.rank - 1):
        raise NotDrawn(f"axis={axis}")
    mean = c.add("Mean", x, [-1], keep_dims=True)
    variance = c.add("Mean", c.add("SquaredDifference", x, mean), [-1], keep_dims=True)
    inverse = c.add("Rsqrt", c.add("AddV2", variance, float(config.get("epsilon", 1e-3))))
    y = c.add("Mul", c.add("Sub", x, mean), inverse)
    if config.get("scale", True):
        y = c.add("Mul", y, c.weight("gamma", None))
    return c.add("AddV2", y, c.weight("beta", None)) if config.get("center", True) else y


def embedding(c: Canvas, config: Config, x: Value) -> Value:
    need(config, mask_zero=False)
    rows = c.add("Cast", x, SrcT=np.dtype(np.float32), DstT=np.dtype(np.int32))
    return c.add(
        "GatherV2",
        c.constant(c.weight("embeddings", int(config["input_dim"]), int(config["output_dim"]))),
        rows,
        0,
        rank=x.rank + 1,
    )


# --- pooling and geometry ---------------------------------------------------------------------------------------------


def pooling(op: str) -> Layer:
    def draw(c: Canvas, config: Config, x: Value) -> Value:
        last(config)
        count = x.rank - 2
        size = pair(config.get("pool_size", 2), count)
        strides = pair(size if config.get("strides") is None else config["strides"], count)
        ones = [1] * (2 - count)  # one dimension is pooled as two, the second of size 1
        flat = c.add("ExpandDims", x, 2, rank=4) if count == 1 else x
        y = c.add(op, flat, ksize=[1, *size, *ones, 1], strides=[1, *strides, *ones, 1], padding=padding(config))
        return c.add("Squeeze", y, rank=3, squeeze_dims=[2]) if count == 1 else y

    return draw


def global_pooling(op: str) -> Layer:
    def draw(c: Canvas, config: Config, x: Value) -> Value:
        last(config)
        keep = bool(config.get("keepdims", False))
        return c.add(op, x, list(range(1, x.rank - 1)), rank=x.rank if keep else 2, keep_dims=keep)

    return draw


def zero_padding(c: Canvas, config: Config, x: Value) -> Value:
    last(config)
    return c.add("Pad", x, [[0, 0], *_sides(config.get("padding", 1), x.rank - 2), [0, 0]])


def cropping(c: Canvas, config: Config, x: Value) -> Value:
    last(config)
    sides = [[0, 0], *_sides(config.get("cropping", 0), x.rank - 2), [0, 0]]
    open_ended = sum(1 << axis for axis, (_, after) in enumerate(sides) if not after)
    begin, end = [before for before, _ in sides], [-after for _, after in sides]
    return c.add("StridedSlice", x, begin, end, [1] * x.rank, end_mask=open_ended)


def _sides(value: Any, count: int) -> list[list[int]]:
    """How much is before and behind, for each axis."""
    if count == 1:
        return [pair(value)]
    return [pair(side) for side in (value if isinstance(value, (list, tuple)) else [value] * count)]


def up_sampling(c: Canvas, config: Config, x: Value) -> Value:
    last(config)
    methods = {"nearest": "ResizeNearestNeighbor", "bilinear": "ResizeBilinear"}
    method = methods.get(config.get("interpolation", "nearest"))
    if method is None:
        raise NotDrawn(f"the interpolation '{config['interpolation']}'")
    inner = c.add("StridedSlice", c.sizes(x), [1], [3], [1])
    sizes = c.add("Mul", inner, pair(config.get("size", 2)))
    return c.add(method, x, sizes, align_corners=False, half_pixel_centers=True)


def flatten(c: Canvas, config: Config, x: Value) -> Value:
    last(config)
    return _reshaped(c, x, [-1])


def reshape(c: Canvas, config: Config, x: Value) -> Value:
    return _reshaped(c, x, [-1 if size is None else int(size) for size in config["target_shape"]])


def _reshaped(c: Canvas, x: Value, inner: Sequence[int]) -> Value:
    batch = c.add("StridedSlice", c.sizes(x), [0], [1], [1])
    return c.add("Reshape", x, c.add("ConcatV2", batch, list(inner), 0, N=2), rank=len(inner) + 1)


def permute(c: Canvas, config: Config, x: Value) -> Value:
    return c.add("Transpose", x, [0, *config["dims"]])


def repeat_vector(c: Canvas, config: Config, x: Value) -> Value:
    return c.add("Tile", c.add("ExpandDims", x, 1, rank=3), [1, int(config["n"]), 1])


def rescaling(c: Canvas, config: Config, x: Value) -> Value:
    return c.add("AddV2", c.add("Mul", x, float(config["scale"])), float(config.get("offset", 0)))


def same(c: Canvas, config: Config, x: Value) -> Value:
    """What does nothing at inference."""
    return x


LAYERS: dict[str, Layer] = {
    "Activation": activation, "ActivityRegularization": same, "AlphaDropout": same,
    "AveragePooling1D": pooling("AvgPool"), "AveragePooling2D": pooling("AvgPool"),
    "BatchNormalization": batch_normalization, "Conv1D": conv1d, "Conv2D": conv2d, "Conv2DTranspose": conv2d_transpose,
    "Cropping1D": cropping, "Cropping2D": cropping, "Dense": dense, "DepthwiseConv2D": depthwise_conv2d,
    "Dropout": same, "ELU": elu, "Embedding": embedding, "Flatten": flatten, "GaussianDropout": same,
    "GaussianNoise": same, "GlobalAveragePooling1D": global_pooling("Mean"),
    "GlobalAveragePooling2D": global_pooling("Mean"),
    "GlobalMaxPooling1D": global_pooling("Max"), "GlobalMaxPooling2D": global_pooling("Max"),
    "LayerNormalization": layer_normalization, "LeakyReLU": leaky_relu, "MaxPooling1D": pooling("MaxPool"),
    "MaxPooling2D": pooling("MaxPool"), "PReLU": prelu, "Permute": permute, "ReLU": relu, "RepeatVector": repeat_vector,
    "Rescaling": rescaling, "Reshape": reshape, "SeparableConv2D": separable_conv2d, "Softmax": softmax,
    "SpatialDropout1D": same, "SpatialDropout2D": same, "UpSampling2D": up_sampling, "ZeroPadding1D": zero_padding,
    "ZeroPadding2D": zero_padding,
}  # fmt: skip

_MERGES = {
    "Add": "AddV2", "Average": "AddV2", "Maximum": "Maximum", "Minimum": "Minimum", "Multiply": "Mul",
    "Subtract": "Sub",
}  # fmt: skip


def merge(c: Canvas, kind: str, config: Config, values: Sequence[Value]) -> Value:
    """A layer of several inputs.

    Raises:
        NotDrawn: there is none of this kind.
    """
    if kind == "Concatenate":
        return c.add("ConcatV2", *values, int(config.get("axis", -1)), N=len(values))
    if kind not in _MERGES or len({value.rank for value in values}) > 1:
        raise NotDrawn(f"the layer {kind} of {len(values)} inputs")
    result = values[0]
    for value in values[1:]:
        result = c.add(_MERGES[kind], result, value)
    return c.add("Mul", result, 1 / len(values)) if kind == "Average" else result
