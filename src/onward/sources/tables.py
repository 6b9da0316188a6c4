"""The contents of lookup tables, from the nodes that initialise them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidSourceError
from onward.formats.dtypes import STRING
from onward.graph import Graph, Node, Table

_IMPORTS = frozenset({"LookupTableImport", "LookupTableImportV2", "InitializeTable", "InitializeTableV2"})
_FROM_FILE = frozenset({"InitializeTableFromTextFile", "InitializeTableFromTextFileV2"})
INITIALIZERS = _IMPORTS | _FROM_FILE
_WHOLE_LINE, _LINE_NUMBER = -2, -1


def filled(initializer: Graph, table: Node) -> Table | None:
    """What the effects of `initializer` put into a table; None if it puts nothing there."""
    for node in initializer.effects:
        if node.op in INITIALIZERS:
            return contents(node, table)
    return None


def contents(node: Node, table: Node) -> Table:
    """What an initialising node puts into a table.

    Raises:
        InvalidSourceError: keys, values or the file are no constants, or the file cannot be read.
    """
    if len(node.inputs) < (3 if node.op in _IMPORTS else 2):
        raise InvalidSourceError(f"{node.op} '{node.name}' lacks inputs")
    if node.op in _IMPORTS:
        return Table(_constant(node, 1).ravel(), _constant(node, 2).ravel())
    attrs, file = node.attrs, _constant(node, 1)
    if file.dtype != STRING or file.size != 1 or not {"key_index", "value_index"} <= attrs.keys():
        raise InvalidSourceError(f"{node.op} '{node.name}' does not say which file and columns to read")
    try:
        with open(file.item(), "rb") as lines:
            found = [line.rstrip(b"\n").removesuffix(b"\r") for line in lines]
    except OSError as error:
        raise InvalidSourceError(f"the file of table '{table.name}' cannot be read: {error}") from error
    offset, size = int(attrs.get("offset", 0)), int(attrs.get("vocab_size", -1))
    rows = found[offset:] if size < 0 else found[offset : offset + size]
    delimiter = str(attrs.get("delimiter", "\t")).encode()
    keys = _column(rows, int(attrs["key_index"]), delimiter, table.attrs.get("key_dtype"), _text(file.item()))
    values = _column(rows, int(attrs["value_index"]), delimiter, table.attrs.get("value_dtype"), _text(file.item()))
    return Table(keys, values)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")


def _constant(node: Node, index: int) -> NDArray[Any]:
    source = node.inputs[index].node
    while source.op in ("Identity", "PlaceholderWithDefault"):
        source = source.inputs[0].node
    if source.op != "Const":
        raise InvalidSourceError(f"{node.op} '{node.name}' fills its table with what is no constant ({source.op})")
    return np.asarray(source.value)


def _column(rows: Iterable[bytes], index: int, delimiter: bytes, dtype: Any, file: str) -> NDArray[Any]:
    found: list[Any]
    try:
        if index == _LINE_NUMBER:
            found = [number for number, _ in enumerate(rows)]
        elif index == _WHOLE_LINE:
            found = list(rows)
        else:
            found = [row.split(delimiter)[index] for row in rows]
        if dtype is None or dtype == STRING:
            strings = np.empty(len(found), object)
            strings[:] = found
            return strings
        return np.array([int(v) if dtype.kind in "iu" else float(v) for v in found], dtype)
    except (IndexError, ValueError) as error:
        raise InvalidSourceError(f"{file} is not the table that the model expects: {error}") from error
