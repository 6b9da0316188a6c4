"""TensorFlow's TensorLists: a tensor with one more dimension in front, as soon as the shape of an element is known.

A list that was only reserved has no tensor yet; it gets one with its first element. Inside a loop that fills a list
from front to back, one element an iteration, the list is not carried at all: the elements are collected by the loop.
A list that is written at known places only keeps its elements apart; they may then differ in shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from onward.dims import Dim, Shape, unknown
from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.registry import Unsupported

# Ops that write one element of a list, at the index that is their second input; the place of the list among the inputs.
WRITES = {"TensorListSetItem": 0, "TensorArrayWrite": 3, "TensorArrayWriteV2": 3, "TensorArrayWriteV3": 3}


class TensorList:
    """A list of tensors of one shape.

    Attributes:
        stacked: all elements, of shape (length, ...); None for a list that was reserved and not written to yet.
        count: the length of such a list, an integer scalar.
        dtype: the elements' dtype.
        element: the elements' shape as far as it was declared, None where unknown.
    """

    def __init__(
        self, stacked: Value | None, count: Value | None = None, dtype: Any = None, element: Shape | None = None
    ) -> None:
        self.stacked = stacked
        self.count = count
        self.dtype = stacked.dtype if stacked is not None else np.dtype(dtype)
        self.element = element

    def tensor(self) -> Value:
        """The stacked elements.

        Raises:
            Unsupported: the list was never written to, and nothing says what shape its elements have.
        """
        if self.stacked is None and self.element is not None:
            return self.filled(self.element)
        if self.stacked is None:
            raise Unsupported("nothing tells the shape of the elements of a list")
        return self.stacked

    def filled(self, element: Shape) -> Value:
        """Zeros (or empty strings) in place of every element of a reserved list."""
        assert self.count is not None
        op = self.count.builder
        zero = op.constant(np.array("" if self.dtype == object else 0, self.dtype))
        return op.Expand(zero, op.sizes([self.count, *element]))

    @property
    def unwritten(self) -> bool:
        """Whether no element was written yet."""
        return self.stacked is None

    def item(self, index: Value) -> Value:
        """One element."""
        stacked = self.tensor()
        taken: Value = stacked.builder.Gather(stacked, index, axis=0)
        return taken

    def zeros(self) -> TensorList:
        """A list of as many zeros."""
        if self.stacked is None:
            return self
        op = self.stacked.builder
        zero = op.constant(np.array("" if self.dtype == object else 0, self.dtype))
        return TensorList(op.Expand(zero, op.shape(self.stacked)))

    def length(self) -> Value:
        """How many elements there are, an int64 scalar."""
        if self.stacked is None:
            assert self.count is not None
            return self.count.builder.Cast(self.count, to=INT64)
        op = self.stacked.builder
        return op.Gather(op.shape(self.stacked), np.array(0))

    def written(self, index: Value, item: Value, *, grows: bool = False) -> TensorList:
        """The list with another element at an index, made longer for it if it ``grows``."""
        if self.stacked is None and index.array is not None and self.count is not None and self.count.array is not None:
            return Pieces(self.count.builder, [None] * int(self.count.array), self).written(index, item, grows=grows)
        if self.stacked is None and item.shape is None:
            raise Unsupported("an element without a known rank goes into a list")
        stacked = self.stacked if self.stacked is not None else self.filled(item.shape or ())
        op = stacked.builder
        if _only_element(stacked, index) and item.shape is not None:
            return TensorList(op.Unsqueeze(item, axes=[0]))
        if grows:
            stacked = _reaching(stacked, op.Cast(index, to=INT64) + 1)
        at = op.Reshape(op.Cast(index, to=INT64), [1, 1])
        return TensorList(op.ScatterND(stacked, at, op.Unsqueeze(item, axes=[0])))


class Pieces(TensorList):
    """A list whose elements are known one by one.

    Attributes:
        parts: the elements, None for those that were not written yet.
    """

    def __init__(self, op: Any, parts: Sequence[Value | None], like: TensorList) -> None:
        self.parts = tuple(parts)
        self.count = op.constant(np.array(len(self.parts), np.int32))
        self.dtype, self.element = like.dtype, like.element
        self._made: tuple[Any, Value] | None = None  # the stack, and the graph that it is in

    @property
    def unwritten(self) -> bool:
        return all(part is None for part in self.parts)

    @property
    def stacked(self) -> Value | None:  # type: ignore[override]
        """All elements as one tensor, None where none was written."""
        if self.unwritten:
            return None
        assert self.count is not None
        op = self.count.builder
        if self._made is None or self._made[0] is not op.graph:
            rows = [op.Unsqueeze(self.at(i), axes=[0]) for i in range(len(self.parts))]
            if any(_differ(rows[0].shape, row.shape) for row in rows):
                raise Unsupported("elements of different shapes are asked of a list at once, or by a computed index")
            self._made = op.graph, op.Concat(*rows, axis=0)
        return self._made[1]

    def at(self, i: int) -> Value:
        """The element at a known place; zeros where none was written, like those that were."""
        assert self.count is not None
        part, op = self.parts[i], self.count.builder
        if part is not None:
            return part
        like = next((p for p in self.parts if p is not None), None)
        if self.element is None and like is None:
            raise Unsupported("nothing tells the shape of the elements of a list")
        zero = op.constant(np.array("" if self.dtype == object else 0, self.dtype))
        nothing: Value = op.Expand(zero, op.shape(like) if like is not None else op.sizes(list(self.element or ())))
        return nothing

    def item(self, index: Value) -> Value:
        i = None if index.array is None else int(index.array)
        return super().item(index) if i is None or not 0 <= i < len(self.parts) else self.at(i)

    def zeros(self) -> TensorList:
        assert self.count is not None
        op = self.count.builder
        zero = op.constant(np.array("" if self.dtype == object else 0, self.dtype))
        return Pieces(op, [None if p is None else op.Expand(zero, op.shape(p)) for p in self.parts], self)

    def written(self, index: Value, item: Value, *, grows: bool = False) -> TensorList:
        assert self.count is not None
        i = None if index.array is None else int(index.array)
        if i is None:
            there = TensorList(self.stacked, self.count, self.dtype, self.element)
            return there.written(index, item, grows=grows)
        if i >= len(self.parts) and not grows:
            raise Unsupported(f"writes element {i} of a list of {len(self.parts)}")
        parts = [*self.parts, *[None] * (i + 1 - len(self.parts))]
        parts[i] = item
        return Pieces(self.count.builder, parts, self)

    def pushed(self, item: Value) -> Pieces:
        """The list with one more element at its end."""
        assert self.count is not None
        return Pieces(self.count.builder, [*self.parts, item], self)

    def popped(self) -> tuple[Pieces, Value]:
        """The list without its last element, and that element."""
        assert self.count is not None
        return Pieces(self.count.builder, self.parts[:-1], self), self.at(-1)

    def joined(self) -> tuple[Value, Value]:
        """The elements one after the other along their first axis, and how long each is."""
        assert self.count is not None
        parts, op = [self.at(i) for i in range(len(self.parts))], self.count.builder
        lengths = [part.shape[0] for part in parts if part.shape]
        if len(lengths) < len(parts):
            raise Unsupported("the elements of a list that is concatenated have no known rank")
        return op.Concat(*parts, axis=0), op.sizes(lengths)


def _differ(a: Shape | None, b: Shape | None) -> bool:
    """Whether shapes are known to be different."""
    if a is None or b is None:
        return False
    return len(a) != len(b) or any(
        x != y and isinstance(x, int) and isinstance(y, int) for x, y in zip(a, b, strict=True)
    )


def _only_element(stacked: Value, index: Value) -> bool:
    """Whether a list is its first element and nothing else."""
    return bool(stacked.shape) and stacked.shape[0] == 1 and index.array is not None and int(index.array) == 0  # type: ignore[index]


def _reaching(stacked: Value, length: Value) -> Value:
    """At least ``length`` elements, zeros behind those that are there."""
    op = stacked.builder
    if stacked.rank is None or stacked.dtype == object:
        raise Unsupported("a list of strings, or of elements without a known rank, grows")
    missing = op.Max(length - op.Gather(op.shape(stacked), np.array(0)), np.array(0))
    grown: Value = op.Pad(stacked, op.sizes([*[0] * stacked.rank, missing, *[0] * (stacked.rank - 1)]))
    grown.shape = (unknown(), *(stacked.shape or ())[1:])
    return grown


class Collector:
    """Stands for a list that a loop fills from front to back; its one write yields what the loop collects."""

    def __init__(self) -> None:
        self.item: Value | None = None


def declared(shape: Value) -> Shape | None:
    """An element shape given as a tensor: None where it is not fully known."""
    elements = shape.elements
    if elements is None or elements.ndim == 0 or any(not isinstance(e, Dim) and e < 0 for e in elements):
        return None
    return tuple(elements)
