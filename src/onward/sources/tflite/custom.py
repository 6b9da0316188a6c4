"""Custom operators that are in wide use: those of TensorFlow itself (Flex), detection, sound, and MediaPipe's."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from onward.errors import InvalidSourceError
from onward.formats.flexbuffer import decode
from onward.formats.protos import message
from onward.formats.values import attributes
from onward.graph import Tensor
from onward.sources.effects import has_effect
from onward.sources.tflite.rules import Call, Rule

_FLEX = "Flex"
_SAME = 1  # of TFLite's padding in options that are a C structure


def rule(code: str) -> Rule | None:
    """The rule for a custom operator, None where there is none."""
    return RULES.get(code) or (flex if code.startswith(_FLEX) else None)


def flex(call: Call) -> None:
    """An op of TensorFlow: the options are its name and its ``NodeDef``."""
    operator, flow = call.operator, call.flow
    options = decode(operator.custom)
    proto = message("NodeDef")()
    try:
        proto.ParseFromString(options[1])
    except (DecodeError, TypeError, IndexError, KeyError) as error:
        raise InvalidSourceError(f"{flow.subgraph.model.path}: {operator.op} lacks its definition") from error
    inputs = [call.stored(i) for i in range(len(call.inputs))]
    node = flow.make(proto.op, inputs, len(call.outputs), **attributes(proto.attr))
    if has_effect(proto):
        flow.acts(node)
    elif proto.op == "ReadVariableOp":
        flow.observes(node)
    for i in range(len(call.outputs)):
        call.put(Tensor(node, i), i)


def detection_postprocess(call: Call) -> None:
    """Boxes by their offsets from anchors, and of these the best."""
    options = _options(call)
    made = call.flow.nodes(
        "tfl.detection_postprocess", [call.real(i) for i in range(3)], outputs=4,
        scales=[float(options[f"{axis}_scale"]) for axis in "yxhw"],
        classes=int(options["num_classes"]), limit=int(options["max_detections"]),
        classes_each=int(options["max_classes_per_detection"]), threshold=float(options["nms_score_threshold"]),
        overlap=float(options["nms_iou_threshold"]), regular=bool(options.get("use_regular_nms")),
        limit_per_class=int(options.get("detections_per_class") or 100),
    )  # fmt: skip
    for i, tensor in enumerate(made):
        call.put(tensor, i)


def audio_spectrogram(call: Call) -> None:
    options = _options(call)
    windows = {name: int(options[name]) for name in ("window_size", "stride")}
    squared = bool(options["magnitude_squared"])
    call.put(call.node("AudioSpectrogram", call.real(0), magnitude_squared=squared, **windows))


def mfcc(call: Call) -> None:
    options = _options(call)
    limits = {f"{which}_frequency_limit": float(options[f"{which}_frequency_limit"]) for which in ("upper", "lower")}
    counts = {name: int(options[name]) for name in ("filterbank_channel_count", "dct_coefficient_count")}
    call.put(call.node("Mfcc", call.real(0), call.stored(1), **limits, **counts))


def numeric_verify(call: Call) -> None:
    """How far a quantised tensor is from what it should be."""
    call.put(call.node("Sub", call.real(0), call.real(1)))


def transpose_conv_bias(call: Call) -> None:
    """MediaPipe's transposed convolution; its output is as large as the input, the strides and the padding make it."""
    padding, down, right = _structure(call, "<3i")
    flow, shape = call.flow, call.flow.tensor(call.index(1)).shape
    if shape is None or len(shape) != 4 or None in shape:
        raise flow.subgraph.model.file.damaged("a kernel has no shape")
    channels, height, width, _ = (d or 0 for d in shape)
    same = padding == _SAME
    extra = [0 if same else max(size - stride, 0) for size, stride in ((height, down), (width, right))]
    sizes = call.node(
        "Mul", call.node("Shape", call.real(0), out_type=np.dtype(np.int32)), call.ints(1, down, right, 0)
    )
    sizes = call.node("AddV2", sizes, call.ints(0, *extra, channels))
    kernel = call.node("Transpose", call.real(1), call.ints(1, 2, 0, 3))
    y = call.node(
        "Conv2DBackpropInput", sizes, kernel, call.real(0), strides=[1, down, right, 1],
        padding="SAME" if same else "VALID", dilations=[1, 1, 1, 1], data_format="NHWC", explicit_paddings=[],
    )  # fmt: skip
    call.put_real(call.node("AddV2", y, call.real(2)) if call.has(2) else y)


def _options(call: Call) -> dict[str, Any]:
    """The options as a map, of which a key that is not there is a fault."""
    options = decode(call.operator.custom)
    if not isinstance(options, dict):
        raise InvalidSourceError(f"{call.flow.subgraph.model.path}: the options of {call.operator.op} are no map")
    return options


def _structure(call: Call, form: str) -> tuple[Any, ...]:
    data = call.operator.custom
    if len(data) < struct.calcsize(form):
        raise InvalidSourceError(f"{call.flow.subgraph.model.path}: {call.operator.op} lacks options")
    return struct.unpack_from(form, data)


RULES: dict[str, Rule] = {
    "AudioSpectrogram": audio_spectrogram,
    "Convolution2DTransposeBias": transpose_conv_bias,
    "Mfcc": mfcc,
    "NumericVerify": numeric_verify,
    "TFLite_Detection_PostProcess": detection_postprocess,
}
