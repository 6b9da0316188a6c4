"""The TensorFlow side: a graph of nodes whose attributes are Python values, read from whatever source.

A :class:`Graph` holds no calls to plain functions (they are inlined while it is built) and no dead code: it has
what its outputs and effects need. Bodies of control flow stay functions, see :meth:`Graph.function`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError, InvalidSourceError

Shape = tuple[int | None, ...]
_IMAGE_RANK = 4  # of a batch of pictures
Reference = Callable[[Mapping[str, NDArray[Any]]], list[NDArray[Any]]]


class Tensor(NamedTuple):
    """One output of a node."""

    node: Node
    index: int  # type: ignore[assignment]  # tuple.index is of no use here

    @property
    def name(self) -> str:
        """As TensorFlow writes it: ``node:index``."""
        return f"{self.node.name}:{self.index}"

    @property
    def shape(self) -> Shape | None:
        """The shape that TensorFlow recorded, None where none was recorded or the rank is unknown."""
        shapes = self.node.shapes
        return shapes[self.index] if shapes is not None and self.index < len(shapes) else None


class FunctionRef(NamedTuple):
    """A function as the value of an attribute."""

    name: str
    attrs: dict[str, Any]


class Table(NamedTuple):
    """The contents of a lookup table: one-dimensional keys, and as many values."""

    keys: NDArray[Any]
    values: NDArray[Any]


class Node:
    """One operation. Nodes compare by identity.

    ``name`` is unique in the graph, ``inputs`` are flat and in the order of the op's definition, ``attrs`` holds
    only what the source holds (defaults are in :mod:`onward.formats.opdefs`): types as numpy dtypes, shapes as
    tuples with None for what is unknown (or None where the rank is), strings as str (bytes where they are no UTF-8),
    tensors as arrays, functions as :class:`FunctionRef`. ``shapes`` are those recorded for the outputs.
    ``value`` is what a constant, a variable (an array or a :class:`~onward.arrays.LazyArray`) or a lookup table
    (:class:`Table`) holds.
    """

    __slots__ = ("attrs", "controls", "inputs", "name", "op", "shapes", "value")

    def __init__(
        self,
        name: str,
        op: str,
        inputs: Iterable[Tensor] = (),
        attrs: dict[str, Any] | None = None,
        *,
        controls: Iterable[Node] = (),
        shapes: list[Shape | None] | None = None,
        value: Any = None,
    ) -> None:
        self.name = name
        self.op = op
        self.inputs = list(inputs)
        self.controls = list(controls)
        self.attrs = {} if attrs is None else attrs
        self.shapes = shapes
        self.value = value

    def __repr__(self) -> str:
        inputs = ", ".join(t.name for t in self.inputs)
        return f"<{self.op} {self.name}({inputs})>"


@dataclass
class Input:
    """An input of a graph; a dimension is a size, a name, or None where it is dynamic and has no name.

    With a ``default`` it need not be given.

    With `channels_first`, `shape` is that of the model's input, and the tensor is what comes of moving its second axis
    to the end.
    """

    name: str
    tensor: Tensor
    dtype: np.dtype[Any]
    shape: tuple[int | str | None, ...] | None
    default: NDArray[Any] | None = None
    channels_first: bool = False
    span: tuple[int, int] | None = None  # of integers that stand for reals: any of them may come


@dataclass
class Output:
    """An output of a graph; with `channels_first` the model's output has the last axis second (None: where four)."""

    name: str
    tensor: Tensor
    channels_first: bool | None = False

    def moves(self, rank: int | None) -> bool:
        """Whether a tensor of this rank is to have its channels first.

        Raises:
            InvalidArgumentError: it is to, and has no axes to move.
        """
        if self.channels_first is None:
            return rank == _IMAGE_RANK
        if self.channels_first and (rank is None or rank < 3):
            raise InvalidArgumentError(f"output '{self.name}' has no channels that could come before other axes")
        return self.channels_first


@dataclass(eq=False)
class Graph:
    """What a source computes: from ``inputs`` to ``outputs``, with ``effects`` on the way, in order.

    ``effects`` are nodes that nothing reads but that change what a variable or table holds; prints and assertions do
    not count. ``notes`` say what else there is to know. ``reference`` runs the source itself in TensorFlow: named input
    arrays in, arrays in the order of ``outputs`` out; None where there is nothing to run. ``slack`` tells of the same
    inputs how far from these answers others are just as right, a number for each output: where the source's own kernels
    differ (quantised ones do). ``unreached`` gives name and op of the source's nodes that nothing here depends on,
    where the source tells.
    """

    name: str
    inputs: list[Input]
    outputs: list[Output]
    effects: list[Node] = field(default_factory=list)
    notes: list[str] = field(default_factory=list, kw_only=True)
    reference: Reference | None = None
    slack: Reference | None = None
    unreached: Callable[[], Iterable[tuple[str, str]]] | None = field(default=None, repr=False, kw_only=True)
    _library: Callable[[FunctionRef], Graph] | None = field(default=None, repr=False)
    _functions: dict[Any, Graph] = field(default_factory=dict, repr=False)

    def nodes(self) -> list[Node]:
        """Every node that the outputs and effects need, each after those it reads or waits for.

        Back edges of TensorFlow 1 loops (``NextIteration`` into ``Merge``) do not count.
        """
        return _topological([o.tensor.node for o in self.outputs] + self.effects, [i.tensor.node for i in self.inputs])

    def function(self, ref: FunctionRef | str) -> Graph:
        """The body of a control-flow function. Its inputs are nodes of op ``_Arg``, in order.

        Raises:
            InvalidSourceError: there is no such function.
        """
        if isinstance(ref, str):
            ref = FunctionRef(ref, {})
        if self._library is None:
            raise InvalidSourceError(f"graph '{self.name}' has no function '{ref.name}'")
        key = (ref.name, repr(sorted(ref.attrs.items(), key=lambda item: item[0])))
        if key not in self._functions:
            self._functions[key] = self._library(ref)
        return self._functions[key]


def _topological(roots: Sequence[Node], always: Iterable[Node]) -> list[Node]:
    """Depth-first postorder, without recursion: graphs are deeper than Python's stack.

    Data edges decide what is needed; control edges only order what is.
    """
    needed = dict.fromkeys(always)  # a dict for its order, which must not change from run to run
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in needed:
            needed[node] = None
            stack.extend(t.node for t in node.inputs)
    order: list[Node] = []
    done: set[Node] = set()
    active: set[Node] = set()
    # What a loop computes for its next round follows the loop's head, which does not wait for it.
    for root in [*roots, *(node for node in needed if node.op == _BACK)]:
        if root in done:
            continue
        stack = [root]
        while stack:
            node = stack[-1]
            if node in done:
                stack.pop()
                continue
            if node in active:  # and what comes before it is done
                stack.pop()
                active.remove(node)
                done.add(node)
                order.append(node)
                continue
            active.add(node)
            for previous in reversed(_before(node, needed)):
                if previous in active:
                    raise InvalidSourceError(f"node '{previous.name}' depends on itself")
                if previous not in done:
                    stack.append(previous)
    return order


_BACK = "NextIteration"


def _before(node: Node, needed: Collection[Node]) -> list[Node]:
    before = [t.node for t in node.inputs if t.node.op != _BACK]
    if node.controls:
        before += [c for c in node.controls if c in needed]
    return before
