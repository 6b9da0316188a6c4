"""Normalisation by the root of the mean square."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward import ir
from onward.fuse.engine import Rewrite, constant_operand, made_by, merged, sole_user
from onward.fuse.norm import fitting, trailing_axis
from onward.fuse.rule import Rule, table
from onward.ir import Node, Value
from onward.lowering.builder import Builder


class RMSNorm(Rule):
    """x / sqrt(mean(x * x) + epsilon) * scale, by a division or a reciprocal.

    Before opset 23 only the scaled form: written anew as below, ONNX Runtime has a kernel for it.
    """

    def __init__(self, *, reciprocal: bool, scaled: bool) -> None:
        self._reciprocal = reciprocal
        self._scaled = scaled
        self.since = 0 if scaled else 23

    def pattern(self, op: Any, x: Any, axes: Any, epsilon: Any, scale: Any) -> Any:
        root = op.Sqrt(op.ReduceMean(x * x, axes) + epsilon)
        y = x * op.Reciprocal(root) if self._reciprocal else x / root
        return y * scale if self._scaled else y

    def check(self, x: Value, axes: Value, epsilon: Value, scale: Value | None) -> bool:
        first = trailing_axis(x, axes)
        if first is None or x.shape is None or epsilon.const is None or epsilon.const.size != 1:
            return False
        return scale is None or (scale.is_const and fitting(scale, x.shape[first:]))

    def rewrite(self, op: Builder, x: Value, axes: Value, epsilon: Value, scale: Value | None) -> Value:
        first = trailing_axis(x, axes)
        assert first is not None
        assert x.shape is not None
        assert epsilon.array is not None
        normalised = list(x.shape[first:])
        if scale is None:
            factor = op.constant(np.ones(normalised, x.dtype))
        else:
            factor = op.Expand(op.Reshape(scale, list(scale.shape or ())[-len(normalised) :] or [1]), normalised)
        result: Value = op.RMSNormalization(
            x, factor, axis=first - len(x.shape), epsilon=float(epsilon.array.reshape(()))
        )
        return result


def scale_rms_norm(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """rms_norm(x) * c takes c into its scale."""
    operands = constant_operand(node)
    norm = made_by(operands[0], "RMSNormalization") if operands else None
    if norm is None or operands is None or not sole_user(graph, operands[0]):
        return None
    x, scale = norm.inputs
    assert scale is not None
    shape = tuple(scale.shape or ())
    if not fitting(operands[1], shape):
        return None
    factor = op.Reshape(operands[1], list(operands[1].shape or ())[-len(shape) :] or [1])
    result: Value = op.RMSNormalization(x, scale * factor, **norm.attrs)
    return result


_ABSORB: dict[str, list[Rewrite]] = {"Mul": [scale_rms_norm]}
RULES = merged(
    table(*(RMSNorm(reciprocal=reciprocal, scaled=scaled) for scaled in (True, False) for reciprocal in (True, False))),
    _ABSORB,
)
