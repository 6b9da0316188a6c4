"""Convolutions, pools and full connections: the operators that compute with a window and weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.formats.tflite import Quantization
from onward.graph import Tensor
from onward.sources.tflite.rules import Call, Rule, alike


def _padding(call: Call) -> str:
    return call.operator.options.enum("padding", "Padding")


def _strides(call: Call) -> list[int]:
    return [int(call.option("stride_h")), int(call.option("stride_w"))]


def _bias(call: Call, data: int, weights: int, bias: int) -> Tensor:
    """The bias as a real: its integers are steps of the product of input and weights, whatever its own scale says."""
    if not call.has(bias):
        return call.flow.absent()
    flow, stored = call.flow, call.flow.tensor(call.index(bias))
    x = flow.tensor(call.index(data)).quantization if flow.is_quantized(call.index(data)) else None
    w = flow.tensor(call.index(weights)).quantization
    value = call.value(bias)
    if stored.dtype.kind != "i" or x is None or w is None or value is None or not x.per_tensor:
        return call.real(bias)
    scale = (x.scale * w.scale).astype(np.float32)
    if flow.dequantize or stored.dtype == np.int64:
        if scale.size not in (1, value.size):
            raise flow.subgraph.model.file.damaged(f"a bias of {value.size} numbers has {scale.size} scales")
        return flow.const((value * scale.astype(np.float64)).astype(np.float32))
    return flow.dequantized(call.stored(bias), Quantization(scale, np.zeros(scale.size, np.int64), 0))


def conv_2d(call: Call) -> None:
    y = call.node(
        "tfl.conv_2d", call.real(0), call.real(1), _bias(call, 0, 1, 2), strides=_strides(call),
        padding=_padding(call), dilations=_dilations(call),
    )  # fmt: skip
    call.put_real(y)


def depthwise_conv_2d(call: Call) -> None:
    y = call.node(
        "tfl.depthwise_conv_2d", call.real(0), call.real(1), _bias(call, 0, 1, 2), strides=_strides(call),
        padding=_padding(call), dilations=_dilations(call),
    )  # fmt: skip
    call.put_real(y)


def _dilations(call: Call) -> list[int]:
    return [int(call.option("dilation_h_factor")), int(call.option("dilation_w_factor"))]


def conv_3d(call: Call) -> None:
    y = call.node(
        "Conv3D", call.real(0), call.real(1), strides=_cubic(call, "stride"), padding=_padding(call),
        dilations=_cubic(call, "dilation"), data_format="NDHWC",
    )  # fmt: skip
    call.put_real(_biased(call, y, 0, 1, 2))


def conv_3d_transpose(call: Call) -> None:
    y = call.node(
        "Conv3DBackpropInputV2", call.stored(0), call.real(1), call.real(2), strides=_cubic(call, "stride"),
        padding=_padding(call), dilations=_cubic(call, "dilation"), data_format="NDHWC",
    )  # fmt: skip
    call.put_real(_biased(call, y, 2, 1, 3))


def _cubic(call: Call, what: str) -> list[int]:
    suffix = "_factor" if what == "dilation" else ""
    return [1, *(int(call.option(f"{what}_{axis}{suffix}")) for axis in "dhw"), 1]


def transpose_conv(call: Call) -> None:
    """TensorFlow has the kernel as height, width, output, input; TFLite the output first."""
    kernel = call.node("Transpose", call.real(1), call.ints(1, 2, 0, 3))
    y = call.node(
        "Conv2DBackpropInput", call.stored(0), kernel, call.real(2), strides=[1, *_strides(call), 1],
        padding=_padding(call), dilations=[1, 1, 1, 1], data_format="NHWC", explicit_paddings=[],
    )  # fmt: skip
    call.put_real(_biased(call, y, 2, 1, 3))


def _biased(call: Call, y: Tensor, data: int, weights: int, bias: int) -> Tensor:
    return call.node("AddV2", y, _bias(call, data, weights, bias)) if call.has(bias) else y


def fully_connected(call: Call) -> None:
    """The input is a matrix of rows as long as the weights', whatever its rank, unless its dimensions are kept."""
    if call.operator.options.enum("weights_format", "FullyConnectedOptionsWeightsFormat") != "DEFAULT":
        raise call.flow.subgraph.model.file.damaged("shuffled weights are made by no converter and cannot be read")
    keeps = bool(call.option("keep_num_dims"))
    y = call.node("tfl.fully_connected", call.real(0), call.real(1), _bias(call, 0, 1, 2), keep_num_dims=keeps)
    call.put_real(y)


def _pool(op: str) -> Rule:
    def rule(call: Call) -> None:
        attrs: dict[str, Any] = {
            "ksize": [1, int(call.option("filter_height")), int(call.option("filter_width")), 1],
            "strides": [1, *_strides(call), 1],
            "padding": _padding(call),
        }
        quantization = call.flow.tensor(call.index(0)).quantization
        if op != "MaxPool" or call.flow.dequantize or quantization is None:
            call.put_real(call.node(op, call.real(0), **attrs))
            return
        y = call.node(op, call.stored(0), **attrs)  # the largest integer is the largest real
        if alike(call, [call.index(0)]):
            call.put(y)
        else:
            call.put_real(call.flow.dequantized(y, quantization))

    return rule


RULES: dict[str, Rule] = {
    "AVERAGE_POOL_2D": _pool("AvgPool"),
    "CONV_2D": conv_2d,
    "CONV_3D": conv_3d,
    "CONV_3D_TRANSPOSE": conv_3d_transpose,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "L2_POOL_2D": _pool("tfl.l2_pool_2d"),
    "MAX_POOL_2D": _pool("MaxPool"),
    "TRANSPOSE_CONV": transpose_conv,
}
