"""TensorFlow's While as ONNX's Loop.

What the body hands on unchanged is not carried. A counter that runs to a limit becomes the trip count, and lists that
are filled along with it are collected by the loop. The shapes of what is carried are found by lowering the body until
they no longer change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from onward import ir
from onward.dims import Dim, Shape, Size, maximum, minimum, unknown
from onward.dtypes import BOOL, INT64
from onward.graph import Graph, Node, Tensor
from onward.ir import Value
from onward.lowering import control
from onward.lowering.lists import WRITES, Collector, TensorList
from onward.lowering.registry import Unsupported

if TYPE_CHECKING:
    from onward.lowering import Context

ROUNDS = 8  # of widening shapes before giving up on a rank
# Comparisons of a counter with a limit: which operand is the counter, and whether the limit itself still counts.
_BELOW = {"Less": (0, False), "LessEqual": (0, True), "Greater": (1, False), "GreaterEqual": (1, True)}


def repeat(context: Context, condition: Graph, body: Graph, arguments: Sequence[Any]) -> list[Any]:
    """Lowers a While.

    Args:
        condition, body: the loop's functions, both of the loop's variables.
        arguments: the variables' initial values, lowered.

    Returns:
        The variables' final values.
    """
    return _While(context, condition, body, list(arguments)).lower()


class _While:
    def __init__(self, context: Context, condition: Graph, body: Graph, initial: list[Any]) -> None:
        self.context, self.op = context, context.op
        self.condition, self.body, self.initial = condition, body, initial
        count = len(initial)
        self.kept = [k for k in range(count) if self._unchanged(k)]
        self.trips, self.rest = self._trip_count()
        self.collected = [k for k in range(count) if k not in self.kept and self._fills(k)]
        self.carried = [k for k in range(count) if k not in self.kept and k not in self.collected]
        self.states: list[Node] = []  # variables that the body assigns, carried too

    # --- what the functions say ---------------------------------------------------------------------------------------

    def _unchanged(self, k: int) -> bool:
        return control.source(self.body.outputs[k].tensor).node is self.body.inputs[k].tensor.node

    def _parameter(self, function: Graph, tensor: Tensor) -> int | None:
        """Which loop variable a tensor of a function is, None if it is computed."""
        node = control.source(tensor).node
        return next((k for k, parameter in enumerate(function.inputs) if parameter.tensor.node is node), None)

    def _counter(self, k: int) -> Value | None:
        """The start of a variable that grows by one each step, None for any other."""
        start = self.initial[k]
        if not isinstance(start, Value) or start.rank != 0 or start.dtype.kind != "i":
            return None
        node = control.source(self.body.outputs[k].tensor).node
        if node.op not in ("Add", "AddV2"):
            return None
        for this, other in (node.inputs, node.inputs[::-1]):
            step = control.source(other).node
            if self._parameter(self.body, this) == k and step.op == "Const" and np.all(np.asarray(step.value) == 1):
                return start
        return None

    def _trip_count(self) -> tuple[Value | None, list[Tensor]]:
        """How often the body runs at most, by counters below limits that do not change, and what else is asked."""
        if self.condition.effects:
            return None, [self.condition.outputs[0].tensor]
        trips: list[Value] = []
        rest, pending = [], [self.condition.outputs[0].tensor]
        while pending:
            tensor = control.source(pending.pop())
            if tensor.node.op == "LogicalAnd":
                pending += tensor.node.inputs
                continue
            limit = self._steps(tensor.node)
            if limit is not None:
                trips.append(limit)
            elif tensor.node.op != "Const" or not np.all(np.asarray(tensor.node.value)):
                rest.append(tensor)
        return self._smallest(trips) if trips else None, rest

    def _steps(self, test: Node) -> Value | None:
        """How many steps a comparison allows, None where it is not one of a counter with a limit."""
        if test.op not in _BELOW:
            return None
        at, last = _BELOW[test.op]
        counter = self._parameter(self.condition, test.inputs[at])
        start = None if counter is None else self._counter(counter)
        limit = self._limit(test.inputs[1 - at])
        if start is None or limit is None:
            return None
        if start.array is None or start.array != 0:
            limit = limit - start
        return limit + 1 if last else limit

    def _limit(self, tensor: Tensor) -> Value | None:
        node = control.source(tensor).node
        if node.op == "Const":
            return self.op.constant(np.asarray(node.value))
        k = self._parameter(self.condition, tensor)
        return self.initial[k] if k is not None and k in self.kept and isinstance(self.initial[k], Value) else None

    def _smallest(self, limits: list[Value]) -> Value:
        op = self.op
        sizes = [v.elements for v in limits]
        if all(s is not None and s.ndim == 0 for s in sizes):
            smallest = sizes[0].item()  # type: ignore[union-attr]
            for size in sizes[1:]:
                smallest = minimum(smallest, size.item())  # type: ignore[union-attr]
            return op.size(smallest)
        wide = [op.Cast(v, to=INT64) for v in dict.fromkeys(limits)]
        return wide[0] if len(wide) == 1 else op.Min(*wide)

    def _fills(self, k: int) -> bool:
        """Whether a list is only written to, at the place of a counter that starts at zero."""
        if not isinstance(self.initial[k], TensorList):
            return False
        node = control.source(self.body.outputs[k].tensor).node
        if node.op not in WRITES or self._parameter(self.body, node.inputs[WRITES[node.op]]) != k:
            return False
        counter = self._parameter(self.body, node.inputs[1])
        start = None if counter is None else self._counter(counter)
        if start is None or start.array is None or start.array != 0:
            return False
        readers = control.users(self.body, self.body.inputs[k].tensor.node)
        return all(r is node or r.op in ("Identity", "StopGradient") for r in readers)

    # --- the loop -----------------------------------------------------------------------------------------------------

    def lower(self) -> list[Any]:
        begin = self._goes_on(self.initial)
        before = dict(self.context.state)
        shapes: dict[int, Any] = {}
        free: dict[tuple[int, int], None] = {}
        for _ in range(ROUNDS):
            initial = [self._start(k, shapes) for k in self.carried]
            held = [control.held(self.context, variable) for variable in self.states]
            graph, results = self._body(initial, held, free)
            following = [control.held(self.context, variable) for variable in self.states]
            assigned = [v for v in control.changed(self.context, before) if v not in self.states]
            control.restore(self.context, before)
            changed = self._compare(initial, results, shapes, free, list(zip(held, following, strict=True)))
            if not changed and not assigned:
                return self._finish(graph, initial, held, results, begin, free)
            self.states += assigned
            control.discard(graph)
        raise Unsupported("the shapes of its variables do not settle")

    def _goes_on(self, variables: list[Any]) -> Value | None:
        """Whether there is another step as far as the trip count does not tell."""
        if not self.rest:
            return None
        op = self.context.op
        tests = control.call(self.context, self.condition, variables, self.rest)
        result = control.truth(op, tests[0])
        for test in tests[1:]:
            result = op.And(result, control.truth(op, test))
        return result

    def _start(self, k: int, shapes: dict[int, Any]) -> Any:
        value = self.initial[k]
        if _is_shapeless(value):
            shape = shapes.get(k, value.element)
            return TensorList(value.filled(shape)) if shape is not None else value
        return value

    def _body(
        self, initial: list[Any], held: list[Value], free: dict[tuple[int, int], None]
    ) -> tuple[ir.Graph, list[Any]]:
        op, graph = self.op, ir.Graph(self.body.name)
        place = 0

        def carry(value: Value) -> Value:
            nonlocal place
            place += 1
            return op.input("", value.dtype, _freed(value.shape, place - 1, free))

        with op.scope(graph):
            op.input("", INT64, ())
            running = op.input("", BOOL, ())
            arguments = list(self.initial)
            for k, start in zip(self.carried, initial, strict=True):
                if _is_shapeless(start):
                    arguments[k] = start  # its first element will tell the shape
                else:
                    arguments[k] = control.rebuild([start], [carry(v) for v in control.flatten([start])])[0]
            for variable, value in zip(self.states, held, strict=True):
                self.context.state[variable] = carry(value)
            for k in self.collected:
                arguments[k] = Collector()
            results = control.call(self.context, self.body, arguments)
            more = self._goes_on(results)
            following = control.flatten([results[k] for k in self.carried if not _is_shapeless(results[k])])
            following += [control.held(self.context, variable) for variable in self.states]
            if not any(_is_shapeless(s) for s in initial):
                items = [results[k].item for k in self.collected]
                control.close(op, graph, [running if more is None else more, *following, *items])
        return graph, results

    def _compare(
        self, initial: list[Any], results: list[Any], shapes: dict[int, Any], free: dict[tuple[int, int], None],
        states: list[tuple[Value, Value]],
    ) -> bool:  # fmt: skip
        """Notes where shapes grow or become known; tells whether the body must be lowered anew."""
        lists = [k for k, start in zip(self.carried, initial, strict=True) if _is_shapeless(start)]
        for k in lists:
            after = results[k]
            if not isinstance(after, TensorList):
                raise Unsupported("a list variable becomes something else")
            shapes[k] = self._outside(k, (after.tensor().shape or ())[1:])
        if lists:  # what is carried is counted anew with them
            return True
        changed = False
        befores, afters = control.flatten(initial), control.flatten([results[k] for k in self.carried])
        pairs = [*zip(befores, afters, strict=True), *states]
        for place, (before, after) in enumerate(pairs):
            changed |= _widen(before.shape, after.shape, place, free)
        return changed

    def _outside(self, k: int, shape: Shape) -> Shape:
        """The shape of a list's elements before the first is written, in sizes that are known outside the loop."""
        if all(self._known(size) is size for size in shape):
            return shape
        if not self._rewritten(k):
            raise Unsupported("the elements of a list have a size that is known only inside the loop")
        return tuple(size if self._known(size) is size else 0 for size in shape)

    def _rewritten(self, k: int) -> bool:
        """Whether a list of one element gets a new one every time and is not looked at before."""
        count = self.initial[k].length().elements
        node = control.source(self.body.outputs[k].tensor).node
        readers = control.users(self.body, self.body.inputs[k].tensor.node)
        alone = all(r is node or r.op in ("Identity", "StopGradient") for r in readers)
        return count is not None and count.item() == 1 and node.op in WRITES and alone

    def _finish(
        self, graph: ir.Graph, initial: list[Any], held: list[Value], results: list[Any], begin: Value | None,
        free: dict[tuple[int, int], None],
    ) -> list[Any]:  # fmt: skip
        op = self.op
        starts = [*control.flatten(initial), *held]
        types: list[Any] = [(v.dtype, _freed(v.shape, place, free)) for place, v in enumerate(starts)]
        length: Size = unknown()
        if not self.rest and self.trips is not None and self.trips.elements is not None:
            length = maximum(self.trips.elements.item(), 0)
        for value in graph.outputs[1 + len(starts) :]:
            shape = None if value.shape is None else (length, *(self._known(d) for d in value.shape))
            types.append((value.dtype, shape))
        always = op.constant(np.array(True))
        made = op.node("Loop", [self.trips, begin if begin is not None else always, *starts], {"body": graph}, types)
        final = list(self.initial)
        plain = len(starts) - len(held)
        for k, value in zip(self.carried, control.rebuild(initial, made[:plain]), strict=True):
            final[k] = value
        self.context.state.update(zip(self.states, made[plain : len(starts)], strict=True))
        for k, value in zip(self.collected, made[len(starts) :], strict=True):
            final[k] = TensorList(self._whole(self.initial[k], value))
        return final

    def _known(self, size: Any) -> Any:
        known = not isinstance(size, Dim) or size.named or self.op.find_size(size) is not None
        return size if known else unknown()

    def _whole(self, reserved: TensorList, collected: Value) -> Value:
        """The collected elements, followed by those that the loop did not come to (zeros, or what was there)."""
        op = self.op
        length = reserved.length()
        if length.array is not None and length.array == 0:
            return collected
        if self.rest:
            pass  # it may end before the list is full
        elif length.elements is not None and self.trips is not None and self.trips.elements is not None:
            if maximum(length.elements.item(), self.trips.elements.item()) == self.trips.elements.item():
                return collected
        elif length is self.trips or (self.trips is not None and _same(length, self.trips)):
            return collected
        if reserved.stacked is not None:
            taken = op.Gather(op.shape(collected), np.array([0]))
            return op.Concat(collected, op.Slice(reserved.stacked, taken, [2**31 - 1], [0]), axis=0)
        if collected.shape is None or collected.dtype == object:
            raise Unsupported("the loop may leave elements of a list unwritten")
        missing = op.Reshape(op.Max(length - op.Gather(op.shape(collected), np.array(0)), np.array(0)), [1])
        rank = len(collected.shape)
        zeros = np.zeros
        return op.Pad(collected, op.Concat(zeros(rank, np.int64), missing, zeros(rank - 1, np.int64), axis=0))


def _is_shapeless(value: Any) -> bool:
    """Whether a value is a list whose elements have no shape yet."""
    return isinstance(value, TensorList) and value.unwritten


def _same(a: Value, b: Value) -> bool:
    def origin(value: Value) -> Value:
        while value.producer is not None and value.producer.op == "Cast" and value.producer.inputs[0] is not None:
            value = value.producer.inputs[0]
        return value

    return origin(a) is origin(b)


def _freed(shape: Shape | None, place: int, free: dict[tuple[int, int], None]) -> Shape | None:
    """A carried value's shape with what changes from step to step unknown."""
    if shape is None or (place, -1) in free:
        return None
    return tuple(unknown() if (place, axis) in free else size for axis, size in enumerate(shape))


def _widen(before: Shape | None, after: Shape | None, place: int, free: dict[tuple[int, int], None]) -> bool:
    known = len(free)
    if before is None or (place, -1) in free:
        return False
    if after is None or len(after) != len(before):
        free[place, -1] = None
    else:
        for axis, (a, b) in enumerate(zip(before, after, strict=True)):
            if a != b:
                free[place, axis] = None
    return len(free) > known
