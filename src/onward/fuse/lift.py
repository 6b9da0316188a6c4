"""What a loop computes of each element of a sequence, computed of the whole sequence at once."""

from __future__ import annotations

from collections.abc import Callable, Container

from onward.fuse.recurrent_cells import plain
from onward.ir import Node, Value
from onward.lowering.builder import Builder

# Operators on matrices that do the same to each of a stack of them.
ELEMENTWISE = frozenset(
    """Abs Add Ceil Cos Div Elu Erf Exp Floor Gelu HardSigmoid HardSwish LeakyRelu Log Max Min Mish Mul Neg Reciprocal
    Relu Selu Sigmoid Sign Sin Softplus Softsign Sqrt Sub Swish Tanh ThresholdedRelu""".split()
)


class Lifter:
    """Lifts values out of a loop's body.

    Args:
        whole: the sequence, (steps, rows, width), that a value is an element of, as far as it is known already.
        inside: the values of the body.
    """

    def __init__(self, op: Builder, whole: Callable[[Value], Value | None], inside: Container[Value]) -> None:
        self._op, self._whole, self._inside = op, whole, inside
        self._found: dict[Value, Value | None] = {}

    def lift(self, value: Value) -> Value | None:
        """The sequence of a matrix (rows, width) of the body, None where it is no function of sequences by steps."""
        value = plain(value)
        if value not in self._found:
            self._found[value] = self._whole(value)
            node = value.producer
            if self._found[value] is None and value in self._inside and node is not None and value.rank == 2:
                self._found[value] = self._computed(node)
        return self._found[value]

    def _computed(self, node: Node) -> Value | None:
        if node.domain or any(v is None for v in node.inputs):
            return None
        if node.op in ELEMENTWISE:
            operands = [self._operand(v) for v in node.inputs if v is not None]
            known = all(v is not None for v in operands)
            return self._op.emit(node.op, *operands, **node.attrs) if known else None
        if node.op not in ("MatMul", "Gemm") or node.attrs.get("transA"):
            return None
        x, weights, *bias = (v for v in node.inputs if v is not None)
        rows = self.lift(x)
        if rows is None or weights in self._inside or any(b in self._inside for b in bias):
            return None
        if any(node.attrs.get(name, 1.0) != 1.0 for name in ("alpha", "beta")):
            return None
        product: Value = self._op.MatMul(rows, self._op.Transpose(weights) if node.attrs.get("transB") else weights)
        return product + bias[0] if bias else product

    def _operand(self, value: Value) -> Value | None:
        """A sequence, or what is the same at every step."""
        if plain(value) not in self._inside:
            return value if value.rank is not None and value.rank <= 2 else None
        return self.lift(value)
