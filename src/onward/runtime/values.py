"""What goes into a model and comes out of it: arrays, of the dtypes that numpy lacks too."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import ONNX_NUMBERS, SCHEMA_DTYPES, STRING, is_float, label
from onward.errors import InvalidArgumentError

_HALF_BYTES = ("int4", "uint4")


@dataclass(frozen=True)
class Port:
    """An input or output; a dimension is a size, a name, or None. ONNX Runtime shows an unknown rank as a scalar."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str | None, ...]


def port(arg: Any) -> Port:
    """An input or output as ONNX Runtime describes it (its ``NodeArg``).

    Raises:
        InvalidArgumentError: it is no tensor.
    """
    if arg.type not in SCHEMA_DTYPES:
        raise InvalidArgumentError(f"'{arg.name}' is no tensor but {arg.type}")
    return Port(arg.name, SCHEMA_DTYPES[arg.type], tuple(arg.shape))


def in_numpy(dtype: np.dtype[Any]) -> bool:
    """Whether numpy has the dtype itself, rather than ml_dtypes."""
    return dtype == STRING or dtype.isbuiltin == 1


def feed(port: Port, value: Any) -> NDArray[Any]:
    """What is given for an input, as an array of its dtype.

    Raises:
        InvalidArgumentError: it is of another kind.
    """
    given = np.asarray(value)
    if port.dtype == STRING:
        return texts(given)
    if port.dtype.name in _HALF_BYTES:
        raise InvalidArgumentError(f"input '{port.name}' is 4-bit, which ONNX Runtime takes from no array")
    same_kind = np.can_cast(given.dtype, port.dtype, "same_kind") or is_float(port.dtype)
    if not same_kind or (given.dtype.kind in "OSU"):
        raise InvalidArgumentError(f"input '{port.name}' is {label(port.dtype)}, not {label(given.dtype)}")
    return np.ascontiguousarray(given, port.dtype).reshape(given.shape)


def texts(array: NDArray[Any]) -> NDArray[Any]:
    """An array of str, whether bytes, str or numpy's fixed-width strings are given."""
    flat = [v.decode("utf-8", "surrogateescape") if isinstance(v, bytes) else str(v) for v in array.reshape(-1)]
    result = np.empty(len(flat), object)
    result[:] = flat
    return result.reshape(array.shape)


def value_of(port: Port, array: NDArray[Any], device: str) -> Any:
    """An array of numbers as an ``OrtValue``, copied to a device; of dtypes that numpy lacks it stays on the CPU.

    Raises:
        InvalidArgumentError: they are strings, which ONNX Runtime takes as arrays alone.
    """
    from onnxruntime import OrtValue

    if port.dtype == STRING:
        raise InvalidArgumentError(
            f"ONNX Runtime binds no strings, and none beside dtypes that numpy lacks: '{port.name}'"
        )

    if in_numpy(port.dtype):
        return OrtValue.ortvalue_from_numpy(array, device, 0)
    return OrtValue.ortvalue_from_numpy_with_onnx_type(array, ONNX_NUMBERS[port.dtype])


def array_of(value: Any) -> NDArray[Any]:
    """The array of an ``OrtValue``, of a dtype of ml_dtypes too, which ONNX Runtime does not hand over itself."""
    dtype = SCHEMA_DTYPES[value.data_type()]
    if in_numpy(dtype):
        return value.numpy()
    shape = tuple(value.shape())
    count = int(np.prod(shape))
    half = dtype.name in _HALF_BYTES
    data = ctypes.string_at(value.data_ptr(), -(-count // 2) if half else count * dtype.itemsize)
    if not half:
        return np.frombuffer(data, dtype).reshape(shape)
    pairs = np.frombuffer(data, np.uint8)
    nibbles = np.stack([pairs & 15, pairs >> 4], axis=-1).reshape(-1)[:count]
    if dtype.name == "int4":
        nibbles = (nibbles.astype(np.int8) ^ 8) - 8
    return nibbles.astype(dtype).reshape(shape)
