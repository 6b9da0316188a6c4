"""``tf.function``, ``ConcreteFunction``, ``tf.Module`` and plain callables on tensors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.formats.dtypes import STRING
from onward.graph import Graph, Input, Reference
from onward.options import Options
from onward.sources.choose import is_nested, stated_inputs
from onward.sources.inline import placeholder
from onward.sources.live import live_graph
from onward.sources.naming import leaf_names, unique
from onward.sources.unchanged import Unchanged
from onward.sources.weights import load_weights
from onward.specs import Spec, as_dtype, as_spec, is_spec, map_structure


def read(source: Any, options: Options) -> Graph:
    """The graph of a function.

    Args:
        source: a ``ConcreteFunction``, a ``tf.function``, a callable, or a ``tf.Module`` with ``__call__``.
        options: `inputs` holds the specs of the arguments unless the function has an ``input_signature``: a list of
            them (one an argument, each nested as the argument is), one spec, or a mapping by argument name.

    Raises:
        InvalidArgumentError: specs are missing, or do not fit the function.
        InvalidSourceError: TensorFlow cannot trace the function.
    """
    concrete, given = concrete_function(source, options.inputs)
    if options.checkpoint is not None:
        _load(source, options.checkpoint)
    count = len(concrete.inputs) - len(concrete.captured_inputs)
    arguments, inner = concrete.inputs[:count], concrete.inputs[count:]
    inputs = input_list(arguments, given)
    outputs = output_list(concrete.structured_outputs, concrete.outputs)
    graph = live_graph(
        concrete.graph,
        list(zip(inputs, arguments, strict=True)),
        outputs,
        list(zip(concrete.captured_inputs, inner, strict=True)),
        name=options.name or _name(source),
    )
    graph.reference = reference(concrete, inputs)
    return graph


def _load(source: Any, checkpoint: Any) -> None:
    if not hasattr(source, "trainable_variables") or not hasattr(source, "_trackable_children"):
        raise InvalidArgumentError("a checkpoint is loaded into a Keras model or a tf.Module: give that")
    load_weights(source, checkpoint)


def concrete_function(source: Any, given: Any) -> tuple[Any, Any]:
    """The traced function, and what is left to be said about its inputs once it is traced."""
    import tensorflow as tf

    if hasattr(source, "captured_inputs") and hasattr(source, "structured_outputs"):
        return source, given
    function = source if hasattr(source, "get_concrete_function") else _callable(source)
    if not hasattr(function, "get_concrete_function"):
        function = tf.function(function, autograph=True)
    args: Any = ()
    kwargs: dict[str, Any] = {}
    if getattr(function, "input_signature", None) is not None:
        given = _by_position(function, given)
    elif given is not None:
        args, kwargs = _arguments(given)
        args = map_structure(tensor_spec, args)
        kwargs = {key: map_structure(tensor_spec, value) for key, value in kwargs.items()}
        given = [as_spec(leaf) for leaf in tf.nest.flatten(_arguments(given)) if is_spec(leaf)]
    elif _required(function):
        raise InvalidArgumentError(
            "the function has no input_signature: say what it is called with, such as "
            'inputs=[onward.spec("batch", 16, dtype="float32")]'
        )
    try:
        return function.get_concrete_function(*args, **kwargs), given
    except (TypeError, ValueError) as error:
        raise InvalidSourceError(f"TensorFlow cannot trace the function: {_first_line(error)}") from error


def input_list(arguments: Sequence[Any], given: Any) -> list[Input]:
    """Inputs for the placeholders of a trace, completed by what the caller says about them."""
    names = unique(_clean(tensor.name) for tensor in arguments)
    found = [
        Spec(as_spec(tensor).shape, as_dtype(tensor.dtype), name) for name, tensor in zip(names, arguments, strict=True)
    ]
    stated = stated_inputs(found, given) if arguments else []
    labels = unique(spec.name or "" for spec in stated)
    return [
        placeholder(label, as_dtype(tensor.dtype), spec.shape)
        for label, tensor, spec in zip(labels, arguments, stated, strict=True)
    ]


def output_list(structure: Any, tensors: Sequence[Any]) -> list[tuple[str, Any]]:
    """Names for the flat output tensors of a function, by where they stand in its structured result."""
    import tensorflow as tf

    leaves = tf.nest.flatten(structure, expand_composites=True)
    paths = [path for path, leaf in zip(leaf_paths(structure, len(leaves)), leaves, strict=True) if leaf is not None]
    if len(paths) != len(tensors):
        paths = [(i,) for i in range(len(tensors))]
    return list(zip(leaf_names(paths, "output"), tensors, strict=True))


def reference(function: Any, inputs: Sequence[Input]) -> Reference:
    """Runs a concrete function on named arrays, and leaves its variables as they are."""

    def run(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        import tensorflow as tf

        tensors = [tensor_of(arrays[made.name], made.dtype) for made in inputs]
        results = function._call_flat(tensors, function.captured_inputs)
        leaves = tf.nest.flatten(results, expand_composites=True)
        return [array_of(leaf) for leaf in leaves if leaf is not None]

    return Unchanged(run, lambda: function.captured_inputs)


def tensor_of(array: NDArray[Any], dtype: np.dtype[Any]) -> Any:
    """An eager tensor of an array; strings may be str or bytes."""
    import tensorflow as tf

    if dtype == STRING:
        return tf.constant(np.asarray(array).tolist(), tf.string, np.shape(array))
    return tf.constant(np.asarray(array), tf.as_dtype(dtype))


def array_of(tensor: Any) -> NDArray[Any]:
    """The array of an eager tensor."""
    value = tensor.numpy() if hasattr(tensor, "numpy") else tensor
    return np.asarray(value, object) if isinstance(value, bytes) else np.asarray(value)


def tensor_spec(value: Any) -> Any:
    """A ``tf.TensorSpec``; values that are no specs are handed to the function as they are."""
    import tensorflow as tf

    if not is_spec(value):
        return value
    stated = as_spec(value)
    dtype = tf.string if stated.dtype == STRING else tf.as_dtype(stated.dtype or "float32")
    return tf.TensorSpec(stated.sizes, dtype, name=_tf_name(stated.name))


def _tf_name(name: str | None) -> str | None:
    return None if name is None else "".join(c if c.isalnum() or c in "_./-" else "_" for c in name)


def _arguments(given: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(given, Mapping):
        return (), dict(given)
    if isinstance(given, (list, tuple)) and not is_spec(given):
        return tuple(given), {}
    return (given,), {}


def _callable(source: Any) -> Any:
    if not callable(source):
        raise InvalidSourceError(f"{type(source).__name__} cannot be called")
    return source if inspect.isroutine(source) else source.__call__


def _required(source: Any) -> bool:
    """Whether a function cannot be called without arguments."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return any(p.kind in kinds and p.default is inspect.Parameter.empty for p in _parameters(source))


