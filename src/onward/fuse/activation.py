"""Activation functions that TensorFlow spells out."""

from __future__ import annotations

import math
from typing import Any

from onward.fuse.rule import Rule, table
from onward.ir import Value
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


class _GeluTanh(_Gelu):
    approximate = "tanh"


class GeluTanh(_GeluTanh):
    """x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2."""

    def pattern(self, op: Any, x: Any) -> Any:
        return 0.5 * x * (1 + op.Tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * op.Pow(x, 3))))


class GeluTanhFactored(_GeluTanh):
    """x * ((1 + tanh(..)) / 2)."""

    def pattern(self, op: Any, x: Any) -> Any:
        return x * (0.5 * (1 + op.Tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * op.Pow(x, 3)))))


class HardSigmoid(Rule):
    """relu6(x + 3) / 6."""

    def pattern(self, op: Any, x: Any) -> Any:
        return op.Clip(x + 3, 0, 6) * (1 / 6)

    def rewrite(self, op: Builder, *values: Value) -> Value:
        result: Value = op.HardSigmoid(values[0], alpha=1 / 6, beta=0.5)
        return result


RULES = table(
    GeluErfc(),
    GeluErfcOfNegation(),
    GeluErf(),
    GeluErfFactored(),
    GeluTanh(),
    GeluTanhFactored(),
    HardSigmoid(),
)
