"""Lookup tables: their contents are constants, and a lookup is one ``LabelEncoder``.

ONNX has no resources, so a table that the graph itself fills or changes while it runs has no form here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dtypes import FLOAT32, FLOAT64, INT64, STRING, is_integer
from onward.graph import Node, Table
from onward.ir import Value
from onward.lowering import Context
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.lowering.schema import ML_DOMAIN
from onward.ops.source import Resource

# ai.onnx.ml LabelEncoder, attributes by dtype: what it calls keys, values and the default of that dtype.
_NAMES = {STRING: "string", INT64: "int64", FLOAT32: "float"}
# The dtype in which LabelEncoder sees keys or values of a kind.
_CARRIERS = {"i": INT64, "u": INT64, "b": INT64, "O": STRING}


@lower(
    "HashTable", "HashTableV2", "MutableHashTable", "MutableHashTableV2", "MutableHashTableOfTensors",
    "MutableHashTableOfTensorsV2", "MutableDenseHashTable", "MutableDenseHashTableV2", "AnonymousHashTable",
    "AnonymousMutableHashTable", "AnonymousMutableHashTableOfTensors", "AnonymousMutableDenseHashTable", context=True,
)  # fmt: skip
def table(context: Context, node: Node, *empty_keys: Value) -> Resource:
    """The handle of a table whose contents the source knows."""
    if not isinstance(node.value, Table):
        raise Unsupported("the table's contents are not known: it was never initialised")
    return Resource(node)


@lower("LookupTableFind", "LookupTableFindV2")
def find(op: Builder, table: Resource, keys: Value, default: Value) -> Value:
    """The value of each key, ``default`` for a key that the table does not have."""
    contents = _sorted(table.node.value)
    labels, number = _carrier(contents.keys.dtype), default.dtype
    if len(contents.keys) == 0:
        return op.Expand(default, op.Concat(op.shape(keys), op.shape(default), axis=0))
    keys = op.Cast(keys, to=labels)
    carrier = FLOAT32 if number == FLOAT32 else _CARRIERS.get(number.kind)
    if contents.values.ndim == 1 and carrier is not None and default.array is not None and default.array.size == 1:
        encoded = encode(op, keys, contents.keys, contents.values.astype(carrier), default.array.item())
        return op.Cast(encoded, to=number)
    size = len(contents.keys)
    row = encode(op, keys, contents.keys, np.arange(size), size)
    if default.rank == contents.values.ndim:  # a default for each key
        found = op.Gather(np.concatenate([contents.values, contents.values[:1]]), row)
        missing = op.Equal(row, size)
        for _ in contents.values.shape[1:]:
            missing = op.Unsqueeze(missing, axes=[-1])
        return op.Where(missing, default, found)
    return op.Gather(op.Concat(contents.values, op.Unsqueeze(default, axes=[0]), axis=0), row)


@lower("LookupTableSize", "LookupTableSizeV2")
def size(op: Builder, table: Resource) -> Value:
    """How many keys the table has."""
    return op.constant(np.array(len(table.node.value.keys), np.int64))


@lower("LookupTableExport", "LookupTableExportV2")
def export(op: Builder, table: Resource) -> tuple[Value, Value]:
    """All keys and values; TensorFlow leaves the order open, here it is that of the keys."""
    contents = _sorted(table.node.value)
    return op.constant(contents.keys), op.constant(contents.values)


def encode(op: Builder, keys: Value, known: np.ndarray, labels: np.ndarray, default: Any) -> Value:
    """The label of each key.

    Args:
        keys: strings, int64 or float32.
        known: the keys that have a label, of the same dtype.
        labels: their labels: strings, int64 or float32.
        default: the label of any other key.
    """
    result = np.dtype(labels.dtype)
    attrs = {
        f"keys_{_NAMES[keys.dtype]}s": known.tolist(),
        f"values_{_NAMES[result]}s": labels.tolist(),
        f"default_{_NAMES[result]}": default if result == STRING else result.type(default).item(),
    }
    return op.node("LabelEncoder", [keys], attrs, [(result, keys.shape)], domain=ML_DOMAIN)[0]


def _sorted(contents: Table) -> Table:
    """By key, for TensorFlow's own order differs from run to run."""
    order = np.argsort(contents.keys, kind="stable")
    return Table(contents.keys[order], contents.values[order])


def _carrier(dtype: np.dtype) -> np.dtype:
    if dtype == FLOAT32:
        return FLOAT32
    if dtype == FLOAT64:
        raise Unsupported("keys are float64, which LabelEncoder does not take")
    if not is_integer(dtype) and dtype.kind not in "bO":
        raise Unsupported(f"keys are {dtype.name}")
    return _CARRIERS[dtype.kind]
