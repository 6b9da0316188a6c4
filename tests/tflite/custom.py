"""Custom operators that TFLite's interpreter has."""

from __future__ import annotations

from typing import Any

import numpy as np
from flatbuffers import flexbuffers

from tests.tflite.build import Case, T, case, const, f32, i8, u8

_BOXES, _CLASSES = 30, 4


def _detect(
    *, background: bool = True, quantized: bool = False, classes_each: int = 1, limit: int = 6, **more: Any
) -> Case:
    rng = np.random.default_rng(7)
    centre = rng.uniform(0.2, 0.8, (_BOXES, 2))
    anchors = np.concatenate([centre, rng.uniform(0.2, 0.4, (_BOXES, 2))], axis=1)
    options = {
        "max_detections": limit, "max_classes_per_detection": classes_each, "num_classes": _CLASSES,
        "nms_score_threshold": 0.3, "nms_iou_threshold": 0.5, "y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0,
        "w_scale": 5.0, **more,
    }  # fmt: skip
    width = _CLASSES + background
    inputs: list[T]
    if quantized:
        steps = np.round(anchors * 200).astype(np.uint8)
        inputs = [u8(1, _BOXES, 4, scale=0.02, zero=128), u8(1, _BOXES, width, scale=1 / 256, zero=0)]
        inputs.append(const(steps, "uint8", scale=1 / 200))
    else:
        inputs = [f32(1, _BOXES, 4), f32(1, _BOXES, width, low=0.0, high=1.0), const(anchors, "float32")]
    outputs = [f32(1, limit, 4), f32(1, limit), f32(1, limit), f32(1)]
    return case("TFLite_Detection_PostProcess", inputs, outputs, custom=bytes(flexbuffers.Dumps(options)))


CASES = {
    "detection": _detect(),
    "detection/no background": _detect(background=False),
    "detection/few found": _detect(nms_score_threshold=0.99, use_regular_nms=True),
    "detection/two classes each": _detect(classes_each=2, limit=4, nms_iou_threshold=0.9),
    "detection/regular": _detect(use_regular_nms=True),
    "detection/regular, one for each class": _detect(use_regular_nms=True, detections_per_class=1),
    "detection/quantized": _detect(quantized=True, nms_score_threshold=0.9),
    "spectrogram": case(
        "AudioSpectrogram", [f32(160, 1)], [f32()],
        custom=bytes(flexbuffers.Dumps({"window_size": 32, "stride": 16, "magnitude_squared": True})),
    ),
    "mfcc": case(
        "Mfcc", [f32(1, 9, 65, low=0.1), const(16000)], [f32()],
        custom=bytes(flexbuffers.Dumps({
            "upper_frequency_limit": 4000, "lower_frequency_limit": 20, "filterbank_channel_count": 40,
            "dct_coefficient_count": 13,
        })),
    ),
    "numeric verify": case(
        "NumericVerify", [i8(2, 3), f32(2, 3)], [f32(2, 3)],
        custom=bytes(flexbuffers.Dumps({"tolerance": 5.0, "log_if_failed": False})),
    ),
}  # fmt: skip
