"""TensorFlow's TensorLists: a tensor with one more dimension in front, as soon as the shape of an element is known.

A list that was only reserved has no tensor yet; it gets one with its first element. Inside a loop that fills a list
from front to back, one element an iteration, the list is not carried at all: the elements are collected by the loop.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dims import Dim, Shape
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
