"""Ops on shapes: asking for them and changing them."""

from __future__ import annotations

import numpy as np

from onward.dims import product
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, lower


@lower("Shape")
def shape(op: Builder, x: Value, *, out_type: np.dtype) -> Value:
    return op.shape(x, out_type)


@lower("ShapeN")
def shape_n(op: Builder, inputs: list[Value], *, out_type: np.dtype) -> tuple[Value, ...]:
    return tuple(op.shape(x, out_type) for x in inputs)


@lower("Size")
def size(op: Builder, x: Value, *, out_type: np.dtype) -> Value:
    return op.size(product(x.shape), out_type) if x.shape is not None else op.Cast(op.Size(x), to=out_type)


@lower("Rank")
def rank(op: Builder, x: Value) -> Value:
    dtype = np.dtype("int32")
    return op.size(x.rank, dtype) if x.rank is not None else op.Cast(op.Size(op.Shape(x)), to=dtype)


@lower("Reshape")
def reshape(op: Builder, x: Value, target: Value) -> Value:
    literal_zero = target.array is not None and (target.array == 0).any()
    return op.Reshape(x, target, allowzero=1 if literal_zero else None)


@lower("ExpandDims")
def expand_dims(op: Builder, x: Value, axis: Static) -> Value:
    return op.Unsqueeze(x, axes=axis.reshape(1).astype(np.int64))


@lower("Squeeze")
def squeeze(op: Builder, x: Value, *, squeeze_dims: list[int]) -> Value:
    if not squeeze_dims and x.shape is not None:
        squeeze_dims = [i for i, size in enumerate(x.shape) if size == 1]
    return op.Squeeze(x, axes=np.array(squeeze_dims, np.int64) if squeeze_dims or x.shape is not None else None)


@lower("Transpose")
def transpose(op: Builder, x: Value, perm: Static) -> Value:
    return op.Transpose(x, perm=perm.tolist())


@lower("BroadcastTo")
def broadcast_to(op: Builder, x: Value, target: Value) -> Value:
    return op.Expand(x, target)
