"""Checkpoints by their prefix: the TensorBundle, and the format before it (TensorFlow 0.x, ``write_version=V1``).

The older format is one table (:mod:`onward.formats.table`), or one for each shard: under the empty key a
``SavedTensorSlices`` lists tensors, under every other key one holds a slice with its values. Source:
tensorflow/core/util/saved_tensor_slice.proto, tensor_slice_writer.h.
"""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.arrays import LazyArray
from onward.errors import InvalidSourceError
from onward.formats.bundle import Bundle
from onward.formats.dtypes import dtype_of
from onward.formats.protos import message
from onward.formats.table import read_table
from onward.formats.values import array, shape_of
from onward.formats.wire import map_file

_TABLE_OF_CONTENTS = b""


def open_checkpoint(prefix: str | os.PathLike[str]) -> Bundle | Slices:
    """The variables of a checkpoint, by name.

    Raises:
        InvalidSourceError: its files are missing or damaged.
    """
    prefix = os.fspath(prefix)
    if not os.path.exists(f"{prefix}.index"):
        shards = [prefix] if os.path.isfile(prefix) else sorted(glob.glob(f"{glob.escape(prefix)}-?????-of-?????"))
        if shards:
            return Slices(prefix, shards)
    return Bundle(prefix)


class Slices:
    """A checkpoint in the older format.

    Args:
        prefix: what to call it in an error.
        files: its shards.

    Raises:
        InvalidSourceError: a shard is damaged.
    """

    def __init__(self, prefix: str, files: list[str]) -> None:
        self.prefix = prefix
        self._found: dict[str, list[tuple[Any, bytes]]] = {}  # the slices of each tensor: which, and their messages
        self._types: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
        for file in files:
            table = read_table(map_file(file), file)
            for entry in self._parse(table.pop(_TABLE_OF_CONTENTS, b"")).meta.tensor:
                shape = shape_of(entry.shape)
                if shape is None or None in shape:
                    raise InvalidSourceError(f"tensor '{entry.name}' in {file} has no definite shape")
                self._types[entry.name] = (dtype_of(entry.type), shape)  # type: ignore[assignment]
            for value in table.values():
                data = self._parse(value).data
                self._found.setdefault(data.name, []).append((data.slice, value))

    def __contains__(self, name: str) -> bool:
        return name in self._types and name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._types))

    def __getitem__(self, name: str) -> NDArray[Any] | LazyArray:
        """The tensor `name`.

        Raises:
            InvalidSourceError: there is no such tensor, or parts of it are missing.
        """
        if name not in self:
            raise InvalidSourceError(f"{self.prefix} holds no tensor '{name}'")
        dtype, shape = self._types[name]
        return LazyArray(shape, dtype, lambda: self._assembled(name, dtype, shape))

    def _assembled(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        covered, parts = 0, []
        for part, value in self._found[name]:
            place = tuple(
                slice(e.start, e.start + e.length if e.HasField("length") else None) for e in part.extent
            )  # no extents: the whole
            sizes = tuple(len(range(*p.indices(d))) for p, d in zip(place, shape, strict=False)) if place else shape
            proto = self._parse(value).data.data
            proto.dtype = _number(dtype, proto)
            proto.ClearField("tensor_shape")
            proto.tensor_shape.SetInParent()
            for size in sizes:
                proto.tensor_shape.dim.add(size=size)
            values = array(proto)
            covered += values.size
            parts.append((place, values))
        if covered != math.prod(shape):
            raise InvalidSourceError(f"the slices of tensor '{name}' in {self.prefix} do not make up the whole")
        whole = np.empty(shape, dtype)
        for place, values in parts:
            whole[place] = values
        return whole

    def _parse(self, data: bytes) -> Any:
        from google.protobuf.message import DecodeError

        proto = message("SavedTensorSlices")()
        try:
            proto.ParseFromString(data)
        except DecodeError as error:
            raise InvalidSourceError(f"{self.prefix} is damaged: {error}") from error
        return proto


def _number(dtype: np.dtype[Any], proto: Any) -> int:
    from onward.formats.dtypes import NAMES, NUMBERS

    return int(proto.dtype) or NUMBERS[NAMES[dtype]]
