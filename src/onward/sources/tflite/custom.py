"""Custom operators that are in wide use: those of TensorFlow itself (Flex), detection, sound; MediaPipe's elsewhere."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from onward.errors import InvalidSourceError
from onward.formats.flexbuffer import decode
from onward.formats.protos import message
from onward.formats.values import attributes
from onward.graph import Tensor
from onward.sources.effects import has_effect
from onward.sources.tflite import mediapipe
from onward.sources.tflite.mediapipe import map_options
from onward.sources.tflite.rules import Call, Rule

_FLEX = "Flex"
_MOST = 1 << 16  # windows, channels, detections


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
    options = map_options(call)
    made = call.flow.nodes(
        "tfl.detection_postprocess", [call.real(i) for i in range(3)], outputs=4,
        scales=[float(options[f"{axis}_scale"]) for axis in "yxhw"],
        classes=_count(call, options, "num_classes"), limit=_count(call, options, "max_detections"),
        classes_each=_count(call, options, "max_classes_per_detection"),
        threshold=float(options["nms_score_threshold"]), overlap=float(options["nms_iou_threshold"]),
        regular=bool(options.get("use_regular_nms")),
        limit_per_class=int(options.get("detections_per_class") or 100),
    )  # fmt: skip
    for i, tensor in enumerate(made):
        call.put(tensor, i)


def audio_spectrogram(call: Call) -> None:
    options = map_options(call)
    windows = {name: _count(call, options, name) for name in ("window_size", "stride")}
    squared = bool(options["magnitude_squared"])
    call.put(call.node("AudioSpectrogram", call.real(0), magnitude_squared=squared, **windows))


def mfcc(call: Call) -> None:
    options, shape = map_options(call), call.flow.tensor(call.index(0)).shape
    if shape and (shape[-1] or 0) > _MOST:
        raise InvalidSourceError(
            f"{call.flow.subgraph.model.path}: {call.operator.op} is given {shape[-1]} frequencies"
        )
    limits = {f"{which}_frequency_limit": float(options[f"{which}_frequency_limit"]) for which in ("upper", "lower")}
    counts = {name: _count(call, options, name) for name in ("filterbank_channel_count", "dct_coefficient_count")}
    call.put(call.node("Mfcc", call.real(0), call.stored(1), **limits, **counts))


def numeric_verify(call: Call) -> None:
    """How far a quantised tensor is from what it should be."""
    call.put(call.node("Sub", call.real(0), call.real(1)))


def _count(call: Call, options: dict[str, Any], name: str) -> int:
    """A count in the options, which must be one that a model can have."""
    count = int(options[name])
    if not 1 <= count <= _MOST:
        raise InvalidSourceError(f"{call.flow.subgraph.model.path}: {call.operator.op} has the {name} {count}")
    return count


RULES: dict[str, Rule] = {
    **mediapipe.RULES,
    "AudioSpectrogram": audio_spectrogram,
    "Mfcc": mfcc,
    "NumericVerify": numeric_verify,
    "TFLite_Detection_PostProcess": detection_postprocess,
}
