"""FlexBuffers, in which TFLite's custom operators keep their options: self-describing values of Python's kinds.

The format is described at https://flatbuffers.dev/internals#flexbuffers: values of 1, 2, 4 or 8 bytes, offsets that
point backwards, and beside each vector or in its type what its elements are.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from onward.errors import InvalidSourceError

_NULL, _INT, _UINT, _FLOAT, _KEY, _STRING, _INDIRECT_INT, _INDIRECT_UINT, _INDIRECT_FLOAT, _MAP, _VECTOR = range(11)
_TYPED, _FIXED, _BLOB, _BOOL, _BOOLS = range(11, 16), range(16, 25), 25, 26, 36
_SCALARS = {_INT: "bhiq", _UINT: "BHIQ", _FLOAT: "\0efd", _BOOL: "BHIQ"}
_INDIRECT = {_INDIRECT_INT: _INT, _INDIRECT_UINT: _UINT, _INDIRECT_FLOAT: _FLOAT}
_MOST = 100_000  # values, where they are shared counted once for each use
_DEEPEST = 50


def decode(data: bytes) -> Any:
    """The value: a number, bool, None, text (a key: str, a string or blob: bytes), list or dict.

    Raises:
        InvalidSourceError: the bytes are no FlexBuffer.
    """
    if len(data) < 3:
        raise InvalidSourceError(f"{len(data)} bytes are no FlexBuffer")
    return _Reader(data).value(_Place(len(data) - 2 - data[-1], data[-1], data[-2]), 0)


class _Place(NamedTuple):
    """Where a value or the offset to it is, its width in bytes, its packed type (with the width behind an offset)."""

    at: int
    width: int
    packed: int


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._count = 0

    def value(self, place: _Place, depth: int) -> Any:
        self._count += 1
        if self._count > _MOST or depth > _DEEPEST:
            raise InvalidSourceError("a FlexBuffer holds too much")
        kind, width = place.packed >> 2, 1 << (place.packed & 3)
        if kind == _NULL:
            return None
        if kind in _SCALARS:
            number = self._scalar(kind, place.at, place.width)
            return bool(number) if kind == _BOOL else number
        at = self._follow(place)
        if kind in _INDIRECT:
            return self._scalar(_INDIRECT[kind], at, width)
        if kind == _KEY:
            return self._key(at)
        if kind in (_STRING, _BLOB):
            return self._bytes(at, self._size(at, width))
        if kind == _MAP:
            return self._map(at, width, depth)
        if kind == _VECTOR:
            size = self._size(at, width)
            return [self.value(_Place(at + i * width, width, self._type(at, size, width, i)), depth + 1)
                    for i in range(size)]  # fmt: skip
        return self._typed(kind, at, width, depth)

    def _typed(self, kind: int, at: int, width: int, depth: int) -> list[Any]:
        """A vector of which all elements are of the same kind."""
        if kind in _FIXED:
            size, element = 2 + (kind - 16) // 3, _INT + (kind - 16) % 3
        elif kind in _TYPED or kind == _BOOLS:
            size, element = self._size(at, width), _BOOL if kind == _BOOLS else kind - 10
        else:
            raise InvalidSourceError(f"a FlexBuffer holds a value of the unknown type {kind}")
        # What lies behind the offsets of keys and strings is of one byte.
        return [self.value(_Place(at + i * width, width, element << 2), depth + 1) for i in range(size)]

    def _map(self, at: int, width: int, depth: int) -> dict[str, Any]:
        size = self._size(at, width)
        keys_at = self._follow(_Place(at - 3 * width, width, 0))
        keys_width = int(self._scalar(_UINT, at - 2 * width, width))
        found = {}
        for i in range(size):
            key = self._key(self._follow(_Place(keys_at + i * keys_width, keys_width, 0)))
            found[key] = self.value(_Place(at + i * width, width, self._type(at, size, width, i)), depth + 1)
        return found

    def _scalar(self, kind: int, at: int, width: int) -> Any:
        if width not in (1, 2, 4, 8) or (kind == _FLOAT and width == 1):
            raise InvalidSourceError(f"a FlexBuffer holds a number of {width} bytes")
        code = _SCALARS[kind][width.bit_length() - 1]
        return struct.unpack(f"<{code}", self._bytes(at, width))[0]

    def _follow(self, place: _Place) -> int:
        return place.at - int(self._scalar(_UINT, place.at, place.width))

    def _size(self, at: int, width: int) -> int:
        size = int(self._scalar(_UINT, at - width, width))
        self._bytes(at, size)  # an element takes a byte at least
        return size

    def _type(self, at: int, size: int, width: int, i: int) -> int:
        """The packed type of a vector's element."""
        return self._bytes(at + size * width + i, 1)[0]

    def _key(self, at: int) -> str:
        end = self._data.find(b"\0", max(at, 0))
        if end < 0:
            raise InvalidSourceError("a key of a FlexBuffer has no end")
        return self._bytes(at, end - at).decode("utf-8", "replace")

    def _bytes(self, at: int, size: int) -> bytes:
        if at < 0 or at + size > len(self._data):
            raise InvalidSourceError(f"a FlexBuffer refers to {size} bytes at byte {at} of {len(self._data)}")
        return self._data[at : at + size]
