"""Comparing arrays: what is close enough, what is not, and what is said about it."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from onward.tools.compare import TOLERANCES, compare

FLOATS = ["float16", "bfloat16", "float32", "float64"]


@pytest.mark.parametrize("name", FLOATS)
def test_tolerance_goes_by_dtype(name: str) -> None:
    dtype = np.dtype(getattr(ml_dtypes, name, None) or name)
    expected = np.array([0, 1, 1000], "float64")
    bound = TOLERANCES[name] * (1 + expected)
    assert compare("y", expected.astype(dtype), (expected + 0.4 * bound).astype(dtype)).passed
    assert not compare("y", expected.astype(dtype), (expected + [0, 0, 2.5 * bound[2]]).astype(dtype)).passed


def test_says_which_element_and_how_far() -> None:
    expected = np.zeros((2, 3), "float32")
    got = expected.copy()
    got[1, 2] = 0.5
    found = compare("y", expected, got)
    assert (found.passed, found.worst, found.linf) == (False, (1, 2), 0.5)
    assert found.mse == pytest.approx(0.25 / 6)
    assert "1 of 6" in found.problem
    assert "[1, 2]" in found.problem


@pytest.mark.parametrize(
    ("expected", "got", "problem"),
    [
        (np.ones(3, "float32"), np.ones(3, "float64"), "dtype is float64, not float32"),
        (np.ones(3, "float32"), np.ones((3, 1), "float32"), "shape is (3, 1), not (3,)"),
        (np.array([1, np.nan], "float32"), np.ones(2, "float32"), "NaN on one side only"),
        (np.ones(2, "float32"), np.array([1, np.inf], "float32"), "infinite on one side only"),
        (np.array([np.inf], "float32"), np.array([-np.inf], "float32"), "too far off"),
        (np.array([1, 2]), np.array([1, 3]), "at [1] 3, not 2"),
        (np.array([True, False]), np.array([True, True]), "1 of 2 elements differ"),
        (np.array(["a", "b"], object), np.array(["a", "c"], object), "at [1] 'c', not 'b'"),
        (np.ones(2, "complex64"), np.ones(2, "complex64") + 1j, "too far off"),
    ],
)
def test_differences_are_named(expected: np.ndarray, got: np.ndarray, problem: str) -> None:
    found = compare("y", expected, got)
    assert not found.passed
    assert problem in found.problem


@pytest.mark.parametrize(
    "array",
    [
        np.array([np.nan, np.inf, -np.inf, 0, 1], "float32"),
        np.zeros((0, 3), "float32"),
        np.array(2.5),
        np.array([True]),
        np.array(["é", ""], object),
        np.array([1 + 2j]),
        np.array([1, 2], ml_dtypes.int4),
    ],
)
def test_equals_itself(array: np.ndarray) -> None:
    assert compare("y", array, array.copy()).passed


@pytest.mark.parametrize("stored", [np.array([b"a", b"b"]), np.array(["a", "b"]), np.array([b"a", b"b"], object)])
def test_strings_in_any_clothes(stored: np.ndarray) -> None:
    assert compare("y", stored, np.array(["a", "b"], object)).passed


def test_bits_of_bfloat16_from_a_file() -> None:
    array = np.array([1.5, -2], ml_dtypes.bfloat16)
    assert compare("y", array.view("V2"), array).passed


def test_random_values_count_for_their_shape_alone() -> None:
    assert compare("y", np.zeros(3), np.ones(3), values=False).passed
    assert not compare("y", np.zeros(3), np.ones(4), values=False).passed


def test_is_json_whatever_the_figures() -> None:
    found = compare("y", np.array([np.inf, 1]), np.array([-np.inf, 1]))
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["linf"] is None


@settings(max_examples=50, deadline=None)
@given(
    arrays.arrays("float32", arrays.array_shapes(max_dims=3, max_side=4)),
    st.floats(-(2**-10), 2**-10, width=32),
)
def test_agrees_with_numpy(expected: np.ndarray, offset: float) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        got = expected + np.float32(offset) * (1 + np.abs(expected))
    want, have = expected.astype("float64"), got.astype("float64")
    assert compare("y", expected, got).passed == np.allclose(have, want, rtol=1e-4, atol=1e-4, equal_nan=True)
