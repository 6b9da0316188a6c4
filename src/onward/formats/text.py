"""TensorFlow's messages as text (.pbtxt): protobuf's text format, with enums by name."""

from __future__ import annotations

import os
import re
from typing import Any

from onward.errors import InvalidSourceError
from onward.formats.dtypes import NUMBERS
from onward.formats.protos import message
from onward.formats.wire import map_file, parse

_HEAD = 4096  # bytes that tell text from binary
_FIRST = re.compile(rb"\s*(?:#[^\n]*\n\s*)*[A-Za-z_]\w*\s*[:{<]")
# The enums that occur beside dtypes: SaverDef.CheckpointFormatVersion and TypeSpecProto.TypeSpecClass.
_OTHERS = {
    "DT_INVALID": 0, "DT_HALF": 19, "DT_FLOAT": 1, "DT_DOUBLE": 2, "LEGACY": 0, "V1": 1, "V2": 2, "UNKNOWN": 0,
    "SPARSE_TENSOR_SPEC": 1, "INDEXED_SLICES_SPEC": 2, "RAGGED_TENSOR_SPEC": 3, "TENSOR_ARRAY_SPEC": 4,
    "DATA_DATASET_SPEC": 5, "DATA_ITERATOR_SPEC": 6, "OPTIONAL_SPEC": 7, "PER_REPLICA_SPEC": 8, "VARIABLE_SPEC": 9,
    "ROW_PARTITION_SPEC": 10, "REGISTERED_TYPE_SPEC": 12, "EXTENSION_TYPE_SPEC": 13,
}  # fmt: skip
# Strings are left alone; outside them, an enum's name is a number here (the private descriptors have no enums).
_WORDS = (
    rb'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|#[^\n]*|\b(?:DT_[A-Z0-9_]+|' + "|".join(_OTHERS).encode() + rb")\b"
)
_REF = 100


def parse_file(path: str | os.PathLike[str], kind: str) -> tuple[Any, list[memoryview]]:
    """The message of type `kind` in a file, binary or text; see :func:`onward.formats.wire.parse`.

    Raises:
        InvalidSourceError: the file cannot be read, is cut short, or holds no such message.
    """
    data = map_file(path)
    if is_text(data):
        return parse_text(data, kind, str(path)), []
    return parse(data, kind, str(path))


def is_text(data: bytes | memoryview) -> bool:
    """Whether a message is written as text rather than in binary."""
    head = bytes(data[:_HEAD])
    return b"\0" not in head and _FIRST.match(head) is not None and _printable(head)


def parse_text(data: bytes | memoryview, kind: str, name: str) -> Any:
    """The message of type `kind` in a text.

    Args:
        data: the text, in UTF-8.
        kind: a message type of :mod:`onward.formats.protos`.
        name: what to call the data in an error.

    Raises:
        InvalidSourceError: it is no such message.
    """
    from google.protobuf import text_format

    proto = message(kind)()
    try:
        text = re.sub(_WORDS, _number, bytes(data)).decode("utf-8")
        text_format.Parse(text, proto, allow_unknown_field=True)
    except (text_format.ParseError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InvalidSourceError(f"{name} is damaged or cut short: {error}") from error
    return proto


def _number(match: re.Match[bytes]) -> bytes:
    word = match.group()
    if word[:1] in b"\"'#":
        return word
    name = word.decode()
    plain = name.removesuffix("_REF")
    number = _OTHERS.get(plain, NUMBERS.get(plain.removeprefix("DT_").lower()))
    if number is None:
        return word
    return str(number + _REF * (plain != name)).encode()


def _printable(head: bytes) -> bool:
    control = sum(1 for byte in head if byte < 32 and byte not in b"\t\n\r\f")
    return control == 0
