"""Making, joining, splitting and repeating tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dims import Size, product
from onward.dtypes import INT64, STRING
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.lists import TensorList
from onward.lowering.registry import Static, Unsupported, lower


@lower("ConcatV2")
def concat_v2(op: Builder, values: list[Value], axis: Static) -> Value:
    return op.Concat(*values, axis=int(axis))


@lower("Concat")
def concat(op: Builder, axis: Static, values: list[Value]) -> Value:
    return op.Concat(*values, axis=int(axis))


@lower("ParallelConcat")
def parallel_concat(op: Builder, values: list[Value]) -> Value:
    return op.Concat(*values, axis=0)


@lower("Pack")
def pack(op: Builder, values: list[Value], *, axis: int) -> Value:
    return op.Concat(*(op.Unsqueeze(v, axes=[axis]) for v in values), axis=axis)


@lower("Unpack")
def unpack(op: Builder, x: Value, *, num: int, axis: int) -> tuple[Value, ...]:
    if num == 0:
        return ()
    if num == 1:
        return (op.Squeeze(x, axes=[axis]),)
    return tuple(op.Squeeze(part, axes=[axis]) for part in op.Split(x, split=[1] * num, axis=axis, outputs=num))


@lower("Split")
def split(op: Builder, axis: Static, x: Value, *, num_split: int) -> tuple[Value, ...]:
    if num_split == 1:
        return (x,)
    extent = size_of(op, x, int(axis))
    part = extent // num_split if not isinstance(extent, Value) else extent / num_split
    return op.Split(x, split=op.sizes([part] * num_split), axis=int(axis), outputs=num_split)


@lower("SplitV")
def split_v(op: Builder, x: Value, sizes: Value, axis: Static, *, num_split: int) -> tuple[Value, ...]:
    if num_split == 1:
        return (x,)
    extent = size_of(op, x, int(axis))
    if sizes.elements is not None:
        parts = list(sizes.elements)
        if -1 in parts:
            known = sum((p for p in parts if p != -1), 0)
            rest = extent - known
            parts = [rest if isinstance(p, int) and p == -1 else p for p in parts]
        return op.Split(x, split=op.sizes(parts), axis=int(axis), outputs=num_split)
    sizes = op.Cast(sizes, to=INT64)
    rest = op.lift(extent, INT64) - op.ReduceSum(sizes, keepdims=0) - 1  # the -1 itself is in the sum
    return op.Split(x, split=op.Where(op.Equal(sizes, -1), rest, sizes), axis=int(axis), outputs=num_split)


def size_of(op: Builder, x: Value, axis: int) -> Size | Value:
    """The size of an axis: symbolic where the rank is known, else a scalar tensor."""
    if x.shape is not None:
        return x.shape[axis]
    return op.Gather(op.Shape(x), axis, axis=0)


@lower("Fill")
def fill(op: Builder, target: Value, value: Value) -> Value:
    return op.Expand(value, target)


@lower("Empty")
def empty(op: Builder, target: Value, *, dtype: np.dtype) -> Value:
    return op.Expand(zero(op, dtype), target)


@lower("ZerosLike")
def zeros_like(op: Builder, x: Any) -> Any:
    if isinstance(x, TensorList):
        return x.zeros()
    return op.Expand(zero(op, x.dtype), op.shape(x))


@lower("OnesLike")
def ones_like(op: Builder, x: Value) -> Value:
    return op.Expand(op.constant(np.ones((), x.dtype)), op.shape(x))


def zero(op: Builder, dtype: np.dtype) -> Value:
    """A scalar of TensorFlow's default value: zero, False or the empty string."""
    return op.constant(np.array("", object) if dtype == STRING else np.zeros((), dtype))


@lower("Tile")
def tile(op: Builder, x: Value, multiples: Value) -> Value:
    return x if x.rank == 0 else op.Tile(x, multiples)


@lower("Pad")
def pad(op: Builder, x: Value, paddings: Value) -> Value:
    return x if x.rank == 0 else op.Pad(x, pads(op, paddings), mode="constant")


@lower("PadV2")
def pad_v2(op: Builder, x: Value, paddings: Value, value: Value) -> Value:
    return x if x.rank == 0 else op.Pad(x, pads(op, paddings), value, mode="constant")


