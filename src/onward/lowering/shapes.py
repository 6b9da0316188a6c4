"""Shapes of ONNX operators over symbolic sizes: a function each, in the table ``SHAPES``.

A function takes the inputs (None for an omitted one) and the attributes, and returns one shape, or a list of shapes for
several outputs; the number of outputs is in the attributes as ``#outputs``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from onward.dims import Shape, Size, ceildiv, floordiv, maximum, minimum, product, unknown
from onward.ir import Value

Inputs = list[Any]
Attrs = dict[str, Any]
ShapeFunction = Callable[[Inputs, Attrs], "Shape | list[Shape | None] | None"]


def broadcast(*shapes: Shape | None) -> Shape | None:
    """The shape that numpy broadcasting gives. Unequal symbolic sizes make an unknown one."""
    if any(s is None for s in shapes):
        return None
    rank = max((len(s) for s in shapes if s is not None), default=0)
    padded = [(1,) * (rank - len(s)) + tuple(s) for s in shapes if s is not None]
    return tuple(_common(sizes) for sizes in zip(*padded, strict=True))


def _common(sizes: Sequence[Size]) -> Size:
    distinct = [s for s in dict.fromkeys(sizes) if s != 1]
    fixed = [s for s in distinct if isinstance(s, int)]
    if len(fixed) > 1:
        raise ValueError(f"sizes {fixed[0]} and {fixed[1]} do not broadcast")
    return fixed[0] if fixed else distinct[0] if len(distinct) == 1 else unknown() if distinct else 1


def _axes(x: Inputs, attrs: Attrs, position: int = 1) -> list[int] | None:
    if "axes" in attrs:
        return list(attrs["axes"])
    if len(x) > position and x[position] is not None:
        return None if x[position].array is None else [int(a) for a in np.atleast_1d(x[position].array)]
    return []


def _same(x: Inputs, attrs: Attrs) -> Shape | None:
    return x[0].shape


def _elementwise(x: Inputs, attrs: Attrs) -> Shape | None:
    return broadcast(*(v.shape for v in x if v is not None))


def _reduce(x: Inputs, attrs: Attrs) -> Shape | None:
    axes, keep = _axes(x, attrs), attrs.get("keepdims", 1)
    shape = x[0].shape
    if shape is None:
        return None
    if axes is None:
        return tuple(unknown() for _ in shape) if keep else _shorter(shape, x[1])
    if not axes:
        if attrs.get("noop_with_empty_axes"):
            return shape
        axes = list(range(len(shape)))
    reduced = {a % len(shape) for a in axes} if shape else set()
    return tuple(1 if i in reduced else d for i, d in enumerate(shape) if keep or i not in reduced)


def _shorter(shape: Shape, axes: Value) -> Shape | None:
    count = axes.shape[0] if axes.shape else 1
    return tuple(unknown() for _ in range(len(shape) - count)) if isinstance(count, int) else None


def _arg(x: Inputs, attrs: Attrs) -> Shape | None:
    return _reduce(x[:1], {"axes": [attrs.get("axis", 0)], "keepdims": attrs.get("keepdims", 1)})


def _transpose(x: Inputs, attrs: Attrs) -> Shape | None:
    shape = x[0].shape
    return None if shape is None else tuple(shape[i] for i in attrs.get("perm", range(len(shape))[::-1]))


def _matmul(x: Inputs, attrs: Attrs) -> Shape | None:
    a, b = x[0].shape, x[1].shape
    if a is None or b is None:
        return None
    left, right = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    if isinstance(left[-1], int) and isinstance(right[-2], int) and left[-1] != right[-2]:
        raise ValueError(f"inner sizes {left[-1]} and {right[-2]} differ")
    batch = broadcast(left[:-2], right[:-2]) or ()
    return (*batch, *(left[-2:-1] if len(a) > 1 else ()), *(right[-1:] if len(b) > 1 else ()))


def _gemm(x: Inputs, attrs: Attrs) -> Shape | None:
    a, b = x[0].shape, x[1].shape
    if a is None or b is None:
        return None
    return (a[1] if attrs.get("transA") else a[0], b[0] if attrs.get("transB") else b[1])


def _concat(x: Inputs, attrs: Attrs) -> Shape | None:
    shapes = [v.shape for v in x]
    if any(s is None for s in shapes):
        return None
    axis = attrs["axis"] % len(shapes[0])
    merged = [_agree([s[i] for s in shapes]) for i in range(len(shapes[0]))]
    merged[axis] = sum((s[axis] for s in shapes), 0)
    return tuple(merged)


def _agree(sizes: Sequence[Size]) -> Size:
    return next((s for s in sizes if isinstance(s, int)), sizes[0])


def _gather(x: Inputs, attrs: Attrs) -> Shape | None:
    data, indices = x[0].shape, x[1].shape
    if data is None or indices is None:
        return None
    axis = attrs.get("axis", 0) % len(data)
    return (*data[:axis], *indices, *data[axis + 1 :])


def _gather_nd(x: Inputs, attrs: Attrs) -> Shape | None:
    data, indices = x[0].shape, x[1].shape
    if data is None or indices is None or not isinstance(indices[-1], int):
        return None
    return (*indices[:-1], *data[attrs.get("batch_dims", 0) + indices[-1] :])


def _unsqueeze(x: Inputs, attrs: Attrs) -> Shape | None:
    axes, shape = _axes(x, attrs), x[0].shape
    if shape is None or axes is None:
        return None
    rank = len(shape) + len(axes)
    inserted, rest = {a % rank for a in axes}, iter(shape)
    return tuple(1 if i in inserted else next(rest) for i in range(rank))


def _squeeze(x: Inputs, attrs: Attrs) -> Shape | None:
    axes, shape = _axes(x, attrs), x[0].shape
    if shape is None or axes is None:
        return None
    if not axes:
        return tuple(d for d in shape if d != 1) if all(isinstance(d, int) for d in shape) else None
    dropped = {a % len(shape) for a in axes}
    return tuple(d for i, d in enumerate(shape) if i not in dropped)


def _sized(value: Value | None) -> Any:
    """The shape that a shape tensor asks for, as far as it is known."""
    if value is None:
        return None
    if value.elements is not None:
        return tuple(value.elements)
    length = value.shape[0] if value.shape else None
    return tuple(unknown() for _ in range(length)) if isinstance(length, int) else None


def _reshape(x: Inputs, attrs: Attrs) -> Shape | None:
    target, old = _sized(x[1]), x[0].shape
    if target is None:
        return None
    shape = list(target)
    if not attrs.get("allowzero"):
        shape = [(old[i] if old is not None else unknown()) if d == 0 else d for i, d in enumerate(shape)]
    if -1 in shape:
        rest = product(d for d in shape if d != -1)
        shape[shape.index(-1)] = unknown() if old is None or rest == 0 else floordiv(product(old), rest)
    return tuple(shape)


def _expand(x: Inputs, attrs: Attrs) -> Shape | None:
    return broadcast(x[0].shape, _sized(x[1]))


def slice_size(size: Size, start: Size, end: Size, step: int) -> Size:
    """How many elements a slice takes from an axis; starts and ends may be negative or beyond the axis."""
    if not isinstance(step, int) or step == 0:
        return unknown()
    if isinstance(size, int) and isinstance(start, int) and isinstance(end, int):
        if step < 0:
            start = min(max(start + size if start < 0 else start, -1), size - 1)
            end = min(max(end + size if end < 0 else end, -1), size)
            return max(0, -((start - end) // step))
        return len(range(*slice(start, end, step).indices(size)))
    if step < 0:
        return size if (start, step) == (-1, -1) and isinstance(end, int) and end <= -(2**31) else unknown()
    first = size + start if isinstance(start, int) and start < 0 else start
    last = size + end if isinstance(end, int) and end < 0 else end
    if isinstance(end, int) and end >= 2**31 - 1:
        last = size
    if isinstance(start, int) and start < 0:
        first = maximum(first, 0)
    return maximum(ceildiv(minimum(last, size) - minimum(first, size), step), 0)


def _slice(x: Inputs, attrs: Attrs) -> Shape | None:
    shape = x[0].shape
    if shape is None:
        return None
    starts, ends = _sized(x[1]), _sized(x[2])
    axes = _sized(x[3]) if len(x) > 3 and x[3] is not None else tuple(range(len(starts or ())))
    steps = _sized(x[4]) if len(x) > 4 and x[4] is not None else (1,) * len(starts or ())
    if starts is None or ends is None or axes is None or not all(isinstance(a, int) for a in axes):
        return tuple(unknown() for _ in shape)
    result = list(shape)
    for start, end, axis, step in zip(starts, ends, axes, steps or (), strict=True):
        followed = x[1].elements is not None and x[2].elements is not None
        result[axis] = slice_size(shape[axis], start, end, step) if followed else unknown()
    return tuple(result)


def _split(x: Inputs, attrs: Attrs) -> list[Shape | None]:
    axis, shape, count = attrs.get("axis", 0), x[0].shape, attrs["#outputs"]
    parts = attrs.get("split") or (_sized(x[1]) if len(x) > 1 else None)
    if shape is None:
        return [None] * count
    axis %= len(shape)
    if parts is None:
        each = ceildiv(shape[axis], count)
        parts = [each] * (count - 1) + [shape[axis] - each * (count - 1)]
    return [(*shape[:axis], part, *shape[axis + 1 :]) for part in parts]


def _pad(x: Inputs, attrs: Attrs) -> Shape | None:
    shape, widths = x[0].shape, _sized(x[1])
    axes = _sized(x[3]) if len(x) > 3 and x[3] is not None else None
    if shape is None or widths is None:
        return None if shape is None else tuple(unknown() for _ in shape)
    axes = axes if axes is not None else tuple(range(len(shape)))
    result = list(shape)
    for i, axis in enumerate(axes):
        followed = x[1].elements is not None
        result[axis] = shape[axis] + widths[i] + widths[i + len(axes)] if followed else unknown()
    return tuple(result)


def _tile(x: Inputs, attrs: Attrs) -> Shape | None:
    shape, repeats = x[0].shape, _sized(x[1])
    if shape is None or repeats is None:
        return None if shape is None else tuple(unknown() for _ in shape)
    followed = x[1].elements is not None
    return tuple(d * r if followed else unknown() for d, r in zip(shape, repeats, strict=True))


def _spatial(x: Inputs, attrs: Attrs, kernel: Sequence[Size]) -> tuple[Size, ...]:
    n = len(kernel)
    strides, dilations = attrs.get("strides") or [1] * n, attrs.get("dilations") or [1] * n
    pads, shape = attrs.get("pads") or [0] * 2 * n, x[0].shape
    if attrs.get("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER"):
        return tuple(ceildiv(d, s) for d, s in zip(shape[2:], strides, strict=True))
    sizes = []
    for i in range(n):
        room = shape[2 + i] + pads[i] + pads[i + n] - (kernel[i] - 1) * dilations[i] - 1
        steps = ceildiv(room, strides[i]) if attrs.get("ceil_mode") else floordiv(room, strides[i])
        sizes.append(steps + 1)
    return tuple(sizes)


def _conv(x: Inputs, attrs: Attrs) -> Shape | None:
    if x[0].shape is None or x[1].shape is None:
        return None
    return (x[0].shape[0], x[1].shape[0], *_spatial(x, attrs, x[1].shape[2:]))


def _conv_transpose(x: Inputs, attrs: Attrs) -> Shape | None:
    shape, kernel = x[0].shape, x[1].shape
    if shape is None or kernel is None:
        return None
    n = len(shape) - 2
    strides, dilations = attrs.get("strides") or [1] * n, attrs.get("dilations") or [1] * n
    pads, extra = attrs.get("pads") or [0] * 2 * n, attrs.get("output_padding") or [0] * n
    sizes = (
        (shape[2 + i] - 1) * strides[i] + (kernel[2 + i] - 1) * dilations[i] + 1 + extra[i] - pads[i] - pads[i + n]
        for i in range(n)
    )
    return (shape[0], kernel[1] * attrs.get("group", 1), *sizes)


def _pool(x: Inputs, attrs: Attrs) -> Any:
    shape = None if x[0].shape is None else (*x[0].shape[:2], *_spatial(x, attrs, attrs["kernel_shape"]))
    return [shape] * attrs["#outputs"]


def _global_pool(x: Inputs, attrs: Attrs) -> Shape | None:
    shape = x[0].shape
    return None if shape is None else (*shape[:2], *(1 for _ in shape[2:]))


def _resize(x: Inputs, attrs: Attrs) -> Shape | None:
    shape = x[0].shape
    sizes = _sized(x[3]) if len(x) > 3 and x[3] is not None else None
    scales = x[2].array if len(x) > 2 and x[2] is not None else None
    if shape is not None and scales is not None and "axes" not in attrs:
        return tuple(
            d * int(s) if s == int(s) else int(d * float(s)) if isinstance(d, int) else unknown()
            for d, s in zip(shape, scales, strict=True)
        )
    if shape is None or sizes is None:
        return None if shape is None else tuple(unknown() for _ in shape)
    result = list(shape)
    for axis, size in zip(attrs.get("axes") or range(len(shape)), sizes, strict=True):
        result[axis] = size
    return tuple(result)


def _whole(x: Value) -> np.ndarray | None:
    """The elements of a number that is whole, whatever its dtype: a size counts as one in floating point too."""
    if x.dtype.kind != "f":
        return x.elements
    if x.array is not None:
        return x.array.astype(np.int64).astype(object) if (x.array == np.floor(x.array)).all() else None
    cast = x.producer
    source = cast.inputs[0] if cast is not None and cast.op == "Cast" and x.dtype.itemsize >= 4 else None
    return None if source is None or source.dtype.kind == "f" else x.builder.told(source)


def _range(x: Inputs, attrs: Attrs) -> Shape | None:
    start, end, step = (_whole(v) for v in x)
    if all(v.array is not None and v.dtype.kind == "f" for v in x):
        return (len(np.arange(*(v.array for v in x))),)
    if start is None or end is None or step is None or not isinstance(step.item(), int):
        return (unknown(),)
    return (maximum(ceildiv(end.item() - start.item(), step.item()), 0),)


def _attended(x: Inputs, attrs: Attrs) -> Shape | None:
    """Queries' shape, but for the size of values; both with the heads in an axis of their own or side by side."""
    q, v = x[0].shape, x[2].shape
    if q is None or v is None or len(q) != len(v):
        return None
    if len(q) == 4:
        return (*q[:3], v[3])
    return (*q[:2], floordiv(v[2], attrs["kv_num_heads"]) * attrs["q_num_heads"])


