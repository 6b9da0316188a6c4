"""TensorLists: lists as tensors with one more dimension in front (``lowering.lists``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.lists import Collector, Pieces, TensorList, declared
from onward.lowering.registry import Static, Unsupported, lower


@lower("EmptyTensorList")
def empty(op: Builder, element_shape: Value, max_num_elements: Any, *, element_dtype: np.dtype) -> TensorList:
    return TensorList(None, op.constant(np.array(0, np.int32)), element_dtype, declared(element_shape))


@lower("TensorListReserve")
def reserve(op: Builder, element_shape: Value, num_elements: Value, *, element_dtype: np.dtype) -> TensorList:
    return TensorList(None, num_elements, element_dtype, declared(element_shape))


@lower("TensorListFromTensor")
def from_tensor(op: Builder, tensor: Any, element_shape: Any) -> TensorList:
    return tensor if isinstance(tensor, TensorList) else TensorList(tensor)


@lower("TensorListStack")
def stack(op: Builder, items: TensorList, element_shape: Value) -> Value:
    shape = declared(element_shape)
    return items.filled(shape) if items.stacked is None and shape is not None else items.tensor()


@lower("TensorListGetItem")
def get_item(op: Builder, items: TensorList, index: Value, element_shape: Value) -> tuple[Any]:
    shape = declared(element_shape)
    if items.unwritten and shape is not None:
        return (op.Gather(items.filled(shape), index, axis=0),)
    return (items.item(index),)


@lower("TensorListSetItem")
def set_item(op: Builder, items: Any, index: Value, item: Value, *, resize_if_index_out_of_bounds: bool) -> Any:
    if not isinstance(item, Value):
        raise Unsupported("rows of a ragged tensor are written to a list")
    if isinstance(items, Collector):
        items.item = item
        return items
    return items.written(index, item, grows=resize_if_index_out_of_bounds)


@lower("TensorListLength")
def length(op: Builder, items: TensorList) -> Value:
    return op.Cast(items.length(), to=np.int32)


@lower("TensorListElementShape")
def element_shape(op: Builder, items: TensorList, *, shape_type: np.dtype) -> Value:
    if items.stacked is None:
        if items.element is None:
            raise Unsupported("nothing tells the shape of the elements of a list")
        return op.known(list(items.element), shape_type)
    return op.Cast(op.Slice(op.shape(items.stacked), [1], [2**31 - 1], [0]), to=shape_type)


@lower("TensorListPushBack")
def push_back(op: Builder, items: TensorList, item: Value) -> TensorList:
    if isinstance(items, Pieces):
        return items.pushed(item)
    if items.stacked is None and items.count is not None and items.count.array is not None and items.count.array == 0:
        return Pieces(op, [item], items)
    return TensorList(op.Concat(items.tensor(), op.Unsqueeze(item, axes=[0]), axis=0))


@lower("TensorListPopBack")
def pop_back(op: Builder, items: TensorList, element_shape: Any) -> tuple[TensorList, Value]:
    if isinstance(items, Pieces):
        return items.popped()
    stacked = items.tensor()
    rest = op.Slice(stacked, [0], [-1], [0])
    return TensorList(rest), op.Gather(stacked, np.array(-1), axis=0)


@lower("TensorListGather")
def gather(op: Builder, items: TensorList, indices: Value, element_shape: Any) -> Value:
    return op.Gather(items.tensor(), indices, axis=0)


@lower("TensorListScatter", "TensorListScatterV2")
def scatter(
    op: Builder, tensor: Value, indices: Value, element_shape: Any, num_elements: Value | None = None
) -> TensorList:
    assert tensor.shape is not None
    many = op.ReduceMax(indices, axes=[0], keepdims=0) + 1
    if num_elements is not None and not (num_elements.array is not None and num_elements.array < 0):
        many = num_elements
    base = TensorList(None, many, tensor.dtype).filled(tuple(tensor.shape[1:]))
    return TensorList(op.ScatterND(base, _rows(op, indices), tensor))


@lower("TensorListScatterIntoExistingList")
def scatter_into(op: Builder, items: TensorList, tensor: Value, indices: Value) -> TensorList:
    assert tensor.shape is not None
    base = items.stacked if items.stacked is not None else items.filled(tuple(tensor.shape[1:]))
    return TensorList(op.ScatterND(base, _rows(op, indices), tensor))


@lower("TensorListConcat", "TensorListConcatV2")
def concat(op: Builder, items: TensorList, *_: Any) -> tuple[Value, Value]:
    """The elements one after the other; a list that is one tensor has elements of one shape."""
    if isinstance(items, Pieces):
        return items.joined()
    stacked = items.tensor()
    if stacked.shape is None or len(stacked.shape) < 2:
        raise Unsupported("the elements of a list that is concatenated have no known rank")
    count, each, *rest = stacked.shape
    lengths = op.Expand(op.size(each), op.sizes([count]))
    return op.Reshape(stacked, (count * each, *rest)), lengths


@lower("TensorListSplit")
def split(op: Builder, tensor: Value, element_shape: Any, lengths: Static) -> TensorList:
    if len(set(lengths.tolist())) != 1:
        parts = op.Split(tensor, split=lengths.tolist(), axis=0, outputs=len(lengths)) if len(lengths) else ()
        return Pieces(op, parts, TensorList(None, op.constant(np.array(len(lengths))), tensor.dtype))
    assert tensor.shape is not None
    return TensorList(op.Reshape(tensor, (len(lengths), int(lengths[0]), *tensor.shape[1:])))


@lower("TensorListResize")
def resize(op: Builder, items: TensorList, size: Value) -> TensorList:
    if items.stacked is None:
        return TensorList(None, size, items.dtype, items.element)
    stacked = items.stacked
    assert stacked.rank is not None
    wide = op.Cast(size, to=INT64)
    grown = op.Pad(
        stacked,
        op.sizes([*[0] * stacked.rank, op.Max(wide - items.length(), np.array(0)), *[0] * (stacked.rank - 1)]),
    )
    return TensorList(op.Slice(grown, [0], op.Reshape(wide, [1]), [0]))


def _rows(op: Builder, indices: Value) -> Value:
    return op.Cast(op.Unsqueeze(indices, axes=[-1]), to=INT64)
