"""Protobuf messages described by a table, at run time, in a descriptor pool of their own.

A private pool lets them live beside TensorFlow's and onnx's in one process, and nothing generated means that one wheel
serves protobuf 4.25 to 7. The table becomes a serialised ``FileDescriptorProto`` here (field numbers: protobuf's
``descriptor.proto``), for that message's class takes longer to import than all of ours take to make.
"""

from __future__ import annotations

import re
import threading
from typing import Any

from onward.errors import MissingDependencyError

_SCALARS = {
    "double": 1, "float": 2, "int64": 3, "uint64": 4, "int32": 5, "fixed32": 7, "bool": 8, "string": 9, "bytes": 12,
    "uint32": 13, "sint64": 18,
}  # fmt: skip
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3
_MAP_ENTRY = {7: 1}  # MessageOptions.map_entry


class Messages:
    """Message types of one package.

    Args:
        package: a name that no other package has.
        syntax: ``proto2`` or ``proto3``: whether a default value that was set is written.
        table: a line for each message type, its name and fields; a line that begins with a blank goes on. A field is
            ``name=number:type``, then ``*`` if repeated, ``?`` if in the oneof of the message; ``[K,V]`` is a map.
            Enums are held as int32.
    """

    def __init__(self, package: str, syntax: str, table: str) -> None:
        self.package = package
        self.syntax = syntax
        self.table = table
        self._classes: dict[str, Any] = {}
        self._lock = threading.Lock()

    def message(self, name: str) -> Any:
        """The class of the message type `name`.

        Raises:
            MissingDependencyError: protobuf runs without its C extension; it would need minutes where that needs
                seconds.
        """
        if not self._classes:
            # All at once: protobuf makes the class of a field's message when the field is first read, and where two
            # threads do that at the same time it ends in a segmentation fault.
            with self._lock:
                self._classes = self._classes or self._made()
        return self._classes[name]

    def _made(self) -> dict[str, Any]:
        from google.protobuf import descriptor_pool, message_factory
        from google.protobuf.internal import api_implementation

        if api_implementation.Type() == "python":
            raise MissingDependencyError(
                "protobuf runs in pure Python here, which is a thousand times too slow for models: unset "
                "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION, or reinstall it with `pip install --force-reinstall protobuf`"
            )
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(self._file())
        return {
            name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{self.package}.{name}"))
            for name in self.tokens()
        }

    def tokens(self) -> dict[str, list[str]]:
        """The fields of each message type as the table writes them."""
        messages: dict[str, list[str]] = {}
        fields: list[str] = []
        for line in self.table.splitlines():
            words = line.split()
            if words and not line.startswith(" "):
                fields = messages.setdefault(words.pop(0), [])
            fields += words
        return messages

    def _file(self) -> bytes:
        """The FileDescriptorProto."""
        name = f"{self.package.replace('.', '/')}.proto"
        messages = [self._message(name, fields) for name, fields in self.tokens().items()]
        return encoded({1: name, 2: self.package, 4: messages, 12: self.syntax})

    def _message(self, name: str, tokens: list[str]) -> bytes:
        """The DescriptorProto of a message type."""
        entries = []
        fields = []
        for token in tokens:
            field, number, kind = re.split("[=:]", token)
            label, choice = _OPTIONAL, None
            if kind.startswith("["):
                label = _REPEATED
                entry = "".join(word.capitalize() for word in field.split("_")) + "Entry"
                key, value = kind.strip("[]").split(",")
                parts = [self._field("key", 1, key), self._field("value", 2, value)]
                entries.append(encoded({1: entry, 2: parts, 7: encoded(_MAP_ENTRY)}))
                kind = f"{name}.{entry}"
            elif kind.endswith("*"):
                label = _REPEATED
            elif kind.endswith("?"):
                choice = 0
            fields.append(self._field(field, int(number), kind.rstrip("*?"), label, choice))
        oneofs = [encoded({1: "kind"})] if any(token.endswith("?") for token in tokens) else []
        return encoded({1: name, 2: fields, 3: entries, 8: oneofs})

    def _field(self, name: str, number: int, kind: str, label: int = _OPTIONAL, choice: int | None = None) -> bytes:
        """The FieldDescriptorProto of a field."""
        scalar = _SCALARS.get(kind)
        type_name = f".{self.package}.{kind}" if scalar is None else None
        return encoded({1: name, 3: number, 4: label, 5: scalar or _MESSAGE, 6: type_name, 9: choice})


def encoded(fields: dict[int, Any]) -> bytes:
    """A message in protobuf's wire format, from integers, texts, bytes and lists of bytes by field number."""
    parts = []
    for number, value in fields.items():
        if isinstance(value, int):
            parts.append(varint(number << 3) + varint(value))
        elif value is not None:
            tag = varint(number << 3 | 2)
            for one in value if isinstance(value, list) else (value,):
                data = one.encode() if isinstance(one, str) else one
                parts += (tag, varint(len(data)), data)
    return b"".join(parts)


def varint(value: int) -> bytes:
    """A number in as many bytes as it needs, seven bits in each."""
    if value <= 0x7F:
        return bytes((value,))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
