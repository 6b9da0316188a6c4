"""FlatBuffers read in place, every offset checked before it is followed.

A table is a view of the file that decodes a field when it is asked for; vectors of numbers are arrays on the file's own
memory. The format is described at https://flatbuffers.dev/internals. A damaged file gives an InvalidSourceError, never
a read outside the file; nothing is recursive, so that cyclic offsets do no harm.
"""

from __future__ import annotations

import struct
from importlib import resources
from typing import Any, NamedTuple

import numpy as np

from onward.errors import InvalidSourceError

_SCALARS = {
    name: (struct.Struct(f"<{code}"), np.dtype(name).newbyteorder("<"))
    for name, code in {
        "bool": "?", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I",
        "int64": "q", "uint64": "Q", "float32": "f", "float64": "d",
    }.items()
}  # fmt: skip
_U16, _U32, _I32 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<i")
_FIRST_SLOT = 4  # bytes into a vtable


class Field(NamedTuple):
    """A field of a table: its slot, its type (a number's, ``string``, ``union`` or a table's name) and default."""

    slot: int
    type: str
    vector: bool
    default: Any


class Schema:
    """The tables and enumerations of a format, from the text that a script in ``scripts/`` writes.

    Attributes:
        tables: the fields of each table, by name.
        enums: the names of each enumeration's values, by number.
    """

    def __init__(self, text: str) -> None:
        self.tables: dict[str, dict[str, Field]] = {}
        self.enums: dict[str, dict[int, str]] = {}
        for line in text.splitlines():
            name, *parts = line.split("\t")
            if name.startswith("="):
                pairs = (part.split("=") for part in parts)
                self.enums[name[1:]] = {int(number): value for value, number in pairs}
            else:
                fields = (_field(slot, part) for slot, part in enumerate(parts) if part != "-")
                self.tables[name] = dict(fields)


def _field(slot: int, text: str) -> tuple[str, Field]:
    name, _, kind = text.partition(":")
    kind, _, default = kind.partition("=")
    vector = kind.startswith("[")
    kind = kind.strip("[]")
    if vector or kind not in _SCALARS:
        return name, Field(slot, kind, vector, None)
    number = {"bool": lambda t: t == "True", "float32": lambda t: float(t or 0)}.get(kind, lambda t: int(t or 0))
    return name, Field(slot, kind, vector, number(default))


class File:
    """The bytes of a file and their schema. ``name`` is for messages."""

    def __init__(self, data: memoryview, schema: Schema, name: str) -> None:
        self.data = data
        self.schema = schema
        self.name = name

    def root(self, table: str) -> Table:
        """The table that the file begins with."""
        return Table(self, table, self.follow(0))

    def read(self, form: struct.Struct, at: int) -> Any:
        """The number at a position.

        Raises:
            InvalidSourceError: the position is outside the file.
        """
        if not 0 <= at <= len(self.data) - form.size:
            raise self.damaged(f"it refers to byte {at} of {len(self.data)}")
        return form.unpack_from(self.data, at)[0]

    def follow(self, at: int) -> int:
        """Where the offset at a position leads."""
        return at + int(self.read(_U32, at))

    def bytes(self, at: int, size: int) -> memoryview:
        """A part of the file, which must be inside it."""
        if at < 0 or size < 0 or at + size > len(self.data):
            raise self.damaged(f"{size} bytes at byte {at} are not in it")
        return self.data[at : at + size]

    def damaged(self, fault: str) -> InvalidSourceError:
        """The error to raise for a fault."""
        return InvalidSourceError(f"{self.name} is damaged or cut short: {fault}")


class Table:
    """One table of a file: ``table["name"]`` is a field's value, its default where the file leaves it out.

    Numbers are Python's, strings ``str``, vectors of numbers read-only arrays, vectors of tables lists; an absent
    string, table or vector is None. A union is read with :meth:`union`.
    """

    __slots__ = ("_fields", "_size", "_vtable", "at", "file", "name")

    def __init__(self, file: File, name: str, at: int) -> None:
        self.file = file
        self.name = name
        self.at = at
        self._fields = file.schema.tables[name]
        self._vtable = at - int(file.read(_I32, at))
        self._size = int(file.read(_U16, self._vtable))

    def __contains__(self, field: str) -> bool:
        return field in self._fields

    def __getitem__(self, name: str) -> Any:
        field = self._field(name)
        at = self._position(field)
        if at is None:
            return field.default
        if field.vector:
            return self._vector(field.type, at)
        if field.type in _SCALARS:
            return self.file.read(_SCALARS[field.type][0], at)
        if field.type == "string":
            return self._string(self.file.follow(at))
        return Table(self.file, field.type, self.file.follow(at))

    def union(self, name: str, enum: str) -> Table | None:
        """The table in a union, whose type the field ``<name>_type`` tells by a value of `enum`."""
        at = self._position(self._field(name))
        number = self[f"{name}_type"]
        if at is None or number == 0:
            return None
        kind = self.file.schema.enums[enum].get(number)
        if kind not in self.file.schema.tables:
            raise self.file.damaged(f"{self.name} holds a {name} of the unknown type {number}")
        return Table(self.file, kind, self.file.follow(at))

    def enum(self, name: str, enum: str) -> str:
        """A field's value by its name in `enum`."""
        values = self.file.schema.enums[enum]
        number = self[name]
        if number not in values:
            raise self.file.damaged(f"{number} is no {enum}")
        return values[number]

    def extent(self, name: str) -> tuple[int, int]:
        """Where a vector of bytes begins, and its length; (0, 0) where it is absent."""
        at = self._position(self._field(name))
        if at is None:
            return 0, 0
        start = self.file.follow(at)
        count = int(self.file.read(_U32, start))
        self.file.bytes(start + 4, count)
        return start + 4, count

    def _field(self, name: str) -> Field:
        field = self._fields.get(name)
        if field is None:
            raise self.file.damaged(f"a {self.name} stands where something with {name} should")
        return field

    def _position(self, field: Field) -> int | None:
        slot = _FIRST_SLOT + 2 * field.slot
        if slot + 2 > self._size:
            return None
        offset = int(self.file.read(_U16, self._vtable + slot))
        return self.at + offset if offset else None

    def _string(self, at: int) -> str:
        size = int(self.file.read(_U32, at))
        return bytes(self.file.bytes(at + 4, size)).decode("utf-8", "replace")

    def _vector(self, kind: str, at: int) -> Any:
        start = self.file.follow(at)
        count = int(self.file.read(_U32, start))
        start += 4
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            return np.frombuffer(self.file.bytes(start, count * scalar[0].size), scalar[1])
        self.file.bytes(start, count * 4)
        places = [self.file.follow(start + 4 * i) for i in range(count)]
        return [self._string(p) for p in places] if kind == "string" else [Table(self.file, kind, p) for p in places]


def schema(name: str) -> Schema:
    """The schema in ``onward/formats/<name>.tsv``."""
    return Schema(resources.files("onward.formats").joinpath(f"{name}.tsv").read_text(encoding="utf-8"))
