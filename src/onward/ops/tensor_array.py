"""TensorArrays of TensorFlow 1: the same lists as TensorLists (``lowering.lists``), which travel as the *flow*.

A handle says what kind of array it is, and every op that changes the array gives a new flow. So the flow is the list
here, and the handle only describes it. Arrays older than version 3 begin with a flow that is a plain number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dims import Shape
from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.lists import Collector, TensorList
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops import tensor_list


class Array:
    """What a handle stands for.

    Attributes:
        size: the length to begin with, an integer scalar.
        dtype: the elements' dtype.
        element: the elements' shape, None where it is not fully known.
        grows: whether writing behind the end makes it longer.
    """

    def __init__(self, size: Value, dtype: np.dtype, element: Shape | None, grows: bool) -> None:
        self.size, self.dtype, self.element, self.grows = size, dtype, element, grows

    def items(self, flow: Any) -> Any:
        """The list that a flow stands for."""
        if isinstance(flow, (TensorList, Collector)):
            return flow
        return TensorList(None, self.size, self.dtype, self.element)


@lower("TensorArray", "TensorArrayV2", "TensorArrayV3")
def array(op: Builder, size: Value, *, dtype: np.dtype, element_shape: Any, dynamic_size: bool) -> Any:
    known = None if element_shape is None or None in element_shape else tuple(element_shape)
    made = Array(size, dtype, known, dynamic_size)
    return made, made.items(None)


@lower("TensorArrayWrite", "TensorArrayWriteV2", "TensorArrayWriteV3")
def write(op: Builder, handle: Array, index: Value, value: Value, flow: Any) -> Any:
    items = handle.items(flow)
    if isinstance(items, Collector):
        items.item = value
        return items
    return items.written(index, value, grows=handle.grows)


@lower("TensorArrayRead", "TensorArrayReadV2", "TensorArrayReadV3")
def read(op: Builder, handle: Array, index: Value, flow: Any) -> Value:
    return handle.items(flow).item(index)


@lower("TensorArrayGather", "TensorArrayGatherV2", "TensorArrayGatherV3")
def gather(op: Builder, handle: Array, indices: Value, flow: Any, *, element_shape: Any) -> Value:
    stacked = _tensor(handle.items(flow), element_shape)
    if _counts_up(indices) and _same_length(indices, stacked):
        return stacked
    return op.Gather(stacked, indices, axis=0)


@lower("TensorArrayPack")
def pack(op: Builder, handle: Array, flow: Any, *, element_shape: Any) -> Value:
    return _tensor(handle.items(flow), element_shape)


@lower("TensorArrayScatter", "TensorArrayScatterV2", "TensorArrayScatterV3")
def scatter(op: Builder, handle: Array, indices: Value, value: Value, flow: Any) -> TensorList:
    items = handle.items(flow)
    if value.shape is None:
        raise Unsupported("elements without a known rank go into an array")
    if items.stacked is None:
        size = items.length().elements
        if _counts_up(indices) and (handle.grows or (size is not None and size.item() == value.shape[0])):
            return TensorList(value)
        if handle.grows:
            length = op.ReduceMax(op.Cast(indices, to=INT64), axes=[0], keepdims=0) + 1
            items = TensorList(None, op.Max(length, items.length()), value.dtype)
        base = items.filled(tuple(value.shape[1:]))
    elif handle.grows:
        raise Unsupported("elements are scattered into an array that may grow and holds some already")
    else:
        base = items.stacked
    rows = op.Cast(op.Unsqueeze(indices, axes=[-1]), to=INT64)
    return TensorList(op.ScatterND(base, rows, value))


@lower("TensorArrayUnpack")
def unpack(op: Builder, handle: Array, value: Value, flow: Any) -> TensorList:
    return TensorList(value)


@lower("TensorArrayConcat", "TensorArrayConcatV2", "TensorArrayConcatV3")
def concat(op: Builder, handle: Array, flow: Any) -> Any:
    return tensor_list.concat(op, handle.items(flow))


@lower("TensorArraySplit", "TensorArraySplitV2", "TensorArraySplitV3")
def split(op: Builder, handle: Array, value: Value, lengths: Static, flow: Any) -> Any:
    return tensor_list.split(op, value, None, lengths)


@lower("TensorArraySize", "TensorArraySizeV2", "TensorArraySizeV3")
def size(op: Builder, handle: Array, flow: Any) -> Value:
    return op.Cast(handle.items(flow).length(), to=np.int32)


@lower("TensorArrayClose", "TensorArrayCloseV2", "TensorArrayCloseV3")
def close(op: Builder, handle: Array) -> tuple[()]:
    return ()


def _tensor(items: TensorList, element_shape: Any) -> Value:
    """All elements; zeros of the shape that the reader expects where none was written."""
    if items.stacked is None and items.element is None and element_shape is not None and None not in element_shape:
        return items.filled(tuple(element_shape))
    return items.tensor()


def _counts_up(indices: Value) -> bool:
    """Whether indices are 0, 1, 2, ..."""
    elements = indices.elements
    if elements is not None:
        return elements.ndim == 1 and elements.tolist() == list(range(len(elements)))
    node = indices.producer
    while node is not None and node.op == "Cast" and node.inputs[0] is not None:
        node = node.inputs[0].producer
    if node is None or node.op != "Range":
        return False
    start, _, step = node.inputs
    return _is(start, 0) and _is(step, 1)


def _is(value: Value | None, number: int) -> bool:
    return value is not None and value.array is not None and int(value.array) == number


def _same_length(a: Value, b: Value) -> bool:
    return bool(a.shape) and bool(b.shape) and a.shape[0] == b.shape[0]
