"""From indexed GraphDefs to a :class:`~onward.graph.Graph`: calls are followed on demand, from the outputs back.

Nothing is copied into place. A reference is resolved through as many calls, arguments and results as lie between it
and the node that computes it, so what no output needs is never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from onward.errors import InvalidSourceError
from onward.formats.dtypes import RESOURCE
from onward.formats.values import attribute, attributes, shape_of
from onward.graph import FunctionRef, Graph, Input, Node, Output, Tensor
from onward.sources.body import Body, node_of, parse_reference
from onward.sources.dataflow import structured
from onward.sources.library import Library
from onward.sources.references import with_handles

Bind = Callable[[Node], Any]  # what a variable or table node of the source holds

HANDLES = frozenset({
    "VarHandleOp", "VariableV2", "Variable", "HashTable", "HashTableV2", "MutableHashTable", "MutableHashTableV2",
    "MutableDenseHashTable", "MutableDenseHashTableV2", "AnonymousHashTable", "AnonymousMutableHashTable",
    "AnonymousMutableDenseHashTable",
})  # fmt: skip
_FORWARDS = frozenset({"Identity", "RefIdentity"})  # a handle stays the same handle
_LARGEST_GROWTH = 50  # nodes for each node of the file, when all calls are followed
_LARGEST_FILL = 1 << 30  # bytes that a constant may take which is one value, again and again
_SMALL = 100_000  # a graph of which size may grow more
_MOST_HOPS = 100_000


class Inliner:
    """Builds one graph.

    Args:
        library: where the functions are.
        bind: gives the value of the nodes whose op is in ``HANDLES``.
    """

    def __init__(self, library: Library, bind: Bind | None = None) -> None:
        self.library = library
        self.bind = bind
        self._names: set[str] = set()
        self._todo: list[tuple[_Frame, Any, Node]] = []
        self._controls: dict[tuple[int, str], list[Node]] = {}
        self._count = 0
        self._most = _SMALL + _LARGEST_GROWTH * library.size
        self.effects: dict[Node, None] = {}

    def name(self, wanted: str) -> str:
        """`wanted`, or with a number behind it where it is taken."""
        name, number = wanted, 0
        while name in self._names:
            number += 1
            name = f"{wanted}_{number}"
        self._names.add(name)
        return name

    def resolve(self, frame: _Frame, reference: str) -> Tensor:
        """The tensor that `reference` means in `frame`, after all calls."""
        for _ in range(_MOST_HOPS):
            name, output, index = parse_reference(reference, frame.body.is_function)
            given = frame.given.get((name, index))
            if given is not None:
                return given
            position = frame.body.arguments.get(name)
            if position is not None:
                if frame.parent is None or position >= len(frame.inputs):
                    raise InvalidSourceError(f"argument '{name}' of '{frame.body.name}' is not given")
                reference, frame = frame.inputs[position], frame.parent
                continue
            node = frame.body.nodes.get(name)
            if node is None:
                raise InvalidSourceError(
                    f"'{frame.body.name}' in {self.library.name} refers to '{name}', which is not there"
                )
            made = frame.nodes.get(name)
            child = None if made is not None else self._enter(frame, node)
            if child is not None:
                if output in child.body.result_names and node.op == child.body.name:
                    index += child.body.result_names.index(output)
                if index >= len(child.body.results):
                    raise InvalidSourceError(f"function '{child.body.name}' has no result {index}")
                reference, frame = child.body.results[index], child
            elif made is None and node.op in _FORWARDS and node.input and _is_handle(node):
                reference = node.input[0]
            else:
                made = made or self._node(frame, node)
                return Tensor(
                    made, index + self.library.output_offset(node.op, output, made.attrs) if output else index
                )
        raise InvalidSourceError(f"'{reference}' in {self.library.name} depends on itself")

    def finish(self) -> None:
        """Fill in the inputs of all nodes made so far, and of all that this makes."""
        todo = self._todo
        while todo:
            frame, proto, node = todo.pop()
            for reference in proto.input:
                if reference.startswith("^"):
                    node.controls += self._effects_behind(frame, reference[1:])
                else:
                    node.inputs.append(self.resolve(frame, reference))

    def need(self, frame: _Frame, control_results: Iterable[str]) -> None:
        """Keep what these nodes do."""
        for name in control_results:
            self._effects_behind(frame, name)

    def _enter(self, frame: _Frame, node: Any) -> _Frame | None:
        child = frame.children.get(node.name)
        if child is None:
            callee = self.library.callee(node)
            if callee is None:
                return None
            body = self.library.body(callee.name)
            caller: _Frame | None = frame
            while caller is not None:
                if caller.body is body:
                    raise InvalidSourceError(f"function '{body.name}' in {self.library.name} calls itself")
                caller = caller.parent
            attrs = {k: attribute(v, (), frame.attrs) for k, v in callee.attrs.items()} if body.signature.attr else {}
            inputs = [reference for reference in node.input if not reference.startswith("^")]
            child = _Frame(body, parent=frame, inputs=inputs, scope=_scope(frame.scope, node), attrs=attrs)
            child.waits = [reference[1:] for reference in node.input if reference.startswith("^")]
            frame.children[node.name] = child
        return child

    def _node(self, frame: _Frame, proto: Any) -> Node:
        self._count += 1
        if self._count > self._most:
            raise InvalidSourceError(f"{self.library.name} unfolds to more than {self._most} nodes")
        attrs = attributes(proto.attr, self.library.pieces, frame.attrs)
        shapes = (
            [shape_of(s) for s in proto.attr["_output_shapes"].list.shape] if "_output_shapes" in proto.attr else None
        )
        node = Node(self.name(frame.scope + proto.name), proto.op, (), attrs, shapes=shapes)
        if proto.op == "Const":
            node.value = attrs.get("value")
            if not isinstance(node.value, np.ndarray):
                raise InvalidSourceError(f"the constant '{proto.name}' in {self.library.name} has no value")
            if node.value.nbytes > _LARGEST_FILL and 0 in node.value.strides:
                raise InvalidSourceError(
                    f"the constant '{proto.name}' in {self.library.name} repeats one value {node.value.size} times"
                )
        elif proto.op in HANDLES and self.bind is not None:
            node.value = self.bind(node)
        frame.nodes[proto.name] = node
        self._todo.append((frame, proto, node))
        return node

    def _effects_behind(self, frame: _Frame, name: str) -> list[Node]:
        """The nodes with an effect that must run before what waits for `name`: itself, or those that it waits for.

        Reads of variables on the way count too, for a write must not overtake them.
        """
        key = (id(frame), name)
        if key in self._controls:
            return self._controls[key]
        found: dict[Node, None] = {}
        reads: dict[Node, None] = {}
        seen = {key}
        stack = [(frame, name)]
        while stack:
            inside, name = stack.pop()
            node = inside.body.nodes.get(name)
            if node is None:
                continue  # an argument
            child = self._enter(inside, node)
            if child is not None:
                waits = [(child, result) for result in child.body.control_results]
                waits += [(inside, wait) for wait in child.waits]
            elif self.library.acts(node):
                found[inside.nodes.get(name) or self._node(inside, node)] = None
                continue
            else:
                if node.op == "ReadVariableOp":
                    reads[inside.nodes.get(name) or self._node(inside, node)] = None
                affected = self.library.affected(inside.body)
                waits = [
                    (inside, node_of(reference))
                    for reference in node.input
                    if reference.startswith("^") or (affected and node_of(reference) in affected)
                ]
            for wait in reversed(waits):
                if (id(wait[0]), wait[1]) not in seen:
                    seen.add((id(wait[0]), wait[1]))
                    stack.append(wait)
        self.effects.update(found)
        self._controls[key] = [*found, *reads]
        return self._controls[key]


class _Frame:
    """One call of a body: where its arguments come from and which of its nodes were made."""

    __slots__ = ("attrs", "body", "children", "given", "inputs", "nodes", "parent", "scope", "waits")

    def __init__(
        self,
        body: Body,
        *,
        given: Mapping[tuple[str, int], Tensor] | None = None,
        parent: _Frame | None = None,
        inputs: Sequence[str] = (),
        scope: str = "",
        attrs: Mapping[str, Any] | None = None,
    ) -> None:
        self.body = body
        self.given = given or {}
        self.parent = parent
        self.inputs = inputs
        self.scope = scope
        self.attrs = attrs or {}
        self.nodes: dict[str, Node] = {}
        self.children: dict[str, _Frame] = {}
        self.waits: list[str] = []

    def unreached(self) -> Iterator[tuple[str, str]]:
        """Name and op of every node, here and in the calls that were followed, that nothing asked for."""
        given = {name for name, _ in self.given}
        for name, node in self.body.nodes.items():
            if name in self.children:
                yield from self.children[name].unreached()
            elif name not in self.nodes and name not in given and node.op not in _FORWARDS:
                yield self.scope + name, node.op


def build(
    library: Library,
    body: Body,
    inputs: Sequence[tuple[Input, str]],
    outputs: Sequence[tuple[str, str]],
    *,
    name: str,
    given: Mapping[str, Node] | None = None,
    bind: Bind | None = None,
) -> Graph:
    """The graph that computes `outputs` of `body`.

    Args:
        inputs: the graph's inputs, each with the reference that it stands for: an argument, or any tensor of `body`.
            Their nodes are made already (see :func:`placeholder`).
        outputs: name and reference of each output.
        name: the graph's name.
        given: the nodes that further arguments of `body` stand for: variables, constants, tables.
        bind: gives the value of variables and tables among the nodes.
    """
    inliner = Inliner(library, bind)
    arguments: dict[tuple[str, int], Tensor] = {}
    for reference, node in (given or {}).items():
        node.name = inliner.name(node.name)
        arguments[_key(reference, body)] = Tensor(node, 0)
    for made, reference in inputs:
        made.tensor.node.name = inliner.name(made.name)
        arguments[_key(reference, body)] = made.tensor
    body, results = with_handles(body, [reference for _, reference in outputs])
    body, results = structured(library, body, results, arguments)
    frame = _Frame(body, given=arguments)
    found = [
        Output(label, inliner.resolve(frame, reference)) for (label, _), reference in zip(outputs, results, strict=True)
    ]
    inliner.need(frame, body.control_results)
    inliner.finish()
    graph = Graph(name, [made for made, _ in inputs], found, list(inliner.effects))
    graph._library = lambda ref: _function(library, ref, graph, bind)
    graph.unreached = frame.unreached
    return graph


def placeholder(name: str, dtype: Any, shape: tuple[int | str | None, ...] | None, **more: Any) -> Input:
    """An input with its node."""
    sizes = None if shape is None else tuple(d if isinstance(d, int) else None for d in shape)
    node = Node(name, "Placeholder", (), {"dtype": dtype, "shape": sizes}, shapes=[sizes])
    return Input(name, Tensor(node, 0), dtype, shape, **more)


def _function(library: Library, ref: FunctionRef, outer: Graph, bind: Bind | None) -> Graph:
    body = library.body(ref.name)
    inliner = Inliner(library, bind)
    inputs = []
    for i, (name, (dtype, shape)) in enumerate(
        zip(body.arguments, library.argument_types(ref.name, ref.attrs), strict=True)
    ):
        node = Node(inliner.name(name), "_Arg", (), {"T": dtype, "index": i}, shapes=[shape])
        inputs.append(Input(name, Tensor(node, 0), dtype, shape))
    frame = _Frame(body, given={(made.name, 0): made.tensor for made in inputs}, attrs=ref.attrs)
    outputs = [
        Output(name, inliner.resolve(frame, reference))
        for name, reference in zip(body.result_names, body.results, strict=True)
    ]
    inliner.need(frame, body.control_results)
    inliner.finish()
    graph = Graph(ref.name, inputs, outputs, list(inliner.effects))
    graph._library, graph._functions = outer._library, outer._functions
    return graph


def _key(reference: str, body: Body) -> tuple[str, int]:
    name, _, index = parse_reference(reference, body.is_function)
    return name, index


def _is_handle(node: Any) -> bool:
    return node.op == "RefIdentity" or attribute(node.attr["T"]) == RESOURCE


_CALL = re.compile(r"(^|/)(Stateful)?PartitionedCall(_\d+)?$")


def _scope(outer: str, node: Any) -> str:
    """Where the nodes of a called function belong; the call itself is no part of their names."""
    own = _CALL.sub("", node.name)
    return f"{outer}{own}/" if own else outer
