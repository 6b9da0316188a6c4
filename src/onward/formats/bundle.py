"""TensorBundle: the checkpoint format of TensorFlow 2 (and of 1 since 0.12), and what a SavedModel keeps variables in.

``<prefix>.index`` is a table (:mod:`onward.formats.table`) from tensor names to ``BundleEntryProto``; the bytes lie in
``<prefix>.data-00000-of-0000N``. Source: tensorflow/core/util/tensor_bundle.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.arrays import LazyArray
from onward.errors import InvalidSourceError
from onward.formats.dtypes import STRING, dtype_of
from onward.formats.protos import message
from onward.formats.table import read_table
from onward.formats.values import shape_of
from onward.formats.wire import map_file

_HEADER = b""
_LITTLE_ENDIAN = 0


class Bundle:
    """A checkpoint, opened. Arrays are read-only views of the mapped files.

    Args:
        prefix: the path without ``.index``.

    Raises:
        InvalidSourceError: the index is missing, damaged, or written on a big-endian machine.
    """

    def __init__(self, prefix: str | os.PathLike[str]) -> None:
        self.prefix = os.fspath(prefix)
        index = f"{self.prefix}.index"
        self._entries = read_table(map_file(index), index)
        if _HEADER not in self._entries:
            raise InvalidSourceError(f"{index} is damaged: it has no header")
        header = self._parse("BundleHeaderProto", self._entries[_HEADER], "its header")
        if header.endianness != _LITTLE_ENDIAN:
            raise InvalidSourceError(f"{index} was written on a big-endian machine, which is not supported")
        self._shards: dict[int, memoryview] = {}
        self._count = header.num_shards

    def __contains__(self, name: str) -> bool:
        return name.encode() in self._entries

    def __iter__(self) -> Iterator[str]:
        """The names of all tensors, sorted; slices of partitioned ones are no tensors of their own."""
        return (key.decode("utf-8", "replace") for key in self._entries if key and key[0:1] != b"\0")

    def __getitem__(self, name: str) -> NDArray[Any] | LazyArray:
        """The tensor `name`; lazy where it has to be put together from slices, strings as an object array of bytes.

        Raises:
            InvalidSourceError: there is no such tensor, or its data is missing or cut short.
        """
        return self._tensor(name.encode(), name)

    def _tensor(self, key: bytes, name: str) -> NDArray[Any] | LazyArray:
        if key not in self._entries:
            raise InvalidSourceError(f"{self.prefix}.index holds no tensor '{name}'")
        entry = self._parse("BundleEntryProto", self._entries[key], f"its entry '{name}'")
        dtype, shape = dtype_of(entry.dtype), shape_of(entry.shape)
        if shape is None or None in shape:
            raise InvalidSourceError(f"tensor '{name}' in {self.prefix}.index has no definite shape")
        sizes: tuple[int, ...] = shape  # type: ignore[assignment]
        if entry.slices:
            return LazyArray(sizes, dtype, lambda: self._assemble(name, entry.slices, sizes, dtype))
        data = self._data(entry, name)
        count = math.prod(sizes)
        if dtype == STRING:
            return self._strings(data, count, name).reshape(sizes)
        if len(data) != count * dtype.itemsize:
            raise InvalidSourceError(
                f"tensor '{name}' in {self.prefix} should have {count * dtype.itemsize} bytes, not {len(data)}"
            )
        return np.frombuffer(data, dtype).reshape(sizes)

    def _data(self, entry: Any, name: str) -> memoryview:
        if not 0 <= entry.shard_id < self._count:
            raise InvalidSourceError(f"tensor '{name}' lies in file {entry.shard_id} of {self._count}")
        if entry.shard_id not in self._shards:
            self._shards[entry.shard_id] = map_file(self._file(entry.shard_id))
        shard = self._shards[entry.shard_id]
        if entry.offset < 0 or entry.size < 0 or entry.offset + entry.size > len(shard):
            raise InvalidSourceError(
                f"{self._file(entry.shard_id)} is cut short: it has {len(shard)} bytes, and tensor '{name}' "
                f"ends at {entry.offset + entry.size}"
            )
        return shard[entry.offset : entry.offset + entry.size]

    def _file(self, shard: int) -> str:
        return f"{self.prefix}.data-{shard:05d}-of-{self._count:05d}"

    def _strings(self, data: memoryview, count: int, name: str) -> NDArray[Any]:
        """Lengths as base-128 numbers, a checksum of them, the bytes of all strings."""
        lengths, position = [], 0
        if count > len(data):
            raise InvalidSourceError(
                f"tensor '{name}' in {self.prefix} cannot hold {count} strings in {len(data)} bytes"
            )
        for _ in range(count):
            value = shift = 0
            while position < len(data):
                byte = data[position]
                position += 1
                value |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            lengths.append(value)
        position += 4
        strings = np.empty(count, object)
        for i, length in enumerate(lengths):
            strings[i] = bytes(data[position : position + length])
            position += length
        if position != len(data):
            raise InvalidSourceError(f"the strings of tensor '{name}' in {self.prefix} are damaged")
        return strings

    def _assemble(self, name: str, slices: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        whole = np.empty(shape, dtype)
        covered = 0
        for part in slices:
            extents = [(e.start, e.length if e.HasField("length") else -1) for e in part.extent]
            values = np.asarray(self._tensor(_slice_key(name, extents), f"a slice of {name}"))
            place = tuple(slice(start, None if length < 0 else start + length) for start, length in extents)
            if len(place) != len(shape) or whole[place].shape != values.shape:
                raise InvalidSourceError(f"the slices of tensor '{name}' in {self.prefix}.index do not fit together")
            whole[place] = values
            covered += values.size
        if covered != whole.size:
            raise InvalidSourceError(f"the slices of tensor '{name}' in {self.prefix}.index do not make up the whole")
        return whole

    def _parse(self, kind: str, data: bytes, what: str) -> Any:
        from google.protobuf.message import DecodeError

        proto = message(kind)()
        try:
            proto.ParseFromString(data)
        except DecodeError as error:
            raise InvalidSourceError(f"{self.prefix}.index is damaged: {what} cannot be read") from error
        return proto


def _slice_key(name: str, extents: list[tuple[int, int]]) -> bytes:
    """The key of a slice, in the order-preserving code of tensorflow/core/lib/strings/ordered_code."""
    key = b"\0" + name.encode().replace(b"\xff", b"\xff\0").replace(b"\0", b"\0\xff") + b"\0\x01"
    key += _unsigned(len(extents))
    for start, length in extents:
        key += _signed(start) + _signed(length)
    return key


def _unsigned(value: int) -> bytes:
    digits = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([len(digits)]) + digits


def _signed(value: int) -> bytes:
    """A number in two's complement, its first bits turned over: as many as it has bytes."""
    if -64 <= value < 64:
        return bytes([0x80 ^ (value & 0xFF)])
    magnitude = ~value if value < 0 else value
    length = magnitude.bit_length() // 7 + 1
    header = (0xFFFF << (16 - length)) & 0xFFFF
    digits = bytearray(struct.pack(">q", value).rjust(10, b"\xff" if value < 0 else b"\0")[-length:])
    digits[0] ^= header >> 8
    digits[1] ^= header & 0xFF
    return bytes(digits)
