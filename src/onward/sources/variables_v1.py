"""Graphs of TensorFlow 1, whose variables and tables are nodes: values come from what restores and initialises them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.arrays import LazyArray
from onward.errors import InvalidSourceError
from onward.formats.bundle import Bundle
from onward.formats.checkpoint import Slices
from onward.formats.dtypes import STRING
from onward.formats.saved_model import SavedModel, Signature
from onward.formats.values import attributes, constant
from onward.graph import Graph, Node, Reference, Table, Tensor
from onward.options import Options
from onward.sources.body import Body
from onward.sources.choose import stated_inputs
from onward.sources.inline import build, placeholder
from onward.sources.library import Library
from onward.sources.session import session_reference
from onward.sources.tables import INITIALIZERS, contents
from onward.specs import Spec, name_batch

_VARIABLES = frozenset({"VarHandleOp", "VariableV2", "Variable"})
_ASSIGNS = frozenset({"Assign", "AssignVariableOp"})


def read_signature(model: SavedModel, library: Library, signature: Signature, options: Options) -> Graph:
    """The graph of a signature whose tensors are computed in the main graph itself."""
    body = library.main
    found = [Spec(name_batch(info.shape), info.dtype, info.name) for info in signature.inputs]
    chosen = stated_inputs(found, options.inputs)
    inputs = [
        (placeholder(spec.name or info.name, info.dtype, spec.shape), info.tensor)
        for spec, info in zip(chosen, signature.inputs, strict=True)
    ]
    restored = Restored(body, library, lambda: model.variables, lambda: assets(model, body))
    graph = build(
        library,
        body,
        inputs,
        [(info.name, info.tensor) for info in signature.outputs],
        name=options.name or model.path.resolve().name,
        given=assets(model, body),
        bind=restored.value,
    )
    graph.reference = _reference(model, signature, {made.name: tensor for made, tensor in inputs})
    return graph


class Restored:
    """Finds the value of each variable and table node of a graph.

    Args:
        body: the main graph.
        library: its functions.
        checkpoint: opens the checkpoint; called when the first variable asks.
        assets: makes constants for the tensors that hold the paths of files, which are not where they once were.
    """

    def __init__(
        self,
        body: Body,
        library: Library,
        checkpoint: Callable[[], Bundle | Slices],
        assets: Callable[[], dict[str, Node]] = dict,
    ) -> None:
        self.body = body
        self.library = library
        self.checkpoint = checkpoint
        self.assets = assets
        self._initial: dict[str, list[Any]] | None = None

    def value(self, node: Node) -> Any:
        """A variable's array or a table's contents."""
        if node.op in _VARIABLES:
            return self._variable(node)
        return self._table(node)

    def _setters(self, name: str) -> list[Any]:
        """The nodes that give the node `name` a value."""
        if self._initial is None:
            self._initial = {}
            for proto in self.body.nodes.values():
                if (proto.op in _ASSIGNS or proto.op in INITIALIZERS) and proto.input:
                    self._initial.setdefault(self._origin(proto.input[0]), []).append(proto)
        return self._initial.get(name, [])

    def _origin(self, reference: str) -> str:
        name = reference.partition(":")[0]
        for _ in range(len(self.body.nodes)):
            node = self.body.nodes.get(name)
            if node is None or node.op not in ("Identity", "RefIdentity") or not node.input:
                break
            name = node.input[0].partition(":")[0]
        return name

    def _variable(self, node: Node) -> NDArray[Any] | LazyArray:
        for setter in self._setters(node.name):
            restore, index = self._restore(setter.input[1])
            if restore is not None:
                keys = self._strings(restore.input[1])
                slices = self._strings(restore.input[2]) if len(restore.input) > 2 else []
                if index < len(keys) and keys[index] in self.checkpoint():
                    whole = self.checkpoint()[keys[index]]
                    return _slice(whole, slices[index]) if index < len(slices) and slices[index] else whole
        name = node.attrs.get("shared_name") or node.name
        for key in (name, node.name, f"{name}/.ATTRIBUTES/VARIABLE_VALUE"):
            if key in self.checkpoint():
                return self.checkpoint()[key]
        raise InvalidSourceError(f"{self.library.name}: nothing in the checkpoint is the variable '{node.name}'")

    def _restore(self, reference: str) -> tuple[Any, int]:
        """The RestoreV2 behind a reference, and which of its outputs."""
        for _ in range(len(self.body.nodes)):
            name, _, index = reference.partition(":")
            node = self.body.nodes.get(name)
            if node is None:
                break
            if node.op == "RestoreV2":
                return node, int(index or 0)
            if node.op not in ("Identity", "Cast") or not node.input:
                break
            reference = node.input[0]
        return None, 0

    def _strings(self, reference: str) -> list[str]:
        node = self.body.nodes.get(self._origin(reference))
        if node is None or node.op != "Const":
            return []
        values = constant(node, self.library.pieces)
        return [value.decode("utf-8", "replace") for value in values.ravel()]

    def _table(self, node: Node) -> Table | None:
        for setter in self._setters(node.name):
            outputs = [
                (str(i), reference) for i, reference in enumerate(setter.input) if i and not reference.startswith("^")
            ]
            inputs = build(self.library, self.body, [], outputs, name=setter.name, given=self.assets()).outputs
            made = Node(setter.name, setter.op, [Tensor(node, 0)], attributes(setter.attr, self.library.pieces))
            made.inputs += [output.tensor for output in inputs]
            return contents(made, node)
        return None


def _slice(whole: NDArray[Any] | LazyArray, text: str) -> NDArray[Any] | LazyArray:
    """A part of a partitioned variable, as the saver writes it: ``10 4 0,5:0,4`` (shape, then start and length)."""
    words = text.split()
    place = []
    for word in words[-1].split(":"):
        if word == "-":
            place.append(slice(None))
        else:
            start, length = map(int, word.split(","))
            place.append(slice(start, start + length))
    shape = tuple(len(range(*part.indices(size))) for part, size in zip(place, whole.shape, strict=True))
    return LazyArray(shape, whole.dtype, lambda: np.asarray(whole)[tuple(place)])


def assets(model: SavedModel, body: Body) -> dict[str, Node]:
    """Constant nodes for the tensors that hold the paths of assets."""
    found = {}
    for tensor, file in model.assets().items():
        if tensor.partition(":")[0] in body.nodes:
            value = np.array(file.encode(), object)
            attrs = {"dtype": STRING, "value": value}
            found[tensor] = Node(tensor.partition(":")[0], "Const", (), attrs, shapes=[()], value=value)
    return found


def loader(model: SavedModel) -> Callable[[Any], None]:
    """Loads a SavedModel into a session."""

    def load(session: Any) -> None:
        import tensorflow as tf

        tf.compat.v1.saved_model.load(session, list(model.meta_graph.meta_info_def.tags), str(model.path))

    return load


def _reference(model: SavedModel, signature: Signature, inputs: Mapping[str, str]) -> Reference:
    """Runs a signature in a session; `inputs` are tensors by the names of inputs."""
    return session_reference(loader(model), inputs, [info.tensor for info in signature.outputs])
