"""Loops made of Enter, Merge, Switch, NextIteration and Exit, as ``While`` nodes over two functions.

What ties a loop together is its ``LoopCond``: the ``Switch`` of each loop variable asks it. Its variables are found by
walking back from the condition and from what the loop's exits hand out, so what nothing needs is no variable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from onward.errors import InvalidSourceError
from onward.formats.protos import message
from onward.sources.aliveness import LONGEST, MERGES, SWITCHES
from onward.sources.body import Body, Key, any_shape, argument_name, free_name, node_of, output_type, rewired
from onward.sources.branches import branched
from onward.sources.effects import Effects

if TYPE_CHECKING:
    from onward.sources.library import Library

_ENTERS = frozenset({"Enter", "RefEnter"})
_EXITS = frozenset({"Exit", "RefExit"})
_NEXTS = frozenset({"NextIteration", "RefNextIteration"})
LOOP_OPS = _ENTERS | _EXITS | _NEXTS | {"LoopCond"}
_DEEPEST = 64  # loops within loops


def inside_loops(body: Body) -> set[str]:
    """The nodes that run once a round of some loop."""
    users: dict[str, list[str]] = {}
    found = {name for name, node in body.nodes.items() if node.op in _ENTERS}
    for name, node in body.nodes.items() if found else ():
        for reference in node.input:
            users.setdefault(node_of(reference), []).append(name)
    stack = list(found)
    while stack:
        for user in users.get(stack.pop(), ()):
            if user not in found and body.nodes[user].op not in _EXITS:
                found.add(user)
                stack.append(user)
    return found


class _Region:
    """The nodes of the inside of a loop, or of what is outside all loops.

    `nodes` are needed, `effects` are those of them that change something, `around` are further nodes that they wait
    for, which tell on which side of a choice they are.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, None] = {}
        self.effects: dict[str, None] = {}
        self.around: dict[str, None] = {}


class _Loop:
    """A loop: its variables by the name of their Merge, and what it uses from outside without changing it."""

    def __init__(self, condition: str) -> None:
        self.condition = condition
        self.variables: dict[str, int] = {}  # the place of each
        self.found: list[tuple[Any, Any]] = []  # the Enter and the NextIteration of each
        self.captures: dict[Key, tuple[str, int]] = {}  # the outer reference and type number of each

    def arguments(self) -> list[str]:
        return [argument_name((name, 0)) for name in self.variables] + [argument_name(key) for key in self.captures]

    def argument(self, key: Key) -> str | None:
        """The name of the argument that a tensor is inside, None if it is computed there."""
        return argument_name(key) if key in self.captures or key[0] in self.variables else None


