"""TensorFlow's dtypes (core/framework/types.proto) as numpy dtypes.

Strings are ``object`` (their elements bytes). What numpy has no type for has a structured one, as in TensorFlow:
``RESOURCE``, ``VARIANT`` and the quantised integers.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from onward.errors import InvalidSourceError

STRING = np.dtype(object)
RESOURCE = np.dtype([("resource", np.uint8)])
VARIANT = np.dtype([("variant", np.uint8)])

_NAMES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string", 8: "complex64", 9: "int64",
    10: "bool", 11: "qint8", 12: "quint8", 13: "qint32", 14: "bfloat16", 15: "qint16", 16: "quint16", 17: "uint16",
    18: "complex128", 19: "float16", 20: "resource", 21: "variant", 22: "uint32", 23: "uint64", 24: "float8_e5m2",
    25: "float8_e4m3fn", 26: "float8_e4m3fnuz", 27: "float8_e4m3b11fnuz", 28: "float8_e5m2fnuz", 29: "int4",
    30: "uint4", 31: "int2", 32: "uint2", 33: "float4_e2m1fn",
}  # fmt: skip
_REF = 100  # DT_FLOAT_REF is DT_FLOAT + 100
_STRUCTURED = {
    "resource": RESOURCE,
    "variant": VARIANT,
    **{f"q{name}": np.dtype([(f"q{name}", name)]) for name in ("int8", "uint8", "int16", "uint16", "int32")},
}


def _dtype(name: str) -> np.dtype[Any] | None:
    if name == "string":
        return STRING
    if name in _STRUCTURED:
        return _STRUCTURED[name]
    scalar = getattr(ml_dtypes, name, None) or np.sctypeDict.get(name)
    return None if scalar is None else np.dtype(scalar)  # the newest float types need a newer ml_dtypes


BY_NAME: dict[str, np.dtype[Any]] = {name: d for name in _NAMES.values() if (d := _dtype(name)) is not None}
BY_NUMBER: dict[int, np.dtype[Any]] = {number: BY_NAME[name] for number, name in _NAMES.items() if name in BY_NAME}
NAMES: dict[np.dtype[Any], str] = {dtype: name for name, dtype in BY_NAME.items()}
NUMBERS: dict[str, int] = {name: number for number, name in _NAMES.items()}


def dtype_of(number: int) -> np.dtype[Any]:
    """The dtype of a ``DataType`` enum value; a reference type is the type that it refers to.

    Raises:
        InvalidSourceError: there is no such type.
    """
    dtype = BY_NUMBER.get(number - _REF if number > _REF else number)
    if dtype is None:
        raise InvalidSourceError(f"dtype number {number} is unknown")
    return dtype
