"""TensorFlow.js: graph models (``model.json`` holds a GraphDef) and layers models (it holds a Keras configuration)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.formats.dtypes import NAMES, NUMBERS, RESOURCE, STRING, dtype_of
from onward.formats.json_proto import message_of
from onward.formats.tfjs import ModelFile
from onward.formats.values import Pieces, shape_of
from onward.graph import Graph, Shape
from onward.options import Options
from onward.sources.body import Body, output_type
from onward.sources.choose import is_names, select, stated_inputs
from onward.sources.fused import split_fused
from onward.sources.inline import build, placeholder
from onward.sources.library import Library
from onward.sources.session import session_reference
from onward.sources.tables import INITIALIZERS
from onward.sources.variables_v1 import Restored
from onward.specs import Spec, name_batch

_PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")


def read(path: str | os.PathLike[str], options: Options) -> Graph:
    """The graph of a model of TensorFlow.js.

    Args:
        path: the ``model.json``, or its folder; its shards lie beside it or below.
        options: `inputs` completes or overrides shapes; it and `outputs` name inputs and outputs of the signature, or
            any tensors of the graph, at which it is cut.

    Raises:
        InvalidSourceError: the file or a shard is damaged, missing or lies outside the folder.
        InvalidArgumentError: `options` does not fit the model.
    """
    file = ModelFile(path)
    if "node" not in file.topology:
        from onward.sources import tfjs_layers

        return select(tfjs_layers.read(file, options), options.inputs, options.outputs)
    graph_def, pieces = _graph_def(file)
    library = Library(graph_def, pieces, str(file.path))
    inputs, outputs = _signature(file, library.main)
    wanted = _wanted(library.main, outputs, options.outputs)
    graph, references = _build(file, library, inputs, wanted, options)
    graph.reference = session_reference(
        lambda session: _load(_whole(graph_def, pieces), session),
        {name: _full(reference) for name, reference in references.items()},
        [_full(reference) for _, reference in wanted],
    )
    return graph


class _Tensor(NamedTuple):
    """An input or output: what it is called, the tensor, and what the signature says of it."""

    name: str
    reference: str
    dtype: np.dtype[Any]
    shape: Shape | None


def _graph_def(file: ModelFile) -> tuple[Any, Pieces]:
    """The graph with its weights: constants refer to the pieces, which are the weights' bytes."""
    graph_def = message_of(file.topology, "GraphDef", str(file.path))
    initializer = file.content.get("modelInitializer")
    if initializer is not None:
        _add_initializer(graph_def, message_of(initializer, "GraphDef", str(file.path)), file)
    weights = file.weights()
    pieces: list[memoryview] = []
    for nodes in (graph_def.node, *(function.node_def for function in graph_def.library.function)):
        for node in nodes:
            if node.op == "Const" and node.name in weights:
                pieces += _fill(node, weights[node.name], len(pieces), file)
            elif node.op == "Const" and not _has_value(node):
                raise InvalidSourceError(f"{file.path}: the manifest has no weight for the constant '{node.name}'")
    split_fused(graph_def, str(file.path))
    return graph_def, pieces


def _fill(node: Any, array: NDArray[Any], place: int, file: ModelFile) -> list[memoryview]:
    """Gives a constant its value, in the dtype of the graph: the format has no 64-bit numbers, so it stores 32 bits."""
    dtype = dtype_of(node.attr["dtype"].type) if node.attr["dtype"].type else array.dtype
    if (dtype == STRING) != (array.dtype == STRING):
        raise InvalidSourceError(f"{file.path}: weight '{node.name}' is {array.dtype}, the graph has {dtype}")
    tensor = node.attr["value"].tensor
    tensor.Clear()
    tensor.dtype = NUMBERS[NAMES[dtype]]
    tensor.tensor_shape.SetInParent()
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    if dtype == STRING:
        tensor.string_val.extend(array.ravel().tolist())
        return []
    if not array.size:
        return []
    tensor.mapped.append(place)
    plain = array.astype(dtype) if array.dtype != dtype else array
    return [np.ascontiguousarray(plain).reshape(-1).view(np.uint8).data]


def _has_value(node: Any) -> bool:
    """Whether a constant carries its value itself, or has no elements."""
    tensor = node.attr["value"].tensor
    return any(
        field.name not in ("dtype", "tensor_shape", "version_number") for field, _ in tensor.ListFields()
    ) or any(dim.size == 0 for dim in tensor.tensor_shape.dim)


