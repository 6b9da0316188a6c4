"""Activation functions that TensorFlow spells out.

Swish is left as x * sigmoid(x): ONNX Runtime has a kernel for that (QuickGelu), and none for opset 24's Swish.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from onward import ir
from onward.dtypes import FLOAT32
from onward.fuse.engine import Rewrite, made_by, merged, sole_user
from onward.fuse.rule import Rule, table
from onward.ir import Node, Value
from onward.lowering.builder import Builder

SQRT_HALF = math.sqrt(0.5)


class _Gelu(Rule):
    since = 20
    approximate = "none"

    def rewrite(self, op: Builder, *values: Value) -> Value:
        result: Value = op.Gelu(values[0], approximate=self.approximate)
        return result


class GeluErfc(_Gelu):
    """Keras: x * erfc(-x / sqrt(2)) / 2."""

    def pattern(self, op: Any, x: Any) -> Any:
        return 0.5 * x * (1 - op.Erf(-SQRT_HALF * x))


class GeluErfcOfNegation(_Gelu):
    """The same with the sign kept apart."""

    def pattern(self, op: Any, x: Any) -> Any:
        return 0.5 * x * (1 - op.Erf(-x * SQRT_HALF))


class GeluErf(_Gelu):
    """x * (1 + erf(x / sqrt(2))) / 2."""

    def pattern(self, op: Any, x: Any) -> Any:
        return 0.5 * x * (1 + op.Erf(SQRT_HALF * x))


class GeluErfFactored(_Gelu):
    """x * ((1 + erf(x / sqrt(2))) / 2)."""

    def pattern(self, op: Any, x: Any) -> Any:
        return x * (0.5 * (1 + op.Erf(SQRT_HALF * x)))


class GeluTanh(_Gelu):
    """x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2, the half at x or at the bracket."""

    approximate = "tanh"

    def __init__(self, cube: Callable[[Any, Any], Any], *, factored: bool = False) -> None:
        self._cube = cube
        self._factored = factored

    def pattern(self, op: Any, x: Any) -> Any:
        bracket = 1 + op.Tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * self._cube(op, x)))
        return x * (0.5 * bracket) if self._factored else 0.5 * x * bracket


def _power(op: Any, x: Any) -> Any:
    return op.Pow(x, 3)


def _product(op: Any, x: Any) -> Any:
    return x * x * x


class HardSigmoid(Rule):
    """relu6(x + 3) / 6, by a division or a multiplication."""

    def __init__(self, *, divides: bool) -> None:
        self._divides = divides

    def pattern(self, op: Any, x: Any) -> Any:
        clipped = op.Clip(x + 3, 0, 6)
        return clipped / 6 if self._divides else clipped * (1 / 6)

    def rewrite(self, op: Builder, *values: Value) -> Value:
        result: Value = op.HardSigmoid(values[0], alpha=1 / 6, beta=0.5)
        return result


class PRelu(Rule):
    """relu(x) + slope * relu(-x), as Keras spells its layer: the operator's slope has the other sign."""

    def pattern(self, op: Any, x: Any, slope: Any) -> Any:
        return op.Relu(x) + slope * op.Relu(-x)

    def check(self, *values: Value) -> bool:
        x, slope = values
        if x.dtype != FLOAT32 or slope.const is None or x.shape is None or slope.shape is None:
            return False
        aligned = x.shape[len(x.shape) - len(slope.shape) :]
        return len(slope.shape) <= len(x.shape) and all(
            size in (1, of) for size, of in zip(slope.shape, aligned, strict=True)
        )

    def rewrite(self, op: Builder, *values: Value) -> Value:
        x, slope = values
        result: Value = op.PRelu(x, op.Neg(slope))
        return result


class LeakyRelu(Rule):
    """max(x, slope * x), of a slope between 0 and 1."""

    def pattern(self, op: Any, x: Any, slope: Any) -> Any:
        return op.Max(x, x * slope)

    def check(self, *values: Value) -> bool:
        x, slope = values
        single = slope.array is not None and slope.array.size == 1 and (slope.rank or 0) <= (x.rank or 0)
        return x.dtype == FLOAT32 and single and 0 < float(slope.array.reshape(())) <= 1  # type: ignore[union-attr]

    def rewrite(self, op: Builder, *values: Value) -> Value:
        x, slope = values
        assert slope.array is not None
        result: Value = op.LeakyRelu(x, alpha=float(slope.array.reshape(())))
        return result


class Softmax(Rule):
    """exp(x - max(x)) / sum(exp(x - max(x))) along one axis."""

    def pattern(self, op: Any, x: Any, axes: Any) -> Any:
        powers = op.Exp(x - op.ReduceMax(x, axes))
        return powers / op.ReduceSum(powers, axes)

    def check(self, *values: Value) -> bool:
        x, axes = values
        return x.dtype == FLOAT32 and x.rank is not None and axes.array is not None and axes.array.size == 1

    def rewrite(self, op: Builder, *values: Value) -> Value:
        x, axes = values
        assert axes.array is not None
        result: Value = op.Softmax(x, axis=int(axes.array.reshape(())))
        return result


class Mish(Rule):
    """x * tanh(log(1 + exp(x)))."""

    since = 18

    def pattern(self, op: Any, x: Any) -> Any:
        return x * op.Tanh(op.Softplus(x))

    def rewrite(self, op: Builder, *values: Value) -> Value:
        result: Value = op.Mish(values[0])
        return result


def hard_swish(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """x * hard_sigmoid(x), of slope 1/6."""
    for x, gate in (node.inputs, node.inputs[::-1]):
        sigmoid = made_by(gate, "HardSigmoid")
        if sigmoid is None or gate is None or sigmoid.inputs[0] is not x or not sole_user(graph, gate):
            continue
        slope, middle = sigmoid.attrs.get("alpha", 0.2), sigmoid.attrs.get("beta", 0.5)
        if op.has("HardSwish") and math.isclose(slope, 1 / 6, rel_tol=1e-6) and middle == 0.5:
            result: Value = op.HardSwish(x)
            return result
    return None


_HARD_SWISH: dict[str, list[Rewrite]] = {"Mul": [hard_swish]}
_FORMULAS = table(
    GeluErfc(),
    GeluErfcOfNegation(),
    GeluErf(),
    GeluErfFactored(),
    *(GeluTanh(cube, factored=factored) for cube in (_power, _product) for factored in (False, True)),
    HardSigmoid(divides=False),
    HardSigmoid(divides=True),
    PRelu(),
    LeakyRelu(),
    Softmax(),
    Mish(),
)
RULES = merged(_FORMULAS, _HARD_SWISH)
