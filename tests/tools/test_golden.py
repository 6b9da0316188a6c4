"""Recorded inputs and outputs come back as they went."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from onward.errors import InvalidSourceError, OutputError
from onward.tools.compare import compare
from onward.tools.golden import Example, read, read_inputs, write


def example(size: int = 2) -> Example:
    outputs = {
        "real": np.linspace(0, 1, size, dtype="float32"),
        "text": np.array(["é", "", "long one"][:size], object),
        "raw": np.array([b"\xff", b"ok", b""][:size], object),
        "brain": np.arange(size).astype(ml_dtypes.bfloat16),
    }
    return Example({"x:0": np.arange(size), "scope/y": np.array(True)}, outputs, {"z": np.array(2.0)})


@pytest.mark.parametrize("count", [1, 2, 11])
def test_round_trip(tmp_path: Path, count: int) -> None:
    examples = [example(1 + i % 3) for i in range(count)]
    write(tmp_path / "io.npz", examples)
    found = read(tmp_path / "io.npz")
    assert len(found) == count
    for mine, its in zip(examples, found, strict=True):
        assert list(its.inputs) == list(mine.inputs)
        assert list(its.outputs) == list(mine.outputs)
        for name, array in mine.outputs.items():
            assert compare(name, its.outputs[name], array).passed or name == "raw"
            if name == "raw":
                assert its.outputs[name].tolist() == array.tolist()


def test_same_examples_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.npz", [example()])
    write(tmp_path / "b.npz", [example()])
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_plain_names_are_inputs(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", x=np.ones(3), **{"1/x": np.zeros(2)})
    first, second = read_inputs(tmp_path / "in.npz")
    assert (first["x"].shape, second["x"].shape) == ((3,), (2,))
    assert read_inputs({"x": [1, 2]})[0]["x"].tolist() == [1, 2]


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 and then nothing"])
def test_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "io.npz").write_bytes(content)
    with pytest.raises(InvalidSourceError, match=r"io\.npz"):
        read(tmp_path / "io.npz")


def test_no_pickles(tmp_path: Path) -> None:
    np.savez(tmp_path / "io.npz", x=np.array([{"a": 1}]))
    with pytest.raises(InvalidSourceError):
        read(tmp_path / "io.npz")


def test_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        write(tmp_path / "missing" / "io.npz", [example()])
    assert list(tmp_path.iterdir()) == []