def _add_initializer(graph_def: Any, initializer: Any, file: ModelFile) -> None:
    """Adds the graph that makes tables, and puts its handles where the main graph has placeholders for them."""
    taken = {node.name for node in graph_def.node}
    graph_def.node.extend(node for node in initializer.node if node.name not in taken)
    made = _by_resource(file.content.get("initializerSignature"), "outputs", file)
    wanted = _by_resource(file.content.get("signature"), "inputs", file)
    handles = {_node_of(wanted[key]): made[key] for key in wanted if key in made}
    for node in graph_def.node:
        if node.name in handles:
            node.op = "Identity"
            del node.input[:]
            node.input.append(handles[node.name])
            node.attr["T"].type = NUMBERS["resource"]


def _by_resource(signature: Any, part: str, file: ModelFile) -> dict[Any, str]:
    """The tensors of a signature that are handles, by the number that both signatures give them."""
    entries = _entries(signature, part, file)
    return {
        info["resourceId"]: str(info.get("name", key))
        for key, info in entries.items()
        if isinstance(info.get("resourceId"), (int, str))
    }


def _entries(signature: Any, part: str, file: ModelFile) -> dict[str, Mapping[str, Any]]:
    found = (signature or {}).get(part) if isinstance(signature or {}, Mapping) else signature
    if found is not None and (
        not isinstance(found, Mapping) or not all(isinstance(info, Mapping) for info in found.values())
    ):
        raise InvalidSourceError(f"{file.path} is damaged: the signature's {part} are no objects")
    return dict(found or {})


def _signature(file: ModelFile, body: Body) -> tuple[list[_Tensor], list[_Tensor]]:
    """Inputs and outputs as the signature says; where there is none, placeholders and what nothing reads."""
    signature = file.content.get("signature")
    if signature is None and isinstance(file.content.get("userDefinedMetadata"), Mapping):
        signature = file.content["userDefinedMetadata"].get("signature")
    entries = _entries(signature, "inputs", file)
    present = {key: info for key, info in entries.items() if _node_of(_tensor_name(key, info)) in body.nodes}
    inputs = _tensors(present, body, file)  # the graph has lost inputs that it does not use
    outputs = _tensors(_entries(signature, "outputs", file), body, file)
    named = {_node_of(made.reference) for made in inputs}
    for node in body.nodes.values():
        if node.op in _PLACEHOLDERS[:2] and node.name not in named:
            inputs.append(_tensor(node.name, f"{node.name}:0", {}, body, file))
    if not outputs:
        read = {_node_of(reference) for node in body.nodes.values() for reference in node.input}
        ends = [node for node in body.nodes.values() if node.name not in read and node.op not in _NO_RESULT]
        outputs = [_Tensor(node.name, f"{node.name}:0", STRING, None) for node in ends]
    return [made for made in inputs if made.dtype != RESOURCE], outputs


_NO_RESULT = frozenset({"Const", "NoOp", "Assert", "Print", "PrintV2", *_PLACEHOLDERS})


def _tensors(entries: Mapping[str, Mapping[str, Any]], body: Body, file: ModelFile) -> list[_Tensor]:
    return [_tensor(key, _tensor_name(key, info), info, body, file) for key, info in entries.items()]


def _tensor_name(key: str, info: Mapping[str, Any]) -> str:
    return str(info.get("name") or key)


def _tensor(name: str, reference: str, info: Mapping[str, Any], body: Body, file: ModelFile) -> _Tensor:
    """One entry of the signature. Of an input the placeholder says more: signatures are edited by hand at times."""
    node = body.nodes.get(_node_of(reference))
    if node is None:
        raise InvalidSourceError(f"{file.path}: the signature names '{reference}', which is not in the graph")
    said = message_of(dict(info), "TensorInfo", str(file.path))
    dtype, shape = said.dtype, shape_of(said.tensor_shape) if "tensorShape" in info else None
    if node.op in _PLACEHOLDERS:
        dtype = node.attr["dtype"].type or dtype
        own = shape_of(node.attr["shape"].shape) if "shape" in node.attr else None
        shape = shape if own is None or (own == () and shape) else own  # old graphs wrote a scalar's for any
    return _Tensor(name.removesuffix(":0"), reference, dtype_of(dtype or NUMBERS["float32"]), shape)


