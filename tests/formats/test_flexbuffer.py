"""FlexBuffers, beside the writer of the flatbuffers package."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers

from onward.errors import InvalidSourceError
from onward.formats.flexbuffer import decode

VALUES: dict[str, Any] = {
    "nothing": None,
    "numbers": [0, 1, -1, 127, -128, 300, -70000, 1 << 40, 0.5, 0.1],
    "truths": [True, False],
    "one number": 7,
    "map": {"b": 1, "a": [1, 2.5], "inner": {"x": {"y": None}}, "": -3},
    "empty": {"list": [], "map": {}},
    "long": list(range(1000)),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    assert decode(bytes(flexbuffers.Dumps(VALUES[name]))) == VALUES[name]


def test_strings_are_bytes() -> None:
    assert decode(bytes(flexbuffers.Dumps(["Exp", b"\xff\x00"]))) == [b"Exp", b"\xff\x00"]


@pytest.mark.parametrize("numbers", [[1, 2, 300], [0.5, 0.25, 4.0], [-1, -2, 3]])
@pytest.mark.parametrize("fixed", [True, False])
def test_typed_vectors(numbers: list[Any], fixed: bool) -> None:
    builder = flexbuffers.Builder()
    make = builder.FixedTypedVectorFromElements if fixed else builder.TypedVectorFromElements
    make(numbers)
    assert decode(bytes(builder.Finish())) == numbers


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x00\x00\xff\x01", b"\x05\x28\x01", b"ab\xff\xff"])
def test_damage(data: bytes) -> None:
    with pytest.raises(InvalidSourceError):
        decode(data)


def test_flipped_bytes_end_in_a_value_or_an_error() -> None:
    whole = bytes(flexbuffers.Dumps([VALUES["map"], VALUES["numbers"], "text"]))
    rng = np.random.default_rng(0)
    for _ in range(2000):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] = rng.integers(256)
        with contextlib.suppress(InvalidSourceError):
            decode(bytes(damaged))
