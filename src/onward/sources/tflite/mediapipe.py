"""Custom operators of MediaPipe's models. Options are C structures of TFLite's for the older ones, else FlexBuffers."""

from __future__ import annotations

import struct
from typing import Any

from onward.errors import InvalidSourceError
from onward.formats.flexbuffer import decode
from onward.sources.tflite.rules import Call, Rule

_SAME = 1  # of TFLite's padding in a structure
_ACTIVATIONS = {0: "", 1: "Relu", 2: "tfl.relu_n1_to_1", 3: "Relu6"}


def transpose_conv_bias(call: Call) -> None:
    padding, right, down = _structure(call, 3)
    inputs = [call.real(i) for i in range(3)]
    call.put_real(call.node("tfl.transpose_conv_bias", *inputs, strides=[down, right], same=padding == _SAME))


def max_pool_argmax(call: Call) -> None:
    attrs, activation = _pool(call)
    y, place = call.flow.nodes("tfl.max_pool_argmax", [call.real(0)], outputs=2, **attrs)
    call.put(call.node(activation, y) if activation else y)
    call.put(place, 1)


def max_unpooling(call: Call) -> None:
    attrs, _ = _pool(call)
    del attrs["same"]
    call.put(call.node("tfl.max_unpooling", call.real(0), call.real(1), **attrs))


def transform_tensor(call: Call) -> None:
    """From version 2 on places are the middles of pixels."""
    options = map_options(call)
    size = options.get("output_size") or [options["output_height"], options["output_width"]]
    centred = call.operator.version > 1
    call.put(call.node("tfl.transform_tensor", call.real(0), call.real(1), output_size=_ints(size), centred=centred))


def transform_landmarks(call: Call) -> None:
    options = map_options(call)
    dimensions, scale = int(options.get("dimensions", 3)), float(options.get("scale", 1.0))
    scale = scale if call.operator.version == 1 else 1.0
    call.put(call.node("tfl.transform_landmarks", call.real(0), call.real(1), dimensions=dimensions, scale=scale))


def landmarks_to_transform_matrix(call: Call) -> None:
    """Of version 2; the first has other options."""
    options = map_options(call)
    call.put(call.node(
        "tfl.landmarks_to_transform_matrix", call.real(0), left=int(options["left_rotation_idx"]),
        right=int(options["right_rotation_idx"]), angle=float(options["target_rotation_radians"] or 0),
        subset=_ints(options["subset_idxs"]), output_size=_ints([options["output_width"], options["output_height"]]),
        scales=[float(options["scale_x"]), float(options["scale_y"])],
    ))  # fmt: skip


def map_options(call: Call) -> dict[str, Any]:
    """The options as a map, of which a key that is not there is a fault."""
    options = decode(call.operator.custom)
    if not isinstance(options, dict):
        raise InvalidSourceError(f"{call.flow.subgraph.model.path}: the options of {call.operator.op} are no map")
    return options


def _pool(call: Call) -> tuple[dict[str, Any], str]:
    """The attributes of a pool, and its activation."""
    padding, right, down, width, height, activation = _structure(call, 6)
    if activation not in _ACTIVATIONS:
        raise InvalidSourceError(f"{call.flow.subgraph.model.path}: {call.operator.op} has the activation {activation}")
    attrs = {"size": [height, width], "strides": [down, right], "same": padding == _SAME}
    return attrs, _ACTIVATIONS[activation]


def _structure(call: Call, count: int) -> tuple[int, ...]:
    """The first integers of a structure, of which sizes and strides must be positive."""
    data = call.operator.custom
    if len(data) < 4 * count:
        raise InvalidSourceError(f"{call.flow.subgraph.model.path}: {call.operator.op} lacks options")
    numbers = struct.unpack_from(f"<{count}i", data)
    if min(numbers[1:5]) < 1:
        raise InvalidSourceError(f"{call.flow.subgraph.model.path}: {call.operator.op} has a stride or size below one")
    return numbers


def _ints(numbers: Any) -> list[int]:
    return [int(n) for n in numbers]


RULES: dict[str, Rule] = {
    "Convolution2DTransposeBias": transpose_conv_bias,
    "Landmarks2TransformMatrix": landmarks_to_transform_matrix,
    "MaxPoolingWithArgmax2D": max_pool_argmax,
    "MaxUnpooling2D": max_unpooling,
    "TransformLandmarks": transform_landmarks,
    "TransformTensor": transform_tensor,
    "TransformTensorBilinear": transform_tensor,
}
