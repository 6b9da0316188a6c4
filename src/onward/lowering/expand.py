"""Operators that the target opset does not have yet, written with those it has.

``op.Gelu(x)`` is right at every opset: where the schema is missing, the builder calls the function of that name here
with the same arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.ir import Value

if TYPE_CHECKING:
    from onward.lowering.builder import Builder

EXPANSIONS: dict[str, Callable[..., Any]] = {}


def expansion(name: str) -> Callable[[Callable], Callable]:
    """Registers how to write an ONNX operator at opsets before it."""

    def register(function: Callable) -> Callable:
        EXPANSIONS[name] = function
        return function

    return register


@expansion("Gelu")
def gelu(op: Builder, x: Value, *, approximate: str = "none") -> Value:
    if approximate == "tanh":
        return 0.5 * x * (1.0 + op.Tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1.0 + op.Erf(x * math.sqrt(0.5)))


@expansion("HardSwish")
def hard_swish(op: Builder, x: Value) -> Value:
    return x * op.HardSigmoid(x, alpha=1 / 6, beta=0.5)


@expansion("Swish")
def swish(op: Builder, x: Value, *, alpha: float = 1.0) -> Value:
    return x * op.Sigmoid(x * alpha if alpha != 1 else x)


@expansion("Mish")
def mish(op: Builder, x: Value) -> Value:
    return x * op.Tanh(op.Softplus(x))


@expansion("LayerNormalization")
def layer_normalization(
    op: Builder, x: Value, scale: Value, bias: Value | None = None, *, axis: int = -1, epsilon: float = 1e-5
) -> Value:
    assert x.rank is not None
    axes = list(range(axis % x.rank, x.rank))
    centred = x - op.ReduceMean(x, axes=axes)
    variance = op.ReduceMean(centred * centred, axes=axes)
    y = centred / op.Sqrt(variance + epsilon) * scale
    return y if bias is None else y + bias


@expansion("RMSNormalization")
def rms_normalization(op: Builder, x: Value, scale: Value, *, axis: int = -1, epsilon: float = 1e-5) -> Value:
    """As ONNX Runtime looks for it: squared by Pow, divided, scaled."""
    assert x.rank is not None
    square = op.append("Pow", [x, op.constant(np.array(2, x.dtype))], {})
    mean = op.ReduceMean(square, axes=list(range(axis % x.rank, x.rank)))
    return x / op.Sqrt(mean + epsilon) * scale


@expansion("BitwiseNot")
def bitwise_not(op: Builder, x: Value) -> Value:
    return (np.iinfo(x.dtype).max if x.dtype.kind == "u" else -1) - x


def _bitwise(op: Builder, x: Value, y: Value, combine: np.ufunc) -> Value:
    """Looks up each pair of four bits and sums what is found, times its weight.

    In int64, which wraps, as a product of matrices; ONNX Runtime sums integers in floating point.
    """
    uint64, int64 = np.dtype("uint64"), np.dtype("int64")
    places = np.arange(0, x.dtype.itemsize * 8, 4, dtype=np.uint64)

    def digits(v: Value) -> Value:
        shifted = op.BitShift(op.Unsqueeze(op.Cast(v, to=uint64), axes=[-1]), places, direction="RIGHT")
        return op.Cast(op.Mod(shifted, 16), to=int64)

    table = combine.outer(np.arange(16), np.arange(16)).astype(np.int64).reshape(-1)
    found = op.Gather(table, digits(x) * 16 + digits(y), axis=0)
    return op.Cast(op.MatMul(found, (np.uint64(1) << places).astype(np.int64)), to=x.dtype)


@expansion("BitwiseAnd")
def bitwise_and(op: Builder, x: Value, y: Value) -> Value:
    return _bitwise(op, x, y, np.bitwise_and)


@expansion("BitwiseOr")
def bitwise_or(op: Builder, x: Value, y: Value) -> Value:
    return _bitwise(op, x, y, np.bitwise_or)


@expansion("BitwiseXor")
def bitwise_xor(op: Builder, x: Value, y: Value) -> Value:
    return _bitwise(op, x, y, np.bitwise_xor)


@expansion("Trilu")
def trilu(op: Builder, x: Value, k: Any = 0, *, upper: int = 1) -> Value:
    assert x.shape is not None
    with op.folding():
        row = op.Unsqueeze(op.Range(0, op.size(x.shape[-2]), 1), axes=[1])
        distance = op.Unsqueeze(op.Range(0, op.size(x.shape[-1]), 1), axes=[0]) - row
        kept = distance >= k if upper else distance <= k
    return op.Where(kept, x, op.constant(np.zeros((), x.dtype)))
