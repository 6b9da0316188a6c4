"""Specs in every form that is accepted, and what is said about those that are not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from onward.errors import InvalidArgumentError
from onward.specs import Spec, as_dtype, as_spec, flatten, is_shape, map_structure, merge, name_batch, show, spec


@pytest.mark.parametrize(
    ("value", "shape", "dtype"),
    [
        (spec("batch", 3, None, dtype="int32"), ("batch", 3, None), "int32"),
        (np.zeros((2, 3), np.float16), (2, 3), "float16"),
        (SimpleNamespace(shape=(None, 4), dtype="float32", name="x"), (None, 4), "float32"),
        (SimpleNamespace(shape=None, dtype=np.int64), None, "int64"),
        (spec(dtype="string"), (), "object"),
        (spec(1, dtype="bfloat16"), (1,), "bfloat16"),
    ],
)
def test_forms(value: object, shape: object, dtype: str) -> None:
    found = as_spec(value)
    assert (found.shape, as_dtype(found.dtype).name) == (shape, dtype)


@pytest.mark.parametrize("value", ["x", 3, None, (2, 3), {"a": 1}])
def test_no_spec(value: object) -> None:
    with pytest.raises(InvalidArgumentError):
        as_spec(value)


@pytest.mark.parametrize("dims", [(-1,), ("",), (1.5j,)])
def test_no_dimension(dims: tuple) -> None:
    with pytest.raises(InvalidArgumentError):
        spec(*dims)


def test_no_dtype() -> None:
    with pytest.raises(InvalidArgumentError, match="no dtype"):
        spec(1, dtype="float31")


def test_merging_keeps_what_either_side_knows() -> None:
    merged = merge(spec("n", None, 3, dtype="float32"), Spec((None, "time", 3), np.dtype("float32"), "x"), "x")
    assert (merged.shape, merged.name) == (("n", "time", 3), "x")


@pytest.mark.parametrize("given", [spec(1, 2), spec(2, 4, 3), spec()])
def test_contradictions(given: Spec) -> None:
    with pytest.raises(InvalidArgumentError, match="input 'x'"):
        merge(given, Spec((None, 4, 4), None), "x")


def test_structures() -> None:
    nested = {"b": [spec(1), spec(2)], "a": (spec(3),)}
    assert [(path, leaf.shape) for path, leaf in flatten(nested)] == [
        (("a", 0), (3,)),
        (("b", 0), (1,)),
        (("b", 1), (2,)),
    ]
    assert map_structure(lambda leaf: leaf.shape, nested) == {"b": [(1,), (2,)], "a": ((3,),)}


def test_small_things() -> None:
    assert is_shape((None, 3))
    assert not is_shape(["a", "b"])
    assert name_batch((None, 2)) == ("batch", 2)
    assert name_batch((1, None)) == (1, None)
    assert show(("n", None, 3)) == "(n, ?, 3)"
