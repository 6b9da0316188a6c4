"""Operators that change how numbers are held: QUANTIZE and DEQUANTIZE."""

from __future__ import annotations

import numpy as np

from onward.sources.tflite.rules import Call, Rule


def quantize(call: Call) -> None:
    """To integers; from other integers too, by way of what they stand for."""
    call.put_real(call.real(0))


def dequantize(call: Call) -> None:
    """To float32, from integers or float16."""
    x = call.real(0)
    if call.flow.dtype(x) != np.float32:
        x = call.node("Cast", x, DstT=np.dtype(np.float32))
    call.put(x)


RULES: dict[str, Rule] = {"DEQUANTIZE": dequantize, "QUANTIZE": quantize}