def pads(op: Builder, paddings: Value) -> Value:
    """TensorFlow's [rank, 2] paddings as ONNX's: all the begins, then all the ends."""
    return op.Reshape(op.Transpose(paddings, perm=[1, 0]), [-1])


@lower("MirrorPad")
def mirror_pad(op: Builder, x: Value, paddings: Value, *, mode: str) -> Value:
    """ONNX pads by reflection; mirrors that repeat the edge (SYMMETRIC) are put together axis by axis."""
    if mode == "REFLECT":
        return op.Pad(x, pads(op, paddings), mode="reflect")
    if x.rank is None:
        raise Unsupported("symmetric padding of a tensor of unknown rank")
    known = paddings.array
    for axis in range(x.rank):
        if known is None:
            x = _mirror_dynamic(op, x, axis, op.Cast(op.Gather(paddings, axis, axis=0), to=INT64))
        elif known[axis].any():
            x = _mirror(op, x, axis, *(int(width) for width in known[axis]))
    return x


def _mirror(op: Builder, x: Value, axis: int, before: int, after: int) -> Value:
    assert x.shape is not None
    size = x.shape[axis]
    if isinstance(size, int):
        return op.Gather(x, np.pad(np.arange(size), (before, after), mode="symmetric"), axis=axis)
    lowest = np.iinfo(np.int64).min
    parts = [x]
    if before:
        parts.insert(0, op.Slice(x, starts=[before - 1], ends=[lowest], axes=[axis], steps=[-1]))
    if after:
        parts.append(op.Slice(x, starts=[-1], ends=[-1 - after], axes=[axis], steps=[-1]))
    padded = op.Concat(*parts, axis=axis)
    padded.shape = (*x.shape[:axis], size + before + after, *x.shape[axis + 1 :])
    return padded


def _mirror_dynamic(op: Builder, x: Value, axis: int, widths: Value) -> Value:
    assert x.shape is not None
    size = op.size(x.shape[axis])
    before, after = op.Gather(widths, 0, axis=0), op.Gather(widths, 1, axis=0)
    index = op.Range(op.Neg(before), size + after, 1)
    index = op.Where(index < 0, -1 - index, index)
    index = op.Where(index >= size, 2 * size - 1 - index, index)
    return op.Gather(x, index, axis=axis)


@lower("OneHot")
def one_hot(op: Builder, indices: Value, depth: Value, on: Value, off: Value, *, axis: int) -> Value:
    """By comparison, since ONNX's OneHot takes a negative index from the end where TensorFlow sets nothing."""
    if indices.dtype.kind == "u" or indices.dtype.itemsize < 4:
        indices = op.Cast(indices, to=INT64)
    classes = op.Range(op.constant(0, indices.dtype), op.Cast(depth, to=indices.dtype), op.constant(1, indices.dtype))
    if axis != -1:
        if indices.rank is None:
            raise Unsupported("a one-hot axis inside a tensor of unknown rank")
        classes = op.Reshape(classes, [-1] + [1] * (indices.rank - axis))
    hit = op.Equal(op.Unsqueeze(indices, axes=[axis]), classes)
    if _is(on, 1) and _is(off, 0):
        return op.Cast(hit, to=on.dtype)
    return op.Where(hit, on, off)


def _is(value: Value, number: int) -> bool:
    return value.array is not None and value.dtype.kind in "fiu" and bool(value.array == number)


@lower("Range")
def range_(op: Builder, start: Value, limit: Value, delta: Value) -> Value:
    return op.Range(start, limit, delta)


@lower("LinSpace")
def lin_space(op: Builder, start: Value, stop: Value, num: Value) -> Value:
    """start + i * (stop - start) / (num - 1), and the last element is ``stop`` itself."""
    count = op.Cast(num, to=INT64)
    index = op.Range(0, count, 1)
    gaps = op.Max(count - 1, 1)
    step = (stop - start) / op.Cast(gaps, to=start.dtype)
    points = start + op.Cast(index, to=start.dtype) * step
    return op.Where(op.And(op.Equal(index, gaps), count > 1), stop, points)


@lower("Where")
def where(op: Builder, x: Value) -> Value:
    """The indices of what is not zero, [count, rank], row by row."""
    if x.rank == 0:
        return op.Slice(op.Transpose(op.NonZero(op.Unsqueeze(x, axes=[0]))), starts=[0], ends=[0], axes=[1])
    return op.Transpose(op.NonZero(x), perm=[1, 0])


