"""Gathering by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering import Context
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.array import zero
from onward.ops.state import current


@lower("Gather")
def gather(op: Builder, x: Value, indices: Value) -> Value:
    return op.Gather(x, indexed(op, indices), axis=0)


@lower("GatherV2")
def gather_v2(op: Builder, x: Value, indices: Value, axis: Static, *, batch_dims: int) -> Value:
    return gather_along(op, x, indices, int(axis), batch_dims)


@lower("ResourceGather", context=True)
def resource_gather(context: Context, node: Any, resource: Any, indices: Value, *, batch_dims: int) -> Value:
    return gather_along(context.op, current(context, resource), indices, batch_dims, batch_dims)


@lower("ResourceGatherNd", context=True)
def resource_gather_nd(context: Context, node: Any, resource: Any, indices: Value) -> Value:
    return take_nd(context.op, current(context, resource), indices)


def indexed(op: Builder, indices: Value) -> Value:
    """Indices of a dtype that ONNX gathers by."""
    return indices if indices.dtype in (np.dtype("int32"), INT64) else op.Cast(indices, to=INT64)


def gather_along(op: Builder, x: Value, indices: Value, axis: int, batch_dims: int = 0) -> Value:
    """Elements of an axis by index; the first ``batch_dims`` axes of both operands go together.

    Args:
        x: [batch..., before..., n, after...]
        indices: [batch..., taken...]

    Returns:
        [batch..., before..., taken..., after...]
    """
    indices = indexed(op, indices)
    if not batch_dims:
        return op.Gather(x, indices, axis=axis)
    if x.rank is None or indices.rank is None:
        raise Unsupported("batch dimensions of a tensor of unknown rank")
    axis, batch = axis % x.rank, batch_dims if batch_dims >= 0 else batch_dims + indices.rank
    if axis < batch:
        raise Unsupported(f"an axis ({axis}) among the batch dimensions ({batch})")
    if not batch:
        return op.Gather(x, indices, axis=axis)
    if axis == batch == x.rank - 1 and indices.rank == x.rank:
        return op.GatherElements(x, indices, axis=axis)
    before = axis - batch
    x = op.Transpose(x, perm=[*range(batch), axis, *(i for i in range(batch, x.rank) if i != axis)])
    y = op.GatherND(x, op.Unsqueeze(op.Cast(indices, to=INT64), axes=[-1]), batch_dims=batch)
    taken = indices.rank - batch
    moved = [batch + taken + i for i in range(before)] + [batch + i for i in range(taken)]
    return op.Transpose(y, perm=[*range(batch), *moved, *range(batch + taken + before, x.rank - 1 + taken)])


@lower("GatherNd")
def gather_nd(op: Builder, x: Value, indices: Value, *, bad_indices_policy: str = "") -> Value:
    if bad_indices_policy == "IGNORE":
        return _gather_nd_ignoring(op, x, indices)
    return take_nd(op, x, indices)


def take_nd(op: Builder, x: Value, indices: Value) -> Value:
    """The parts of ``x`` at coordinates, [..., depth], of its leading axes."""
    indices = op.Cast(indices, to=INT64)
    if indices.shape is not None and indices.shape[-1] == 0:  # no coordinate: all of x each time
        if x.shape is None:
            raise Unsupported("gathering a tensor of unknown rank by empty coordinates")
        return op.Expand(x, op.sizes([*indices.shape[:-1], *x.shape]))
    return op.GatherND(x, indices)


def _gather_nd_ignoring(op: Builder, x: Value, indices: Value) -> Value:
    """Coordinates outside of the tensor give zeros."""
    if indices.shape is None or not isinstance(indices.shape[-1], int) or x.shape is None:
        raise Unsupported("bad_indices_policy=IGNORE with shapes of unknown rank")
    depth = indices.shape[-1]
    indices = op.Cast(indices, to=INT64)
    inside = op.And(indices >= 0, indices < op.sizes(x.shape[:depth]))
    valid = op.Equal(op.ReduceMin(op.Cast(inside, to=np.int32), axes=[-1], keepdims=0), 1)
    taken = take_nd(op, x, op.Where(inside, indices, 0))
    valid = op.Unsqueeze(valid, axes=list(range(len(indices.shape) - 1, len(indices.shape) - 1 + len(x.shape) - depth)))
    return op.Where(valid, taken, zero(op, x.dtype))
