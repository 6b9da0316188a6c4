"""Dtypes that an operator's schema or its kernels lack are computed in a wider one and cast back.

``kernels.tsv`` records what ONNX Runtime's CPU provider has kernels for. float16 needs no help where the schema
admits it: the runtime inserts those casts itself.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.dtypes import BFLOAT16, FLOAT16, SCHEMA_TYPES
from onward.ir import Value
from onward.lowering.schema import Signature, admitting

if TYPE_CHECKING:
    from onward.lowering.builder import Builder

# In order of preference: the first that the operator can do.
WIDER: dict[np.dtype, tuple[np.dtype, ...]] = {
    np.dtype(narrow): tuple(np.dtype(w) for w in wide.split())
    for narrow, wide in {
        "bool": "uint8 int32 int64 float32",
        "int8": "int16 int32 int64 float32",
        "uint8": "int16 int32 int64 float32",
        "int16": "int32 int64 float32",
        "uint16": "int32 int64 float32",
        "int32": "int64 float64 float32",
        "uint32": "int64 float64 float32",
        "int64": "int32 float64 float32",
        "uint64": "int64 float64 float32",
        "float16": "float32",
        "float64": "float32",
    }.items()
} | {BFLOAT16: (np.dtype("float32"),)}


@cache
def _lines() -> dict[str, list[str]]:
    """The table's lines by operator."""
    table: dict[str, list[str]] = {}
    for line in Path(__file__).with_name("kernels.tsv").read_text(encoding="utf-8").splitlines():
        table.setdefault(line[: line.find("\t")], []).append(line)
    return table


@cache
def _kernels(op: str) -> list[tuple[int, int, dict[str, frozenset[np.dtype]]]]:
    """An operator's kernels: the first and last version each serves, and the dtypes by type variable."""
    found = []
    for line in _lines().get(op, ()):
        _, first, last, *columns = line.split("\t")
        types = {}
        for column in columns:
            name, _, dtypes = column.partition("=")
            types[name] = frozenset(SCHEMA_TYPES[d] for d in dtypes.split(",") if d in SCHEMA_TYPES)
        found.append((int(first), int(last), types))
    return found


@cache
def runnable(op: str, since: int, type_name: str) -> frozenset[np.dtype] | None:
    """The dtypes with a kernel for one of an operator's type variables, None where the table does not say."""
    for first, last, types in _kernels(op):
        if first <= since <= last and type_name in types:
            return types[type_name]
    return None


@cache
def _wider(op: str, domain: str, since: int, type_name: str, admitted: frozenset, dtype: np.dtype) -> np.dtype | None:
    if dtype == FLOAT16 and dtype in admitted:
        return None
    kernels = None if domain else runnable(op, since, type_name)
    allowed = admitted if kernels is None else admitted & kernels
    if dtype in allowed:
        return None
    wide = next((w for w in WIDER.get(dtype, ()) if w in allowed), None)
    if wide is None and dtype not in admitted:
        later = None if domain else admitting(op, type_name, dtype)
        if later is not None:
            raise NotImplementedError(f"needs opset {later} or higher: ONNX {op}-{since} takes no {dtype.name}")
        names = ", ".join(sorted(d.name for d in admitted))
        raise ValueError(f"ONNX {op}-{since} takes {names} for {type_name}, not {dtype.name}")
    return wide


def widened(formal: Signature, inputs: list[Value | None]) -> dict[str, np.dtype]:
    """For each type variable that cannot stay as it is, the dtype to compute in."""
    result: dict[str, np.dtype] = {}
    for i, value in enumerate(inputs):
        if value is None:
            continue
        parameter = formal.formal(i)
        if not parameter.dtypes:
            continue
        wide = _wider(formal.op, formal.domain, formal.since, parameter.type, parameter.dtypes, value.dtype)
        if wide is not None:
            result[parameter.type] = wide
    return result


def emit(
    op: Builder, formal: Signature, inputs: list[Value | None], attrs: dict[str, Any], outputs: int,
    wide: dict[str, np.dtype],
) -> Any:  # fmt: skip
    """Casts the inputs to the wider dtypes, emits the operator, and casts its outputs back."""
    narrow: dict[str, np.dtype] = {}
    cast: list[Value | None] = []
    for i, value in enumerate(inputs):
        variable = formal.formal(i).type
        if value is not None and variable in wide:
            narrow[variable] = value.dtype
            value = op.Cast(value, to=wide[variable])
        cast.append(value)
    results = op.append(formal, cast, attrs, outputs)
    restored = tuple(
        op.Cast(value, to=narrow[formal.outputs[min(i, len(formal.outputs) - 1)].type])
        if formal.outputs[min(i, len(formal.outputs) - 1)].type in narrow
        else value
        for i, value in enumerate([results] if outputs == 1 else results)
    )
    return restored[0] if outputs == 1 else restored
