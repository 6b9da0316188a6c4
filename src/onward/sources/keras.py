"""Live Keras models: Keras 3 on TensorFlow, and tf_keras (Keras 2)."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.graph import Graph, Input, Reference
from onward.options import Options
from onward.sources.choose import stated_inputs
from onward.sources.function import array_of, leaf_paths, tensor_of, tensor_spec
from onward.sources.inline import placeholder
from onward.sources.live import live_graph
from onward.sources.mended import mended
from onward.sources.naming import leaf_names, unique
from onward.sources.unchanged import Unchanged
from onward.sources.weights import load_weights
from onward.specs import Spec, as_dtype, as_spec, flatten, is_spec, map_structure, name_batch


def read(model: Any, options: Options) -> Graph:
    """The graph of a model's inference: ``model(inputs, training=False)``.

    Args:
        model: a functional, Sequential or subclassed model, or a layer. One that is not built yet needs `inputs`.
        options: `inputs` completes or overrides what the model knows about its inputs: specs nested as the model's
            inputs are, a flat list of them, or a mapping by input name.

    Raises:
        InvalidArgumentError: the model's inputs are not known, or `inputs` does not fit them.
        InvalidSourceError: the model cannot be traced by TensorFlow.
    """
    _refuse_other_backends(model)
    structure = call_structure(model, options.inputs)
    specs = [leaf for _, leaf in flatten(structure)]
    inputs = _inputs(specs)
    with mended(model):
        graph, tensors, outputs, captures = _trace(model, structure, inputs)
    if options.checkpoint is not None:
        load_weights(model, options.checkpoint)  # once the trace has built the model
    labels = _output_names(model, outputs)
    paths = {id(variable.value.handle): variable.path for variable in model.variables if hasattr(variable, "path")}
    result = live_graph(
        graph,
        list(zip(inputs, tensors, strict=True)),
        labels,
        captures,
        name=options.name or str(getattr(model, "name", type(model).__name__)),
        paths=paths,
    )
    result.reference = Unchanged(_reference(model, structure, inputs), lambda: [outside for outside, _ in captures])
    return result


def call_structure(model: Any, given: Any) -> Any:
    """What the model is called with, as nested specs that all have a name."""
    known = _known_inputs(model)
    if known is None:
        if given is None:
            raise InvalidArgumentError(
                f"model '{getattr(model, 'name', model)}' has not been built, so its inputs are unknown: "
                'pass inputs=onward.spec("batch", ...), or call the model once'
            )
        return _named(map_structure(_batched, _only(given)))
    if given is None:
        return _named(known)
    return _named(_overridden(known, given))


def _known_inputs(model: Any) -> Any:
    structure = getattr(model, "_inputs_struct", None)  # functional models
    if structure is None:
        functional = getattr(model, "_functional", None)  # a Sequential keeps one
        structure = getattr(functional, "_inputs_struct", None)
    if structure is None:
        structure = getattr(model, "_nested_inputs", None)  # tf_keras functional and Sequential
    if structure is not None:
        return map_structure(_keras_spec, _only(structure))
    saved = getattr(model, "_saved_model_inputs_spec", None)  # tf_keras subclassed, called
    if saved is not None:
        return map_structure(lambda spec: _free_batch(as_spec(spec)), saved)
    built = getattr(model, "_build_input_shape", None)  # tf_keras subclassed, built
    if built is not None:
        return _shapes_to_specs(built, as_dtype(getattr(model, "compute_dtype", None) or "float32"))
    shapes = getattr(model, "_build_shapes_dict", None)  # Keras 3 subclassed, called
    if shapes and getattr(model, "_called", True):
        dtype = as_dtype(getattr(model, "input_dtype", None) or getattr(model, "compute_dtype", "float32"))
        structures = [_shapes_to_specs(value, dtype) for value in shapes.values()]
        return structures[0] if len(structures) == 1 else structures
    return None


def _batched(value: Any) -> Spec:
    found = as_spec(value)
    return Spec(name_batch(found.shape), found.dtype, found.name)


def _keras_spec(tensor: Any) -> Spec:
    found = as_spec(tensor)
    history = getattr(tensor, "_keras_history", None)
    layer = getattr(history, "operation", None) or getattr(history, "layer", None)
    return Spec(name_batch(found.shape), found.dtype, getattr(layer, "name", None) or found.name)


def _free_batch(found: Spec) -> Spec:
    shape = ("batch", *found.shape[1:]) if found.shape else found.shape
    return Spec(shape, found.dtype, found.name)


def _shapes_to_specs(value: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _shapes_to_specs(item, dtype) for key, item in value.items()}
    if all(size is None or isinstance(size, int) for size in value):
        return _free_batch(Spec(tuple(value), dtype))
    return [_shapes_to_specs(item, dtype) for item in value]


def _only(structure: Any) -> Any:
    """Keras takes one tensor for a list of one."""
    if isinstance(structure, (list, tuple)) and len(structure) == 1 and is_spec(structure[0]):
        return structure[0]
    return structure


def _overridden(known: Any, given: Any) -> Any:
    """`known` with what the caller said about its leaves."""
    leaves = [leaf for _, leaf in flatten(_named(known))]
    stated = iter(stated_inputs(leaves, given))
    return map_structure(lambda _: next(stated), _sorted(known))


def _sorted(structure: Any) -> Any:
    """Mappings in the order in which their leaves are listed."""
    if isinstance(structure, Mapping):
        return {key: _sorted(structure[key]) for key in sorted(structure)}
    if isinstance(structure, (list, tuple)) and not is_spec(structure):
        return type(structure)(_sorted(value) for value in structure)
    return structure


def _named(structure: Any) -> Any:
    """The structure with a name for every leaf: its own, or by its place."""
    found = list(flatten(structure))
    names = leaf_names([path for path, _ in found], "input")
    chosen = iter(unique(leaf.name or name for name, (_, leaf) in zip(names, found, strict=True)))
    return map_structure(lambda leaf: Spec(leaf.shape, leaf.dtype, next(chosen)), _sorted(structure))


def _inputs(specs: Sequence[Spec]) -> list[Input]:
    return [placeholder(spec.name or "", spec.dtype or np.dtype("float32"), spec.shape) for spec in specs]


def _trace(model: Any, structure: Any, inputs: Sequence[Input]) -> tuple[Any, list[Any], Any, list[tuple[Any, Any]]]:
    """The traced graph, its input tensors, its structured outputs and its captures.

    A bare FuncGraph is all that is needed, and a fifth cheaper than a ``tf.function``. It does not order reads and
    writes of variables, so a model that writes some is traced again as a ``tf.function``.
    """
    import tensorflow as tf

    graph = tf.__internal__.FuncGraph(str(getattr(model, "name", "model")))
    with graph.as_default():
        tensors = [
            tf.compat.v1.placeholder(spec.dtype, spec.shape, name=spec.name)
            for spec in (tensor_spec(leaf) for _, leaf in flatten(structure))
        ]
        rest = iter(tensors)
        outputs = _call(model, map_structure(lambda _: next(rest), structure))
        outputs = tf.nest.map_structure(lambda value: tf.identity(value) if _needs_tensor(value) else value, outputs)
    if not _writes(graph):
        return graph, tensors, outputs, list(graph.captures)
    signature = tf.nest.map_structure(tensor_spec, structure)
    function = tf.function(lambda value: _call(model, value), autograph=False)
    concrete = function.get_concrete_function(signature)
    count = len(inputs)
    captures = list(zip(concrete.captured_inputs, concrete.inputs[count:], strict=True))
    return concrete.graph, list(concrete.inputs[:count]), concrete.structured_outputs, captures


_WRITES = ("Assign", "ResourceScatter", "ResourceStridedSliceAssign", "LookupTableInsert", "LookupTableImport")
_WITH_FUNCTIONS = frozenset({"PartitionedCall", "StatefulPartitionedCall", "If", "While", "Case"})


def _writes(graph: Any) -> bool:
    """Whether a variable or table is changed, in the graph or in a function that it calls."""
    types = {operation.type for operation in graph.get_operations()}
    if types & _WITH_FUNCTIONS:
        types |= {node.op for function in graph.as_graph_def().library.function for node in function.node_def}
    return any(name.startswith(_WRITES) for name in types)


def _needs_tensor(value: Any) -> bool:
    return value is not None and not hasattr(value, "op")


def _call(model: Any, value: Any) -> Any:
    """Call a model for inference; the items of `value` are arguments of their own where ``call`` takes several."""
    parameters = inspect.signature(model.call).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    flags = {"training": False} if "training" in parameters or inspect.Parameter.VAR_KEYWORD in kinds else {}
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [
        name
        for name, parameter in parameters.items()
        if parameter.kind in positional
        and parameter.default is inspect.Parameter.empty
        and name not in ("training", "mask")
    ]
    if len(required) > 1 and isinstance(value, Mapping):
        return model(**value, **flags)
    if len(required) > 1 and isinstance(value, (list, tuple)):
        return model(*value, **flags)
    return model(value, **flags)


def _output_names(model: Any, outputs: Any) -> list[tuple[str, Any]]:
    import tensorflow as tf

    leaves = tf.nest.flatten(outputs, expand_composites=True)
    kept = [
        (path, leaf) for path, leaf in zip(leaf_paths(outputs, len(leaves)), leaves, strict=True) if leaf is not None
    ]
    layers = getattr(model, "output_names", None) or getattr(getattr(model, "_functional", None), "output_names", None)
    if layers and len(layers) == len(kept) and not any(isinstance(key, str) for path, _ in kept for key in path):
        names = unique(layers)
    else:
        names = leaf_names([path for path, _ in kept], "output")
    return [(name, leaf) for name, (_, leaf) in zip(names, kept, strict=True)]


def _reference(model: Any, structure: Any, inputs: Sequence[Input]) -> Reference:
    def run(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        import tensorflow as tf

        tensors = iter([tensor_of(arrays[made.name], made.dtype) for made in inputs])
        outputs = _call(model, map_structure(lambda _: next(tensors), structure))
        return [array_of(leaf) for leaf in tf.nest.flatten(outputs, expand_composites=True) if leaf is not None]

    return run


def _refuse_other_backends(model: Any) -> None:
    if any(cls.__module__.startswith(("keras.", "keras_core.")) for cls in type(model).__mro__):
        from keras import backend

        if backend.backend() != "tensorflow":
            raise InvalidSourceError(
                f"the model lives on Keras' {backend.backend()} backend; "
                "set KERAS_BACKEND=tensorflow before importing keras"
            )
