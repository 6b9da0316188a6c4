"""What goes wrong with quantised models without anybody noticing, as notes for the reader."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator

from onward.tools.machine import machine
from onward.tools.quantize.measure import Figures, Limit, Speed
from onward.tools.quantize.plan import BLOCKS, DYNAMIC, INTEGERS, ROWS, WEIGHTS, Plan

X86 = frozenset({"AMD64", "i386", "i686", "x86_64"})
FEW = 32  # samples below which ranges are a matter of luck


def saturates(features: Iterable[str], architecture: str) -> bool:
    """Whether int8 products overflow here: x86 before VNNI adds two products of u8 and s8 in 16 bits (vpmaddubsw)."""
    return architecture in X86 and not {"VNNI", "AMX-INT8"} & set(features)


def reduced(asked: bool | None) -> tuple[bool, str]:
    """Whether weights get 7 bits, and the note on it."""
    here = saturates(machine().features, platform.machine())
    if asked is None and here:
        return True, (
            "this processor has no VNNI, so that sums of 8-bit products overflow: weights have 7 bits (reduce_range)"
        )
    if asked is False and here:
        return False, (
            "this processor has no VNNI and weights have 8 bits: sums of products may overflow here, which the figures "
            "tell"
        )
    return bool(asked), ""


def of_plan(plan: Plan, data_given: bool, samples: int) -> Iterator[str]:
    """What is special about quantising this graph in this way."""
    by = {treatment: {unit.op for unit in plan.units if unit.treatment == treatment} for treatment in _ALL}
    if plan.kind == "int8" and samples < FEW:
        yield f"ranges are from {samples} samples only: a few hundred, as they come in use, would make sure of them"
    if plan.kind != "int8" and not data_given:
        yield "the figures are from drawn inputs: give data to see what the answers really lose"
    recurrent = sorted(by[WEIGHTS] & {"GRU", "LSTM", "RNN"})
    if recurrent:
        more = "; kind int8-dynamic has an integer kernel for LSTM" if "LSTM" in recurrent else ""
        yield f"{', '.join(recurrent)}: int8 weights, float arithmetic, for want of a kernel that takes ranges{more}"
    if plan.kind != "int8" and "Conv" in by[WEIGHTS]:
        yield (
            "Conv: int8 weights, float arithmetic, for the kernels that quantise as they go are several times slower "
            "than float; int8 with calibration data makes convolutions fast"
        )
    if "LSTM" in by[DYNAMIC]:
        yield "LSTM became com.microsoft.DynamicQuantizeLSTM, which ONNX Runtime alone knows"


_ALL = (INTEGERS, DYNAMIC, WEIGHTS, ROWS, BLOCKS)


def of_outcome(kind: str, speed: Speed | None, size: float, figures: Figures, limit: Limit) -> Iterator[str]:
    """What the figures should make a reader think of."""
    if speed is not None and "SLOWER" in speed.verdict:
        hints = {
            "int8": "converting to and from integers outweighs what they save in a model this small, or of this shape",
            "int8-dynamic": "activations are quantised, and stored weights made float, in every run",
            "int4": "weights are unpacked in every run, which pays where reading them is what takes the time",
        }
        why = hints.get(kind, "a CPU has few kernels for halves; accelerators do")
        yield f"slower than float on this processor: {why}"
    if size > 0.9:
        yield "hardly smaller: most of the weights are of nodes that stay in float"
    if not limit.is_set and figures.sqnr is not None and figures.sqnr < 20:
        yield "the answers are far from the float model's: set a limit (max_drop with labels, or min_sqnr)"
