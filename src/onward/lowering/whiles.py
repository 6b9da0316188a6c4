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
from onward.dims import Dim, Shape, maximum, minimum, unknown
from onward.dtypes import BOOL, INT64
from onward.graph import Graph, Tensor
from onward.ir import Value
from onward.lowering import control
from onward.lowering.lists import WRITES, Collector, TensorList
from onward.lowering.registry import Unsupported

if TYPE_CHECKING:
    from onward.lowering import Context

ROUNDS = 5  # of widening shapes before giving up on a rank


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
        self.trips = self._trip_count()
        self.collected = [k for k in range(count) if k not in self.kept and self._fills(k)]
        self.carried = [k for k in range(count) if k not in self.kept and k not in self.collected]

    # --- what the functions say ---------------------------------------------------------------------------------------

    def _unchanged(self, k: int) -> bool:
        return control.source(self.body.outputs[k].tensor).node is self.body.inputs[k].tensor.node

    def _parameter(self, function: Graph, tensor: Tensor) -> int | None:
        """Which loop variable a tensor of a function is, None if it is computed."""
        node = control.source(tensor).node
        return next((k for k, parameter in enumerate(function.inputs) if parameter.tensor.node is node), None)

    def _counter(self, k: int) -> int | None:
        """The start of a variable that grows by one each step from a known number, None for any other."""
        start = self.initial[k]
        if not isinstance(start, Value) or start.rank != 0 or start.array is None or start.dtype.kind != "i":
            return None
        node = control.source(self.body.outputs[k].tensor).node
        if node.op not in ("Add", "AddV2"):
            return None
        for this, other in (node.inputs, node.inputs[::-1]):
            step = control.source(other).node
            if self._parameter(self.body, this) == k and step.op == "Const" and np.all(np.asarray(step.value) == 1):
                return int(start.array)
        return None

    def _trip_count(self) -> Value | None:
        """How often the body runs, if the condition is nothing but counters below limits that do not change."""
        tests, pending = [], [self.condition.outputs[0].tensor]
        while pending:
            node = control.source(pending.pop()).node
            if node.op == "LogicalAnd":
                pending += node.inputs
            elif node.op == "Less":
                tests.append(node)
            else:
                return None
        limits: list[Value] = []
        for node in tests:
            counter = self._parameter(self.condition, node.inputs[0])
            start = None if counter is None else self._counter(counter)
            limit = self._limit(node.inputs[1])
            if start is None or limit is None:
                return None
            limits.append(limit if start == 0 else limit - start)
        return self._smallest(limits)

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
        wide = [op.Cast(v, to=INT64) for v in limits]
        return wide[0] if len(wide) == 1 else op.Min(*wide)

    def _fills(self, k: int) -> bool:
        """Whether a list is only written to, at the place of a counter that starts at zero."""
        if not isinstance(self.initial[k], TensorList) or self.trips is None:
            return False
        node = control.source(self.body.outputs[k].tensor).node
        if node.op not in WRITES or self._parameter(self.body, node.inputs[WRITES[node.op]]) != k:
            return False
        counter = self._parameter(self.body, node.inputs[1])
        if counter is None or self._counter(counter) != 0:
            return False
        readers = control.users(self.body, self.body.inputs[k].tensor.node)
        return all(r is node or r.op in ("Identity", "StopGradient") for r in readers)

    # --- the loop -----------------------------------------------------------------------------------------------------

    def lower(self) -> list[Any]:
        op = self.op
        begin = None
        if self.trips is None:
            begin = control.truth(op, control.call(self.context, self.condition, self.initial)[0])
        shapes: dict[int, Any] = {}
        free: dict[tuple[int, int], None] = {}
        for _ in range(ROUNDS):
            initial = [self._start(k, shapes) for k in self.carried]
            graph, results = self._body(initial, free)
            changed = self._compare(initial, results, shapes, free)
            if not changed:
                return self._finish(graph, initial, results, begin, free)
            control.discard(graph)
        raise Unsupported("the shapes of its variables do not settle")

    def _start(self, k: int, shapes: dict[int, Any]) -> Any:
        value = self.initial[k]
        if _is_shapeless(value):
            return TensorList(value.filled(shapes[k])) if k in shapes else value
        return value

    def _body(self, initial: list[Any], free: dict[tuple[int, int], None]) -> tuple[ir.Graph, list[Any]]:
        op, graph = self.op, ir.Graph(self.body.name)
        with op.scope(graph):
            op.input("", INT64, ())
            running = op.input("", BOOL, ())
            arguments = list(self.initial)
            place = 0
            for k, start in zip(self.carried, initial, strict=True):
                if _is_shapeless(start):
                    arguments[k] = start  # its first element will tell the shape
                    continue
                flat = []
                for value in control.flatten([start]):
                    flat.append(op.input("", value.dtype, _freed(value.shape, place, free)))
                    place += 1
                arguments[k] = control.rebuild([start], flat)[0]
            for k in self.collected:
                arguments[k] = Collector()
            results = control.call(self.context, self.body, arguments)
            more = running
            if self.trips is None:
                more = control.truth(op, control.call(self.context, self.condition, results)[0])
            following = [results[k] for k in self.carried]
            if not any(_is_shapeless(s) for s in initial):
                outputs = [more, *control.flatten(following), *(results[k].item for k in self.collected)]
                control.close(op, graph, outputs)
        return graph, results

    def _compare(
        self, initial: list[Any], results: list[Any], shapes: dict[int, Any], free: dict[tuple[int, int], None]
    ) -> bool:
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
        for place, (before, after) in enumerate(zip(befores, afters, strict=True)):
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
        self, graph: ir.Graph, initial: list[Any], results: list[Any], begin: Value | None, free: dict
    ) -> list[Any]:
        op = self.op
        starts = control.flatten(initial)
        types: list[Any] = [(v.dtype, _freed(v.shape, place, free)) for place, v in enumerate(starts)]
        length = self.trips.elements.item() if self.trips is not None and self.trips.elements is not None else unknown()
        for value in graph.outputs[1 + len(starts) :]:
            shape = None if value.shape is None else (length, *(self._known(d) for d in value.shape))
            types.append((value.dtype, shape))
        always = op.constant(np.array(True))
        made = op.node("Loop", [self.trips, begin if begin is not None else always, *starts], {"body": graph}, types)
        final = list(self.initial)
        finals = control.rebuild(initial, made[: len(starts)])
        for k, value in zip(self.carried, finals, strict=True):
            final[k] = value
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
        if length.elements is not None and self.trips is not None and self.trips.elements is not None:
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
    return isinstance(value, TensorList) and value.stacked is None


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
