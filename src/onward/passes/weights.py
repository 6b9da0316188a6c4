"""Quantised weights of operators that compute with reals.

ONNX Runtime folds constants when it loads a model, but never a ``DequantizeLinear``: it hopes for an integer kernel.
Where the data beside them are reals there is none, and the weights would be dequantised in every run. As a cast and a
product they are folded like anything else, and the file keeps its small integers.
"""

from __future__ import annotations

import numpy as np

from onward import ir
from onward.dtypes import FLOAT32, ONNX_NUMBERS
from onward.ir import Node, Value
from onward.lowering.builder import Builder
from onward.passes.unsigned import WEIGHTED


def spell_out_weights(op: Builder, graph: ir.Graph) -> None:
    """Replaces the dequantisation of constants wherever no integer kernel can come of it."""
    for node in list(graph.nodes):
        weights = node.inputs[0] if node.op == "DequantizeLinear" and not node.domain and node.inputs else None
        if weights is None or not weights.is_const or weights.dtype.kind not in "iu":
            continue
        if not any(map(_beside_integers, node.output.users)):
            op.origin = node.origin
            graph.replace(node.output, _product(op, node))


def _beside_integers(user: Node) -> bool:
    """Whether the data of an operator are dequantised as well.

    Then a runtime may compute it in integers. ONNX Runtime 1.32 even quantises constant reals between such data and a
    quantised result, to int8 with one scale: what is quantised already must stay recognisable.
    """
    return any(map(_is_dequantized, user.inputs[:1] if user.op in WEIGHTED else user.inputs))


def _is_dequantized(value: Value | None) -> bool:
    node = None if value is None else value.producer
    source = node.inputs[0] if node is not None and node.op == "DequantizeLinear" else None
    return source is not None and not source.is_const


def _product(op: Builder, node: Node) -> Value:
    weights, scale, *rest = node.inputs
    assert weights is not None
    assert scale is not None
    zero = rest[0].array if rest and rest[0] is not None else None
    (real,) = op.node("Cast", [weights], {"to": ONNX_NUMBERS[FLOAT32]}, [(FLOAT32, weights.shape)])
    if zero is not None and np.any(zero):
        real = real - _along(zero.astype(np.float32), node, weights)
    assert scale.array is not None
    return real * _along(scale.array.astype(np.float32), node, weights)


def _along(numbers: np.ndarray, node: Node, weights: Value) -> np.ndarray:
    if numbers.ndim == 0 or weights.rank is None:
        return numbers
    axis = node.attrs.get("axis", 1) % weights.rank
    return numbers.reshape([-1] + [1] * (weights.rank - 1 - axis))
