"""On which side of which switches the nodes of a graph are alive.

A node is alive where all its inputs are. A Merge is alive where any of its inputs is: it forgets the condition in which
they differ, and that condition is what it chooses by.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.sources.body import Body, Key, node_of

SWITCHES = frozenset({"Switch", "RefSwitch", "_SwitchN"})
MERGES = frozenset({"Merge", "RefMerge"})
DEEPEST = 64  # choices within choices
LONGEST = 1000  # identities on the way to a condition

State = dict[Key, int]  # the side of each condition, outer conditions first


class Aliveness:
    """The states of the nodes of one body without loops.

    Attributes:
        order: the nodes that the results need or wait for, each after its inputs.
        states: where each node is alive, by its name.
        split: the condition that each Merge chooses by, by its name; those that nothing tells have none.
        sides: how many sides each condition has.
        asked: a reference to each condition.
        assumed: the sides that results are on which are alive on one side only.

    Args:
        body: the graph or function.
        given: tensors whose values come from outside.
        name: what to call the source in an error.

    Raises:
        InvalidSourceError: a tensor depends on itself, or lies behind too many switches.
        InvalidArgumentError: a result is on one side of a choice whose outcome is another result.
    """

    def __init__(self, body: Body, given: Collection[Key], name: str) -> None:
        self.body, self.given, self.name = body, given, name
        self.states: dict[str, State] = {}
        self.split: dict[str, Key] = {}
        self.sides: dict[Key, int] = {}
        self.asked: dict[Key, str] = {}
        self.assumed: State = {}
        self.order = self._topological()
        self._find()
        for reference in body.results:
            for condition, side in self.state(reference).items():
                self.assumed.setdefault(condition, side)
        if self.assumed:
            chosen = set(self.split.values())
            self._find()
            if chosen & self.assumed.keys():
                raise InvalidArgumentError(f"an output in {name} is computed on one side of a choice only")

    def is_given(self, reference: str) -> bool:
        """Whether a tensor's value comes from outside."""
        return bool(self.given) and reference[0:1] != "^" and self.body.key(reference) in self.given

    def _find(self) -> None:
        self.states.clear()
        self.split.clear()
        for node in self.order:
            if node.op in SWITCHES and len(node.input) > 1:
                condition = self.condition(node)
                count = node.attr["num_outs"].i if node.op == "_SwitchN" else 2
                self.sides[condition] = max(count, self.sides.get(condition, 0))
            states = [self.state(reference) for reference in node.input]
            if node.op in MERGES:
                self.states[node.name] = self._joined(node, states)
            else:
                self.states[node.name] = _together(states)
                if len(self.states[node.name]) > 2 * DEEPEST:
                    raise InvalidSourceError(f"'{node.name}' in {self.name} lies behind too many switches")

    def state(self, reference: str) -> State:
        """Where a tensor is alive; where a node runs, for a control input."""
        if reference.startswith("^"):
            return self.states.get(reference[1:], {})
        key = self.body.key(reference)
        if key in self.given:
            return {}
        state = self.states.get(key[0], {})
        node = self.body.nodes.get(key[0])
        if node is None or node.op not in SWITCHES or len(node.input) < 2 or not isinstance(key[1], int):
            return state
        condition = self.condition(node)
        return state if condition in self.assumed else {**state, condition: key[1]}

    def condition(self, switch: Any) -> Key:
        """The tensor that a switch asks, past identities."""
        reference = switch.input[1]
        for _ in range(LONGEST):
            key = self.body.key(reference)
            node = self.body.nodes.get(key[0])
            if key in self.given or node is None or node.op != "Identity" or not node.input:
                break
            reference = node.input[0]
        self.asked[key] = reference
        return key

    def _joined(self, merge: Any, states: list[State]) -> State:
        """The state of a Merge: what its inputs share once the condition in which they differ is forgotten."""
        if not states:
            raise InvalidSourceError(f"'{merge.name}' in {self.name} merges nothing")
        everywhere = [c for c in states[0] if all(c in s for s in states) and len({s[c] for s in states}) > 1]
        somewhere = [c for s in states for c in s if not all(c in t for t in states)]
        candidates = everywhere or somewhere
        outer = [c for c in candidates if not self.states.get(c[0])]
        if candidates:
            self.split[merge.name] = (outer or candidates)[0]
        shared = {c: side for c, side in states[0].items() if all(s.get(c) == side for s in states)}
        shared.pop(self.split.get(merge.name, ("", 0)), None)
        return shared

    def _topological(self) -> list[Any]:
        """The nodes that the results need or wait for, each after its inputs."""
        body, order = self.body, []
        done: set[str] = set()
        active: set[str] = set()
        for root in [*body.results, *body.control_results]:
            start = node_of(root)
            if start in done or start not in body.nodes or self.is_given(root):
                continue
            path = [(start, iter(body.nodes[start].input))]
            active.add(start)
            while path:
                name, rest = path[-1]
                for reference in rest:
                    other = node_of(reference)
                    if other in done or other not in body.nodes or self.is_given(reference):
                        continue
                    if other in active:
                        raise InvalidSourceError(f"'{other}' in {self.name} depends on itself")
                    active.add(other)
                    path.append((other, iter(body.nodes[other].input)))
                    break
                else:
                    path.pop()
                    active.discard(name)
                    done.add(name)
                    order.append(body.nodes[name])
        return order


def _together(states: Sequence[State]) -> State:
    """Where all of several are alive."""
    states = [state for state in states if state]
    if not states:
        return {}
    first = states[0]
    if all(state is first or state.items() <= first.items() for state in states[1:]):
        return first
    found = dict(first)
    for state in states[1:]:
        for condition, side in state.items():
            found.setdefault(condition, side)
    return found
