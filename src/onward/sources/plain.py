"""Graphs without a signature: any tensor can be an input or an output, and what is not said is found out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.formats.dtypes import dtype_of
from onward.formats.opdefs import opdef
from onward.formats.values import attribute, constant, shape_of
from onward.graph import Graph, Input, Node
from onward.options import Options
from onward.sources.aliveness import MERGES, SWITCHES
from onward.sources.body import Body, node_of, output_type
from onward.sources.choose import check_names, is_names, stated_inputs
from onward.sources.inline import build, placeholder
from onward.sources.library import Library
from onward.sources.loops import inside_loops
from onward.sources.naming import unique
from onward.sources.session import session_reference
from onward.sources.variables_v1 import Restored
from onward.specs import Spec, replace

_PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2"})
_WITH_DEFAULT = "PlaceholderWithDefault"
_NO_RESULT = frozenset({"Const", "NoOp", "Assert", "Print", "PrintV2", "Placeholder", "PlaceholderV2", _WITH_DEFAULT})
_SCALAR_MEANS_UNKNOWN = 24  # graphs of older producers wrote a scalar's shape for a placeholder of any
_UNSHOWN = frozenset({"resource", "variant"})
_FEW = 40  # names that an error can list


def read_plain(
    library: Library,
    options: Options,
    *,
    name: str,
    variables: Callable[[], Any],
    load: Callable[[Any], Any],
    assets: Callable[[], dict[str, Node]] = dict,
) -> Graph:
    """The graph of what the options name in the main graph of a library.

    Args:
        library: the graph and its functions.
        options: `inputs` are names of tensors (``x`` or ``x:0``), with specs or without; placeholders that the
            outputs need and that are not named are inputs as well, those with a default optional ones (see
            `use_default` and `ignore_default`). `outputs` are names of tensors; if not given, those of nodes that no
            other node reads.
        name: what to call the graph.
        variables: opens the checkpoint that holds the variables' values; called when the first is needed.
        load: puts the source into a ``tf.compat.v1.Session`` that it is given, in the session's graph; used by the
            reference.
        assets: makes constants for the tensors that hold the paths of files.

    Raises:
        InvalidArgumentError: there is no such tensor.
    """
    body = library.main
    old = 0 < library.producer < _SCALAR_MEANS_UNKNOWN
    defaults = _defaults(body, library, options)
    specs = _inputs(body, options.inputs, old, defaults)
    outputs = _outputs(body, options.outputs)
    inputs = [(_input(spec, defaults), spec.name or "") for spec in specs]
    restored = Restored(body, library, variables, assets)
    graph = build(library, body, inputs, outputs, name=name, given=assets(), bind=restored.value)
    named = {_label(given) for given in _names(options.inputs)}
    needed = set(graph.nodes())
    graph.inputs = [made for made in graph.inputs if made.name in named or made.tensor.node in needed]
    references = {made.name: reference for made, reference in inputs}
    tensors = {made.name: references[made.name] for made in graph.inputs}
    graph.reference = session_reference(load, tensors, [reference for _, reference in outputs])
    return graph


def _input(spec: Spec, defaults: Mapping[str, NDArray[Any] | None]) -> Input:
    made = placeholder(_label(spec.name or ""), spec.dtype or np.dtype("float32"), spec.shape)
    made.default = defaults.get(spec.name or "")
    return made


def _defaults(body: Body, library: Library, options: Options) -> dict[str, NDArray[Any] | None]:
    """The placeholders with a default that stay inputs, each with its value, or None where it must be given.

    A default that is computed cannot be an input's in ONNX: such a placeholder is what it computes.
    """
    found: dict[str, NDArray[Any] | None] = {}
    known = [node.name for node in body.nodes.values() if node.op == _WITH_DEFAULT]
    used = _chosen(known, options.use_default)
    ignored = _chosen(known, options.ignore_default)
    for name in known:
        if name in ignored:
            found[f"{name}:0"] = None
        elif name not in used:
            value = _constant(body, library, body.nodes[name])
            if value is not None:
                found[f"{name}:0"] = value
    return found


def _chosen(known: Sequence[str], given: Any) -> set[str]:
    if given is None or isinstance(given, bool):
        return set(known) if given else set()
    names = [name.removesuffix(":0") for name in ([given] if isinstance(given, str) else given)]
    check_names(known, names, "placeholder with a default")
    return set(names)


def _constant(body: Body, library: Library, node: Any) -> NDArray[Any] | None:
    for _ in range(len(body.nodes)):
        if node is None or not node.input or node.op not in (_WITH_DEFAULT, "Identity"):
            break
        node = body.nodes.get(body.key(node.input[0])[0])
    return constant(node, library.pieces) if node is not None and node.op == "Const" else None


def _inputs(body: Body, given: Any, old: bool, defaults: Mapping[str, Any]) -> list[Spec]:
    """A Spec for each tensor that is an input, named by its reference: those that are named, then all placeholders."""
    names = [_reference_of(body, name, "input") for name in _names(given)]
    for node in body.nodes.values():
        reference = f"{node.name}:0"
        if (node.op in _PLACEHOLDERS or reference in defaults) and reference not in names:
            names.append(reference)
    found = [_spec(body, reference, old) for reference in dict.fromkeys(names)]
    if given is None or is_names(given):
        return found
    if isinstance(given, Mapping):
        given = {_reference_of(body, name, "input"): spec for name, spec in given.items()}
    stated = stated_inputs(found, given)  # whose names may be others
    return [replace(spec, name=of.name) for spec, of in zip(stated, found, strict=True)]


def _names(given: Any) -> list[str]:
    if isinstance(given, Mapping) or is_names(given):
        return list(given)
    return []


def _spec(body: Body, reference: str, old: bool) -> Spec:
    name, _, index = reference.partition(":")
    node = body.nodes[name]
    shape = None
    if (node.op in _PLACEHOLDERS or node.op == _WITH_DEFAULT) and "shape" in node.attr:
        shape = attribute(node.attr["shape"])
        if old and shape == ():
            shape = None
    if shape is None and "_output_shapes" in node.attr:
        recorded = node.attr["_output_shapes"].list.shape
        shape = shape_of(recorded[int(index)]) if int(index) < len(recorded) else None
    dtype = dtype_of(output_type(node, int(index)))
    return Spec(shape, None if dtype.names and set(dtype.names) & _UNSHOWN else dtype, reference)


def _outputs(body: Body, wanted: Any) -> list[tuple[str, str]]:
    if wanted is not None:
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        return [(_label(name), _reference_of(body, name, "output")) for name in names]
    hidden = {node_of(reference) for node in body.nodes.values() for reference in node.input} | inside_loops(body)
    ends = [node for node in body.nodes.values() if node.name not in hidden and not _says_nothing(body, node)]
    references = []
    for node in ends:
        references += [f"{node.name}:{i}" for i in range(_output_count(body, node))]
    if not references:
        raise InvalidArgumentError(f"{body.name} has no obvious outputs: name them with outputs=[...]")
    return list(zip(unique(map(_label, references)), references, strict=True))


def _says_nothing(body: Body, node: Any) -> bool:
    """Whether nobody means a node as an output: it has no result, or only tells which side of a choice it is on."""
    if node.op in _NO_RESULT or node.op in SWITCHES:
        return True
    source = body.nodes.get(node_of(node.input[0])) if node.op == "Identity" and node.input else None
    return source is not None and source.op in SWITCHES


def _output_count(body: Body, node: Any) -> int:
    """How many outputs of a node can be shown: of a Merge only what it brings together."""
    if node.op in MERGES:
        return 1
    try:
        definition = opdef(node.op)
    except KeyError:
        return 1
    total = 0
    for arg in definition.outputs:
        if arg.type_list_attr:
            total += len(node.attr[arg.type_list_attr].list.type)
        else:
            total += node.attr[arg.number_attr].i if arg.number_attr else 1
    if total > _MOST_OUTPUTS:
        raise InvalidSourceError(f"'{node.name}' in {body.name} cannot have {total} outputs")
    return total


_MOST_OUTPUTS = 100_000


def _reference_of(body: Body, name: str, what: str) -> str:
    node, _, index = name.partition(":")
    if node not in body.nodes or not (index or "0").isdecimal():
        if len(body.nodes) <= _FEW:
            check_names(list(body.nodes), [node], what)
        raise InvalidArgumentError(f"{body.name} has no tensor '{name}' that could be an {what}")
    return f"{node}:{int(index or 0)}"


def _label(reference: str) -> str:
    """A tensor's name as people write it: without the ``:0``."""
    return reference.removesuffix(":0")