def _wanted(body: Body, outputs: list[_Tensor], names: Any) -> list[tuple[str, str]]:
    """The outputs to convert: those of the signature that are named, or any tensors; all of them if none is named."""
    if names is None:
        if not outputs:
            raise InvalidArgumentError(f"{body.name} has no obvious outputs: name them with outputs=[...]")
        return [(made.name, made.reference) for made in outputs]
    known = {made.name: made.reference for made in outputs}
    wanted = []
    for name in [names] if isinstance(names, str) else list(names):
        plain = name.removesuffix(":0")
        if plain not in known and _node_of(name) not in body.nodes:
            raise InvalidArgumentError(f"the source has no output '{name}'; it has: {', '.join(known)}")
        wanted.append((plain, known.get(plain, name)))
    return wanted


def _build(
    file: ModelFile, library: Library, inputs: list[_Tensor], outputs: list[tuple[str, str]], options: Options
) -> tuple[Graph, dict[str, str]]:
    """The graph, and the tensor that each of its inputs stands for."""
    body = library.main
    given, cut = _places(options.inputs, inputs, body)
    inputs = [*inputs, *cut]
    specs = [Spec(name_batch(made.shape), made.dtype, made.name) for made in inputs]
    chosen = stated_inputs(specs, given)
    placed = [
        (placeholder(spec.name or made.name, made.dtype, spec.shape), made.reference)
        for spec, made in zip(chosen, inputs, strict=True)
    ]
    restored = Restored(body, library, lambda: _no_variables(file))
    graph = build(library, body, placed, outputs, name=options.name or _name(file), bind=restored.value)
    if cut:
        graph.inputs = []  # these are always needed
        needed = set(graph.nodes())
        graph.inputs = [made for made, _ in placed if made.tensor.node in needed]
    references = {made.name: reference for made, reference in placed}
    graph = select(graph, given, None)
    return graph, {made.name: references[made.name] for made in graph.inputs}


def _places(given: Any, inputs: list[_Tensor], body: Body) -> tuple[Any, list[_Tensor]]:
    """What is said of inputs, by the signature's names where tensors are named; and tensors that become inputs too."""
    if not isinstance(given, Mapping) and not is_names(given):
        return given, []
    known = {made.name: made.name for made in inputs}
    known |= {made.reference.removesuffix(":0"): made.name for made in inputs if made.reference not in known}
    cut: list[_Tensor] = []
    for name in given:
        plain = name.removesuffix(":0") if isinstance(name, str) else name
        node, index = body.nodes.get(_node_of(str(plain))), str(plain).partition(":")[2] or "0"
        if plain not in known and node is not None and index.isdecimal():
            cut.append(_Tensor(plain, _full(plain), dtype_of(output_type(node, int(index))), None))
            known[plain] = plain
    labels = [known.get(name.removesuffix(":0"), name) if isinstance(name, str) else name for name in given]
    return dict(zip(labels, given.values(), strict=True)) if isinstance(given, Mapping) else labels, cut


def _no_variables(file: ModelFile) -> Any:
    raise InvalidSourceError(f"{file.path} has variables, which the graph models of TensorFlow.js do not have")


def _name(file: ModelFile) -> str:
    return file.path.resolve().parent.name if file.path.stem == "model" else file.path.stem


def _node_of(reference: str) -> str:
    return reference.partition(":")[0].removeprefix("^")


def _full(reference: str) -> str:
    return reference if ":" in reference else f"{reference}:0"


def _whole(graph_def: Any, pieces: Pieces) -> Any:
    """The message with all its weights inside, for TensorFlow."""
    whole = type(graph_def)()
    whole.CopyFrom(graph_def)
    for nodes in (whole.node, *(function.node_def for function in whole.library.function)):
        for node in nodes:
            if node.op == "Const" and node.attr["value"].tensor.mapped:
                tensor = node.attr["value"].tensor
                tensor.tensor_content = bytes(pieces[tensor.mapped[-1]])
                del tensor.mapped[:]
    return whole


def _load(whole: Any, session: Any) -> None:
    """Puts the graph into a session, its tables filled."""
    import tensorflow as tf

    graph_def = tf.compat.v1.GraphDef.FromString(whole.SerializeToString())
    tf.compat.v1.import_graph_def(graph_def, name="")
    session.run([node.name for node in graph_def.node if node.op in INITIALIZERS])
