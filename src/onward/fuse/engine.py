"""Applies local rewrites until none applies.

A rewrite is a function ``(op, graph, node) -> Value | None`` for the operator that it ends at: it returns a value to
put in place of the node's (first) output, or None where it does not apply. The engine replaces users, keeps names and
looks at what the change may have enabled.
"""

from __future__ import annotations

from collections.abc import Callable

from onward import ir
from onward.ir import Node, Value
from onward.lowering.builder import Builder

Rewrite = Callable[[Builder, ir.Graph, Node], "Value | None"]


def rewriting(name: str, rules: dict[str, list[Rewrite]]) -> Callable[[Builder, ir.Graph], None]:
    """A pass, by its name, that applies rewrites, keyed by the operator they end at, to a graph and its subgraphs."""

    def run(op: Builder, graph: ir.Graph) -> None:
        _rewrite(op, graph, rules)

    run.__name__ = name
    return run


def _rewrite(op: Builder, graph: ir.Graph, rules: dict[str, list[Rewrite]]) -> None:
    graph.sort()
    _apply(op, graph, rules)


def _apply(op: Builder, graph: ir.Graph, rules: dict[str, list[Rewrite]]) -> None:
    pending = list(reversed(graph.nodes))
    gone: set[Node] = set()
    while pending:
        node = pending.pop()
        if node in gone:
            continue
        for subgraph in node.subgraphs:
            with op.scope(subgraph):
                _rewrite(op, subgraph, rules)
        for rewrite in rules.get(node.op, ()):
            if node.domain:
                break
            op.origin = node.origin
            made = len(graph.nodes)
            value = rewrite(op, graph, node)
            if value is None:
                continue
            old = node.outputs[0]
            if not value.name or value.producer in graph.nodes[made:]:
                value.name = old.name or value.name
            graph.replace(old, value)
            retired = _retire(graph, node, gone) if not any(v.users for v in node.outputs) else []
            if op.journal is not None:
                op.journal.rewrite(rewrite.__name__, node, retired, graph.nodes[made:])
            pending.extend(reversed(graph.nodes[made:]))
            pending.extend(value.users)
            break


def _retire(graph: ir.Graph, node: Node, gone: set[Node]) -> list[Node]:
    """Detaches a node that nobody uses, and then what only it used, so that users are counted truly.

    Returns those nodes.
    """
    retired: list[Node] = []
    final = {id(v) for v in graph.outputs}
    stack = [node]
    while stack:
        dead = stack.pop()
        if dead in gone:
            continue
        gone.add(dead)
        retired.append(dead)
        inputs = [v for v in dead.inputs if v is not None]
        dead.detach()
        stack.extend(
            v.producer
            for v in inputs
            if v.producer is not None and not any(o.users or id(o) in final for o in v.producer.outputs)
        )
    return retired


def sole_user(graph: ir.Graph, value: Value) -> bool:
    """Whether exactly one input of one node uses the value, and no graph output does."""
    return sum(value.users.values()) == 1 and not any(v is value for v in graph.outputs)


def made_by(value: Value | None, *ops: str) -> Node | None:
    """The node behind a value if it is one of these operators of the default domain."""
    producer = value.producer if value is not None else None
    return producer if producer is not None and producer.op in ops and not producer.domain else None


def constant_operand(node: Node) -> tuple[Value, Value] | None:
    """For a binary node with one constant operand: the other operand and the constant."""
    a, b = node.inputs[:2]
    assert a is not None
    assert b is not None
    if a.is_const == b.is_const:
        return None
    return (b, a) if a.is_const else (a, b)


def merged(*tables: dict[str, list[Rewrite]]) -> dict[str, list[Rewrite]]:
    """Several rule tables as one, earlier ones first."""
    result: dict[str, list[Rewrite]] = {}
    for table in tables:
        for op, rewrites in table.items():
            result.setdefault(op, []).extend(rewrites)
    return result
