"""Copies of arrays."""

from __future__ import annotations

import numpy as np
import pytest

from onward.arrays import contiguous


@pytest.mark.parametrize(
    ("shape", "order"),
    [
        ((3, 3, 130, 257), (3, 2, 0, 1)),
        ((1, 1, 300, 500), (3, 2, 0, 1)),
        ((700, 333), (1, 0)),
        ((700, 333), (0, 1)),
        ((65, 40, 50), (0, 2, 1)),
        ((100, 40, 50), (1, 2, 0)),
        ((5, 5, 3000, 1), (2, 3, 0, 1)),
        ((0, 3000), (1, 0)),
        ((), ()),
    ],
)
def test_a_transposed_array_becomes_contiguous(shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape).transpose(order)
    copy = contiguous(array)
    assert copy.flags.c_contiguous
    np.testing.assert_array_equal(copy, np.ascontiguousarray(array))


def test_a_reversed_array_becomes_contiguous() -> None:
    array = np.arange(600 * 700, dtype=np.float32).reshape(600, 700)[::-1, ::-1].T
    np.testing.assert_array_equal(contiguous(array), np.ascontiguousarray(array))
