"""SavedModel directories, read without TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.formats.saved_model import SavedModel, Signature
from onward.graph import Graph, Reference
from onward.options import Options
from onward.sources import variables_v1
from onward.sources.body import Body
from onward.sources.choose import is_names, stated_inputs
from onward.sources.inline import build, placeholder
from onward.sources.library import Library
from onward.sources.naming import leaf_names, unique
from onward.sources.plain import read_plain
from onward.sources.resources import Resources
from onward.sources.structure import flat_tensors, literals, structure_of
from onward.sources.unchanged import Unchanged
from onward.specs import Spec, as_spec, flatten, is_spec, name_batch

_PREFERRED = ("serving_default", "serve")
_CALL = "__call__"


def read(path: str | os.PathLike[str], options: Options) -> Graph:
    """The graph of one signature of a SavedModel, or of a function of its root object.

    Args:
        path: the directory.
        options: `signature` names a signature or a function (``__call__``, or ``__call__:1`` for its second trace);
            `tag` a MetaGraph; `inputs` completes shapes and names dimensions. In a graph of TensorFlow 1, `inputs` and
            `outputs` may name any tensors (``x:0``), as they do where there is no signature.

    Raises:
        InvalidArgumentError: there is no such signature, or `inputs` does not fit it.
        InvalidSourceError: the SavedModel is damaged or incomplete.
    """
    model = SavedModel(path, options.tag)
    library = Library(model.graph_def, model.pieces, str(model.path / "saved_model.pb"))
    signatures = model.signatures()
    if not signatures and not _functions(model) and options.signature is None:
        return _read_nodes(model, library, options)
    name = _chosen(model, signatures, options.signature)
    if name not in signatures:
        return _read_function(model, library, name, options)
    entry = _entry_of_signature(model, library, signatures[name])
    if entry is None and _beside(signatures[name], options):
        return _read_nodes(model, library, options)
    if entry is None:
        return variables_v1.read_signature(model, library, signatures[name], options)
    return _build(model, library, entry, options, _signature_reference(model, name, entry))


def describe_saved_model(path: str | os.PathLike[str], tag: str | None = None) -> dict[str, Signature]:
    """The signatures of a SavedModel; inputs and outputs in the order in which they are declared."""
    model = SavedModel(path, tag)
    library = Library(model.graph_def, model.pieces, str(model.path / "saved_model.pb"))
    found = {}
    for name, signature in model.signatures().items():
        entry = _entry_of_signature(model, library, signature)
        if entry is not None:
            infos = {info.name: info for info in (*signature.inputs, *signature.outputs)}
            signature = Signature(
                name,
                tuple(infos[arg.name] for arg in entry.inputs),
                tuple(infos[label] for label, _ in entry.outputs),
            )
        found[name] = signature
    return found


def _beside(signature: Signature, options: Options) -> bool:
    """Whether tensors are asked for that a signature does not have, by the names that they have in the graph."""
    names = options.inputs if isinstance(options.inputs, Mapping) or is_names(options.inputs) else ()
    outputs = [options.outputs] if isinstance(options.outputs, str) else options.outputs or ()
    known = {info.name for info in (*signature.inputs, *signature.outputs)}
    return any(":" in name and name not in known for name in (*names, *outputs))


def _read_nodes(model: SavedModel, library: Library, options: Options) -> Graph:
    """Tensors of the graph of TensorFlow 1 that a SavedModel holds, by their own names."""
    return read_plain(
        library,
        options,
        name=options.name or model.path.resolve().name,
        variables=lambda: model.variables,
        load=variables_v1.loader(model),
        assets=lambda: variables_v1.assets(model, library.main),
    )


class _Argument(NamedTuple):
    name: str
    argument: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...] | None


class _Entry(NamedTuple):
    """A function to begin at: its arguments that are inputs, and its named results."""

    function: str
    body: Body
    inputs: list[_Argument]
    outputs: list[tuple[str, str]]


def _chosen(model: SavedModel, signatures: Mapping[str, Signature], wanted: str | None) -> str:
    functions = _functions(model)
    if wanted is not None:
        if wanted in signatures or _trace(functions, wanted)[0] in functions:
            return wanted
        known = ", ".join([*signatures, *(f for f in functions if f not in signatures)]) or "none"
        raise InvalidArgumentError(f"{model.path} has no signature '{wanted}'; it has: {known}")
    for name in _PREFERRED:
        if name in signatures:
            return name
    if len(signatures) == 1:
        return next(iter(signatures))
    if signatures:
        raise InvalidArgumentError(f"{model.path} has several signatures, choose one: {', '.join(signatures)}")
    if _CALL in functions:
        return _CALL
    if len(functions) == 1:
        return next(iter(functions))
    if functions:
        raise InvalidArgumentError(
            f"{model.path} has no signature but several functions, choose one: {', '.join(functions)}"
        )
    raise InvalidSourceError(f"{model.path} has neither signatures nor functions that could be converted")


def _functions(model: SavedModel) -> dict[str, list[str]]:
    """The functions of the root object that can be called from outside, each with its traces."""
    if not model.objects.nodes:
        return {}
    found = {}
    for child in model.object(0).children:
        saved = model.object(child.node_id)
        if saved.WhichOneof("kind") == "function" and saved.function.concrete_functions:
            found[child.local_name] = list(saved.function.concrete_functions)
    return {name: found[name] for name in sorted(found) if not name.startswith("_") or name == _CALL}


def _trace(functions: Mapping[str, list[str]], wanted: str) -> tuple[str, int | None]:
    """A function's name, and the number of the trace where ``name:number`` asks for one."""
    name, _, number = wanted.rpartition(":")
    if number.isdecimal() and int(number) < len(functions.get(name, ())):
        return name, int(number)
    return wanted, None


