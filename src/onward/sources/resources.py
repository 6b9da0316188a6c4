"""What a saved function captured: variables, tables, constants and assets of a SavedModel's objects, as nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from onward.errors import InvalidSourceError
from onward.formats.dtypes import STRING, dtype_of
from onward.formats.saved_model import SavedModel
from onward.formats.values import constant, shape_of
from onward.graph import Graph, Node, Table
from onward.sources.body import Body
from onward.sources.inline import HANDLES, build
from onward.sources.library import Library
from onward.sources.tables import filled


class Resources:
    """Makes one node for each object that functions use, and fills the tables that a graph turns out to need."""

    def __init__(self, model: SavedModel, library: Library) -> None:
        self.model = model
        self.library = library
        self._nodes: dict[int, Node] = {}
        self._unfinished: set[int] = set()
        self._tables: dict[Node, int] = {}

    def captures(self, function: str, body: Body) -> dict[str, Node]:
        """The nodes that the last arguments of a function stand for, by argument."""
        concrete = self.model.objects.concrete_functions
        if function not in concrete:
            raise InvalidSourceError(f"{self.model.path} does not say what the function '{function}' captured")
        bound = list(concrete[function].bound_inputs)
        arguments = list(body.arguments)
        if len(bound) > len(arguments):
            raise InvalidSourceError(f"function '{function}' in {self.model.path} has fewer arguments than captures")
        names = arguments[len(arguments) - len(bound) :]
        return {name: self._node(node_id) for name, node_id in zip(names, bound, strict=True)}

    def fill(self, graph: Graph) -> Graph:
        """The graph, its tables with their contents."""
        for node in graph.nodes() if self._tables else ():
            if node in self._tables and node.value is None:
                node.value = self._table(self._tables[node], node)
        return graph

    def _node(self, node_id: int) -> Node:
        if node_id not in self._nodes:
            if node_id in self._unfinished:
                raise InvalidSourceError(f"object {node_id} of {self.model.path} depends on itself")
            self._unfinished.add(node_id)
            self._nodes[node_id] = self._make(node_id)
        return self._nodes[node_id]

    def _make(self, node_id: int) -> Node:
        saved = self.model.object(node_id)
        kind = saved.WhichOneof("kind")
        if kind == "variable":
            value = self.model.variable(node_id)
            shape = shape_of(saved.variable.shape)
            name = saved.variable.name or f"variable_{node_id}"
            attrs = {"dtype": dtype_of(saved.variable.dtype), "shape": shape, "shared_name": name}
            return Node(name, "VarHandleOp", (), attrs, shapes=[()], value=value)
        if kind == "constant":
            return self._constant(saved.constant.operation)
        if kind == "asset":
            file = np.array(self.model.asset(saved.asset.asset_file_def_index).encode(), object)
            attrs = {"dtype": STRING, "value": file}
            return Node(f"asset_{node_id}", "Const", (), attrs, shapes=[()], value=file)
        node = Node(f"resource_{node_id}", "Resource", (), {}, shapes=[()])
        if self.model.child(node_id, "_create_resource") is not None:
            created = next((o.tensor.node for o in self._run(node_id, "_create_resource").outputs), node)
            node = Node(created.name, created.op, (), created.attrs, shapes=[()])
            if created.op in HANDLES:
                self._tables[node] = node_id
        return node

    def _constant(self, operation: str) -> Node:
        node = self.library.main.nodes.get(operation)
        if node is None:
            raise InvalidSourceError(f"{self.model.path} refers to a constant '{operation}', which is not there")
        value = constant(node, self.library.pieces)
        return Node(operation, "Const", (), {"dtype": value.dtype, "value": value}, shapes=[value.shape], value=value)

    def _run(self, node_id: int, method: str) -> Graph:
        """The graph of an argument-less method that a saved object has."""
        child = self.model.child(node_id, method)
        if child is None:
            raise InvalidSourceError(f"object {node_id} of {self.model.path} cannot '{method}'")
        saved = self.model.object(child)
        names = [saved.bare_concrete_function.concrete_function_name, *saved.function.concrete_functions]
        name = next((name for name in names if name), "")
        body = self.library.body(name)
        outputs = list(zip(body.result_names, body.results, strict=True))
        return build(self.library, body, [], outputs, name=name, given=self.captures(name, body))

    def _table(self, node_id: int, node: Node) -> Table:
        saved = _saved_table(self.model.saved_by(node_id), self.model.variables)
        if saved is not None:
            return saved
        table = filled(self._run(node_id, "_initialize"), node)
        if table is None:
            raise InvalidSourceError(f"the table '{node.name}' in {self.model.path} has no contents that can be read")
        return table


def _saved_table(saved: Mapping[str, str], variables: Mapping[str, Any] | Any) -> Table | None:
    """Contents of a mutable table that the checkpoint holds: two tensors under one name."""
    for name in saved.values():
        if f"{name}-keys" in variables and f"{name}-values" in variables:
            return Table(*(np.asarray(variables[f"{name}-{part}"]) for part in ("keys", "values")))
    return None
