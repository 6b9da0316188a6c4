"""Frozen GraphDef files (.pb): a graph with its weights as constants, and no signature."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.formats.opdefs import opdef
from onward.formats.values import attributes
from onward.formats.wire import map_file, parse
from onward.graph import Graph, Reference
from onward.options import Options
from onward.sources.body import Body
from onward.sources.choose import check_names, is_names, stated_inputs
from onward.sources.fused import split_fused
from onward.sources.inline import build, placeholder
from onward.sources.library import Library
from onward.sources.naming import unique
from onward.sources.tables import INITIALIZERS
from onward.sources.variables_v1 import Restored
from onward.specs import Spec, as_dtype

_PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2"})
_NO_RESULT = frozenset({"Const", "NoOp", "Assert", "Print", "PrintV2", "Placeholder", "PlaceholderWithDefault"})
_SCALAR_MEANS_UNKNOWN = 24  # graphs of older producers wrote a scalar's shape for a placeholder of any


def read(path: str | os.PathLike[str], options: Options) -> Graph:
    """The graph in a GraphDef file.

    Args:
        path: the file.
        options: `inputs` are names of tensors (``x`` or ``x:0``), with specs or without; placeholders that the outputs
            need and that are not named are inputs as well. `outputs` are names of tensors; if not given, those of
            nodes that no other node reads.

    Raises:
        InvalidSourceError: the file is damaged, or is no frozen graph.
        InvalidArgumentError: it holds no such tensor.
    """
    data = map_file(path)
    if data[0] == 0x08:
        raise InvalidSourceError(f"{path} is not a GraphDef; if it is the file of a SavedModel, give its directory")
    graph_def, pieces = parse(data, "GraphDef", str(path))
    if not graph_def.node:
        raise InvalidSourceError(f"{path} holds no graph")
    split_fused(graph_def, str(path))
    library = Library(graph_def, pieces, str(path))
    body = library.main
    old = 0 < graph_def.versions.producer < _SCALAR_MEANS_UNKNOWN
    specs = _inputs(body, options.inputs, old)
    outputs = _outputs(body, options.outputs)
    inputs = [
        (placeholder(_label(spec.name or ""), spec.dtype or np.dtype("float32"), spec.shape), spec.name or "")
        for spec in specs
    ]
    restored = Restored(body, library, lambda: _not_frozen(path))
    graph = build(library, body, inputs, outputs, name=options.name or Path(path).stem, bind=restored.value)
    named = {_label(name) for name in _names(options.inputs)}
    needed = set(graph.nodes())
    graph.inputs = [made for made in graph.inputs if made.name in named or made.tensor.node in needed]
    references = {made.name: reference for made, reference in inputs}
    tensors = [references[made.name] for made in graph.inputs]
    graph.reference = _reference(path, body, [made.name for made in graph.inputs], tensors, [r for _, r in outputs])
    return graph


def _inputs(body: Body, given: Any, old: bool) -> list[Spec]:
    """A Spec for each tensor that is an input, named by its reference: those that are named, then all placeholders."""
    names = [_reference_of(body, name, "input") for name in _names(given)]
    for node in body.nodes.values():
        if node.op in _PLACEHOLDERS and f"{node.name}:0" not in names:
            names.append(f"{node.name}:0")
    found = [_spec(body, reference, old) for reference in names]
    if given is None or is_names(given):
        return found
    if isinstance(given, Mapping):
        return stated_inputs(found, {_reference_of(body, name, "input"): spec for name, spec in given.items()})
    return stated_inputs(found, given)


def _names(given: Any) -> list[str]:
    if isinstance(given, Mapping) or is_names(given):
        return list(given)
    return []


def _spec(body: Body, reference: str, old: bool) -> Spec:
    name, _, index = reference.partition(":")
    node = body.nodes[name]
    attrs = attributes({k: v for k, v in node.attr.items() if k not in ("value", "_output_shapes")})
    shape = attrs.get("shape") if node.op in _PLACEHOLDERS or node.op == "PlaceholderWithDefault" else None
    if old and shape == ():
        shape = None
    return Spec(shape, _output_dtype(node.op, attrs, int(index)), reference)


def _output_dtype(op: str, attrs: Mapping[str, Any], index: int) -> np.dtype[Any] | None:
    try:
        definition = opdef(op)
    except KeyError:
        return None
    for arg in definition.outputs:
        if arg.type_list_attr:
            types = attrs[arg.type_list_attr]
            if index < len(types):
                dtype: np.dtype[Any] = types[index]
                return dtype
            index -= len(types)
            continue
        count = attrs[arg.number_attr] if arg.number_attr else 1
        if index < count:
            return attrs.get(arg.type_attr) if arg.type_attr else arg.type
        index -= count
    return None


def _outputs(body: Body, wanted: Any) -> list[tuple[str, str]]:
    if wanted is not None:
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        return [(_label(name), _reference_of(body, name, "output")) for name in names]
    read = {reference.removeprefix("^").partition(":")[0] for node in body.nodes.values() for reference in node.input}
    ends = [node for node in body.nodes.values() if node.name not in read and node.op not in _NO_RESULT]
    references = []
    for node in ends:
        count = _output_count(node)
        references += [f"{node.name}:{i}" for i in range(count)]
    if not references:
        raise InvalidArgumentError(f"{body.name} has no obvious outputs: name them with outputs=[...]")
    return list(zip(unique(map(_label, references)), references, strict=True))


def _output_count(node: Any) -> int:
    try:
        definition = opdef(node.op)
    except KeyError:
        return 1
    attrs = attributes({k: v for k, v in node.attr.items() if k not in ("value", "_output_shapes")})
    total = 0
    for arg in definition.outputs:
        if arg.type_list_attr:
            total += len(attrs[arg.type_list_attr])
        else:
            total += attrs[arg.number_attr] if arg.number_attr else 1
    return total


def _reference_of(body: Body, name: str, what: str) -> str:
    node, _, index = name.partition(":")
    if node not in body.nodes or not (index or "0").isdecimal():
        if len(body.nodes) <= 40:
            check_names(list(body.nodes), [node], what)
        raise InvalidArgumentError(f"{body.name} has no tensor '{name}' that could be an {what}")
    return f"{node}:{index or 0}"


def _label(reference: str) -> str:
    """A tensor's name as people write it: without the ``:0``."""
    return reference.removesuffix(":0")