def _norm(x: Inputs, attrs: Attrs) -> list[Shape | None]:
    return [x[0].shape] + [(x[0].shape[1],) if x[0].shape else None] * (attrs["#outputs"] - 1)


_UNARY = """Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Clip Cos Cosh CumSum Elu Erf Exp Floor Gelu
HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LRN LeakyRelu Log LogSoftmax LpNormalization
Mish Neg Not Reciprocal Relu ReverseSequence Round ScatterElements ScatterND Selu Shrink Sigmoid Sign Sin Sinh Softmax
Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu Trilu GroupNormalization""".split()
_BROADCAST = """Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max
Mean Min Mod Mul Or Pow PRelu Sub Sum Where Xor StringConcat""".split()
_REDUCTIONS = """ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
ReduceSumSquare""".split()

SHAPES: dict[str, ShapeFunction] = {
    **dict.fromkeys(_UNARY, _same),
    **dict.fromkeys(_BROADCAST, _elementwise),
    **dict.fromkeys(_REDUCTIONS, _reduce),
    "ArgMax": _arg,
    "ArgMin": _arg,
    "AveragePool": _pool,
    "BatchNormalization": _norm,
    "Concat": _concat,
    "ConstantOfShape": lambda x, attrs: _sized(x[0]),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Expand": _expand,
    "Gather": _gather,
    "GatherElements": lambda x, attrs: x[1].shape,
    "GatherND": _gather_nd,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "LpPool": _pool,
    "MatMul": _matmul,
    "MaxPool": _pool,
    "Pad": _pad,
    "Range": _range,
    "RMSNormalization": _same,
    "Attention": _attended,
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": lambda x, attrs: (unknown() if x[0].shape is None else len(x[0].shape),),
    "Size": lambda x, attrs: (),
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
