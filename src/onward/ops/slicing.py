"""Slices: TensorFlow's sparse specification of begins, ends and strides as ONNX's dense one."""

from __future__ import annotations

from typing import Any

from onward.dims import Shape, Size, product
from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.array import size_of, zero

LAST = 1 << 62  # beyond every axis; the largest int64 itself would mean "open" to ONNX, in whatever direction
FIRST = -LAST


@lower("Slice")
def slice_(op: Builder, x: Value, begin: Value, size: Value) -> Value:
    """A size of -1 reaches to the end."""
    if begin.elements is not None and size.elements is not None:
        pairs = list(zip(begin.elements, size.elements, strict=True))
        ends = [LAST if isinstance(n, int) and n == -1 else b + n for b, n in pairs]
        return op.Slice(x, list(begin.elements), ends)
    begin, size = op.Cast(begin, to=INT64), op.Cast(size, to=INT64)
    end = begin + size
    if size.elements is None or any(isinstance(n, int) and n == -1 for n in size.elements):
        end = op.Where(op.Equal(size, -1), LAST, end)
    y = op.Slice(x, begin, end)
    if x.shape is not None and size.elements is not None and y.shape is not None:
        known = zip(size.elements, y.shape, strict=True)
        y.shape = tuple(d if isinstance(n, int) and n == -1 else n for n, d in known)
    return y


class Window:
    """A slice in ONNX's terms: entries per axis, and what happens to the axes afterwards.

    ``starts``, ``ends`` and ``steps`` are integers, sizes or scalar values; ``taken`` pairs an axis with the one index
    that is taken of it; ``inserted`` are axes of size 1 in the result.
    """

    def __init__(self) -> None:
        self.axes: list[int] = []
        self.starts: list[Any] = []
        self.ends: list[Any] = []
        self.steps: list[Any] = []
        self.taken: list[tuple[int, Any]] = []
        self.inserted: list[int] = []


@lower("StridedSlice")
def strided_slice(
    op: Builder, x: Value, begin: Value, end: Value, strides: Value, *, begin_mask: int, end_mask: int,
    ellipsis_mask: int, new_axis_mask: int, shrink_axis_mask: int,
) -> Value:  # fmt: skip
    frame = window(
        op, x.rank, begin, end, strides, begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask
    )
    return apply(op, x, frame)


def window(
    op: Builder, rank: int | None, begin: Value, end: Value, strides: Value, begin_mask: int, end_mask: int,
    ellipsis_mask: int, new_axis_mask: int, shrink_axis_mask: int,
) -> Window:  # fmt: skip
    """Reads a sparse specification: bit i of each mask speaks of entry i.

    Raises:
        Unsupported: the specification's length, or the rank where it matters, is unknown.
    """
    lengths = [v.shape[0] for v in (begin, end, strides) if v.shape and isinstance(v.shape[0], int)]
    if not lengths:
        raise Unsupported("a slice over a number of axes known only at run time")
    count = lengths[0]
    starts, ends, steps = (_entries(op, v, count) for v in (begin, end, strides))
    dots = next((i for i in range(count) if ellipsis_mask >> i & 1), count)
    consumed = sum(1 for i in range(count) if i != dots and not new_axis_mask >> i & 1)
    if rank is None and dots < count - 1:
        raise Unsupported("an ellipsis before other entries, of a tensor of unknown rank")
    frame, axis, out = Window(), 0, 0
    for i in range(count):
        bit = 1 << i
        if i == dots:
            skipped = 0 if rank is None else rank - consumed
            axis, out = axis + skipped, out + skipped
        elif new_axis_mask & bit:
            frame.inserted.append(out)
            out += 1
        elif shrink_axis_mask & bit:
            frame.taken.append((axis, starts[i]))
            axis += 1
        else:
            start = _edge(op, steps[i], 0, LAST) if begin_mask & bit else starts[i]
            stop = _edge(op, steps[i], LAST, FIRST) if end_mask & bit else ends[i]
            if not (begin_mask & bit and end_mask & bit and isinstance(steps[i], int) and steps[i] == 1):
                frame.axes.append(axis)
                frame.starts.append(start)
                frame.ends.append(stop)
                frame.steps.append(steps[i])
            axis, out = axis + 1, out + 1
    return frame


def _entries(op: Builder, vector: Value, count: int) -> list[Any]:
    """Integers and sizes where known, else scalar values; those that were packed into the vector themselves."""
    if vector.elements is not None:
        return list(vector.elements)
    packed = vector.producer
    if packed is not None and packed.op == "Concat" and all(p.shape == (1,) for p in packed.inputs if p is not None):
        return [_only(op, piece) for piece in packed.inputs]
    return [op.Gather(vector, i, axis=0) for i in range(count)]


