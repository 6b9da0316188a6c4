"""What becomes of every TensorFlow op and ONNX node while a graph is made: for logs, and for reports.

A builder without a journal, as builders are by default, costs nothing for it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from onward import ir
from onward.ir import Node, Value
from onward.logs import DEBUG, INFO, listened

if TYPE_CHECKING:
    from onward import graph


class Lowered(NamedTuple):
    """What a TensorFlow node became: ONNX nodes or, without any, what its value is in words."""

    made: tuple[Node, ...]
    value: str


class Change(NamedTuple):
    """Nodes that a rewrite, or a pass besides its rewrites, took away, and those that it made.

    Attributes:
        by: the rule or pass.
        matched: whether what was made stands for all that went; else only for what has its origin.
        owners: of nodes that went with the loop or choice they were in, that node.
    """

    by: str
    matched: bool
    gone: Sequence[Node]
    made: Sequence[Node]
    owners: dict[Node, Node]


class Passed(NamedTuple):
    """A pass over the whole graph: nodes before and after, and how long it took."""

    name: str
    before: int
    after: int
    seconds: float


class Journal:
    """One conversion, or one run of the passes.

    Attributes:
        lowered: by TensorFlow node; a body that is lowered several times counts as the last time.
        changes: of the ONNX graph, in order.
        passes: in order.
    """

    def __init__(self) -> None:
        self.lowered: dict[graph.Node, Lowered] = {}
        self.changes: list[Change] = []
        self.passes: list[Passed] = []
        self._gone: set[Node] = set()
        self._each = listened(DEBUG)
        self._stages = listened(INFO)

    def lower(self, node: graph.Node, made: Sequence[Node], values: Sequence[Any] | None, seconds: float) -> None:
        """A TensorFlow node became these nodes or, if none, these values; None where it cannot be converted."""
        found = Lowered(tuple(made), "" if made or values is None else _described(values))
        self.lowered[node] = found
        if self._each is not None:
            became = ops_text(made) if made else found.value or "nothing: it cannot be converted"
            self._each.debug("lower %s '%s' -> %s (%.2f ms)", node.op, node.name, became, 1e3 * seconds)

    def rewrite(self, rule: str, at: Node, gone: Sequence[Node], made: Sequence[Node]) -> None:
        """A rule put nodes in place of others."""
        self.changes.append(Change(rule, True, gone, made, {}))
        self._gone.update(gone)
        if self._each is not None:
            where = at.origin.node or at.outputs[0].name
            self._each.debug("%s at '%s': %s -> %s", rule, where, ops_text(gone), ops_text(made) or "nothing")

    @contextmanager
    def watch(self, name: str, whole: ir.Graph) -> Iterator[None]:
        """A pass runs inside the ``with``; what it changes without telling is found by looking."""
        before, told, start = self._alive(whole), len(self.changes), time.perf_counter()
        owners = {inner: node for node in before for part in node.subgraphs for inner in part.all_nodes()}
        yield
        seconds = time.perf_counter() - start
        after = self._alive(whole)
        new = {node: None for change in self.changes[told:] for node in change.made}
        gone = [node for node in {**before, **new} if node not in after and node not in self._gone]
        made = [node for node in after if node not in before and node not in new]
        if gone or made:
            self.changes.append(Change(name, False, gone, made, {n: owners[n] for n in gone if n in owners}))
            self._gone.update(gone)
        self.passes.append(Passed(name, len(before), len(after), seconds))
        if self._stages is not None:
            self._tell(name, gone, made, len(before), len(after), seconds)

    def _alive(self, whole: ir.Graph) -> dict[Node, None]:
        """The nodes of a graph without those that a rewrite left behind, which the next sorting drops."""
        return {node: None for node in whole.all_nodes() if node not in self._gone}

    def _tell(self, name: str, gone: list[Node], made: list[Node], before: int, after: int, seconds: float) -> None:
        if self._each is not None:
            if gone:
                self._each.debug("%s dropped %s", name, ops_text(gone))
            if made:
                self._each.debug("%s made %s", name, ops_text(made))
        assert self._stages is not None
        self._stages.info("pass %s: %d nodes -> %d (%.1f ms)", name, before, after, 1e3 * seconds)


def ops_text(nodes: Iterable[Node]) -> str:
    """``Transpose, Conv, 2 Add``"""
    return counts_text(Counter(map(_op, nodes)))


def counts_text(counts: Mapping[str, int]) -> str:
    """Names with how often each occurs, where that is more than once."""
    return ", ".join(f"{number} {name}" if number > 1 else name for name, number in counts.items())


def _op(node: Node) -> str:
    return f"{node.domain}.{node.op}" if node.domain else node.op


def _described(values: Sequence[Any]) -> str:
    """What values without nodes of their own are."""
    known = [value for value in values if isinstance(value, Value)]
    if not known:
        return "a handle" if values else "nothing to compute"
    if all(value.is_const for value in known):
        return "a constant"
    if all(value.known is not None for value in known):
        return "sizes"
    return "its input"
