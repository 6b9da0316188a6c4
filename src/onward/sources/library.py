"""GraphDefs and FunctionDefs, indexed: what the inliner walks."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from onward.errors import InvalidSourceError
from onward.formats.dtypes import dtype_of
from onward.formats.opdefs import opdef
from onward.formats.values import Pieces, shape_of
from onward.graph import FunctionRef, Shape


class Body:
    """A graph or function: its ``NodeDef`` messages by name, its arguments and its results.

    `arguments` maps a name to its position, `results` are references to tensors (``node:index`` in a graph,
    ``node:output:index`` in a function), `control_results` are names of nodes that must run.
    """

    __slots__ = ("arguments", "control_results", "is_function", "name", "nodes", "result_names", "results", "signature")

    def __init__(
        self,
        name: str,
        nodes: Mapping[str, Any],
        arguments: Sequence[str] = (),
        results: Sequence[str] = (),
        result_names: Sequence[str] = (),
        control_results: Sequence[str] = (),
        signature: Any = None,
    ) -> None:
        self.name = name
        self.nodes = nodes
        self.arguments = {argument: i for i, argument in enumerate(arguments)}
        self.results = list(results)
        self.result_names = list(result_names)
        self.control_results = list(control_results)
        self.signature = signature
        self.is_function = signature is not None


class Library:
    """A ``GraphDef`` with its functions.

    `size` is the number of nodes in all of it.

    Args:
        graph_def: the message, from :func:`onward.formats.wire.parse`.
        pieces: the large tensors that were left out of it.
        name: what to call it in an error.
    """

    def __init__(self, graph_def: Any, pieces: Pieces, name: str) -> None:
        self.name = name
        self.pieces = pieces
        self._graph_def = graph_def
        self._functions = {function.signature.name: function for function in graph_def.library.function}
        self.size = len(graph_def.node) + sum(len(function.node_def) for function in graph_def.library.function)
        self._bodies: dict[str, Body] = {}
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
            self._bodies[name] = Body(
                name,
                self._by_name(function.node_def),
                [arg.name for arg in function.signature.input_arg],
                [returned[output] for output in outputs],
                outputs,
                list(function.control_ret.values()),
                function.signature,
            )
        return self._bodies[name]

    def _by_name(self, nodes: Sequence[Any]) -> dict[str, Any]:
        found = {node.name: node for node in nodes}
        names = "\n".join(found)
        if len(found) != len(nodes) or "" in found or ":" in names or "^" in names:
            raise InvalidSourceError(f"{self.name} is damaged: names of nodes are missing, double or no names")
        return found

    def argument_types(self, name: str, attrs: Mapping[str, Any]) -> list[tuple[np.dtype[Any], Shape | None]]:
        """The dtype and recorded shape of each argument of a function; `attrs` are those of the call."""
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
