"""``StructuredValue``: the nested arguments and results of a saved function (core/protobuf/struct.proto)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from onward.formats.dtypes import dtype_of
from onward.formats.values import shape_of
from onward.specs import Spec


class Composite(NamedTuple):
    """A ragged, sparse or other tensor of several parts."""

    kind: str
    parts: int


def structure_of(proto: Any) -> Any:
    """Lists, tuples, dicts, None and plain values, with a Spec or Composite for each tensor."""
    kind = proto.WhichOneof("kind")
    if kind is None or kind == "none_value":
        return None
    value = getattr(proto, kind)
    if kind in ("tensor_spec_value", "bounded_tensor_spec_value"):
        return Spec(shape_of(value.shape), dtype_of(value.dtype), value.name or None)
    if kind == "list_value":
        return [structure_of(item) for item in value.values]
    if kind == "tuple_value":
        return tuple(structure_of(item) for item in value.values)
    if kind == "dict_value":
        return {key: structure_of(value.fields[key]) for key in sorted(value.fields)}
    if kind == "named_tuple_value":
        return Fields((pair.key, structure_of(pair.value)) for pair in value.values)
    if kind == "type_spec_value":
        return Composite(value.type_spec_class_name, max(1, value.num_flat_components))
    if kind in ("tensor_shape_value", "tensor_dtype_value", "tensor_value", "numpy_value"):
        return None  # an argument that was fixed when the function was traced
    return value


class Fields(dict[str, Any]):
    """A named tuple: its fields keep their order."""


def tensors(structure: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Spec | Composite]]:
    """The tensors in a structure in TensorFlow's order, each with its path.

    The depth is bounded by protobuf's limit on nested messages.
    """
    if isinstance(structure, (Spec, Composite)):
        yield path, structure
    elif isinstance(structure, dict):
        keys = structure if isinstance(structure, Fields) else sorted(structure)
        for key in keys:
            yield from tensors(structure[key], (*path, key))
    elif isinstance(structure, (list, tuple)):
        for i, item in enumerate(structure):
            yield from tensors(item, (*path, i))


def flat_tensors(structure: Any) -> list[tuple[tuple[Any, ...], Spec | None]]:
    """Like :func:`tensors`, with one entry without a Spec for each part of a composite."""
    found: list[tuple[tuple[Any, ...], Spec | None]] = []
    for path, tensor in tensors(structure):
        if isinstance(tensor, Composite):
            found += [((*path, i), None) for i in range(tensor.parts)]
        else:
            found.append((path, tensor))
    return found


def literals(structure: Any) -> Iterator[Any]:
    """The plain values in a structure, None left out."""
    if isinstance(structure, dict):
        structure = list(structure.values())
    if isinstance(structure, (list, tuple)) and not isinstance(structure, (Spec, Composite)):
        for item in structure:
            yield from literals(item)
    elif structure is not None and not isinstance(structure, (Spec, Composite)):
        yield structure
