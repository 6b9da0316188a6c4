"""The ONNX side while it is being built: values, nodes and graphs.

Deliberately thin: a conversion touches tens of thousands of these, so they hold what lowering and the passes need
and nothing else. ``ONNXProgram.model`` hands the finished graph over as an ``onnx_ir.Model``.

A ``Value`` is one of four things: the output of a node, a graph input, a constant (``const`` is set), or a small
integer tensor whose elements are known as sizes (``known`` is set) and for which no node exists until one is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from onward.dims import Shape, Size

if TYPE_CHECKING:
    from onward.arrays import LazyArray
    from onward.lowering.builder import Builder

HOLDERS = frozenset({"If", "Loop", "Scan", "SequenceMap"})
"""ONNX's operators that hold graphs; those of other domains may too."""


class Origin(NamedTuple):
    """Where an ONNX node comes from: the TensorFlow node, its op and the layer that holds it."""

    node: str = ""
    op: str = ""
    layer: str = ""


class Value:
    """A tensor in the graph. ``shape`` is None where not even the rank is known."""

    __slots__ = ("builder", "const", "dtype", "index", "known", "name", "producer", "shape", "users")
    __array_ufunc__ = None  # an array on the left leaves the operator to the value on the right

    def __init__(
        self,
        builder: Builder,
        dtype: np.dtype,
        shape: Shape | None,
        *,
        name: str = "",
        producer: Node | None = None,
        index: int = 0,
        const: np.ndarray | LazyArray | None = None,
        known: np.ndarray | None = None,
    ) -> None:
        self.builder = builder
        self.dtype = dtype
        self.shape = shape
        self.name = name
        self.producer = producer
        self.index = index
        self.const = const
        self.known = known
        self.users: dict[Node, int] = {}

    @property
    def rank(self) -> int | None:
        """The number of dimensions, None where unknown."""
        return None if self.shape is None else len(self.shape)

    @property
    def array(self) -> np.ndarray | None:
        """The constant as a numpy array, None where the value is not constant. Loads a lazy one."""
        return None if self.const is None else np.asarray(self.const)

    @property
    def is_const(self) -> bool:
        return self.const is not None

    @property
    def elements(self) -> np.ndarray | None:
        """The elements as integers and sizes, for a small integer tensor or constant; else None."""
        if self.known is not None:
            return self.known
        if self.const is not None and self.dtype.kind in "iu" and self.const.size <= 1024:
            return np.asarray(self.const).astype(object)
        return None

    def __repr__(self) -> str:
        what = "const " if self.is_const else ""
        return f"<{what}{self.name or '?'}: {self.dtype.name}{list(self.shape) if self.shape is not None else '[?]'}>"

    def __add__(self, other: Any) -> Value:
        return self.builder.Add(self, other)

    def __radd__(self, other: Any) -> Value:
        return self.builder.Add(other, self)

    def __sub__(self, other: Any) -> Value:
        return self.builder.Sub(self, other)

    def __rsub__(self, other: Any) -> Value:
        return self.builder.Sub(other, self)

    def __mul__(self, other: Any) -> Value:
        return self.builder.Mul(self, other)

    def __rmul__(self, other: Any) -> Value:
        return self.builder.Mul(other, self)

    def __truediv__(self, other: Any) -> Value:
        return self.builder.Div(self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return self.builder.Div(other, self)

    def __pow__(self, other: Any) -> Value:
        return self.builder.Pow(self, other)

    def __matmul__(self, other: Any) -> Value:
        return self.builder.MatMul(self, other)

    def __neg__(self) -> Value:
        return self.builder.Neg(self)

    def __lt__(self, other: Any) -> Value:
        return self.builder.Less(self, other)

    def __le__(self, other: Any) -> Value:
        return self.builder.LessOrEqual(self, other)

    def __gt__(self, other: Any) -> Value:
        return self.builder.Greater(self, other)

    def __ge__(self, other: Any) -> Value:
        return self.builder.GreaterOrEqual(self, other)

    def __and__(self, other: Any) -> Value:
        return self.builder.And(self, other)

    def __or__(self, other: Any) -> Value:
        return self.builder.Or(self, other)

    def __invert__(self) -> Value:
        return self.builder.Not(self)


class Node:
    """One ONNX operator application. ``inputs`` may hold None for an omitted optional input."""

    __slots__ = ("attrs", "domain", "inputs", "name", "op", "origin", "outputs")

    def __init__(
        self,
        op: str,
        inputs: Iterable[Value | None],
        attrs: dict[str, Any],
        *,
        domain: str = "",
        name: str = "",
        origin: Origin = Origin(),  # noqa: B008  (an immutable tuple)
    ) -> None:
        self.op = op
        self.domain = domain
        self.attrs = attrs
        self.name = name
        self.origin = origin
        self.inputs: list[Value | None] = []
        self.outputs: list[Value] = []
        for value in inputs:
            self.inputs.append(value)
            if value is not None:
                value.users[self] = value.users.get(self, 0) + 1

    def __repr__(self) -> str:
        return f"<{self.op} {self.name}>"

    @property
    def output(self) -> Value:
        """The only output, or the first."""
        return self.outputs[0]

    @property
    def subgraphs(self) -> Sequence[Graph]:
        """The graphs held in attributes (the branches of If, the body of Loop and Scan)."""
        if self.op not in HOLDERS and not self.domain:
            return ()
        return [a for a in self.attrs.values() if isinstance(a, Graph)]

    def captured(self) -> Iterator[Value]:
        """Values from outside that the subgraphs use."""
        for graph in self.subgraphs:
            yield from graph.captured()

    def set_input(self, index: int, value: Value | None) -> None:
        """Puts another value at an input, keeping the users of both right."""
        old = self.inputs[index]
        if old is value:
            return
        if old is not None:
            _drop(old, self)
        self.inputs[index] = value
        if value is not None:
            value.users[self] = value.users.get(self, 0) + 1

    def detach(self) -> None:
        """Takes the node out of its inputs' users; for a node that is thrown away."""
        for value in self.inputs:
            if value is not None:
                _drop(value, self)
        self.inputs = []


class Graph:
    """A list of nodes with inputs and outputs. The order of ``nodes`` is free until ``sort`` is called."""

    __slots__ = ("defaults", "inputs", "name", "nodes", "outputs")

    def __init__(self, name: str) -> None:
        self.name = name
        self.inputs: list[Value] = []
        self.defaults: dict[Value, np.ndarray] = {}  # of inputs that need not be given
        self.outputs: list[Value] = []
        self.nodes: list[Node] = []

    def all_nodes(self) -> Iterator[Node]:
        """Every node, those of subgraphs included."""
        for node in self.nodes:
            yield node
            for graph in node.subgraphs:
                yield from graph.all_nodes()

    def captured(self) -> dict[Value, None]:
        """Non-constant values used here (or deeper) that belong to an enclosing graph, in order of use."""
        own = {id(v) for v in self.inputs}
        for node in self.nodes:
            own.update(id(v) for v in node.outputs)
        used: dict[Value, None] = {}
        for node in self.nodes:
            used.update((v, None) for v in node.inputs if v is not None)
            for graph in node.subgraphs:
                used.update(graph.captured())
        used.update((v, None) for v in self.outputs)
        return {v: None for v in used if id(v) not in own and not v.is_const}

    def replace(self, old: Value, new: Value) -> None:
        """Lets every user of ``old``, the graph's outputs included, use ``new``."""
        if old is new:
            return
        for node in list(old.users):
            for i, value in enumerate(node.inputs):
                if value is old:
                    node.set_input(i, new)
        self.outputs = [new if v is old else v for v in self.outputs]

    def sort(self) -> None:
        """Orders the nodes topologically (depth first from the outputs) and drops those that no output needs."""
        left = set(self.nodes)  # not yet in order
        entered: set[Node] = set()
        order: list[Node] = []
        stack: list[Any] = [value.producer for value in reversed(self.outputs)]
        while stack:
            node = stack[-1]
            if node not in left:  # in order already, or none of this graph
                stack.pop()
            elif node in entered:  # and what it needs is in order
                stack.pop()
                left.remove(node)
                order.append(node)
            else:
                entered.add(node)
                needed = [*node.inputs, *node.captured()] if node.subgraphs else node.inputs
                stack.extend([value.producer for value in reversed(needed) if value is not None])
        if left:
            for node in self.nodes:
                if node in left:
                    node.detach()
        self.nodes = order


class State(NamedTuple):
    """A variable that a model carries: the input that takes it, the output that gives it on, and its first value."""

    input: str
    output: str
    initial: np.ndarray


class Model:
    """A finished graph with what ONNX wants to know beside it."""

    __slots__ = ("domains", "graph", "metadata", "opset", "states")

    def __init__(self, graph: Graph, opset: int) -> None:
        self.graph = graph
        self.opset = opset
        self.domains: dict[str, int] = {}
        self.metadata: dict[str, str] = {}
        self.states: list[State] = []


def is_static(shape: Shape | None) -> bool:
    """Whether every size is a plain integer."""
    return shape is not None and all(isinstance(d, int) for d in shape)


def sizes(shape: Iterable[Size]) -> np.ndarray:
    """Sizes as the object array that ``Value.known`` holds."""
    shape = list(shape)
    array = np.empty(len(shape), object)
    array[:] = shape
    return array


def _drop(value: Value, node: Node) -> None:
    count = value.users.get(node, 0)
    if count <= 1:
        value.users.pop(node, None)
    else:
        value.users[node] = count - 1
