"""Protobuf messages from files and buffers, with large tensors left where they are.

A model's constants can be most of its bytes. The scan follows the few fields on the way to ``tensor_content`` through
messages that are large enough to hold a large one, cuts it out, and hands the small rest to protobuf. The scan reads
nothing else, so its time goes with the number of nodes and not with their size.
"""

from __future__ import annotations

import mmap
import os
from typing import Any

from onward.errors import InvalidSourceError
from onward.formats.messages import varint
from onward.formats.protos import message

LARGE = 4096  # bytes of content that are worth leaving on disk
SMALL_FILE = 16 << 20  # bytes that protobuf reads as quickly as the scan would

# message -> field number -> message of that field
_PATH: dict[str, dict[int, str]] = {
    "SavedModel": {2: "MetaGraphDef"},
    "MetaGraphDef": {2: "GraphDef"},
    "GraphDef": {1: "NodeDef", 2: "FunctionDefLibrary"},
    "FunctionDefLibrary": {1: "FunctionDef"},
    "FunctionDef": {3: "NodeDef"},
    "NodeDef": {5: "AttrEntry"},
    "AttrEntry": {2: "AttrValue"},
    "AttrValue": {8: "TensorProto"},
    "TensorProto": {4: "content"},
}

_MAPPED_TAG = varint(536870911 << 3)  # TensorProto.mapped, a varint


def map_file(path: str | os.PathLike[str]) -> memoryview:
    """The file as read-only memory; pages are read when touched.

    Raises:
        InvalidSourceError: the file cannot be opened or is empty.
    """
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise InvalidSourceError(f"{path} is empty")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise InvalidSourceError(f"cannot read {path}: {error.strerror or error}") from error


def parse(data: bytes | memoryview, kind: str, name: str, scan_from: int = SMALL_FILE) -> tuple[Any, list[memoryview]]:
    """The message of type `kind` in `data`, and the pieces of `data` that its TensorProtos' ``mapped`` number.

    Args:
        data: the serialised message; must not change while the pieces are in use.
        kind: a message type of :mod:`onward.formats.protos`.
        name: what to call the data in an error.
        scan_from: the size in bytes from which large tensors are left out; smaller data is read whole.

    Raises:
        InvalidSourceError: the data is cut short or no such message.
    """
    from google.protobuf.message import DecodeError

    scan = _Scan(memoryview(data))
    proto = message(kind)()
    try:
        small: Any = scan.shorten(0, len(data), kind) if len(data) >= scan_from else data
        proto.ParseFromString(bytes(small) if isinstance(small, memoryview) else small)
    except (_Damaged, DecodeError) as error:
        raise InvalidSourceError(f"{name} is damaged or cut short: {error}") from error
    return proto, scan.pieces


class _Damaged(Exception):
    pass


class _Scan:
    """Copies a message without its large contents."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.pieces: list[memoryview] = []

    def shorten(self, start: int, end: int, kind: str) -> bytes:
        """The message of type `kind` at [start, end) with `mapped` where its large contents were.

        Recursion is as deep as `_PATH`, whatever the data.
        """
        data, fields = self.data, _PATH[kind]
        parts: list[bytes | memoryview] = []
        copied = position = start
        while position < end:
            field_start = position
            tag = data[position]
            position += 1
            if tag > 0x7F:
                tag, position = self._number(position - 1, end)
            wire_type = tag & 7
            if wire_type == 2:
                if position >= end:
                    raise _Damaged(f"a length is missing at byte {position}")
                length = data[position]
                position += 1
                if length > 0x7F:
                    length, position = self._number(position - 1, end)
                after = position + length
                if after > end:
                    raise _Damaged(f"{length} bytes are announced at byte {position}, {end - position} are left")
                if length >= LARGE and (tag >> 3) in fields:
                    parts.append(data[copied:field_start])
                    inner = fields[tag >> 3]
                    if inner == "content":
                        parts.append(_MAPPED_TAG + varint(len(self.pieces)))
                        self.pieces.append(data[position:after])
                    else:
                        body = self.shorten(position, after, inner)
                        parts.append(varint(tag) + varint(len(body)) + body)
                    copied = after
                position = after
            elif wire_type == 0:
                _, position = self._number(position, end)
            elif wire_type in (1, 5):
                position += 8 if wire_type == 1 else 4
                if position > end:
                    raise _Damaged(f"a number is cut at byte {end}")
            else:
                raise _Damaged(f"no field can begin at byte {field_start}")
        parts.append(data[copied:end])
        return b"".join(parts)

    def _number(self, position: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while position < end and shift < 70:
            byte = self.data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, position
            shift += 7
        raise _Damaged(f"a number is cut at byte {position}")
