"""The range of every tensor that is to be quantised, seen while the float model runs on samples.

One pass, a batch in memory at a time. What leaves a range is clipped, so a wider one rounds everything more coarsely
and a narrower one cuts more off: ``minmax`` cuts nothing, ``percentile`` a given share, ``entropy`` what changes the
distribution least. ONNX Runtime's calibrators keep every batch until the end, and their entropy has as many bins as
integers by default, which leaves it nothing to choose.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError
from onward.tools.golden import Arrays
from onward.tools.quantize.candidate import Range, loaded

if TYPE_CHECKING:
    import onnx

BINS = 4096
LEVELS = 256  # of uint8
METHODS = ("minmax", "entropy", "percentile")
PERCENTILE = 99.99


class Histogram:
    """How often values occur, between -reach and reach; the reach doubles when one lies beyond."""

    def __init__(self) -> None:
        self.low, self.high, self.reach = np.inf, -np.inf, 0.0
        self.counts = np.zeros(BINS, np.int64)

    def add(self, array: NDArray[Any], counted: bool) -> None:
        """Takes in a batch; `counted` is whether anything but the extremes is needed."""
        values = array.reshape(-1)
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        if not math.isfinite(high - low):
            self.add(values[np.isfinite(values)], counted)
            return
        self.low, self.high = min(self.low, low), max(self.high, high)
        if not counted:
            return
        largest = max(abs(self.low), abs(self.high))
        if self.reach == 0:
            self.reach = largest or 1.0
        while largest > self.reach:
            halves = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.zeros(BINS, np.int64)
            self.counts[BINS // 4 : 3 * BINS // 4] = halves
            self.reach *= 2
        self.counts += np.histogram(values, BINS, (-self.reach, self.reach))[0]

    def range(self, method: str, percentile: float) -> Range:
        """The range by a method of ``METHODS``."""
        if self.low > self.high:
            return Range(0.0, 0.0)
        if method == "minmax":
            return Range(self.low, self.high)
        edges = np.linspace(-self.reach, self.reach, BINS + 1)
        if method == "percentile":
            share = np.cumsum(self.counts) / self.counts.sum()
            cut = (100 - percentile) / 200
            low, high = edges[np.searchsorted(share, cut)], edges[np.searchsorted(share, 1 - cut) + 1]
        else:
            low, high = _least_divergent(self.counts, edges)
        return Range(max(self.low, float(low)), min(self.high, float(high)))


def _least_divergent(counts: NDArray[Any], edges: NDArray[Any]) -> tuple[float, float]:
    """The symmetric range whose integers, spread out again, differ least from what was seen (Kullback-Leibler).

    TensorRT's way (S. Migacz, 8-bit Inference with TensorRT, GTC 2017): what lies outside counts in the outermost bins.
    """
    middle = BINS // 2
    best, found = np.inf, middle
    for half in range(LEVELS // 2, middle + 1, LEVELS // 8):
        inside = counts[middle - half : middle + half].astype(np.float64)
        seen = inside.copy()
        seen[0] += counts[: middle - half].sum()
        seen[-1] += counts[middle + half :].sum()
        level = np.arange(2 * half) * LEVELS // (2 * half)
        sums = np.bincount(level, inside, LEVELS)
        filled = np.bincount(level, seen > 0, LEVELS)
        spread = np.where(seen > 0, (sums / np.maximum(filled, 1))[level], 0)
        divergence = _divergence(seen, spread)
        if divergence < best:
            best, found = divergence, half
    return float(edges[middle - found]), float(edges[middle + found])


def _divergence(p: NDArray[Any], q: NDArray[Any]) -> float:
    there = p > 0
    p, q = p[there] / p.sum(), np.maximum(q[there], 1e-9) / max(q.sum(), 1e-9)
    return float((p * np.log(p / q)).sum())


def method(text: str) -> tuple[str, float]:
    """``minmax``, ``entropy``, ``percentile`` or ``percentile=99.9``.

    Raises:
        InvalidArgumentError: it is none of them.
    """
    name, equals, number = text.partition("=")
    try:
        percentile = float(number) if equals else PERCENTILE
    except ValueError:
        percentile = -1
    if name not in METHODS or (equals and name != "percentile") or not 50 < percentile <= 100:
        raise InvalidArgumentError(f"calibration is {', '.join(METHODS)} or percentile=99.9, not '{text}'")
    return name, percentile


def observe(
    proto: onnx.ModelProto, tensors: Sequence[str], batches: Iterable[Arrays], calibration: str
) -> Iterator[int | dict[str, Range]]:
    """Runs the float model; gives the number of samples seen after each batch, and the ranges at last.

    Args:
        proto: the model; its outputs are extended while it is read, and restored.
        tensors: their names, inputs included.
    """
    from onnx import ValueInfoProto

    name, percentile = method(calibration)
    inputs = {value.name for value in proto.graph.input}
    there = len(proto.graph.output)
    known = {value.name for value in proto.graph.output}
    proto.graph.output.extend(ValueInfoProto(name=t) for t in tensors if t not in known | inputs)
    session = loaded(proto)
    del proto.graph.output[there:]
    seen = {tensor: Histogram() for tensor in tensors}
    count = 0
    for batch in batches:
        found = {**batch, **session.run(batch)}
        for tensor, histogram in seen.items():
            histogram.add(found[tensor], name != "minmax")
        count += max((array.shape[0] for array in batch.values() if array.ndim), default=1)
        yield count
    yield {tensor: histogram.range(name, percentile) for tensor, histogram in seen.items()}