def _only(op: Builder, vector: Any) -> Any:
    """The one element of a vector."""
    if vector.elements is not None:
        return vector.elements.item()
    source = vector.producer
    if source is not None and source.op in ("Unsqueeze", "Reshape") and source.inputs[0].rank == 0:
        return source.inputs[0]
    return op.Reshape(vector, [])


def _edge(op: Builder, step: Any, forward: int, backward: int) -> Any:
    """Where a slice that is open at one side begins or ends, by the direction it runs in."""
    if isinstance(step, int):
        return forward if step > 0 else backward
    return op.Where(op.Cast(op.lift(step), to=INT64) > 0, op.constant(forward, INT64), op.constant(backward, INT64))


def apply(op: Builder, x: Value, frame: Window) -> Value:
    """Slices, then drops the axes of which one index is taken, then inserts the new ones."""
    axes, starts, steps = list(frame.axes), list(frame.starts), list(frame.steps)
    entries = zip(axes, starts, frame.ends, steps, strict=True)
    ends = [_emptied(op, x, axis, start, end, step) for axis, start, end, step in entries]
    plain = [(axis, index) for axis, index in frame.taken if isinstance(index, int)]
    squeezed: list[int] = []
    if len(plain) > 1:  # one slice and one squeeze serve them all
        squeezed = [axis for axis, _ in plain]
        axes += squeezed
        starts += [index for _, index in plain]
        ends += [index + 1 if index != -1 else LAST for _, index in plain]
        steps += [1] * len(plain)
    if axes:
        x = op.Slice(
            x, op.sizes(starts), op.sizes(ends), axes, op.sizes(steps) if any(_not_one(s) for s in steps) else None
        )
    for axis, index in reversed(frame.taken):
        if axis not in squeezed:
            x = op.Gather(x, op.lift(index, INT64), axis=axis)
            squeezed = [a - 1 if a > axis else a for a in squeezed]
    if squeezed:
        x = op.Squeeze(x, axes=squeezed)
    return op.Unsqueeze(x, axes=frame.inserted) if frame.inserted else x


def _emptied(op: Builder, x: Value, axis: int, start: Any, end: Any, step: Any) -> Any:
    """The end of a slice; one that makes it empty where it runs backwards from before the first element.

    There ONNX would begin at the first element.
    """
    if isinstance(step, int) and (step > 0 or (isinstance(start, int) and start >= -1)):
        return end
    size = size_of(op, x, axis)
    if isinstance(start, int) and isinstance(size, int):
        return end if start >= -size else LAST
    before = op.lift(start, INT64) + size < 0
    if not isinstance(step, int):
        before = op.And(before, op.lift(step) < 0)
    return op.Where(before, LAST, op.Cast(op.lift(end, INT64), to=INT64))


def _not_one(step: Any) -> bool:
    return not (isinstance(step, int) and step == 1)


def positions(op: Builder, shape: Value, rank: int, frame: Window) -> Value:
    """The flat positions that a slice of a tensor of this shape takes, in the shape of the slice."""
    count = op.ReduceProd(op.Cast(shape, to=INT64), axes=[0], keepdims=0)
    whole = op.Reshape(op.Range(0, count, 1), shape)
    if whole.shape is None:
        whole.shape = tuple(shape.elements) if shape.elements is not None else (None,) * rank  # type: ignore[assignment]
    return apply(op, whole, frame)


@lower("TensorStridedSliceUpdate")
def strided_slice_update(
    op: Builder, x: Value, begin: Value, end: Value, strides: Value, value: Value, *, begin_mask: int, end_mask: int,
    ellipsis_mask: int, new_axis_mask: int, shrink_axis_mask: int,
) -> Value:  # fmt: skip
    """The tensor with a slice of it replaced; the value broadcasts to the slice."""
    frame = window(
        op, x.rank, begin, end, strides, begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask
    )
    if x.shape is None:
        raise Unsupported("replacing a slice of a tensor of unknown rank")
    where = positions(op, op.shape(x), len(x.shape), frame)
    return _put(op, op.Reshape(x, [-1]), where, op.Expand(value, op.shape(where)), op.shape(x))