class Loops:
    """Takes the loops out of one body.

    Args:
        library: where the functions go.
        body: the graph or function.
        given: tensors whose values come from outside.
    """

    def __init__(self, library: Library, body: Body, given: frozenset[Key]) -> None:
        self.library = library
        self.body = body
        self.given = given
        self.nodes = dict(body.nodes)
        self._source = Body(body.name, self.nodes, signature=body.signature, is_function=body.is_function)
        self._exits: dict[str, list[str]] = {}  # the exits of each loop, by its LoopCond
        self._left: dict[str, str] = {}  # what stands for an Exit once its loop is a node
        self._effects = Effects(self.nodes, library.acts, MERGES | _EXITS)
        self._open: list[str] = []
        self._numbers: dict[str, int] = {}

    def taken_out(self, results: Sequence[str]) -> Body:
        """The body without loops, whose results are the references `results`.

        Raises:
            InvalidSourceError: a loop is damaged, or a result lies inside one.
        """
        roots = [*results, *(f"^{name}" for name in self.body.control_results)]
        for name in self._needed(roots):
            if self.nodes[name].op in _EXITS:
                self._exits.setdefault(self._loop_of(name), []).append(name)
        region = _Region()
        self._walk(None, roots, region)
        return Body(
            self.body.name,
            self._rewired(None, region),
            list(self.body.arguments),
            [self._resolved(None, reference) for reference in results],
            self.body.result_names,
            [self._control(name) for name in self.body.control_results],
            self.body.signature,
            types=self.body.types,
            is_function=self.body.is_function,
        )

    # --- walking back -------------------------------------------------------------------------------------------------

    def _needed(self, roots: Iterable[str]) -> dict[str, None]:
        """All nodes that the roots need by data, through loops, and the effects that they wait for."""
        needed: dict[str, None] = {}
        stack = list(roots)
        while stack:
            reference = stack.pop()
            if reference.startswith("^"):
                names = self._effects.behind(reference[1:])
            else:
                key = self._source.key(reference)
                names = [] if key in self.given or key[0] in self.body.arguments else [key[0]]
            for name in names:
                if name not in needed:
                    needed[name] = None
                    stack.extend(self._source.node(name).input)
        return needed

    def _walk(self, loop: _Loop | None, roots: Iterable[str], region: _Region) -> None:
        """Adds to a region what the roots need without leaving the loop; notes what comes in as it is met."""
        stack = list(roots)
        while stack:
            reference = stack.pop()
            if reference.startswith("^"):
                for name in self._effects.behind(reference[1:]):
                    stack.append(name)
                    if name in self._effects.acting:
                        region.effects[name] = None
                self._walk_around(reference[1:], region)
                continue
            reference = self._resolved(loop, reference, rename=False)
            key = self._source.key(reference)
            if self._comes_in(loop, key, reference) or key[0] in region.nodes:
                continue
            region.nodes[key[0]] = None
            stack.extend(self._source.node(key[0]).input)

    def _walk_around(self, name: str, region: _Region) -> None:
        stack = [name]
        while stack:
            name = stack.pop()
            node = self.nodes.get(name)
            if node is None or name in region.around or node.op in LOOP_OPS or self._is_loop_merge(node):
                continue
            region.around[name] = None
            stack.extend(reference.removeprefix("^").partition(":")[0] for reference in node.input)

    def _comes_in(self, loop: _Loop | None, key: Key, reference: str) -> bool:
        """Whether a tensor comes into the loop (or graph) from outside, rather than being computed there."""
        name = key[0]
        if key in self.given or name in self.body.arguments:
            if loop is not None:
                loop.captures.setdefault(key, (reference, self._type(key)))
            return True
        node = self._source.node(name)
        if not (node.op in LOOP_OPS or self._is_loop_merge(node)):
            return False
        if loop is None:
            raise InvalidSourceError(f"'{name}' in {self.library.name} lies inside a loop that nothing leaves")
        if node.op in _ENTERS:
            if not node.input:
                raise InvalidSourceError(f"'{name}' in {self.library.name} brings nothing into its loop")
            loop.captures.setdefault(key, (node.input[0], output_type(node, 0)))
        elif node.op in MERGES and key[1] == 0:
            if name not in loop.variables:
                loop.variables[name] = len(loop.found)
                loop.found.append(self._variable(node))
        else:
            raise InvalidSourceError(f"{node.op} '{name}' in {self.library.name} stands where it has no meaning")
        return True

    def _variable(self, merge: Any) -> tuple[Any, Any]:
        """The Enter and the NextIteration of a loop variable."""
        ends = [self._source.node(self._source.key(reference)[0]) for reference in merge.input if reference[0:1] != "^"]
        enters = [end for end in ends if end.op in _ENTERS and end.input]
        nexts = [end for end in ends if end.op in _NEXTS and end.input]
        if len(enters) != 1 or len(nexts) != 1 or len(ends) != 2:
            raise InvalidSourceError(
                f"the loop variable '{merge.name}' in {self.library.name} needs one Enter and one NextIteration"
            )
        return enters[0], nexts[0]

    def _is_loop_merge(self, node: Any) -> bool:
        if node.op not in MERGES:
            return False
        ends = (self.nodes.get(reference.removeprefix("^").partition(":")[0]) for reference in node.input)
        return any(end is not None and end.op in _NEXTS for end in ends)

    def _type(self, key: Key) -> int:
        node = self.nodes.get(key[0])
        return output_type(node if node is not None else message("NodeDef")(), key[1])

    # --- what stands for what -----------------------------------------------------------------------------------------

    def _condition(self, switch: Any) -> str | None:
        """The LoopCond that a Switch asks, None for one that makes a choice."""
        reference = switch.input[1] if len(switch.input) > 1 else ""
        for _ in range(LONGEST):
            node = self.nodes.get(self._source.key(reference)[0])
            if node is None or node.op == "LoopCond":
                return None if node is None else node.name
            if node.op != "Identity" or not node.input:
                return None
            reference = node.input[0]
        return None

    def _loop_of(self, exit_: str) -> str:
        """The LoopCond of the loop that an Exit leaves."""
        node = self.nodes[exit_]
        for _ in range(LONGEST):
            if not node.input:
                break
            node = self._source.node(self._source.key(node.input[0])[0])
            if node.op in SWITCHES:
                condition = self._condition(node)
                if condition is not None:
                    return condition
                break
            if node.op not in ("Identity", "RefIdentity"):
                break
        raise InvalidSourceError(f"'{exit_}' in {self.library.name} leaves a loop that has no condition")

    def _resolved(self, loop: _Loop | None, reference: str, rename: bool = True) -> str:
        """What a reference means: past this loop's Switches, and past inner loops as the nodes they have become.

        With `rename`, what comes in from outside is the argument that it is.
        """
        for _ in range(LONGEST):
            key = self._source.key(reference)
            node = self.nodes.get(key[0])
            if key in self.given or node is None:
                break
            if node.op in _EXITS:
                if key[0] not in self._left:
                    self._take_out(self._loop_of(key[0]))
                reference = self._left[key[0]]
                continue
            if loop is None or not node.input:
                break
            if not ((node.op in SWITCHES and self._condition(node) == loop.condition) or node.name == loop.condition):
                break
            reference = node.input[0]
        else:
            raise InvalidSourceError(f"'{reference}' in {self.library.name} depends on itself")
        argument = loop.argument(key) if rename and loop is not None else None
        return reference if argument is None else argument

    def _control(self, name: str) -> str:
        """The node to wait for in place of `name`."""
        return self._source.key(self._left[name])[0] if name in self._left else name

    def _rewired(self, loop: _Loop | None, region: _Region) -> dict[str, Any]:
        """The nodes of a region, reading what stands for what they read."""
        found = {}
        for name in {**region.nodes, **region.around}:
            node, inputs = self.nodes[name], []
            for reference in node.input:
                if reference.startswith("^"):
                    inputs.append(f"^{self._control(reference[1:])}")
                elif name in region.nodes:
                    inputs.append(self._resolved(loop, reference))
                else:
                    inputs.append(self._seen(loop, reference))
            found[name] = rewired(node, inputs)
        return found

    def _seen(self, loop: _Loop | None, reference: str) -> str:
        """A reference of a node that is there for its place only: loops that nothing needs stay as they are."""
        node = self.nodes.get(self._source.key(reference)[0])
        if node is not None and node.op in _EXITS:
            return self._left.get(node.name, reference)
        return self._resolved(loop, reference)

    # --- taking one out -----------------------------------------------------------------------------------------------

    def _take_out(self, condition: str) -> None:
        """Makes a loop a While node, and lets its exits be that node's outputs."""
        if condition in self._open or len(self._open) >= _DEEPEST:
            raise InvalidSourceError(
                f"the loop of '{condition}' in {self.library.name} is nested in itself or too deep"
            )
        self._open.append(condition)
        loop, test, step = _Loop(condition), _Region(), _Region()
        asked = self._source.node(condition).input[:1]
        self._walk(loop, asked, test)
        exits = self._exits.get(condition, [])
        leaving = {name: self._let_out(loop, self.nodes[name].input[0]) for name in exits}
        for name, reference in leaving.items():
            if not self._comes_in(loop, self._source.key(reference), reference):
                raise InvalidSourceError(f"'{name}' in {self.library.name} lets out what is no variable of its loop")
        for _, following in loop.found:  # which grows on the way
            self._walk(loop, following.input, step)
        node = self._while(loop, test, step, list(asked))
        arguments = loop.arguments()
        for name, reference in leaving.items():
            place = arguments.index(loop.argument(self._source.key(reference)) or "")
            self._left[name] = self.body.reference(node.name, place, "output")
        self.nodes[node.name] = node
        self._effects.note(node)
        self._open.pop()

    def _let_out(self, loop: _Loop, reference: str) -> str:
        """What an Exit hands out, past identities."""
        for _ in range(LONGEST):
            reference = self._resolved(loop, reference, rename=False)
            node = self.nodes.get(self._source.key(reference)[0])
            if node is None or node.op not in ("Identity", "RefIdentity") or not node.input:
                break
            reference = node.input[0]
        return reference

    def _while(self, loop: _Loop, test: _Region, step: _Region, asked: list[str]) -> Any:
        name = free_name(loop.condition.rpartition("/")[0] or "while", self.nodes, self._numbers)
        numbers = [output_type(enter, 0) for enter, _ in loop.found]
        numbers += [number for _, number in loop.captures.values()]
        node = message("NodeDef")(name=name, op="While")
        node.input.extend([enter.input[0] for enter, _ in loop.found])
        node.input.extend([outer for outer, _ in loop.captures.values()])
        node.attr["T"].list.type.extend(numbers)
        results = [following.input[0] for _, following in loop.found]
        handed_on = loop.arguments()[len(results) :]
        for role, region, wanted, more in (("cond", test, asked, []), ("body", step, results, handed_on)):
            outputs = [self._resolved(loop, reference) for reference in wanted] + more
            body = Body(
                self.library.free_function(f"{name}/{role}"),
                self._rewired(loop, region),
                loop.arguments(),
                outputs,
                [f"output_{i}" for i in range(len(outputs))],
                list(region.effects),
                types=any_shape(numbers),
                is_function=self.body.is_function,
            )
            node.attr[role].func.name = self.library.add(branched(self.library, body))
        return node
