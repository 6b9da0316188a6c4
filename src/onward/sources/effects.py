"""Which nodes change something beside computing their outputs."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from onward.formats.opdefs import opdef
from onward.sources.body import node_of

# Draw from a generator whose state they move on, so that their order counts.
_GENERATORS = frozenset(
    """RngReadAndSkip StatefulRandomBinomial StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform
    StatefulUniformFullInt StatefulUniformInt""".split()
)
# Have no outputs, or do something that does not count when a graph is converted.
_WATCHERS = frozenset(
    """Abort Assert CheckNumerics ControlTrigger NoOp Print PrintV2 RefEnter RefExit RefIdentity RefMerge
    RefNextIteration RefSelect RefSwitch StackClose StackCloseV2 TensorArrayClose TensorArrayCloseV2
    TensorArrayCloseV3 WriteSummary""".split()
)


def has_effect(node: Any) -> bool:
    """Whether the op of a ``NodeDef`` changes a variable, a table or a generator; calls are not followed."""
    if node.op in _WATCHERS:
        return False
    if node.op in _GENERATORS:
        return True
    try:
        definition = opdef(node.op)
    except KeyError:
        return False
    if not definition.outputs:
        return True
    return definition.outputs[0].is_ref and bool(definition.inputs) and definition.inputs[0].is_ref


def affected(nodes: Mapping[str, Any], acting: Iterable[str]) -> set[str]:
    """The nodes that cannot run before one of the `acting` ones has: these, and all that need or wait for them."""
    found = set(acting)
    if not found:
        return found
    users: dict[str, list[str]] = {}
    for name, node in nodes.items():
        for reference in node.input:
            users.setdefault(node_of(reference), []).append(name)
    stack = list(found)
    while stack:
        for user in users.get(stack.pop(), ()):
            if user not in found:
                found.add(user)
                stack.append(user)
    return found


class Effects:
    """Finds the effects that a node of a graph waits for.

    Args:
        nodes: the graph's nodes by name.
        acts: tells whether a node changes something.
        ends: ops at which to stop: where control flow comes together.
    """

    def __init__(self, nodes: Mapping[str, Any], acts: Callable[[Any], bool], ends: Container[str]) -> None:
        self.nodes, self.acts, self.ends = nodes, acts, ends
        self.acting = {name for name, node in nodes.items() if acts(node)}
        self.affected = affected(nodes, self.acting)

    def note(self, node: Any) -> None:
        """Takes a node into account that came later."""
        if self.acts(node):
            self.acting.add(node.name)
            self.affected.add(node.name)

    def behind(self, name: str) -> list[str]:
        """The nodes that change something, or bring together what does, among all that must run before `name` has."""
        if name not in self.affected:
            return []
        found, seen, stack = [], {name}, [name]
        while stack:
            node = self.nodes.get(stack.pop())
            if node is None or node.name not in self.affected:
                continue
            if node.name in self.acting or node.op in self.ends:
                found.append(node.name)
                continue
            for other in map(node_of, node.input):
                if other not in seen:
                    seen.add(other)
                    stack.append(other)
        return found
