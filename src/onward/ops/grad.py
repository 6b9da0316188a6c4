"""Gradients of elementwise functions, sums, broadcasts and pads, as TensorFlow writes them into a gradient's graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dims import Size
from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.array import flip

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@lower("ReluGrad")
def relu_grad(op: Builder, gradient: Value, x: Value) -> Value:
    return op.Where(x > 0, gradient, 0)


@lower("Relu6Grad")
def relu6_grad(op: Builder, gradient: Value, x: Value) -> Value:
    return op.Where(op.And(x > 0, x < 6), gradient, 0)


@lower("LeakyReluGrad")
def leaky_relu_grad(op: Builder, gradient: Value, x: Value, *, alpha: float) -> Value:
    return op.Where(x > 0, gradient, gradient * alpha)


@lower("EluGrad")
def elu_grad(op: Builder, gradient: Value, y: Value) -> Value:
    return op.Where(y < 0, gradient * (y + 1), gradient)


@lower("SeluGrad")
def selu_grad(op: Builder, gradient: Value, y: Value) -> Value:
    return gradient * op.Where(y < 0, y + _SELU_SCALE * _SELU_ALPHA, _SELU_SCALE)


@lower("SoftplusGrad")
def softplus_grad(op: Builder, gradient: Value, x: Value) -> Value:
    return gradient * op.Sigmoid(x)


@lower("SoftsignGrad")
def softsign_grad(op: Builder, gradient: Value, x: Value) -> Value:
    below = op.Abs(x) + 1
    return gradient / (below * below)


@lower("SigmoidGrad")
def sigmoid_grad(op: Builder, y: Value, gradient: Value) -> Value:
    return gradient * y * (1 - y)


@lower("TanhGrad")
def tanh_grad(op: Builder, y: Value, gradient: Value) -> Value:
    return gradient * (1 - y * y)


@lower("SqrtGrad")
def sqrt_grad(op: Builder, y: Value, gradient: Value) -> Value:
    return gradient * 0.5 / y


@lower("RsqrtGrad")
def rsqrt_grad(op: Builder, y: Value, gradient: Value) -> Value:
    return gradient * -0.5 * (y * y * y)


@lower("InvGrad", "ReciprocalGrad")
def reciprocal_grad(op: Builder, y: Value, gradient: Value) -> Value:
    return -gradient * (y * y)


@lower("BiasAddGrad")
def bias_add_grad(op: Builder, gradient: Value, *, data_format: str) -> Value:
    if gradient.rank is None:
        raise Unsupported("an unknown rank")
    channels = 1 if data_format.startswith("NC") else gradient.rank - 1
    return op.ReduceSum(gradient, axes=[i for i in range(gradient.rank) if i != channels], keepdims=0)


@lower("BroadcastGradientArgs")
def broadcast_gradient_args(op: Builder, x: Value, y: Value) -> tuple[Value, Value]:
    """The axes over which each operand of a broadcast sums its gradient: those where it has one element."""
    known = [v.elements for v in (x, y) if v.elements is not None]
    if len(known) == 2:
        rank = max(map(len, known))
        shapes = [(1,) * (rank - len(elements)) + tuple(elements) for elements in known]
        pairs = list(zip(*shapes, strict=True))
        if all(a == b or 1 in (a, b) or (isinstance(a, int) and isinstance(b, int)) for a, b in pairs):
            left, right = ([i for i, pair in enumerate(pairs) if pair[side] == 1] for side in (0, 1))
            return tuple(op.constant(np.array(axes, x.dtype)) for axes in (left, right))  # type: ignore[return-value]
    return _single_axes(op, x, y), _single_axes(op, y, x)


def _single_axes(op: Builder, shape: Value, other: Value) -> Value:
    """The axes of one element, leading ones that only the other has included, found at run time."""
    length, needed = _length(op, shape), _length(op, other)
    missing = op.Reshape(op.Max(needed - length, 0), [1])
    ones = op.Expand(op.constant(np.ones((), np.int64)), missing)
    padded = op.Concat(ones, op.Cast(shape, to=np.dtype("int64")), axis=0)
    return op.Cast(op.Squeeze(op.NonZero(op.Equal(padded, 1)), axes=[0]), to=shape.dtype)


def _length(op: Builder, vector: Value) -> Value:
    length: Size | None = None if vector.shape is None else vector.shape[0]
    return op.Size(vector) if length is None else op.size(length)


@lower("MirrorPadGrad")
def mirror_pad_grad(op: Builder, gradient: Value, paddings: Value, *, mode: str) -> Value:
    """The mirrors are folded back onto what they showed, axis by axis."""
    if gradient.shape is None:
        raise Unsupported("an unknown rank")
    edge = int(mode == "REFLECT")  # the outermost element is not repeated
    y = gradient
    for axis, whole in enumerate(gradient.shape):
        if paddings.elements is not None:
            before, after = paddings.elements[axis]
            if isinstance(before, int) and isinstance(after, int) and before == after == 0:
                continue
        else:
            before, after = (op.Cast(op.Gather(op.Gather(paddings, axis, axis=0), i, axis=0), to=INT64) for i in (0, 1))
        y = _folded(op, y, axis, op.lift(before), op.lift(after), op.size(whole), edge)
    return y


def _folded(op: Builder, x: Value, axis: int, before: Value, after: Value, whole: Value, edge: int) -> Value:
    """One axis, of ``whole`` elements, without its mirrored ends; these are turned round and added."""
    size, rank = whole - before - after, x.rank or 1

    def part(first: Any, last: Any) -> Value:
        return op.Slice(x, op.sizes([first]), op.sizes([last]), axes=[axis])

    def at(ends: Value, first: Any, last: Any) -> Value:
        widths = [0] * (2 * rank)
        widths[axis], widths[axis + rank] = first, last
        return op.Pad(flip(op, ends, [axis]), op.sizes(widths), mode="constant")

    start = at(part(0, before), edge, size - before - edge)
    end = at(part(before + size, whole), size - after - edge, edge)
    return part(before, before + size) + start + end
