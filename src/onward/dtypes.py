"""The dtypes of ONNX as numpy dtypes, Onward's one currency for types.

Strings are ``object``; bfloat16, float8 and 4-bit integers come from ml_dtypes. Numbers are those of
``onnx.TensorProto.DataType``.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np

ONNX_DTYPES: dict[int, np.dtype] = {
    1: np.dtype("float32"),
    2: np.dtype("uint8"),
    3: np.dtype("int8"),
    4: np.dtype("uint16"),
    5: np.dtype("int16"),
    6: np.dtype("int32"),
    7: np.dtype("int64"),
    8: np.dtype(object),
    9: np.dtype("bool"),
    10: np.dtype("float16"),
    11: np.dtype("float64"),
    12: np.dtype("uint32"),
    13: np.dtype("uint64"),
    14: np.dtype("complex64"),
    15: np.dtype("complex128"),
    16: np.dtype(ml_dtypes.bfloat16),
    17: np.dtype(ml_dtypes.float8_e4m3fn),
    18: np.dtype(ml_dtypes.float8_e4m3fnuz),
    19: np.dtype(ml_dtypes.float8_e5m2),
    20: np.dtype(ml_dtypes.float8_e5m2fnuz),
    21: np.dtype(ml_dtypes.uint4),
    22: np.dtype(ml_dtypes.int4),
}
ONNX_NUMBERS: dict[np.dtype, int] = {dtype: number for number, dtype in ONNX_DTYPES.items()}
STRING = np.dtype(object)
BOOL, INT32, INT64 = np.dtype("bool"), np.dtype("int32"), np.dtype("int64")
FLOAT16, FLOAT32, FLOAT64 = np.dtype("float16"), np.dtype("float32"), np.dtype("float64")
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)

# How ONNX writes types in operator schemas: "tensor(float)", "tensor(float8e4m3fn)".
SCHEMA_NAMES: dict[np.dtype, str] = {
    dtype: {"float32": "float", "float64": "double", "object": "string"}.get(dtype.name, dtype.name.replace("8_", "8"))
    for dtype in ONNX_NUMBERS
}
SCHEMA_TYPES: dict[str, np.dtype] = {name: dtype for dtype, name in SCHEMA_NAMES.items()}
SCHEMA_DTYPES = {f"tensor({name})": dtype for name, dtype in SCHEMA_TYPES.items()}


def is_float(dtype: np.dtype) -> bool:
    """Real floating point of any width, bfloat16 and float8 included."""
    return dtype.kind == "f" or dtype.name.startswith(("bfloat", "float8"))


def is_integer(dtype: np.dtype) -> bool:
    """Signed or unsigned integers, 4-bit ones included."""
    return dtype.kind in "iu" or dtype.name in ("int4", "uint4")


def is_complex(dtype: np.dtype) -> bool:
    """complex64 or complex128: a pair of real tensors inside the graph."""
    return dtype.kind == "c"


def storage(dtype: np.dtype) -> np.dtype:
    """The integers that hold a quantised dtype of TensorFlow (qint8 is a structured one); any other as it is."""
    return dtype[0] if dtype.names else dtype


def label(dtype: np.dtype) -> str:
    """The name people use: ``string`` for object, numpy's otherwise."""
    return "string" if dtype == STRING else dtype.name
