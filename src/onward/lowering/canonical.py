"""Simpler forms of single operators, applied as they are emitted.

Each function takes the builder, the inputs (lifted) and the attributes, and returns a value that serves instead, or
None to let the operator be emitted as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.dims import Dim, Size, floordiv, product
from onward.dtypes import ONNX_DTYPES, ONNX_NUMBERS, STRING
from onward.ir import Node, Value, sizes

if TYPE_CHECKING:
    from onward.lowering.builder import Builder

Inputs = list[Any]
Attrs = dict[str, Any]
Canonical = Callable[["Builder", Inputs, Attrs], "Value | None"]


def _cast(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    (x,) = inputs
    to = attrs["to"]
    if isinstance(to, int):
        to = ONNX_DTYPES[to]
    attrs["to"] = ONNX_NUMBERS[np.dtype(to)]
    return x if x.dtype == to else None


def _identity(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    return inputs[0]


def _transpose(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    (x,) = inputs
    perm = [int(p) for p in attrs.get("perm") or range(x.rank)[::-1]]
    attrs["perm"] = perm
    if perm == list(range(len(perm))):
        return x
    producer = x.producer
    if producer is not None and producer.op == "Transpose":
        inner = producer.attrs["perm"]
        return op.Transpose(producer.inputs[0], perm=[inner[p] for p in perm])
    quantized = _quantized_constant(x)
    if quantized is not None:
        axis = {} if _one_scale(quantized) else {"axis": perm.index(quantized.attrs["axis"] % len(perm))}
        return op.DequantizeLinear(op.Transpose(quantized.inputs[0], perm=perm), *quantized.inputs[1:], **axis)
    return None


def _quantized_constant(x: Value) -> Node | None:
    """What dequantises a constant to `x`: moves of such a value are made on the integers, which are what is stored."""
    node = x.producer
    found = node is not None and node.op == "DequantizeLinear" and node.inputs[0] is not None
    return node if found and node.inputs[0].is_const else None  # type: ignore[union-attr]


def _one_scale(node: Node) -> bool:
    scale = node.inputs[1]
    return scale is not None and scale.rank == 0


def _reshape(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    x, target = inputs
    elements = target.elements
    if elements is None or (x.const is not None and all(isinstance(e, int) for e in elements)):
        return None
    asked = list(elements)
    if not attrs.get("allowzero") and x.shape is not None:
        asked = [x.shape[i] if d == 0 and i < len(x.shape) else d for i, d in enumerate(asked)]
    if -1 in asked and x.shape is not None:
        rest = product(d for d in asked if d != -1)
        if rest != 0:
            asked[asked.index(-1)] = floordiv(product(x.shape), rest)
    if all(d != 0 for d in asked):
        attrs.pop("allowzero", None)  # no zero stands there to be taken for a copy
    elif x.shape is not None and -1 not in asked:  # nothing in it, however it is arranged
        return op.Expand(op.constant(np.array("" if x.dtype == STRING else 0, x.dtype)), asked)
    if x.shape is not None and tuple(asked) == x.shape:
        return x
    producer = x.producer
    if producer is not None and producer.op == "DequantizeLinear" and _one_scale(producer):  # integers are moved
        return op.DequantizeLinear(op.Reshape(producer.inputs[0], target, **attrs), *producer.inputs[1:])
    if producer is not None and producer.op == "Reshape" and -1 not in asked:
        return op.Reshape(producer.inputs[0], tuple(asked), allowzero=attrs.get("allowzero"))
    result = op.append("Reshape", [x, _reshape_vector(op, x, asked, attrs)], attrs)
    if all(d != -1 for d in asked) and result.producer is not None and result.producer.op == "Reshape":
        result.shape = tuple(asked)
    return result


def _reshape_vector(op: Builder, x: Value, asked: list[Size], attrs: Attrs) -> Value:
    """The shape operand: plain numbers with one -1 or copied zeros wherever that says it, else computed."""
    symbolic = [i for i, d in enumerate(asked) if isinstance(d, Dim)]
    copied = [i for i in symbolic if x.shape is not None and i < len(x.shape) and x.shape[i] == asked[i]]
    zero = any(d == 0 for d in asked)
    missing = [i for i in symbolic if i not in copied]
    if not symbolic or (len(symbolic) == 1 and -1 not in asked and not zero):
        numbers = [-1 if isinstance(d, Dim) else d for d in asked]
    elif not zero and not attrs.get("allowzero") and len(missing) + asked.count(-1) <= 1:
        numbers = [0 if i in copied else -1 if isinstance(d, Dim) else d for i, d in enumerate(asked)]
    else:
        if not zero and -1 not in asked and op.opset >= 14:
            attrs["allowzero"] = 1  # a size that turns out to be 0 is meant
        return op.sizes(asked)
    return op.constant(np.array(numbers, np.int64))


def _expand(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    x, target = inputs
    if x.shape is not None and target.elements is not None:
        wanted = tuple(target.elements)
        if wanted == x.shape or (len(wanted) <= len(x.shape) and all(d == 1 for d in wanted)):
            return x
    return None


def _squeeze(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    x, axes = inputs[0], inputs[1] if len(inputs) > 1 else None
    before = x.producer
    if before is not None and before.op == "Unsqueeze" and axes is not None and len(before.inputs) > 1:
        added = before.inputs[1].array
        if added is not None and axes.array is not None and sorted(added % x.rank) == sorted(axes.array % x.rank):
            return before.inputs[0]
    return _moved_ones(op, inputs, attrs)


def _moved_ones(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    x = inputs[0]
    axes = attrs.get("axes") if len(inputs) < 2 else inputs[1].array
    return x if axes is not None and len(axes) == 0 else None


def _unsqueeze(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    x, axes = inputs[0], inputs[1] if len(inputs) > 1 else None
    before = x.producer
    if before is not None and before.op == "Squeeze" and axes is not None and len(before.inputs) > 1:
        whole, taken = before.inputs[0], before.inputs[1].array
        rank = None if whole is None else whole.rank
        if rank and taken is not None and axes.array is not None and set(taken % rank) == set(axes.array % rank):
            return whole
    quantized = _quantized_constant(inputs[0])
    if quantized is not None and _one_scale(quantized):
        moved = op.emit("Unsqueeze", quantized.inputs[0], *inputs[1:], **attrs)
        return op.DequantizeLinear(moved, *quantized.inputs[1:])
    return _moved_ones(op, inputs, attrs)


def _concat(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    return inputs[0] if len(inputs) == 1 else None


def _slice(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    x, starts, ends = inputs[:3]
    steps = inputs[4].array if len(inputs) > 4 and inputs[4] is not None else np.array([1])
    if x.shape is None or starts.array is None or ends.elements is None or steps is None:
        return None
    axes = inputs[3].array if len(inputs) > 3 and inputs[3] is not None else range(len(starts.array))
    if axes is None:
        return None
    whole = all(
        start == 0 and (end == x.shape[int(axis)] or (isinstance(end, int) and end >= 2**31 - 1))
        for start, end, axis in zip(starts.array, ends.elements, axes, strict=True)
    )
    return x if whole and (steps == 1).all() else None


def _joined_part(op: Builder, x: Value, indices: Value, axis: int) -> Value | None:
    """One element of what was joined, from the piece that it comes from."""
    joined = x.producer
    if joined is None or joined.op != "Concat" or x.rank is None or indices.array is None or indices.array.size != 1:
        return None
    axis %= x.rank
    if joined.attrs["axis"] % x.rank != axis or indices.array.ndim > 1:
        return None
    pieces = [(v, v.shape[axis]) for v in joined.inputs if v is not None and v.shape is not None]
    if len(pieces) < len(joined.inputs) or any(isinstance(size, Dim) for _, size in pieces):
        return None
    at = int(indices.array.item()) % sum(int(size) for _, size in pieces)  # type: ignore[arg-type, misc]
    for piece, size in pieces:
        assert isinstance(size, int)
        if at < size:
            if size > 1:
                return op.Gather(piece, np.full_like(indices.array, at), axis=axis)
            return piece if indices.array.ndim else op.Squeeze(piece, axes=[axis])
        at -= size
    return None


def _gather(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    """ONNX Runtime 1.32 gathers only the first string of each row: rows of strings go by coordinates."""
    x, indices = inputs
    part = _joined_part(op, x, indices, attrs.get("axis", 0))
    if part is not None:
        return part
    if x.dtype != STRING or x.const is not None or x.rank is None or indices.rank is None:
        return None
    axis = attrs.get("axis", 0) % x.rank
    if all(isinstance(d, int) and d == 1 for d in x.shape[axis + 1 :]):
        return None
    x = op.Transpose(x, perm=[axis, *(i for i in range(x.rank) if i != axis)])
    y = op.GatherND(x, op.Unsqueeze(op.Cast(indices, to=np.int64), axes=[-1]))
    taken = indices.rank
    return op.Transpose(y, perm=[*range(taken, taken + axis), *range(taken), *range(taken + axis, y.rank)])


def _tile(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    x, repeats = inputs
    return x if repeats.array is not None and (repeats.array == 1).all() else None


def _pad(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    """ONNX Runtime pads no strings: their places are padded, with -1 for the last string of all, which pads."""
    x, pads = inputs[:2]
    if pads.array is not None and not pads.array.any():
        return x
    if x.dtype != STRING:
        return None
    value = inputs[2] if len(inputs) > 2 and inputs[2] is not None else op.constant(np.array(b"", object))
    table = op.Concat(op.Reshape(x, [-1]), op.Reshape(value, [1]), axis=0)
    places = op.Reshape(op.Range(0, op.Size(x), 1), op.shape(x))
    padding = np.array(-1) if attrs.get("mode", "constant") == "constant" else None
    return op.Gather(table, op.emit("Pad", places, pads, padding, *inputs[3:], **attrs), axis=0)


def _equal(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    """Before opset 19 strings compare by their numbers among the distinct ones."""
    x, y = inputs
    if x.dtype != STRING or op.opset >= 19:
        return None
    if x.array is not None and y.array is not None:
        return op.constant(np.equal(x.array, y.array).astype(bool))
    _, _, codes, _ = op.Unique(op.Concat(op.Reshape(x, [-1]), op.Reshape(y, [-1]), axis=0), outputs=4)
    border = op.Reshape(op.Size(x), [1])
    first, second = op.Slice(codes, [0], border, [0]), op.Slice(codes, border, [np.iinfo(np.int64).max], [0])
    return op.Equal(op.Reshape(first, op.shape(x)), op.Reshape(second, op.shape(y)))


def _single(number: Value, x: Value) -> bool:
    """Whether it is one number that leaves the shape of ``x`` as it is."""
    if number.const is None or number.const.size != 1:
        return False
    return number.const.ndim == 0 or (x.rank is not None and number.const.ndim <= x.rank)


def _neutral(number: float, sides: tuple[int, ...]) -> Canonical:
    """x + 0, x * 1 and the like, where the constant does not widen the shape."""

    def simplify(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
        for side in sides:
            constant, other = inputs[side], inputs[1 - side]
            if other.const is None and _single(constant, other) and constant.array.item() == number:
                return other
        return None

    return simplify


def _logic(neutral: bool) -> Canonical:
    """x and True, x or False."""

    def simplify(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
        for constant, other in (inputs, inputs[::-1]):
            if other.const is None and _single(constant, other) and bool(constant.array.item()) is neutral:
                return other
        return None

    return simplify


def _binary_same(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    return inputs[0] if len(inputs) == 1 else None


_CLIPPED = frozenset({"float16", "float32", "float64", "int32", "int64"})


def _limit(inner: str) -> Canonical:
    """Max of one input is that input; of the Min of something, both against a single number, it is a Clip."""

    def simplify(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
        if len(inputs) == 1:
            return inputs[0]
        if len(inputs) > 2 or inputs[0].dtype.name not in _CLIPPED:
            return None
        number, x = inputs if inputs[0].is_const else inputs[::-1]
        producer = x.producer
        if producer is None or producer.op != inner or len(producer.inputs) != 2 or not _single(number, x):
            return None
        first, second = producer.inputs
        other, source = (first, second) if first.is_const else (second, first)
        if source.is_const or not _single(other, source):
            return None
        low, high = (number, other) if inner == "Min" else (other, number)
        if low.array.item() > high.array.item():
            return None
        return op.Clip(source, *(op.constant(limit.array.reshape(())) for limit in (low, high)))

    return simplify


def _reduce(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    axes = attrs.get("axes") if len(inputs) < 2 or inputs[1] is None else inputs[1].array
    if axes is not None and len(axes) == 0:
        return inputs[0]
    return None


def _reduce_norm(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    x = _reduce(op, inputs, attrs)
    return None if x is None else op.Abs(x)


def _add(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    if inputs[0].dtype == STRING:  # TensorFlow's sum of strings
        return op.StringConcat(*inputs)
    return _neutral(0.0, (0, 1))(op, inputs, attrs)


def _shape(op: Builder, inputs: Inputs, attrs: Attrs) -> Value | None:
    """Known sizes need no node, until one of them cannot be followed."""
    (x,) = inputs
    if x.shape is None:
        return None
    return op.known(sizes(x.shape[attrs.get("start", 0) : attrs.get("end")]))


CANONICAL: dict[str, Canonical] = {
    "Add": _add,
    "And": _logic(True),
    "Cast": _cast,
    "Concat": _concat,
    "Div": _neutral(1.0, (1,)),
    "Equal": _equal,
    "Expand": _expand,
    "Gather": _gather,
    "Identity": _identity,
    "Max": _limit("Min"),
    "Min": _limit("Max"),
    "Mul": _neutral(1.0, (0, 1)),
    "Or": _logic(False),
    "Pad": _pad,
    "Pow": _neutral(1.0, (1,)),
    "ReduceL2": _reduce_norm,
    "ReduceMax": _reduce,
    "ReduceMean": _reduce,
    "ReduceMin": _reduce,
    "ReduceProd": _reduce,
    "ReduceSum": _reduce,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": _neutral(0.0, (1,)),
    "Sum": _binary_same,
    "Tile": _tile,
    "Shape": _shape,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
