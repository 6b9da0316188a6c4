"""Choices made of Switch and Merge, as ``If`` and ``Case`` nodes over functions.

Merges of one condition become one node where none of them needs another. What is alive on one side only goes into that
side's function, and choices inside a side are found when that function is made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from onward.errors import InvalidSourceError
from onward.formats.protos import message
from onward.sources.aliveness import DEEPEST, LONGEST, MERGES, SWITCHES, Aliveness
from onward.sources.body import Body, Key, any_shape, argument_name, free_name, node_of, output_type, rewired
from onward.sources.effects import Effects

if TYPE_CHECKING:
    from onward.sources.library import Library


def branched(library: Library, body: Body, given: Collection[Key] = (), depth: int = 0) -> Body:
    """The body with functions in place of its choices; itself where it has none.

    Args:
        library: where the functions go.
        body: a graph or function without loops.
        given: tensors whose values come from outside.
        depth: how many choices it lies within.

    Raises:
        InvalidSourceError: a tensor depends on itself, or choices are nested too deep.
    """
    if not any(node.op in SWITCHES or node.op in MERGES for node in body.nodes.values()):
        return body
    if depth > DEEPEST:
        raise InvalidSourceError(f"choices in {library.name} are nested more than {DEEPEST} deep")
    return _Choices(library, body, given, depth).made()


class _Choice:
    """One condition, the Merges that go by it, and the effects that wait for it."""

    def __init__(self, condition: Key, number: int) -> None:
        self.condition = condition
        self.number = number
        self.merges: list[Any] = []
        self.effects: list[str] = []
        self.needs = 0  # the choices that it depends on, as bits


class _Side:
    """What one side of a choice holds: nodes needed, effects among them, and nodes that only tell where they are."""

    def __init__(self) -> None:
        self.nodes: dict[str, None] = {}
        self.effects: dict[str, None] = {}
        self.around: dict[str, None] = {}


class _Choices:
    def __init__(self, library: Library, body: Body, given: Collection[Key], depth: int) -> None:
        self.library, self.body, self.given, self.depth = library, body, given, depth
        self.alive = Aliveness(body, given, library.name)
        self.effects = Effects(body.nodes, library.acts, MERGES)
        self.moved: dict[Key, str] = {}  # what stands for a Merge
        self.numbers: dict[str, int] = {}
        self.waits: dict[str, str] = {}  # the node to wait for in place of one that went into a choice

    def made(self) -> Body:
        body = self.body
        nodes = dict(body.nodes)
        wanted = self._wanted()
        for find in (self._choices, self._left_over):
            for choice in sorted(find(wanted), key=lambda choice: choice.needs.bit_count()):
                node = self._node(choice, nodes)
                nodes[node.name] = node
        for name, node in list(nodes.items()):
            nodes[name] = rewired(node, [self._outside(reference) for reference in node.input])
        return Body(
            body.name,
            nodes,
            list(body.arguments),
            [self._outside(reference) for reference in body.results],
            body.result_names,
            list(dict.fromkeys(self.waits.get(name, name) for name in body.control_results)),
            body.signature,
            types=body.types,
            is_function=body.is_function,
        )

    # --- which choices there are --------------------------------------------------------------------------------------

    def _choices(self, wanted: Collection[str]) -> list[_Choice]:
        """The choices that are not inside others, each with the Merges that go by its condition."""
        choices: list[_Choice] = []
        latest: dict[Key, _Choice] = {}
        behind: dict[str, int] = {}  # the choices that each node depends on, as bits
        grown = 0  # those that came to depend on more since nodes depend on them
        for node in self.alive.order:
            needs = 0
            for reference in node.input:
                needs |= behind.get(node_of(reference), 0)
            outermost = node.op in MERGES and not self.alive.states[node.name] and node.name in wanted
            condition = self.alive.split.get(node.name) if outermost else None
            if condition is not None:
                for number in _bits(needs & grown):
                    needs |= choices[number].needs
                choice = latest.get(condition)
                if choice is None or needs >> choice.number & 1:
                    choice = latest[condition] = _Choice(condition, len(choices))
                    choices.append(choice)
                choice.merges.append(node)
                grown |= self._need(choices, choice, needs)
                needs |= choice.needs | 1 << choice.number
            behind[node.name] = needs
        return choices

    def _left_over(self, wanted: Collection[str]) -> list[_Choice]:
        """Choices for effects that no Merge needs."""
        choices: dict[Key, _Choice] = {}
        for name in wanted:
            state = self.alive.states.get(name)
            if state and name in self.effects.acting and name not in self.waits:
                outer = [condition for condition in state if not self.alive.states.get(condition[0])]
                condition = (outer or list(state))[0]
                choices.setdefault(condition, _Choice(condition, 0)).effects.append(name)
        return list(choices.values())

    @staticmethod
    def _need(choices: list[_Choice], choice: _Choice, needs: int) -> int:
        """Lets a choice, and those that depend on it, depend on more; these choices, as bits."""
        if not needs & ~choice.needs:
            return 0
        choice.needs |= needs
        grown = 1 << choice.number if len(choice.merges) > 1 else 0
        for other in choices if grown else ():
            if other.needs >> choice.number & 1:
                other.needs |= choice.needs
                grown |= 1 << other.number
        return grown

    def _wanted(self) -> dict[str, None]:
        """What the results need by data, and the effects that this waits for."""
        wanted: dict[str, None] = {}
        stack = [*self.body.results, *(f"^{name}" for name in self.body.control_results)]
        while stack:
            reference = stack.pop()
            if reference.startswith("^"):
                names: Iterable[str] = self.effects.behind(reference[1:])
            else:
                names = () if self.alive.is_given(reference) else (node_of(reference),)
            for name in names:
                if name not in wanted and name in self.body.nodes:
                    wanted[name] = None
                    stack.extend(self.body.nodes[name].input)
        return wanted

    # --- making one ---------------------------------------------------------------------------------------------------

    def _node(self, choice: _Choice, taken: Collection[str]) -> Any:
        """The ``If`` or ``Case`` of a choice."""
        condition, count = choice.condition, self.alive.sides[choice.condition]
        ends = [*(merge.name for merge in choice.merges), *choice.effects]
        name = free_name(ends[0].rpartition("/")[0] or "cond", taken, self.numbers)
        captured: dict[Key, str] = {}
        sides = [self._side(choice, side, captured) for side in range(count)]
        arguments = [argument_name(key) for key in captured]
        numbers = [self._type(key) for key in captured]
        functions = []
        for side, held in enumerate(sides):
            results = [self._result(choice, merge, side, captured) for merge in choice.merges]
            nodes = self._inside(condition, held, captured)
            for i, result in enumerate(results):
                if not isinstance(result, str):
                    nodes[result.name] = result
                    results[i] = self.body.reference(result.name, 0, "output")
            body = Body(
                self.library.free_function(f"{name}/{_role(count, side)}"),
                nodes,
                arguments,
                results,
                [f"output_{i}" for i in range(len(results))],
                list(held.effects),
                types=any_shape(numbers),
                is_function=self.body.is_function,
            )
            functions.append(self.library.add(branched(self.library, body, (), self.depth + 1)))
        for place, merge in enumerate(choice.merges):
            self.moved[merge.name, 0] = self.body.reference(name, place, "output")
        self.waits.update(dict.fromkeys([*ends, *(effect for held in sides for effect in held.effects)], name))
        inputs = [self.alive.asked[condition], *captured.values()]
        types = [merge.attr["T"].type for merge in choice.merges]
        return _proto(name, inputs, self._waiting(sides), functions, numbers, types)

    def _side(self, choice: _Choice, side: int, captured: dict[Key, str]) -> _Side:
        """The nodes of one side, and, noted in `captured`, what it uses from outside."""
        held, condition = _Side(), choice.condition
        for name in choice.effects:
            if self.alive.states[name].get(condition) == side:
                held.effects[name] = None
        stack = [reference for merge in choice.merges for reference in self._inputs(merge, condition, side)]
        stack += [f"^{name}" for name in held.effects]
        while stack:
            reference = stack.pop()
            if reference.startswith("^"):
                for name in self.effects.behind(reference[1:]):
                    if condition in self.alive.states.get(name, {}) and name not in self.waits:
                        stack.append(name)
                        if name in self.effects.acting:
                            held.effects[name] = None
                self._look_around(condition, reference[1:], held)
                continue
            reference = self._past(condition, reference)
            key = self.body.key(reference)
            if key in self.given or condition not in self.alive.states.get(key[0], {}):
                captured.setdefault(key, reference)
            elif key[0] not in held.nodes:
                held.nodes[key[0]] = None
                stack.extend(self.body.nodes[key[0]].input)
        return held

    def _look_around(self, condition: Key, name: str, held: _Side) -> None:
        stack = [name]
        while stack:
            name = stack.pop()
            if name not in held.around and condition in self.alive.states.get(name, {}):
                held.around[name] = None
                stack.extend(map(node_of, self.body.nodes[name].input))

    def _inputs(self, merge: Any, condition: Key, side: int) -> list[str]:
        """The inputs of a Merge that may be alive on a side; all of them where none is."""
        references = [reference for reference in merge.input if reference[0:1] != "^"]
        states = [self.alive.state(reference) for reference in references]
        said = [r for r, state in zip(references, states, strict=True) if state.get(condition) == side]
        silent = [r for r, state in zip(references, states, strict=True) if condition not in state]
        return said or silent or references

    def _result(self, choice: _Choice, merge: Any, side: int, captured: dict[Key, str]) -> Any:
        """What a side gives in place of a Merge: a reference, or a Merge of fewer inputs."""
        references = self._inputs(merge, choice.condition, side)
        inside = [self._renamed(choice.condition, reference, captured) for reference in references]
        if len(set(inside)) == 1:
            return inside[0]
        fewer = message("NodeDef")(name=merge.name, op="Merge")
        fewer.input.extend(inside)
        fewer.attr["T"].type = merge.attr["T"].type
        fewer.attr["N"].i = len(inside)
        return fewer

    def _inside(self, condition: Key, held: _Side, captured: dict[Key, str]) -> dict[str, Any]:
        nodes = {}
        for name in {**held.nodes, **held.around}:
            inputs = [
                reference if reference.startswith("^") else self._renamed(condition, reference, captured)
                for reference in self.body.nodes[name].input
            ]
            nodes[name] = rewired(self.body.nodes[name], inputs)
        return nodes

    def _renamed(self, condition: Key, reference: str, captured: dict[Key, str]) -> str:
        reference = self._past(condition, reference)
        key = self.body.key(reference)
        return argument_name(key) if key in captured else reference

    def _past(self, condition: Key, reference: str) -> str:
        """The tensor before the switches of a condition, and before those whose side is taken for granted."""
        for _ in range(LONGEST):
            key = self.body.key(reference)
            node = self.body.nodes.get(key[0])
            if key in self.given or node is None or node.op not in SWITCHES or len(node.input) < 2:
                break
            asked = self.alive.condition(node)
            if asked != condition and asked not in self.alive.assumed:
                break
            reference = node.input[0]
        return reference

    def _outside(self, reference: str) -> str:
        """A reference of what is in no choice, once these are nodes."""
        if reference.startswith("^"):
            return f"^{self.waits.get(reference[1:], reference[1:])}"
        if self.alive.assumed:
            reference = self._past(("", 0), reference)
        for _ in range(LONGEST):
            key = self.body.key(reference)
            if key in self.moved:
                return self.moved[key]
            node = self.body.nodes.get(key[0])
            if node is None or node.op not in MERGES or key[1] != 0 or len(set(node.input)) != 1 or key in self.given:
                break
            reference = node.input[0]
        return reference

    def _waiting(self, sides: Sequence[_Side]) -> list[str]:
        """What the nodes of all sides wait for outside."""
        inside = {name for side in sides for name in (*side.nodes, *side.around)}
        found = [r for side in sides for name in side.nodes for r in self.body.nodes[name].input if r[0:1] == "^"]
        return [reference for reference in dict.fromkeys(found) if reference[1:] not in inside]

    def _type(self, key: Key) -> int:
        node = self.body.nodes.get(key[0])
        return output_type(node if node is not None else message("NodeDef")(), key[1])


def _proto(
    name: str, inputs: list[str], waits: list[str], functions: list[str], types: list[int], outputs: list[int]
) -> Any:
    node = message("NodeDef")(name=name, op="If" if len(functions) == 2 else "Case")
    node.input.extend([*inputs, *waits])
    node.attr["Tin"].list.type.extend(types)
    node.attr["Tout"].list.type.extend(outputs)
    if len(functions) == 2:
        node.attr["else_branch"].func.name, node.attr["then_branch"].func.name = functions
    else:
        for function in functions:
            node.attr["branches"].list.func.add(name=function)
    return node


def _role(count: int, side: int) -> str:
    return ("else", "then")[side] if count == 2 else f"branch_{side}"


def _bits(number: int) -> Iterable[int]:
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
