"""GraphDefs and FunctionDefs, indexed: what the inliner walks."""

from __future__ import annotations

import functools
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from onward.errors import InvalidSourceError
from onward.formats.dtypes import dtype_of
from onward.formats.opdefs import opdef
from onward.formats.values import Pieces, shape_of
from onward.graph import FunctionRef, Shape
from onward.sources.body import Body, free_name
from onward.sources.dataflow import structured
from onward.sources.effects import affected, has_effect


class Library:
    """A ``GraphDef`` with its functions.

    `size` is the number of nodes in all of it, `producer` the version of TensorFlow's graphs that it was written in.

    Args:
        graph_def: the message, from :func:`onward.formats.wire.parse`.
        pieces: the large tensors that were left out of it.
        name: what to call it in an error.
    """

    def __init__(self, graph_def: Any, pieces: Pieces, name: str) -> None:
        self.name = name
        self.pieces = pieces
        self._graph_def = graph_def
        self.producer = int(graph_def.versions.producer)
        self._functions = {function.signature.name: function for function in graph_def.library.function}
        self.size = len(graph_def.node) + sum(len(function.node_def) for function in graph_def.library.function)
        self._bodies: dict[str, Body] = {}
        self._reserved: dict[str, Any] = {}
        self._numbers: dict[str, int] = {}
        self._acting: dict[str, bool] = {}
        self._unknown_outputs: dict[str, list[str]] = {}
        self._offsets: dict[tuple[str, str], int] = {}

    @functools.cached_property
    def main(self) -> Body:
        """The graph outside all functions."""
        return Body(self.name, self._by_name(self._graph_def.node))

    def __contains__(self, name: str) -> bool:
        return name in self._functions

    def body(self, name: str) -> Body:
        """The function `name`.

        Raises:
            InvalidSourceError: there is no such function, or it lacks a result.
        """
        if name not in self._bodies:
            if name not in self._functions:
                raise InvalidSourceError(f"{self.name} calls the function '{name}', which it does not hold")
            function = self._functions[name]
            outputs = [arg.name for arg in function.signature.output_arg]
            returned = dict(function.ret)
            missing = [output for output in outputs if output not in returned]
            if missing:
                raise InvalidSourceError(
                    f"function '{name}' in {self.name} does not say what it returns as '{missing[0]}'"
                )
            body = Body(
                name,
                self._by_name(function.node_def),
                [arg.name for arg in function.signature.input_arg],
                [returned[output] for output in outputs],
                outputs,
                list(function.control_ret.values()),
                function.signature,
            )
            self._bodies[name], _ = structured(self, body, body.results)
        return self._bodies[name]

    def add(self, body: Body) -> str:
        """Takes in a function that is made of others' nodes; its name, for those that use it."""
        self._bodies[body.name] = body
        return body.name

    def free_function(self, wanted: str) -> str:
        """`wanted`, or with a number behind it where a function has that name."""
        name = free_name(wanted, ChainMap(self._functions, self._bodies, self._reserved), self._numbers)
        self._reserved[name] = None
        return name

    def acts(self, node: Any) -> bool:
        """Whether a node, or what it calls, changes a variable, a table or a generator."""
        if has_effect(node):
            return True
        if node.op not in CALLS and node.op not in _CHOOSE_OR_REPEAT:
            return node.op in self._functions and self._function_acts(node.op)
        called = [value.func.name for value in node.attr.values() if value.WhichOneof("kind") == "func"]
        called += [function.name for value in node.attr.values() for function in value.list.func]
        return any(map(self._function_acts, called))

    def _function_acts(self, name: str) -> bool:
        if name not in self._acting:
            self._acting[name] = False  # until more is known, for functions may call themselves
            nodes: Iterable[Any] = ()
            if name in self._bodies:
                nodes = self._bodies[name].nodes.values()
            elif name in self._functions:
                nodes = self._functions[name].node_def
            self._acting[name] = any(map(self.acts, nodes))
        return self._acting[name]

    def affected(self, body: Body) -> set[str]:
        """The nodes of a body that cannot run before something was changed."""
        if body.affected is None:
            body.affected = affected(body.nodes, [name for name, node in body.nodes.items() if self.acts(node)])
        return body.affected

    def _by_name(self, nodes: Sequence[Any]) -> dict[str, Any]:
        found = {node.name: node for node in nodes}
        names = "\n".join(found)
        if len(found) != len(nodes) or "" in found or ":" in names or "^" in names:
            raise InvalidSourceError(f"{self.name} is damaged: names of nodes are missing, double or no names")
        return found

    def argument_types(self, name: str, attrs: Mapping[str, Any]) -> list[tuple[np.dtype[Any], Shape | None]]:
        """The dtype and recorded shape of each argument of a function; `attrs` are those of the call."""
        if name in self._bodies and self._bodies[name].types is not None:
            return list(self._bodies[name].types or ())
        function = self._functions[name]
        types: list[tuple[np.dtype[Any], Shape | None]] = []
        for i, arg in enumerate(function.signature.input_arg):
            shape = None
            if i in function.arg_attr:
                recorded = function.arg_attr[i].attr
                if "_output_shapes" in recorded and recorded["_output_shapes"].list.shape:
                    shape = shape_of(recorded["_output_shapes"].list.shape[0])
            types.append((attrs[arg.type_attr] if arg.type_attr in attrs else dtype_of(arg.type), shape))
        return types

    def callee(self, node: Any) -> FunctionRef | None:
        """The function that a node calls, None if it is no plain call. The name alone: attributes are not decoded."""
        if node.op in CALLS:
            if "f" not in node.attr:
                raise InvalidSourceError(f"'{node.name}' in {self.name} does not say which function it calls")
            return FunctionRef(node.attr["f"].func.name, node.attr["f"].func.attr)
        return FunctionRef(node.op, node.attr) if node.op in self._functions else None

    def output_offset(self, op: str, output: str, attrs: Mapping[str, Any]) -> int:
        """Where the named output of a node begins in the flat list of its outputs.

        Of an op that TensorFlow does not define, outputs count in the order in which they are first asked for.

        Raises:
            InvalidSourceError: the op has no such output.
        """
        offset = self._offsets.get((op, output))
        if offset is not None:
            return offset
        try:
            definition = opdef(op)
        except KeyError:
            names = self._unknown_outputs.setdefault(op, [])
            if output not in names:
                names.append(output)
            return names.index(output)
        try:
            offset = definition.output_offset(output, attrs)
        except (KeyError, TypeError) as error:
            raise InvalidSourceError(f"{op} has no output '{output}'") from error
        if not any(arg.number_attr or arg.type_list_attr for arg in definition.outputs):
            self._offsets[op, output] = offset
        return offset


# Ops whose attribute `f` is the function to run on their inputs.
CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_CHOOSE_OR_REPEAT = frozenset({"If", "While", "Case"})