def _not_frozen(path: str | os.PathLike[str]) -> NoReturn:
    raise InvalidSourceError(f"{path} is not frozen: its variables have no values. Freeze it, or give a SavedModel")


def _reference(
    path: str | os.PathLike[str], body: Body, names: Sequence[str], inputs: Sequence[str], outputs: Sequence[str]
) -> Reference:
    initial = [node.name for node in body.nodes.values() if node.op in INITIALIZERS]
    pruned: list[Any] = []

    def run(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        import tensorflow as tf

        from onward.sources.function import array_of, tensor_of

        if not pruned:
            graph_def = tf.compat.v1.GraphDef.FromString(Path(path).read_bytes())
            wrapped = tf.compat.v1.wrap_function(lambda: tf.compat.v1.import_graph_def(graph_def, name=""), [])
            if initial:
                wrapped.prune([], [wrapped.graph.get_operation_by_name(name) for name in initial])()
            tensor = wrapped.graph.get_tensor_by_name
            pruned.append(wrapped.prune([tensor(name) for name in inputs], [tensor(name) for name in outputs]))
        function = pruned[0]
        tensors = [
            tensor_of(arrays[name], as_dtype(symbolic.dtype))
            for name, symbolic in zip(names, function.inputs, strict=False)
        ]
        return [array_of(result) for result in function(*tensors)]

    return run
