"""Recorded inputs and outputs in an ``.npz`` file.

The arrays are called ``input:<name>`` and ``output:<name>``; where the file holds several sets, ``0/input:<name>``,
``1/input:<name>``, ... ``slack:<name>`` is how far an output may be off, where the source itself is not exact. Strings
are stored as numpy's fixed-width ones, so that reading needs no pickle. A file of
inputs alone may drop ``input:``.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import STRING
from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.writing import replacing

Arrays = dict[str, NDArray[Any]]


class Example(NamedTuple):
    """Inputs, what the source answers, and how far outputs may be from that where it is not exact itself."""

    inputs: Arrays
    outputs: Arrays
    slack: Arrays


def write(path: str | os.PathLike[str], examples: Sequence[Example]) -> None:
    """Writes examples.

    Raises:
        OutputError: the file cannot be written.
    """
    arrays: dict[str, Any] = {}
    for i, example in enumerate(examples):
        prefix = f"{i}/" if len(examples) > 1 else ""
        arrays.update((f"{prefix}input:{name}", _storable(array)) for name, array in example.inputs.items())
        arrays.update((f"{prefix}output:{name}", _storable(array)) for name, array in example.outputs.items())
        arrays.update((f"{prefix}slack:{name}", np.asarray(number)) for name, number in example.slack.items())
    archive = io.BytesIO()
    np.savez_compressed(archive, **arrays)
    with replacing(Path(path)) as [file]:
        file.write(archive.getbuffer())


def read(path: str | os.PathLike[str]) -> list[Example]:
    """Reads examples, in order of their numbers.

    Raises:
        InvalidSourceError: it is no ``.npz`` file, or holds objects, which only unsafe code could read.
        InvalidArgumentError: its arrays are not named as above.
    """
    sets: dict[int, Example] = {}
    for key, array in _arrays(path).items():
        number, slash, rest = key.partition("/")
        if not slash or not number.isdigit():
            number, rest = "0", key
        kind, colon, name = rest.partition(":")
        if not colon or kind not in ("input", "output", "slack"):
            kind, name = "input", rest
        example = sets.setdefault(int(number), Example({}, {}, {}))
        {"input": example.inputs, "output": example.outputs, "slack": example.slack}[kind][name] = array
    if not sets:
        raise InvalidArgumentError(f"'{path}' holds no arrays")
    return [sets[number] for number in sorted(sets)]


def read_inputs(data: str | os.PathLike[str] | Mapping[str, Any] | Sequence[Arrays]) -> list[Arrays]:
    """Inputs from an ``.npz`` file, or given as a mapping, or several of these."""
    if isinstance(data, Sequence) and not isinstance(data, str):
        return list(data)
    if isinstance(data, Mapping):
        return [{str(name): np.asarray(array) for name, array in data.items()}]
    return [example.inputs for example in read(data)]


def _arrays(path: str | os.PathLike[str]) -> Arrays:
    if not Path(path).is_file():
        raise InvalidSourceError(f"'{path}' does not exist" if not Path(path).exists() else f"'{path}' is no file")
    try:
        with open(path, "rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if not hasattr(loaded, "files"):
                raise InvalidSourceError(f"'{path}' holds one array without a name, and no .npz archive")
            return {key: loaded[key] for key in loaded.files}
    except (ValueError, EOFError, zipfile.BadZipFile, OSError, KeyError, AttributeError) as error:
        raise InvalidSourceError(f"'{path}' is no readable .npz file: {str(error).splitlines()[0]}") from error


def _storable(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype != STRING:
        return np.asarray(array)
    flat = [v if isinstance(v, bytes) else str(v).encode() for v in array.reshape(-1)]
    try:
        return np.array([v.decode() for v in flat], str).reshape(array.shape)
    except UnicodeDecodeError:
        return np.array(flat, bytes).reshape(array.shape)
