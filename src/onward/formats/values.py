"""TensorFlow's attribute values, shapes and tensors (core/framework/*.proto) as Python values and arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidSourceError
from onward.formats.dtypes import STRING, dtype_of
from onward.graph import FunctionRef, Shape

Pieces = Sequence[memoryview]  # what `mapped` in a TensorProto counts in, see onward.formats.wire


def shape_of(proto: Any) -> Shape | None:
    """The shape of a ``TensorShapeProto``, None where the rank is unknown."""
    if proto.unknown_rank:
        return None
    return tuple([None if (size := dim.size) < 0 else size for dim in proto.dim])


def text(value: bytes) -> str | bytes:
    """A string attribute: str, or bytes where it is no UTF-8."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def attribute(proto: Any, pieces: Pieces = (), given: Mapping[str, Any] | None = None) -> Any:
    """The Python value of an ``AttrValue``; `given` are the attributes of the call, which placeholders stand for."""
    kind = proto.WhichOneof("kind")
    if kind is None:
        return None
    value = getattr(proto, kind)
    if kind in _AS_IS:
        return value
    if kind == "list":
        return _list(value, pieces)
    if kind == "tensor":
        return array(value, pieces)
    if kind == "placeholder":
        if given is None or value not in given:
            raise InvalidSourceError(f"attribute '{value}' of a function has no value")
        return given[value]
    return _CONVERT[kind](value)


def attributes(
    protos: Mapping[str, Any], pieces: Pieces = (), given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The attributes of a node, less the private ones that begin with an underscore."""
    return {name: attribute(proto, pieces, given) for name, proto in protos.items() if name[0:1] != "_"}


def constant(node: Any, pieces: Pieces = ()) -> NDArray[Any]:
    """The value of a ``Const``, from its ``NodeDef``.

    Raises:
        InvalidSourceError: it is no constant, or has no value.
    """
    if node.op != "Const" or node.attr["value"].WhichOneof("kind") != "tensor":
        raise InvalidSourceError(f"'{node.name}' should be a constant with a value")
    return array(node.attr["value"].tensor, pieces)


def array(proto: Any, pieces: Pieces = ()) -> NDArray[Any]:
    """The array of a ``TensorProto``, a view of its bytes where they are stored raw.

    A list shorter than the shape repeats its last element; those are broadcast, so a file cannot make us allocate
    more than it holds.

    Raises:
        InvalidSourceError: the contents do not fit dtype and shape.
    """
    dtype = dtype_of(proto.dtype)
    shape = shape_of(proto.tensor_shape)
    if shape is None or None in shape:
        raise InvalidSourceError("a constant has no definite shape")
    size = math.prod(shape)  # type: ignore[arg-type]
    if proto.mapped:
        content: Any = _piece(proto.mapped, pieces)
    else:
        content = proto.tensor_content
    if len(content):
        if dtype == STRING:
            raise InvalidSourceError("a string constant is stored as raw bytes")
        if len(content) != size * dtype.itemsize:
            raise InvalidSourceError(
                f"a constant of {dtype} {list(shape)} should have {size * dtype.itemsize} bytes, not {len(content)}"
            )
        return np.frombuffer(content, dtype).reshape(shape)  # type: ignore[arg-type]
    values = _listed(proto, dtype)
    if len(values) == size:
        return values.reshape(shape)  # type: ignore[arg-type]
    if len(values) > size:
        raise InvalidSourceError(f"a constant of shape {list(shape)} has {len(values)} values")
    return _repeat_last(values, size, shape)


def _repeat_last(values: NDArray[Any], size: int, shape: Any) -> NDArray[Any]:
    if size * values.itemsize > _ADDRESSABLE:
        raise InvalidSourceError(f"a constant of {size} values lists {len(values)}")
    if len(values) == 0:
        return np.broadcast_to(np.zeros((), values.dtype) if values.dtype != STRING else np.array(b"", object), shape)
    if len(values) == 1:
        return np.broadcast_to(values[0] if values.dtype != STRING else np.array(values[0], object), shape)
    if size > _LARGEST_FILL:
        raise InvalidSourceError(f"a constant of {size} values lists {len(values)}")
    return np.concatenate([values, np.repeat(values[-1:], size - len(values))]).reshape(shape)


_LARGEST_FILL = 1 << 28
_ADDRESSABLE = 1 << 62
_AS_IS = frozenset({"i", "f", "b"})
_CONVERT: dict[str, Callable[[Any], Any]] = {
    "s": text,
    "type": dtype_of,
    "shape": shape_of,
    "func": lambda value: FunctionRef(value.name, {name: attribute(v) for name, v in value.attr.items()}),
}
_LISTS = ("i", "s", "type", "shape", "f", "b", "func", "tensor")


def _list(proto: Any, pieces: Pieces) -> list[Any]:
    for kind in _LISTS:
        values = getattr(proto, kind)
        if len(values):
            if kind in _AS_IS:
                return list(values)
            if kind == "tensor":
                return [array(value, pieces) for value in values]
            return [_CONVERT[kind](value) for value in values]
    return []


def _piece(mapped: Sequence[int], pieces: Pieces) -> memoryview:
    if mapped[-1] >= len(pieces):
        raise InvalidSourceError("a constant refers to bytes that are not there")
    return pieces[mapped[-1]]


# Which list of a TensorProto holds the values of a dtype, and as what; 16-bit floats are their bit patterns.
_FIELDS = {
    "float32": "float_val", "float64": "double_val", "int64": "int64_val", "bool": "bool_val", "uint32": "uint32_val",
    "uint64": "uint64_val", "complex64": "scomplex_val", "complex128": "dcomplex_val", "float16": "half_val",
    "bfloat16": "half_val", "object": "string_val",
}  # fmt: skip
_PAIRS = {"complex64": "float32", "complex128": "float64"}


def _listed(proto: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    name = dtype.name
    if dtype == STRING:
        strings = np.empty(len(proto.string_val), object)
        strings[:] = list(proto.string_val)
        return strings
    if name.startswith("float8"):
        return np.frombuffer(proto.float8_val, dtype)
    values = getattr(proto, _FIELDS.get(name, "int_val"))
    if name in _PAIRS:
        return np.array(values, _PAIRS[name]).view(dtype)
    if name in ("float16", "bfloat16"):
        return np.array(values, np.int32).astype(np.uint16).view(dtype)
    if dtype.names is not None:  # quantised integers
        return np.array(values, np.int64).astype(dtype[0]).view(dtype)
    if _FIELDS.get(name) is None:
        return np.array(values, np.int64).astype(dtype)
    return np.array(values, dtype)