def _parameters(source: Any) -> list[inspect.Parameter]:
    target = getattr(source, "python_function", source)
    parameters = list(inspect.signature(target).parameters.values())
    return parameters[1:] if parameters and parameters[0].name == "self" else parameters


def _by_position(source: Any, given: Any) -> Any:
    """A mapping that names all arguments of a function as the list of them; anything else as it is."""
    names = [p.name for p in _parameters(source)]
    if (
        isinstance(given, Mapping)
        and given
        and any(is_nested(value) for value in given.values())
        and set(given) == set(names)
    ):
        return [given[name] for name in names]
    return given


def leaf_paths(structure: Any, count: int) -> list[tuple[Any, ...]]:
    """The path of every leaf, in the order of ``tf.nest``."""
    import tensorflow as tf

    found: list[tuple[Any, ...]] = []

    def visit(path: tuple[Any, ...], value: Any) -> None:
        if isinstance(value, Mapping):
            for key in sorted(value):
                visit((*path, key), value[key])
        elif isinstance(value, tuple) and hasattr(value, "_fields"):
            for key in value._fields:
                visit((*path, key), getattr(value, key))
        elif isinstance(value, (list, tuple)):
            for i, item in enumerate(value):
                visit((*path, i), item)
        else:
            parts = tf.nest.flatten(value, expand_composites=True)
            if len(parts) == 1:
                found.append(path)
            else:
                found.extend((*path, i) for i in range(len(parts)))

    visit((), structure)
    return found if len(found) == count else [(i,) for i in range(count)]


def _name(source: Any) -> str:
    name = getattr(source, "__name__", None) or getattr(source, "name", None) or type(source).__name__
    name = name.decode() if isinstance(name, bytes) else str(name)
    return _clean(re.sub(r"^__inference_(.*?)(_\d+)?$", r"\1", name))


def _clean(name: str) -> str:
    return name.partition(":")[0].strip("_<>") or "function"


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