@lower("SelectV2")
def select_v2(op: Builder, condition: Value, x: Value, y: Value) -> Value:
    return op.Where(condition, x, y)


@lower("Select")
def select(op: Builder, condition: Value, x: Value, y: Value) -> Value:
    """No broadcasting but for a vector of conditions, which chooses whole rows."""
    rank = x.rank if x.rank is not None else y.rank
    if condition.rank == 1 and rank is not None and rank > 1:
        condition = op.Unsqueeze(condition, axes=list(range(1, rank)))
    elif condition.rank != 0 and rank is None:
        raise Unsupported("a choice by rows between tensors of unknown rank")
    return op.Where(condition, x, y)


@lower("ReverseV2")
def reverse_v2(op: Builder, x: Value, axes: Value) -> Value:
    if axes.array is not None:
        return flip(op, x, [int(a) for a in axes.array])
    minus = op.Expand(op.constant(-1, INT64), op.shape(axes))
    lowest = op.Expand(op.constant(np.iinfo(np.int64).min, INT64), op.shape(axes))
    return op.Slice(x, minus, lowest, op.Cast(axes, to=INT64), minus)


@lower("Reverse")
def reverse(op: Builder, x: Value, dims: Static) -> Value:
    return flip(op, x, [i for i, reversed_ in enumerate(dims) if reversed_])


def flip(op: Builder, x: Value, axes: list[int]) -> Value:
    """The tensor with the order of its elements along some axes turned round."""
    if not axes:
        return x
    n, lowest = len(axes), np.iinfo(np.int64).min
    return op.Slice(x, starts=[-1] * n, ends=[lowest] * n, axes=axes, steps=[-1] * n)


@lower("ReverseSequence")
def reverse_sequence(op: Builder, x: Value, lengths: Value, *, seq_dim: int, batch_dim: int) -> Value:
    """ONNX has it for the two leading axes only."""
    assert x.rank is not None
    seq, batch = seq_dim % x.rank, batch_dim % x.rank
    if {seq, batch} == {0, 1}:
        return op.ReverseSequence(x, lengths, time_axis=seq, batch_axis=batch)
    perm = [batch, seq, *(i for i in range(x.rank) if i not in (batch, seq))]
    y = op.ReverseSequence(op.Transpose(x, perm=perm), lengths, time_axis=1, batch_axis=0)
    return op.Transpose(y, perm=np.argsort(perm).tolist())


@lower("Roll")
def roll(op: Builder, x: Value, shift: Value, axis: Static) -> Value:
    assert x.shape is not None
    shift = op.Reshape(op.Cast(shift, to=INT64), [-1])
    for i, along in enumerate(np.atleast_1d(axis)):
        x = _roll(op, x, op.Gather(shift, i, axis=0), int(along) % len(x.shape or ()))
    return x


def _roll(op: Builder, x: Value, shift: Value, axis: int) -> Value:
    shape = x.shape
    assert shape is not None
    if shift.array is not None and isinstance(shape[axis], int):
        left: Value = op.constant(np.array([-int(shift.array) % max(shape[axis], 1)], np.int64))
        if not left.array.any():
            return x
    else:
        size = op.Max(op.size(shape[axis]), 1)  # of an empty axis nothing moves
        left = op.Reshape(op.append("Mod", [op.real(op.Neg(shift)), op.real(size)], {}), [1])
    tail = op.Slice(x, left, [np.iinfo(np.int64).max], [axis])
    head = op.Slice(x, [0], left, [axis])
    rolled = op.Concat(tail, head, axis=axis)
    rolled.shape = shape
    return rolled


@lower("InvertPermutation")
def invert_permutation(op: Builder, x: Value) -> Value:
    assert x.shape is not None
    elements = x.elements
    if elements is not None and all(isinstance(e, int) for e in elements):
        return op.constant(np.argsort(elements.astype(np.int64)), x.dtype)
    places = op.Cast(op.Range(0, op.size(x.shape[0]), 1), to=x.dtype)
    return op.ScatterElements(op.Expand(zero(op, x.dtype), op.shape(x)), x, places)


@lower("BroadcastTo")
def broadcast_to(op: Builder, x: Value, target: Value) -> Value:
    return op.Expand(x, target)


def flatten(op: Builder, x: Value) -> Value:
    """All elements in one axis."""
    return op.Reshape(x, [product(x.shape)] if x.shape is not None else [-1])
