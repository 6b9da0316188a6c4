"""Random weights that behave like trained ones: every layer alive, every output of order one.

Freshly initialised networks hide errors. Their batch norms are the identity, their biases zero, ConvNeXt's blocks are
scaled by 1e-6, and deep stacks without normalisation die out, so that a converter may drop half the graph unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

LOGIT_SPREAD = 4.0  # the logits' standard deviation before a softmax: its peaks come to 0.1 to 0.8, not to 1 / classes
KERNELS = ("pointwise_kernel", "kernel", "depthwise_kernel")


def calibrate(model: keras.Model, images: np.ndarray, seed: int = 0) -> None:
    """Give `model` offsets and scales away from 0 and 1, then fit it to `images` (batch, height, width, channels).

    One pass in inference mode does it: before a layer's answer reaches the next, each layer with a kernel is divided
    by the spread of that answer, and each batch norm takes over the statistics that it meets, shifted a little.
    """
    random = np.random.default_rng(seed)
    layers = list(model._flatten_layers(include_self=False))
    for layer in layers:
        for weight in layer.weights:
            _perturb(layer, weight, random)
    fitted = []
    for layer in layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.call = _with_statistics(layer, layer.call, random)
        elif any(hasattr(layer, name) for name in KERNELS):
            layer.call = _with_scale(layer, layer.call)
        else:
            continue
        fitted.append(layer)
    model(images, training=False)
    for layer in fitted:
        del layer.call


def _perturb(layer: Any, weight: Any, random: np.random.Generator) -> None:
    name = weight.name.rsplit("/", 1)[-1]
    if name == "gamma":
        low, high = (0.1, 0.4) if type(layer).__name__ == "LayerScale" else (0.8, 1.25)
        weight.assign(random.uniform(low, high, weight.shape))
    elif name == "bias":
        weight.assign(0.2 * random.standard_normal(weight.shape))
    elif name == "beta":
        # About 1: centred at 0, each batch norm with ReLU multiplies rounding errors by 1.2, a deep stack by thousands.
        weight.assign(1 + 0.3 * random.standard_normal(weight.shape))


def _with_statistics(norm: Any, call: Callable[..., Any], random: np.random.Generator) -> Callable[..., Any]:
    """The batch norm's call, which first sets its moving statistics by what comes in."""

    def settled(x: Any, *args: Any, **kwargs: Any) -> Any:
        seen = np.moveaxis(np.asarray(x), norm.axis, -1)
        seen = seen.reshape(-1, seen.shape[-1])
        mean, variance = seen.mean(axis=0), seen.var(axis=0)
        # A channel that these few images leave nearly still would blow up on others, hence the floor.
        variance = np.maximum(variance, 0.3 * variance.mean() + 1e-3)
        norm.moving_mean.assign(mean + 0.1 * np.sqrt(variance) * random.standard_normal(mean.shape))
        norm.moving_variance.assign(variance * random.uniform(0.8, 1.25, variance.shape))
        return call(x, *args, **kwargs)

    return settled


def _with_scale(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    """The call of a layer with a kernel, which first divides that kernel by the spread of what would come out."""
    kernel = next(getattr(layer, name) for name in KERNELS if getattr(layer, name, None) is not None)
    softmax = getattr(layer, "activation", None) is keras.activations.softmax
    target = LOGIT_SPREAD if softmax else 1.0

    def scaled(*args: Any, **kwargs: Any) -> Any:
        activation, layer.activation = layer.activation, keras.activations.linear
        spread = float(np.std(np.asarray(call(*args, **kwargs))))
        layer.activation = activation
        if spread > 0:
            kernel.assign(kernel * (target / spread))
        return call(*args, **kwargs)

    return scaled


def images(batch: int, height: int, width: int, channels: int = 3, seed: int = 1) -> np.ndarray:
    """Pictures with structure at several scales, float32 from 0 to 255: noise alone averages out to one grey answer."""
    random = np.random.default_rng(seed)
    picture = np.zeros((batch, height, width, channels), np.float32)
    for cells in (2, 5, 13, 48):
        coarse = random.standard_normal((batch, cells, cells, channels)).astype(np.float32)
        rows = np.arange(height) * cells // height
        columns = np.arange(width) * cells // width
        picture += coarse[:, rows][:, :, columns]
    return np.clip(127.5 + 45.0 * picture, 0, 255).astype(np.float32)
