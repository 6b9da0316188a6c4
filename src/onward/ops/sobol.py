"""Sobol sequences: known once their size is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower

_BITS = 32


@lower("SobolSample")
def sobol_sample(op: Builder, dim: Static, num_results: Static, skip: Static, *, dtype: np.dtype) -> Value:
    points = sobol(int(dim), int(num_results), int(skip))
    return op.constant(points.astype(dtype))


def sobol(dimensions: int, count: int, skip: int) -> np.ndarray:
    """Points of the sequence in the order of the Gray code, after the first ``skip`` and the origin.

    I. A. Antonov and V. M. Saleev, "An economic method of computing LP-tau sequences" (1979).
    """
    directions = _directions(dimensions)
    gray = np.arange(skip + 1, skip + 1 + count, dtype=np.uint64)
    gray ^= gray >> np.uint64(1)
    points = np.zeros((count, dimensions), np.uint64)
    for bit in range(_BITS):
        chosen = (gray >> np.uint64(bit)) & np.uint64(1)
        points ^= chosen[:, None] * directions[:, bit]
    return points / 2.0**_BITS


def _directions(dimensions: int) -> np.ndarray:
    """The direction numbers, as (dimension, bit); the first dimension is van der Corput's sequence."""
    lines = Path(__file__).with_name("sobol.tsv").read_text().splitlines()[1:]
    if dimensions > len(lines) + 1:
        raise Unsupported(f"more than {len(lines) + 1} dimensions")
    rows = [[1] * _BITS]
    for line in lines[: dimensions - 1]:
        polynomial, _, initial = line.partition("\t")
        coefficients, numbers = int(polynomial), [int(n) for n in initial.split(",")]
        degree = len(numbers)
        for place in range(degree, _BITS):
            number = numbers[place - degree] ^ (numbers[place - degree] << degree)
            for k in range(1, degree):
                if coefficients >> (degree - k) & 1:
                    number ^= numbers[place - k] << k
            numbers.append(number)
        rows.append(numbers[:_BITS])
    return np.array([[n << (_BITS - 1 - bit) for bit, n in enumerate(row)] for row in rows], np.uint64)
