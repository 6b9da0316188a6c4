"""Protobuf messages described by a table, at run time, in a descriptor pool of their own.

A private pool lets them live beside TensorFlow's and onnx's in one process, and nothing generated means that one wheel
serves protobuf 4.25 to 7.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from onward.errors import MissingDependencyError

_SCALARS = {
    "double": 1, "float": 2, "int64": 3, "uint64": 4, "int32": 5, "fixed32": 7, "bool": 8, "string": 9, "bytes": 12,
    "uint32": 13, "sint64": 18,
}  # fmt: skip
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3


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

    def message(self, name: str) -> Any:
        """The class of the message type `name`.

        Raises:
            MissingDependencyError: protobuf runs without its C extension; it would need minutes where that needs
                seconds.
        """
        return self._classes[name]

    @functools.cached_property
    def _classes(self) -> dict[str, Any]:
        from google.protobuf import descriptor_pool, message_factory
        from google.protobuf.internal import api_implementation

        if api_implementation.Type() == "python":
            raise MissingDependencyError(
                "protobuf runs in pure Python here, which is a thousand times too slow for models: unset "
                "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION, or reinstall it with `pip install --force-reinstall protobuf`"
            )
        pool = descriptor_pool.DescriptorPool()
        tokens = self._tokens()
        pool.AddSerializedFile(self._file(tokens).SerializeToString())
        return {
            name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{self.package}.{name}"))
            for name in tokens
        }

    def _tokens(self) -> dict[str, list[str]]:
        messages: dict[str, list[str]] = {}
        fields: list[str] = []
        for line in self.table.splitlines():
            words = line.split()
            if words and not line.startswith(" "):
                fields = messages.setdefault(words.pop(0), [])
            fields += words
        return messages

    def _file(self, tokens: dict[str, list[str]]) -> Any:
        from google.protobuf import descriptor_pb2

        name = f"{self.package.replace('.', '/')}.proto"
        file = descriptor_pb2.FileDescriptorProto(name=name, package=self.package, syntax=self.syntax)
        for name, fields in tokens.items():
            described = file.message_type.add(name=name)
            for token in fields:
                self._add_field(described, token)
        return file

    def _add_field(self, described: Any, token: str) -> None:
        name, number, kind = re.split("[=:]", token)
        field = described.field.add(name=name, number=int(number), label=_OPTIONAL)
        if kind.startswith("["):
            field.label = _REPEATED
            entry = described.nested_type.add(name="".join(word.capitalize() for word in name.split("_")) + "Entry")
            entry.options.map_entry = True
            kinds = kind.strip("[]").split(",")
            for i, (part, kind_of) in enumerate(zip(("key", "value"), kinds, strict=True), start=1):
                self._set_type(entry.field.add(name=part, number=i, label=_OPTIONAL), kind_of)
            field.type, field.type_name = _MESSAGE, f".{self.package}.{described.name}.{entry.name}"
            return
        if kind.endswith("*"):
            field.label = _REPEATED
        elif kind.endswith("?"):
            if not described.oneof_decl:
                described.oneof_decl.add(name="kind")
            field.oneof_index = 0
        self._set_type(field, kind.rstrip("*?"))

    def _set_type(self, field: Any, kind: str) -> None:
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
        else:
            field.type, field.type_name = _MESSAGE, f".{self.package}.{kind}"
