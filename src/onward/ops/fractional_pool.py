"""Fractional pooling (B. Graham, "Fractional max-pooling", 2014): windows of two sizes in a random order.

With a seed the order is TensorFlow's; without one it is one order that is drawn at conversion and stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower

_MULTIPLIERS, _WEYL = (0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85)
_WORD = 1 << 32


@dataclass(frozen=True)
class Edges:
    """Where windows begin along an axis, and where the last one ends; TensorFlow records a wrong shape for it, so that
    it is no tensor here."""

    places: list[int]


@lower("FractionalMaxPool")
def max_pool(
    op: Builder, x: Value, *, pooling_ratio: list[float], pseudo_random: bool, overlapping: bool, seed: int, seed2: int
) -> tuple[Value, Edges, Edges]:
    """The maxima, and where the windows begin along the rows and along the columns."""
    edges = _edges(x, pooling_ratio, pseudo_random, seed, seed2)
    for axis, places in enumerate(edges, 1):
        windows = [_window(places, i, overlapping) for i in range(len(places) - 1)]
        longest = max(map(len, windows))
        index = np.array([[*window, *window[-1:] * (longest - len(window))] for window in windows])
        x = op.ReduceMax(op.Gather(x, index, axis=axis), axes=[axis + 1], keepdims=0)
    return x, Edges(edges[0]), Edges(edges[1])


@lower("FractionalAvgPool")
def avg_pool(
    op: Builder, x: Value, *, pooling_ratio: list[float], pseudo_random: bool, overlapping: bool, seed: int, seed2: int
) -> tuple[Value, Edges, Edges]:
    """The means, of integers rounded towards zero."""
    edges = _edges(x, pooling_ratio, pseudo_random, seed, seed2)
    batch, height, width, channels = x.shape
    rows, columns = (
        np.array([np.isin(np.arange(size), _window(places, i, overlapping)) for i in range(len(places) - 1)])
        for places, size in zip(edges, (height, width), strict=True)
    )
    y = op.constant(rows.astype(x.dtype)) @ op.Reshape(x, [batch, height, width * channels])
    y = op.constant(columns.astype(x.dtype)) @ op.Reshape(y, [batch, len(rows), width, channels])
    counts = rows.sum(1)[:, None, None] * columns.sum(1)[None, :, None]
    return y / counts.astype(x.dtype), Edges(edges[0]), Edges(edges[1])


def _window(places: Sequence[int], i: int, overlapping: bool) -> list[int]:
    """The elements of a window; overlapping ones take the next window's first."""
    last = min(places[i + 1] + overlapping, places[-1])
    return list(range(places[i], last))


def _edges(x: Value, ratio: list[float], pseudo_random: bool, seed: int, seed2: int) -> list[list[int]]:
    """Where the windows begin along the rows and along the columns, and where the last ones end."""
    numbers = _random_words(seed, seed2)
    edges = []
    for size, factor in zip(x.shape[1:3], ratio[1:3], strict=True):
        if not isinstance(size, int):
            raise Unsupported("fractional pooling of images of a size known only at run time")
        count = int(size / np.float32(factor))
        lengths = (_pseudo_random if pseudo_random else _shuffled)(size, count, numbers)
        edges.append([sum(lengths[:i]) for i in range(count + 1)])
    return edges


def _pseudo_random(size: int, count: int, numbers: Iterator[int]) -> list[int]:
    """Steps of one fraction from a random beginning."""
    step, least = size / count, size // count
    most = min((least + 2) / step - 1, (size + 1 - least) / step - (count - 1))
    upper, lower_ = next(numbers), next(numbers)
    _rest_of_group(numbers, 2)
    start = ((upper & 0xFFFFF) << 32 | lower_) * 2.0**-52 * most
    places = [1, *(math.ceil(step * (i + start)) for i in range(1, count)), size + 1]
    return [after - before for before, after in pairwise(places)]


def _shuffled(size: int, count: int, numbers: Iterator[int]) -> list[int]:
    lengths = [size // count + (i < size % count) for i in range(count)]
    for i in range(count - 1):
        j = i + next(numbers) % (count - i)
        lengths[i], lengths[j] = lengths[j], lengths[i]
    _rest_of_group(numbers, count - 1, reserved=count)
    return lengths


def _rest_of_group(numbers: Iterator[int], taken: int, reserved: int | None = None) -> None:
    """Passes over what TensorFlow sets apart, groups of four, and does not use."""
    whole = -(-(taken if reserved is None else reserved) // 4) * 4
    for _ in range(whole - taken):
        next(numbers)


def _random_words(seed: int, seed2: int) -> Iterator[int]:
    """Philox 4x32-10 (Salmon et al. 2011), as ``ops/philox.py`` has it for numbers drawn at run time."""
    seed, seed2, low = seed % 2**64, seed2 % 2**64, 0
    while True:
        a, b, c, d = low % _WORD, low // _WORD, seed2 % _WORD, seed2 // _WORD
        key, other = seed % _WORD, seed // _WORD
        for _ in range(10):
            first, second = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
            a, b, c, d = second // _WORD ^ b ^ key, second % _WORD, first // _WORD ^ d ^ other, first % _WORD
            key, other = (key + _WEYL[0]) % _WORD, (other + _WEYL[1]) % _WORD
        yield from (a, b, c, d)
        low += 1
