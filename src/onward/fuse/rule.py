"""A fusion is its formula: ``pattern`` written with the builder's own notation, ``rewrite`` what stands instead.

The pattern is traced once per rule. Its parameters stand for any value; a parameter or an operation used twice must be
the same value both times. Reductions match only where they keep their axes; their axes are a second input. A number
matches a constant of one element equal to it. Addition, multiplication and the like match in either order. Every value
inside the pattern must be used by the pattern alone, unless the rule is ``shared``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from onward import ir
from onward.fuse.engine import Rewrite
from onward.ir import Node, Value
from onward.lowering.builder import Builder
from onward.lowering.schema import MAX_OPSET

COMMUTATIVE = frozenset({"Add", "And", "Max", "Min", "Mul", "Or", "Sum"})


class Rule:
    """One fusion.

    Attributes:
        since: the lowest opset that has what ``rewrite`` emits.
        until: the highest opset at which it is worth it.
        shared: whether values inside may have other users too, for whom they stay.
    """

    since = 0
    until = MAX_OPSET
    shared = False

    def pattern(self, op: Any, *values: Any) -> Any:
        """The formula to find; parameters after ``op`` are its variables."""
        raise NotImplementedError

    def check(self, *values: Value) -> bool:
        """Whether a match may be rewritten; by default always.

        Takes the pattern's variables in order, None for one that the pattern did not use.
        """
        return True

    def serves(self, op: Builder) -> bool:
        """Whether it is worth it for what the graph is written for."""
        return self.since <= op.opset <= self.until

    def rewrite(self, op: Builder, *values: Value) -> Value:
        """What replaces the pattern, with the same parameters."""
        raise NotImplementedError

    def rewrites(self) -> dict[str, list[Rewrite]]:
        """The rule as rewrites for the engine, keyed by the operator the pattern ends at."""
        code = self.pattern.__code__
        names = code.co_varnames[2 : code.co_argcount]  # after self and op
        root = self.pattern(_Tracer(), *(Variable(name) for name in names))
        assert isinstance(root, Operation)

        def rewrite(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
            if not self.serves(op):
                return None
            if not _plausible(root, node):
                return None
            outputs = {id(v) for v in graph.outputs}
            for match in _match(root, node.outputs[0], Match({}, ())):
                values: list[Any] = [
                    match.bound.get(name) for name in names
                ]  # None: not in this variant of the pattern
                if (self.shared or match.closed(node, outputs)) and self.check(*values):
                    return self.rewrite(op, *values)
            return None

        rewrite.__name__ = type(self).__name__
        return {root.op: [rewrite]}


def table(*rules: Rule) -> dict[str, list[Rewrite]]:
    """Rules in order as one table for the engine."""
    result: dict[str, list[Rewrite]] = {}
    for rule in rules:
        for op, rewrites in rule.rewrites().items():
            result.setdefault(op, []).extend(rewrites)
    return result


class Term:
    """A part of a pattern."""

    def __add__(self, other: Any) -> Operation:
        return Operation("Add", (self, _term(other)))

    def __radd__(self, other: Any) -> Operation:
        return Operation("Add", (_term(other), self))

    def __sub__(self, other: Any) -> Operation:
        return Operation("Sub", (self, _term(other)))

    def __rsub__(self, other: Any) -> Operation:
        return Operation("Sub", (_term(other), self))

    def __mul__(self, other: Any) -> Operation:
        return Operation("Mul", (self, _term(other)))

    def __rmul__(self, other: Any) -> Operation:
        return Operation("Mul", (_term(other), self))

    def __truediv__(self, other: Any) -> Operation:
        return Operation("Div", (self, _term(other)))

    def __rtruediv__(self, other: Any) -> Operation:
        return Operation("Div", (_term(other), self))

    def __neg__(self) -> Operation:
        return Operation("Neg", (self,))


class Variable(Term):
    def __init__(self, name: str) -> None:
        self.name = name


class Number(Term):
    def __init__(self, number: float) -> None:
        self.number = number


class Operation(Term):
    def __init__(self, op: str, inputs: tuple[Term | None, ...]) -> None:
        self.op = op
        self.inputs = inputs


class _Tracer:
    def __getattr__(self, name: str) -> Any:
        return lambda *inputs: Operation(name, tuple(None if i is None else _term(i) for i in inputs))


def _term(operand: Any) -> Term:
    return operand if isinstance(operand, Term) else Number(float(operand))


class Match:
    """What variables (by name) and operations stand for so far, and the nodes inside the pattern."""

    __slots__ = ("bound", "nodes")

    def __init__(self, bound: dict[str | Operation, Value], nodes: tuple[Node, ...]) -> None:
        self.bound = bound
        self.nodes = nodes

    def closed(self, root: Node, outputs: set[int]) -> bool:
        """Whether nothing outside uses what is inside."""
        inside = set(self.nodes)
        return all(
            user in inside and id(value) not in outputs
            for node in inside
            if node is not root
            for value in node.outputs
            for user in value.users
        )


def _plausible(term: Operation, node: Node, depth: int = 2) -> bool:
    """Whether a node has operands of the operators that a pattern asks for; most nodes have not, and need no match."""
    for wanted in term.inputs:
        if not isinstance(wanted, Operation):
            continue
        makers = (v.producer for v in node.inputs if v is not None)
        if not any(
            m is not None and m.op == wanted.op and (not depth or _plausible(wanted, m, depth - 1)) for m in makers
        ):
            return False
    return True


def _match(term: Term | None, value: Value | None, match: Match) -> Iterator[Match]:
    if term is None or value is None:
        if term is None and value is None:
            yield match
    elif isinstance(term, (Variable, Operation)):
        key = term.name if isinstance(term, Variable) else term
        bound = match.bound.get(key)
        if bound is not None:
            if bound is value:
                yield match
            return
        found = Match({**match.bound, key: value}, match.nodes)
        if isinstance(term, Variable):
            yield found
        else:
            yield from _match_node(term, value, found)
    elif isinstance(term, Number) and _is_number(value, term.number):
        yield match


def _match_node(term: Operation, value: Value, match: Match) -> Iterator[Match]:
    node = value.producer
    if node is None or node.op != term.op or node.domain or value.index != 0:
        return
    if node.op.startswith("Reduce") and not node.attrs.get("keepdims", 1):
        return
    inputs = list(node.inputs)
    wanted = list(term.inputs)
    if len(inputs) != len(wanted):
        return
    inside = Match(match.bound, (*match.nodes, node))
    orders = [inputs[: len(wanted)]]
    if term.op in COMMUTATIVE and len(wanted) == 2:
        orders.append(inputs[::-1])
    for order in orders:
        yield from _match_all(wanted, order, inside)


def _match_all(terms: list[Term | None], values: list[Value | None], match: Match) -> Iterator[Match]:
    if not terms:
        yield match
        return
    for first in _match(terms[0], values[0], match):
        yield from _match_all(terms[1:], values[1:], first)


def _is_number(value: Value, number: float) -> bool:
    if (
        value.const is None
        or value.const.size != 1
        or (value.dtype.kind not in "fiu" and value.dtype.name != "bfloat16")
    ):
        return False
    array = value.array
    assert array is not None
    coarse = value.dtype.itemsize == 2
    return bool(np.isclose(float(array.reshape(())), number, rtol=2e-3 if coarse else 1e-6, atol=0))
