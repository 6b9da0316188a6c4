"""Shapes and dtypes of inputs, in whatever form they are given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onward.errors import InvalidArgumentError
from onward.formats.dtypes import BY_NAME

Dim = int | str | None


@dataclass(frozen=True)
class Spec:
    """An input to expect: ``shape`` holds sizes, names of dynamic dimensions, or None (dynamic, without a name).

    The same name is the same size wherever it stands. ``shape`` None: not even the rank is known. ``dtype`` None:
    as the source says.
    """

    shape: tuple[Dim, ...] | None
    dtype: np.dtype[Any] | None = None
    name: str | None = None

    @property
    def sizes(self) -> tuple[int | None, ...] | None:
        """The shape without names."""
        return None if self.shape is None else tuple(d if isinstance(d, int) else None for d in self.shape)


def spec(*dims: Dim, dtype: Any = None, name: str | None = None) -> Spec:
    """An input of the given dimensions, such as ``spec("batch", 224, 224, 3)``.

    Args:
        dims: sizes, names of dynamic dimensions, or None. No dims: a scalar.
        dtype: anything numpy takes as a dtype, ``"bfloat16"`` and the other names of ml_dtypes, or ``"string"``; if not
            given, what the source says, and float32 where it leaves that open.
        name: the input's name.

    Raises:
        InvalidArgumentError: a dimension or dtype makes no sense.
    """
    return Spec(_shape(dims), None if dtype is None else as_dtype(dtype), name)


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """The numpy dtype of a name, a numpy type or a TensorFlow DType; strings are ``object``."""
    name = getattr(dtype, "name", dtype)
    if isinstance(name, str):
        if name in BY_NAME:
            return BY_NAME[name]
        dtype = object if name == "str" else name
    try:
        return np.dtype(dtype)
    except TypeError as error:
        raise InvalidArgumentError(f"{dtype!r} is no dtype") from error


def is_spec(value: Any) -> bool:
    """Whether `value` states one input: a Spec, TensorSpec, KerasTensor, array, Placeholder, ..."""
    return isinstance(value, Spec) or (hasattr(value, "shape") and hasattr(value, "dtype"))


def as_spec(value: Any) -> Spec:
    """A Spec from a Spec, ``tf.TensorSpec``, ``keras.KerasTensor``, ``keras.InputSpec``, array or eager tensor.

    Raises:
        InvalidArgumentError: it is none of these.
    """
    if isinstance(value, Spec):
        return value
    if not is_spec(value):
        raise InvalidArgumentError(
            f"expected a shape and dtype (onward.spec, tf.TensorSpec, keras.KerasTensor or an array), got {value!r}"
        )
    shape = value.shape
    if shape is not None and getattr(shape, "rank", 0) is None:
        shape = None
    dims = None if shape is None else tuple(None if d is None else _dim(d) for d in shape)
    return Spec(dims, None if value.dtype is None else as_dtype(value.dtype), _name(value))


def is_shape(value: Any) -> bool:
    """Whether `value` is a bare shape: a sequence of sizes, names and None with at least one size or None."""
    return (
        isinstance(value, (list, tuple))
        and all(d is None or isinstance(d, (str, int, np.integer)) for d in value)
        and not all(isinstance(d, str) for d in value)
    )


def merge(given: Spec, found: Spec, what: str) -> Spec:
    """What the caller said about an input, completed by what the source says.

    Raises:
        InvalidArgumentError: rank or sizes contradict each other.
    """
    dtype = given.dtype or found.dtype
    name = given.name or found.name
    if given.shape is None or found.shape is None:
        return Spec(found.shape if given.shape is None else given.shape, dtype, name)
    if len(given.shape) != len(found.shape):
        raise InvalidArgumentError(
            f"input '{what}' has {len(found.shape)} dimensions {show(found.shape)}, "
            f"not {len(given.shape)} {show(given.shape)}"
        )
    dims: list[Dim] = []
    for mine, its in zip(given.shape, found.shape, strict=True):
        if isinstance(mine, int) and isinstance(its, int) and mine != its:
            raise InvalidArgumentError(
                f"input '{what}' has shape {show(found.shape)}, which {show(given.shape)} contradicts"
            )
        if isinstance(its, int):
            dims.append(its)
        else:
            dims.append(its if mine is None else mine)
    return Spec(tuple(dims), dtype, name)


def name_batch(shape: tuple[Dim, ...] | None) -> tuple[Dim, ...] | None:
    """The shape with its first dimension called ``batch`` if that is dynamic and has no name."""
    return ("batch", *shape[1:]) if shape and shape[0] is None else shape


def flatten(structure: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The leaves of nested lists, tuples and mappings with their paths, mappings by sorted key as TensorFlow does."""
    stack: list[tuple[tuple[Any, ...], Any]] = [((), structure)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, Mapping):
            stack.extend(((*path, key), value[key]) for key in sorted(value, reverse=True))
        elif isinstance(value, (list, tuple)) and not is_spec(value):
            stack.extend(((*path, i), value[i]) for i in reversed(range(len(value))))
        else:
            yield path, value


def map_structure(function: Any, structure: Any) -> Any:
    """The same nesting with `function` applied to every leaf; dicts, lists, tuples and named tuples keep their kind."""
    if isinstance(structure, Mapping):
        return {key: map_structure(function, value) for key, value in structure.items()}
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(map_structure(function, value) for value in structure))
    if isinstance(structure, (list, tuple)) and not is_spec(structure):
        return type(structure)(map_structure(function, value) for value in structure)
    return function(structure)


def show(shape: Sequence[Dim] | None) -> str:
    """A shape as people write it: ``(batch, 224, 224, 3)``, ``?`` where nothing is known."""
    if shape is None:
        return "(...)"
    return "(" + ", ".join("?" if d is None else str(d) for d in shape) + ")"


def _shape(dims: Sequence[Any]) -> tuple[Dim, ...]:
    return tuple(None if d is None else _dim(d) for d in dims)


def _dim(dim: Any) -> Dim:
    if isinstance(dim, str):
        if not dim:
            raise InvalidArgumentError("a dimension's name cannot be empty")
        return dim
    try:
        size = int(dim)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"{dim!r} is no dimension: give a size, a name or None") from error
    if size < 0:
        raise InvalidArgumentError(f"a dimension cannot be {size}; a dynamic one is None or a name")
    return size


def _name(value: Any) -> str | None:
    name = getattr(value, "name", None)
    if not isinstance(name, str) or name.startswith("keras_tensor"):  # what Keras calls a tensor without a name
        return None
    return name or None


__all__ = [
    "Dim",
    "Spec",
    "as_dtype",
    "as_spec",
    "flatten",
    "is_shape",
    "is_spec",
    "map_structure",
    "merge",
    "name_batch",
    "replace",
    "show",
    "spec",
]