def _entry_of_signature(model: SavedModel, library: Library, signature: Signature) -> _Entry | None:
    """The function behind a signature; TensorFlow 2 calls it in the main graph, with the signature's placeholders."""
    main = library.main
    calls = {_node_of(info.tensor) for info in signature.outputs}
    if len(calls) != 1:
        return None
    call = main.nodes.get(calls.pop())
    callee = None if call is None else library.callee(call)
    if call is None or callee is None or callee.name not in model.objects.concrete_functions:
        return None
    body = library.body(callee.name)
    places = {_node_of(reference): i for i, reference in enumerate(call.input) if not reference.startswith("^")}
    arguments = list(body.arguments)
    inputs, results = [], []
    for info in signature.inputs:
        place = places.get(_node_of(info.tensor))
        if place is None or place >= len(arguments):
            return None
        inputs.append(_Argument(info.name, arguments[place], info.dtype, info.shape))
    for info in signature.outputs:
        place = _index_of(info.tensor)
        if place >= len(body.results):
            raise InvalidSourceError(
                f"signature '{signature.name}' names a result {place} that its function does not have"
            )
        results.append((info.name, body.results[place]))
    ranks = _declared(library, body)
    inputs.sort(key=lambda arg: (ranks.get(arg.argument, len(ranks)), arg.name))
    results.sort(key=lambda result: ranks.get(result[1], len(ranks)))
    return _Entry(callee.name, body, inputs, results)


def _declared(library: Library, body: Body) -> dict[str, int]:
    """The place of each argument and result in the function that a signature wraps.

    A signature sorts its names; the function inside has them in the order in which they were written.
    """
    calls = [node for node in body.nodes.values() if library.callee(node) is not None]
    if len(calls) != 1:
        return {name: i for i, name in enumerate([*body.arguments, *body.results])}
    ranks = {reference: i for i, reference in enumerate(calls[0].input)}
    for result in body.results:
        reference = result
        for _ in range(len(body.nodes)):
            node = body.nodes.get(_node_of(reference))
            if node is None or node.op != "Identity" or not node.input:
                break
            reference = node.input[0]
        if _node_of(reference) == calls[0].name:
            ranks[result] = _index_of(reference)
    return ranks


def _build(model: SavedModel, library: Library, entry: _Entry, options: Options, reference: Reference) -> Graph:
    specs = [Spec(name_batch(arg.shape), arg.dtype, arg.name) for arg in entry.inputs]
    chosen = stated_inputs(specs, options.inputs)
    inputs = [
        (placeholder(spec.name or arg.name, arg.dtype, spec.shape), arg.argument)
        for spec, arg in zip(chosen, entry.inputs, strict=True)
    ]
    resources = Resources(model, library)
    graph = build(
        library,
        entry.body,
        inputs,
        entry.outputs,
        name=options.name or model.path.resolve().name,
        given=resources.captures(entry.function, entry.body),
    )
    names = {made.name: arg.name for (made, _), arg in zip(inputs, entry.inputs, strict=True)}
    graph.reference = _renamed(reference, names)
    return resources.fill(graph)