@lower("StridedSliceGrad")
def strided_slice_grad(
    op: Builder, shape: Value, begin: Value, end: Value, strides: Value, dy: Value, *, begin_mask: int, end_mask: int,
    ellipsis_mask: int, new_axis_mask: int, shrink_axis_mask: int,
) -> Value:  # fmt: skip
    """Zeros with ``dy`` where the slice was taken from."""
    if not shape.shape or not isinstance(shape.shape[0], int):
        raise Unsupported("the gradient of a slice of a tensor of unknown rank")
    rank = shape.shape[0]
    frame = window(op, rank, begin, end, strides, begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask)
    count: Size | None = product(shape.elements) if shape.elements is not None else None
    if _is_prefix(frame, shape):
        return _padded(op, dy, shape, frame)
    total = op.size(count) if count is not None else op.ReduceProd(op.Cast(shape, to=INT64), axes=[0], keepdims=0)
    zeros = op.Expand(zero(op, dy.dtype), op.Reshape(total, [1]))
    return _put(op, zeros, positions(op, shape, rank, frame), dy, shape)


def _is_prefix(frame: Window, shape: Value) -> bool:
    """Whether the slice is contiguous with edges known to lie inside, so that padding undoes it."""
    if frame.taken or frame.inserted or shape.elements is None:
        return False
    sizes = [shape.elements[a] for a in frame.axes]
    return all(
        isinstance(size, int)
        and isinstance(start, int)
        and isinstance(end, int)
        and isinstance(step, int)
        and step == 1
        for size, start, end, step in zip(sizes, frame.starts, frame.ends, frame.steps, strict=True)
    )


def _padded(op: Builder, dy: Value, shape: Value, frame: Window) -> Value:
    assert shape.elements is not None
    before, after = [0] * len(shape.elements), [0] * len(shape.elements)
    for axis, start, end in zip(frame.axes, frame.starts, frame.ends, strict=True):
        size = int(shape.elements[axis])
        first, last, _ = slice(start, end).indices(size)
        before[axis], after[axis] = first, size - max(first, last)
    return op.Pad(dy, before + after, mode="constant")


def _put(op: Builder, flat: Value, where: Value, value: Value, shape: Value) -> Value:
    placed = op.ScatterElements(flat, op.Reshape(where, [-1]), op.Reshape(value, [-1]), axis=0)
    return op.Reshape(placed, shape)


@lower("XlaDynamicSlice")
def dynamic_slice(op: Builder, x: Value, start: Value, size: Value) -> Value:
    """A slice that is moved inside where it would reach over the edge."""
    if x.shape is None or size.elements is None:
        raise Unsupported("a slice of a size known only at run time")
    starts = _inside(op, x.shape, start, list(size.elements))
    ends = [s + n if isinstance(s, int) else s + op.size(n) for s, n in zip(starts, size.elements, strict=True)]
    return op.Slice(x, op.sizes(starts), op.sizes(ends))


@lower("XlaDynamicUpdateSlice")
def dynamic_update_slice(op: Builder, x: Value, update: Value, start: Value) -> Value:
    """The tensor with a part replaced that begins at ``start``, moved inside where it would reach over the edge."""
    if x.shape is None or update.shape is None:
        raise Unsupported("replacing a part of a tensor of unknown rank")
    starts = _inside(op, x.shape, start, list(update.shape))
    axes = [i for i, (whole, part) in enumerate(zip(x.shape, update.shape, strict=True)) if whole != part]
    return _replaced(op, x, update, starts, axes)


def _replaced(op: Builder, x: Value, update: Value, starts: list[Any], axes: list[int]) -> Value:
    """Around the update, axis by axis, what stands before and after it."""
    if not axes:
        return update
    assert x.shape is not None
    assert update.shape is not None
    (axis, *rest), shape = axes, x.shape
    start = starts[axis]
    end = start + update.shape[axis] if isinstance(start, int) else start + op.size(update.shape[axis])
    first, last = op.sizes([start]), op.sizes([end])
    part = op.Slice(x, first, last, [axis]) if rest else x
    part.shape = (*shape[:axis], update.shape[axis], *shape[axis + 1 :]) if rest else shape
    pieces = [
        op.Slice(x, [0], first, [axis]),
        _replaced(op, part, update, starts, rest),
        op.Slice(x, last, [LAST], [axis]),
    ]
    if isinstance(start, int) and start == 0:
        del pieces[0]
    joined = op.Concat(*pieces, axis=axis)
    joined.shape = shape
    return joined


def _inside(op: Builder, shape: Shape, start: Value, extents: list[Size]) -> list[Any]:
    """The starts, between 0 and what leaves room for the part: integers where known, else scalar tensors."""
    starts: list[Any] = []
    for i, (whole, part) in enumerate(zip(shape, extents, strict=True)):
        room = whole - part
        if start.array is not None and (isinstance(room, int) or int(start.array[i]) == 0):
            starts.append(max(min(int(start.array[i]), room), 0) if isinstance(room, int) else 0)
            continue
        wanted = op.Cast(op.Gather(start, i, axis=0), to=INT64)
        starts.append(op.Max(op.Min(wanted, op.size(room)), 0))
    return starts
