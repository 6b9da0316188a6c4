"""Ops on shapes: asking for them, computing with them, changing them."""

from __future__ import annotations

from functools import reduce

import numpy as np

from onward.dims import Dim, Size, product
from onward.dtypes import INT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower


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
    return op.size(x.rank, INT32) if x.rank is not None else op.Cast(op.Size(op.Shape(x)), to=INT32)


@lower("Reshape")
def reshape(op: Builder, x: Value, target: Value) -> Value:
    """A zero is a size of zero, where ONNX's Reshape by default copies the input's size."""
    elements = target.elements
    if elements is None:
        return op.Reshape(x, target, allowzero=1 if op.opset >= 14 else None)
    if any(isinstance(e, int) and e == 0 for e in elements):  # nothing in, nothing out
        return op.Expand(op.constant(np.zeros((), x.dtype)), target)
    return op.Reshape(x, target)


@lower("ExpandDims")
def expand_dims(op: Builder, x: Value, axis: Value) -> Value:
    if axis.array is not None:
        return op.Unsqueeze(x, axes=axis.array.reshape(1).astype(np.int64))
    if x.rank is None:
        raise Unsupported("an axis known only at run time, of a tensor of unknown rank")
    axis = op.Reshape(op.Cast(axis, to=INT64), [1])
    axis = op.Where(axis < 0, axis + (x.rank + 1), axis)
    places = np.arange(x.rank + 1)
    sizes = op.GatherElements(op.shape(x), op.Clip(op.Where(places < axis, places, places - 1), 0, max(x.rank - 1, 0)))
    return op.Reshape(x, op.Where(op.Equal(axis, places), 1, sizes), allowzero=1 if op.opset >= 14 else None)


@lower("Squeeze")
def squeeze(op: Builder, x: Value, *, squeeze_dims: list[int]) -> Value:
    if not squeeze_dims and x.shape is not None and not any(isinstance(d, Dim) for d in x.shape):
        squeeze_dims = [i for i, extent in enumerate(x.shape) if extent == 1]
        return op.Squeeze(x, axes=np.array(squeeze_dims, np.int64))
    return op.Squeeze(x, axes=np.array(squeeze_dims, np.int64) if squeeze_dims else None)


@lower("Transpose", "ConjugateTranspose")
def transpose(op: Builder, x: Value, perm: Value) -> Value:
    if perm.array is not None:
        return op.Transpose(x, perm=perm.array.tolist())
    if x.rank == 1:
        return x
    return permuted(op, x, op.Cast(perm, to=INT64))


def permuted(op: Builder, x: Value, perm: Value) -> Value:
    """The transpose by a permutation known only at run time: a gather by computed positions.

    The position of an element in the input is the sum over axes of its coordinate times the axis' stride; permuted
    sizes and strides give the positions in the output's order.
    """
    if x.rank is None:
        raise Unsupported("a permutation known only at run time, of a tensor of unknown rank")
    sizes = op.shape(x)
    strides = op.sizes([product(x.shape[i + 1 :]) for i in range(x.rank)])  # type: ignore[index]
    sizes, strides = op.Gather(sizes, perm, axis=0), op.Gather(strides, perm, axis=0)
    positions: Value | None = None
    for i in range(x.rank):
        along = op.Range(0, op.Gather(sizes, i, axis=0), 1) * op.Gather(strides, i, axis=0)
        along = op.Reshape(along, [-1] + [1] * (x.rank - 1 - i))
        positions = along if positions is None else positions + along
    assert positions is not None
    return op.Gather(op.Reshape(x, [-1]), positions, axis=0)


@lower("BroadcastArgs")
def broadcast_args(op: Builder, a: Value, b: Value) -> Value:
    joined = _broadcast_sizes(a, b)
    if joined is not None:
        return op.known(joined, a.dtype)
    a, b = _aligned(op, a, b)
    return op.Where(op.Equal(a, 1), b, a)


def _broadcast_sizes(a: Value, b: Value) -> list[Size] | None:
    """What two shapes broadcast to, None where that cannot be told before run time."""
    if a.elements is None or b.elements is None:
        return None
    rank = max(len(a.elements), len(b.elements))
    pairs = zip(*([1] * (rank - len(v.elements)) + list(v.elements) for v in (a, b)), strict=True)
    joined: list[Size] = []
    for x, y in pairs:
        if x == y or (isinstance(y, int) and y == 1):
            joined.append(x)
        elif isinstance(x, int) and x == 1:
            joined.append(y)
        elif isinstance(x, int) != isinstance(y, int):  # the other one is either 1 or the same
            joined.append(x if isinstance(x, int) else y)
        else:
            return None
    return joined


def _aligned(op: Builder, a: Value, b: Value) -> tuple[Value, Value]:
    """Two shapes as int tensors of one length, the shorter one filled up with leading ones."""
    lengths = [op.Cast(op.Size(v), to=INT64) if v.shape is None else op.size(v.shape[0]) for v in (a, b)]
    if lengths[0].array is not None and lengths[1].array is not None and lengths[0].array == lengths[1].array:
        return a, b
    rank = op.Max(*lengths)
    return tuple(  # type: ignore[return-value]
        op.Concat(op.Expand(op.constant(1, v.dtype), op.Reshape(rank - length, [1])), v, axis=0)
        for v, length in zip((a, b), lengths, strict=True)
    )


@lower("ConcatOffset")
def concat_offset(op: Builder, axis: Static, shapes: list[Value]) -> tuple[Value, ...]:
    """Where each piece begins in the concatenation."""
    here = np.zeros(shapes[0].shape or (), bool)
    here[int(axis)] = True
    if all(s.elements is not None for s in shapes):
        sizes = [s.elements[int(axis)] for s in shapes]  # type: ignore[index]
        starts = [sum(sizes[:i], 0) for i in range(len(sizes))]
        return tuple(op.known([start if h else 0 for h in here], shapes[0].dtype) for start in starts)
    masked = [op.Where(here, s, 0) for s in shapes]
    starts_at = [op.constant(np.zeros(here.shape, shapes[0].dtype))]
    for piece in masked[:-1]:
        starts_at.append(starts_at[-1] + piece)
    return tuple(starts_at)


@lower("UnravelIndex")
def unravel_index(op: Builder, indices: Value, dims: Value) -> Value:
    """Flat positions as coordinates: [len(dims), ...]."""
    assert dims.shape is not None
    count = dims.shape[0]
    if not isinstance(count, int):
        raise Unsupported("coordinates of a rank known only at run time")
    if dims.elements is not None:
        sizes = list(dims.elements)
        strides = op.known([product(sizes[i + 1 :]) for i in range(count)], dims.dtype)
    else:
        each = [op.Gather(dims, i, axis=0) for i in range(count)]
        strides = op.sizes(
            [reduce(lambda a, b: a * b, each[i + 1 :], op.constant(1, dims.dtype)) for i in range(count)], dims.dtype
        )
    column = [count] + [1] * (indices.rank or 0)
    quotient = op.Unsqueeze(indices, axes=[0]) / op.Reshape(strides, column)
    return op.Mod(quotient, op.Reshape(dims, column))