def _read_function(model: SavedModel, library: Library, name: str, options: Options) -> Graph:
    """A function that was saved without a signature."""
    name, chosen = _trace(_functions(model), name)
    traces = _functions(model)[name]
    number = _inference_trace(model, traces, options.inputs) if chosen is None else chosen
    trace = traces[number]
    body = library.body(trace)
    concrete = model.objects.concrete_functions[trace]
    arguments = list(body.arguments)[: len(body.arguments) - len(concrete.bound_inputs)]
    specs = [spec for _, spec in flat_tensors(structure_of(concrete.canonicalized_input_signature))]
    types = library.argument_types(trace, {})
    if len(specs) != len(arguments):
        specs = [None] * len(arguments)
    names = unique((spec.name if spec else None) or argument for spec, argument in zip(specs, arguments, strict=True))
    inputs = [
        _Argument(label, argument, dtype, shape if spec is None else spec.sizes)
        for label, argument, spec, (dtype, shape) in zip(names, arguments, specs, types, strict=False)
    ]
    paths = [path for path, _ in flat_tensors(structure_of(concrete.output_signature))]
    if len(paths) != len(body.results):
        paths = [(i,) for i in range(len(body.results))]
    outputs = list(zip(leaf_names(paths, "output"), body.results, strict=True))
    entry = _Entry(trace, body, inputs, outputs)
    return _build(model, library, entry, options, _function_reference(model, name, number, entry))


def _inference_trace(model: SavedModel, traces: list[str], given: Any) -> int:
    """Which trace is for inference: no argument of it was fixed to True (as ``training=True``), and the specs fit."""
    wanted = [as_spec(leaf) for _, leaf in flatten(given) if is_spec(leaf)] if given is not None else []
    candidates = []
    for number, trace in enumerate(traces):
        if trace not in model.objects.concrete_functions:
            continue
        structure = structure_of(model.objects.concrete_functions[trace].canonicalized_input_signature)
        specs = [spec for _, spec in flat_tensors(structure)]
        if wanted and (len(specs) != len(wanted) or not all(map(_fits, specs, wanted))):
            continue
        candidates.append((any(value is True for value in literals(structure)), number))
    if not candidates:
        raise InvalidArgumentError(f"no saved trace in {model.path} takes these inputs")
    return min(candidates)[1]


def _fits(found: Spec | None, wanted: Spec) -> bool:
    if found is None or found.shape is None or wanted.sizes is None:
        return True
    return len(found.shape) == len(wanted.sizes) and all(
        a is None or b is None or a == b for a, b in zip(found.shape, wanted.sizes, strict=True)
    )


def _node_of(reference: str) -> str:
    return reference.partition(":")[0].removeprefix("^")


def _index_of(reference: str) -> int:
    last = reference.rpartition(":")[2]
    return int(last) if last.isdecimal() else 0


def _renamed(reference: Reference, names: Mapping[str, str]) -> Reference:
    """Takes the graph's input names where `reference` takes the source's."""
    if all(new == old for new, old in names.items()):
        return reference
    return lambda arrays: reference({names[name]: array for name, array in arrays.items()})


def _signature_reference(model: SavedModel, name: str, entry: _Entry) -> Reference:
    loaded: list[Any] = []

    def run(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        from onward.sources.function import array_of, tensor_of

        function = _loaded(model, loaded).signatures[name]
        results = function(**{arg.name: tensor_of(arrays[arg.name], arg.dtype) for arg in entry.inputs})
        return [array_of(results[label]) for label, _ in entry.outputs]

    return Unchanged(run, lambda: _loaded(model, loaded).signatures[name].captured_inputs)


def _function_reference(model: SavedModel, name: str, number: int, entry: _Entry) -> Reference:
    loaded: list[Any] = []

    def run(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        import tensorflow as tf

        from onward.sources.function import array_of, tensor_of

        function = getattr(_loaded(model, loaded), name).concrete_functions[number]
        tensors = [tensor_of(arrays[arg.name], arg.dtype) for arg in entry.inputs]
        results = function._call_flat(tensors, function.captured_inputs)
        return [array_of(leaf) for leaf in tf.nest.flatten(results, expand_composites=True) if leaf is not None]

    return Unchanged(run, lambda: getattr(_loaded(model, loaded), name).concrete_functions[number].captured_inputs)


def _loaded(model: SavedModel, kept: list[Any]) -> Any:
    """The SavedModel in TensorFlow, loaded once."""
    import tensorflow as tf

    if not kept:
        kept.append(tf.saved_model.load(str(model.path), tags=list(model.meta_graph.meta_info_def.tags) or None))
    return kept[0]
