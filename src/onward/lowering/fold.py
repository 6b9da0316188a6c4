"""What ONNX operators compute, as numpy functions, for folding constants and following the elements of shapes.

Each function takes the list of input arrays (None for an omitted one) and the attributes, and returns an array or a
list of arrays. Those named in ``SYMBOLIC`` also work on object arrays of sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from onward import dims
from onward.dtypes import ONNX_DTYPES

Arrays = list[Any]
Attrs = dict[str, Any]


def _axes(inputs: Arrays, attrs: Attrs, position: int = 1) -> tuple[int, ...] | None:
    """Axes from an attribute or from an input, None for all."""
    if "axes" in attrs:
        return tuple(attrs["axes"])
    if len(inputs) > position and inputs[position] is not None:
        return tuple(int(a) for a in inputs[position])
    return None


def _divide(a: Any, b: Any) -> Any:
    if a.dtype == object or b.dtype == object:
        return np.frompyfunc(_truncated, 2, 1)(a, b)
    if a.dtype.kind in "iu":
        quotient = a // b
        return (quotient + ((a % b != 0) & ((a < 0) != (b < 0)))).astype(a.dtype)
    return a / b


def _truncated(a: dims.Size, b: dims.Size) -> dims.Size:
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return dims.floordiv(a, b)


def _extreme(function: Callable, size_function: Callable) -> Callable:
    symbolic = np.frompyfunc(size_function, 2, 1)

    def fold(x: Arrays, attrs: Attrs) -> Any:
        result = x[0]
        for other in x[1:]:
            result = (symbolic if object in (result.dtype, other.dtype) else function)(result, other)
        return result

    return fold


def _reduce(function: Callable) -> Callable:
    def fold(x: Arrays, attrs: Attrs) -> Any:
        axes = _axes(x, attrs)
        if axes == () and attrs.get("noop_with_empty_axes"):
            return x[0]
        result = function(x[0], axis=axes or None, keepdims=bool(attrs.get("keepdims", 1)))
        return np.asarray(result, x[0].dtype)

    return fold


def _slice(x: Arrays, attrs: Attrs) -> Any:
    data, starts, ends = x[:3]
    axes = x[3] if len(x) > 3 and x[3] is not None else range(len(starts))
    steps = x[4] if len(x) > 4 and x[4] is not None else [1] * len(starts)
    index = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = data.shape[int(axis)]
        start, end, step = int(start), int(end), int(step)
        if step < 0:
            start = min(max(start + size if start < 0 else start, -1), size - 1)
            end = min(max(end + size if end < 0 else end, -1), size)
            index[int(axis)] = slice(start, None if end < 0 else end, step) if start >= 0 else slice(0, 0)
        else:
            index[int(axis)] = slice(start, end, step)
    return data[tuple(index)]


def _gather(x: Arrays, attrs: Attrs) -> Any:
    return np.take(x[0], np.asarray(x[1], np.int64), axis=attrs.get("axis", 0))


def _split(x: Arrays, attrs: Attrs) -> list[Any]:
    axis = attrs.get("axis", 0)
    parts = attrs.get("split") or (x[1] if len(x) > 1 else None)
    if parts is None:
        return np.split(x[0], attrs["num_outputs"], axis)
    return np.split(x[0], np.cumsum([int(p) for p in parts])[:-1], axis)


def _squeeze(x: Arrays, attrs: Attrs) -> Any:
    return np.squeeze(x[0], _axes(x, attrs))


def _unsqueeze(x: Arrays, attrs: Attrs) -> Any:
    return np.expand_dims(x[0], _axes(x, attrs) or ())


def _reshape(x: Arrays, attrs: Attrs) -> Any:
    shape = [int(d) for d in x[1]]
    if not attrs.get("allowzero", 0):
        shape = [x[0].shape[i] if d == 0 else d for i, d in enumerate(shape)]
    return np.reshape(x[0], shape)


def _cast(x: Arrays, attrs: Attrs) -> Any:
    if x[0].dtype == object:
        return x[0]
    with np.errstate(all="ignore"):
        return x[0].astype(ONNX_DTYPES[attrs["to"]])


def _clip(x: Arrays, attrs: Attrs) -> Any:
    low = x[1] if len(x) > 1 else None
    high = x[2] if len(x) > 2 else None
    result = x[0] if low is None else np.maximum(x[0], low)
    return result if high is None else np.minimum(result, high)


def _pad(x: Arrays, attrs: Attrs) -> Any:
    rank = x[0].ndim
    axes = [int(a) for a in x[3]] if len(x) > 3 and x[3] is not None else list(range(rank))
    widths = [(0, 0)] * rank
    for i, axis in enumerate(axes):
        widths[axis] = (int(x[1][i]), int(x[1][i + len(axes)]))
    value = x[2] if len(x) > 2 and x[2] is not None else 0
    return np.pad(x[0], widths, constant_values=value)


def _unary(function: Callable) -> Callable:
    return lambda x, attrs: function(x[0])


def _binary(function: Callable) -> Callable:
    return lambda x, attrs: function(x[0], x[1])


def _sum(x: Arrays, attrs: Attrs) -> Any:
    result = x[0]
    for other in x[1:]:
        result = result + other
    return result


FOLD: dict[str, Callable[[Arrays, Attrs], Any]] = {
    "Abs": _unary(np.abs),
    "Acos": _unary(np.arccos),
    "Add": _binary(np.add),
    "And": _binary(np.logical_and),
    "Asin": _unary(np.arcsin),
    "Atan": _unary(np.arctan),
    "BitShift": lambda x, attrs: (np.left_shift if attrs["direction"] == "LEFT" else np.right_shift)(x[0], x[1]),
    "BitwiseAnd": _binary(np.bitwise_and),
    "BitwiseNot": _unary(np.bitwise_not),
    "BitwiseOr": _binary(np.bitwise_or),
    "BitwiseXor": _binary(np.bitwise_xor),
    "Cast": _cast,
    "Ceil": _unary(np.ceil),
    "Clip": _clip,
    "Concat": lambda x, attrs: np.concatenate(x, attrs["axis"]),
    "Cos": _unary(np.cos),
    "Div": lambda x, attrs: _divide(x[0], x[1]),
    "Equal": _binary(np.equal),
    "Exp": _unary(np.exp),
    "Expand": lambda x, attrs: np.broadcast_to(x[0], np.broadcast_shapes(x[0].shape, tuple(int(d) for d in x[1]))),
    "Floor": _unary(np.floor),
    "Gather": _gather,
    "Greater": _binary(np.greater),
    "GreaterOrEqual": _binary(np.greater_equal),
    "Identity": _unary(lambda x: x),
    "IsInf": _unary(np.isinf),
    "IsNaN": _unary(np.isnan),
    "Less": _binary(np.less),
    "LessOrEqual": _binary(np.less_equal),
    "Log": _unary(np.log),
    "MatMul": _binary(np.matmul),
    "Max": _extreme(np.maximum, dims.maximum),
    "Min": _extreme(np.minimum, dims.minimum),
    "Mod": lambda x, attrs: (np.fmod if attrs.get("fmod") else np.mod)(x[0], x[1]),
    "Mul": _binary(np.multiply),
    "Neg": _unary(np.negative),
    "Not": _unary(np.logical_not),
    "Or": _binary(np.logical_or),
    "Pad": _pad,
    "Pow": lambda x, attrs: np.power(x[0], x[1]).astype(x[0].dtype),
    "Range": lambda x, attrs: np.arange(x[0], x[1], x[2], dtype=x[0].dtype),
    "Reciprocal": _unary(np.reciprocal),
    "ReduceMax": _reduce(np.max),
    "ReduceMean": _reduce(np.mean),
    "ReduceMin": _reduce(np.min),
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "Relu": _unary(lambda x: np.maximum(x, x.dtype.type(0))),
    "Reshape": _reshape,
    "Round": _unary(np.rint),
    "Sigmoid": _unary(lambda x: (1 / (1 + np.exp(-x.astype(np.float64)))).astype(x.dtype)),
    "Sign": _unary(np.sign),
    "Sin": _unary(np.sin),
    "Slice": _slice,
    "Split": _split,
    "Sqrt": _unary(np.sqrt),
    "Squeeze": _squeeze,
    "Sub": _binary(np.subtract),
    "Sum": _sum,
    "Tan": _unary(np.tan),
    "Tanh": _unary(np.tanh),
    "Tile": lambda x, attrs: np.tile(x[0], [int(r) for r in x[1]]),
    "Transpose": lambda x, attrs: np.transpose(x[0], attrs.get("perm")),
    "Unsqueeze": _unsqueeze,
    "Where": lambda x, attrs: np.where(x[0], x[1], x[2]),
    "Xor": _binary(np.logical_xor),
}

# Safe on object arrays of sizes: arithmetic and movement, no comparison (two sizes may be equal unbeknownst).
SYMBOLIC = frozenset(
    "Add Cast Concat Div Expand Gather Identity Max Min Mod Mul Neg ReduceProd ReduceSum Reshape Slice Split Squeeze"
    " Sub Tile Transpose Unsqueeze Where".split()
)
# Give views of their input, so that folding them costs nothing whatever the size.
VIEWS = frozenset("Identity Reshape Slice Squeeze Transpose Unsqueeze".split())
# Inputs that are indices, shapes or conditions: they must be plain integers before sizes can be moved about.
STRUCTURAL = {
    "Expand": (1,), "Gather": (1,), "ReduceProd": (1,), "ReduceSum": (1,), "Reshape": (1,), "Slice": (1, 2, 3, 4),
    "Split": (1,), "Squeeze": (1,), "Tile": (1,), "Unsqueeze": (1,), "Where": (0,),
}  # fmt: skip
