"""How far rounding alone moves a model's answers.

Two runtimes add in different orders, so their answers differ in the last bits, and some networks magnify that beyond
any fixed tolerance. What a network makes of rounding shows when its inputs change in their last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import is_float
from onward.runtime import Session
from onward.tools.compare import Comparison, compare

TRIALS = 2
# Every operator rounds, not only the first: what follows from the inputs' last bit is a part of what may be seen.
FACTOR = 8.0
LARGEST = 1e-2  # of an output's largest number: beyond that no rounding is believed


def movement(
    session: Session, arrays: Mapping[str, NDArray[Any]], answers: Mapping[str, NDArray[Any]]
) -> dict[str, float]:
    """The largest absolute change of each real output when all real inputs change in their last bit, up or down."""
    inputs = {name: array for name, array in arrays.items() if is_float(array.dtype)}
    outputs = [name for name, array in answers.items() if is_float(array.dtype)]
    moved = dict.fromkeys(outputs, 0.0)
    draw = np.random.default_rng(0)
    for _ in range(TRIALS if inputs else 0):
        nudged = {name: _nudged(array, draw) for name, array in inputs.items()}
        changed = session.run({**arrays, **nudged})
        for name in outputs:
            moved[name] = max(moved[name], _distance(changed[name], answers[name]))
    return moved


def _nudged(array: NDArray[Any], draw: np.random.Generator) -> NDArray[Any]:
    towards = np.where(draw.integers(0, 2, array.shape, bool), np.inf, -np.inf).astype(array.dtype)
    return np.where(np.isfinite(array), np.nextafter(array, towards), array)


def _distance(changed: NDArray[Any], answer: NDArray[Any]) -> float:
    if changed.shape != answer.shape:
        return 0.0
    distance = np.abs(changed.astype(np.float64) - answer.astype(np.float64))
    return float(np.max(distance, initial=0.0, where=np.isfinite(distance)))


def reconsider(failed: Comparison, expected: NDArray[Any], got: NDArray[Any], moved: float) -> Comparison:
    """Judges an output that is too far off once more, by what rounding does to it."""
    scale = float(np.max(np.abs(expected.astype(np.float64)), initial=0.0, where=np.isfinite(expected)))
    slack = min(FACTOR * moved, LARGEST * scale)
    if slack <= failed.tolerance:
        return failed
    again = compare(failed.name, expected, got, failed.tolerance, slack=slack)
    return replace(again, moved=moved) if again.passed else failed
