"""Functions as subgraphs: the branches of a choice and the body of a loop.

A function's arguments are bound to the values of the caller, so whatever a branch or body does not change is used from
the enclosing graph; only what a loop changes is carried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from onward import ir
from onward.dims import Shape, unknown
from onward.graph import Graph, Node, Tensor
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.composite import Complex
from onward.lowering.lists import TensorList
from onward.lowering.optional import Optional, matched
from onward.lowering.registry import Unsupported

if TYPE_CHECKING:
    from onward.lowering import Context

Branch = Callable[[], list[Any]]


def call(
    context: Context, function: Graph, arguments: Sequence[Any], tensors: Sequence[Tensor] | None = None
) -> list[Any]:
    """Lowers a function into the current graph; what it assigns to variables is in the context's state afterwards.

    Args:
        tensors: what to return; the function's outputs if not given.

    Raises:
        Unsupported: it holds something that cannot be expressed (reported on its own).
    """
    inner = context.inside(function)
    for parameter, argument in zip(function.inputs, arguments, strict=True):
        inner.values[parameter.tensor.node] = (argument,)
    inner.lower_nodes(function.nodes())
    results = []
    for tensor in [output.tensor for output in function.outputs] if tensors is None else tensors:
        if inner.values[tensor.node] is None:
            raise Unsupported(f"'{function.name}' holds ops that cannot be expressed")
        results.append(inner.value(tensor))
    return results


def held(context: Context, variable: Node) -> Value:
    """What a variable holds at this point."""
    if variable in context.state:
        return context.state[variable]
    if variable.value is None:
        raise Unsupported("the variable has no value: it was never restored or initialised")
    return context.op.constant(variable.value, name=variable.name)


def changed(context: Context, before: dict[Node, Value]) -> list[Node]:
    """The variables that no longer hold what they held before."""
    return [variable for variable, value in context.state.items() if before.get(variable) is not value]


def restore(context: Context, before: dict[Node, Value]) -> None:
    """Lets variables hold what they held before."""
    context.state.clear()
    context.state.update(before)


def source(tensor: Tensor) -> Tensor:
    """The tensor behind identities."""
    while tensor.node.op in ("Identity", "StopGradient") and tensor.node.inputs:
        tensor = tensor.node.inputs[0]
    return tensor


def flatten(results: Sequence[Any]) -> list[Value]:
    """The tensors that make up results: complex numbers are two, a list is one, an optional all its parts."""
    flat: list[Value] = []
    for result in results:
        if isinstance(result, Value):
            flat.append(result)
        elif isinstance(result, Complex):
            flat += [result.real, result.imag]
        elif isinstance(result, TensorList):
            flat.append(result.tensor())
        elif isinstance(result, Optional):
            flat += flatten(result.tensors())
        else:
            raise Unsupported(f"a {type(result).__name__} cannot come out of a branch or loop")
    return flat


def rebuild(like: Sequence[Any], flat: Sequence[Value]) -> list[Any]:
    """Results of the same kinds as ``like`` from their tensors."""
    rest = iter(flat)
    return [_rebuilt(result, rest) for result in like]


def _rebuilt(like: Any, rest: Iterator[Value]) -> Any:
    if isinstance(like, Complex):
        return Complex(next(rest), next(rest))
    if isinstance(like, TensorList):
        return TensorList(next(rest))
    if isinstance(like, Optional):
        return like.rebuilt(lambda part: _rebuilt(part, rest))
    return next(rest)


def close(op: Builder, graph: ir.Graph, values: Sequence[Value]) -> None:
    """Makes values the outputs of a subgraph: each from a node of its own, none twice."""
    values = [op.real(value) for value in values]
    nodes = set(graph.nodes)
    for value in values:
        if value.producer not in nodes or any(v is value for v in graph.outputs):
            value = op.node("Identity", [value], {}, [(value.dtype, value.shape)])[0]
        graph.outputs.append(value)


def discard(graph: ir.Graph) -> None:
    """Takes a graph that is not used out of the users of the values it refers to."""
    for node in list(graph.all_nodes()):
        node.detach()
    graph.nodes = []


def truth(op: Builder, condition: Value) -> Value:
    """TensorFlow's idea of truth as a boolean scalar: a number that is not zero, a text or tensor that is not empty."""
    if condition.rank != 0:
        return op.Greater(op.Size(condition), 0)
    if condition.dtype == bool:
        return condition
    if condition.dtype == object:
        return op.Not(op.Equal(condition, op.constant("", condition.dtype)))
    return op.Cast(condition, to=bool)


def choose(context: Context, condition: Value, then: Graph, otherwise: Graph, arguments: Sequence[Any]) -> list[Any]:
    """ONNX's If between two functions; a condition known now leaves only its branch."""
    return choose_calls(
        context, condition, lambda: call(context, then, arguments), lambda: call(context, otherwise, arguments)
    )


def choose_calls(context: Context, condition: Value, then: Branch, otherwise: Branch) -> list[Any]:
    """ONNX's If between what two Python functions emit."""
    op = context.op
    condition = truth(op, condition)
    if condition.array is not None:
        return then() if condition.array else otherwise()
    graphs, results, states = [], [], []
    before = dict(context.state)
    for branch, name in ((then, "then"), (otherwise, "else")):
        graph = ir.Graph(name)
        with op.scope(graph):
            results.append(branch())
        graphs.append(graph)
        states.append({variable: context.state[variable] for variable in changed(context, before)})
        restore(context, before)
    results = [_alike(op, graphs[0], results[0], results[1]), _alike(op, graphs[1], results[1], results[0])]
    assigned = list(dict.fromkeys([*states[0], *states[1]]))
    for graph, result, state in zip(graphs, results, states, strict=True):
        with op.scope(graph):
            kept = [state[v] if v in state else held(context, v) for v in assigned]
            close(op, graph, [*flatten(result), *kept])
    if not graphs[0].outputs:
        return []
    types = [
        (a.dtype, common_shape(a.shape, b.shape)) for a, b in zip(graphs[0].outputs, graphs[1].outputs, strict=True)
    ]
    made = op.node("If", [condition], {"then_branch": graphs[0], "else_branch": graphs[1]}, types)
    plain = len(made) - len(assigned)
    context.state.update(zip(assigned, made[plain:], strict=True))
    return rebuild(results[0], made[:plain])


def _alike(op: Builder, graph: ir.Graph, results: list[Any], others: list[Any]) -> list[Any]:
    """A branch's results in a form that the other's can take too."""
    with op.scope(graph):
        return [matched(op, mine, other) for mine, other in zip(results, others, strict=True)]


def common_shape(a: Shape | None, b: Shape | None) -> Shape | None:
    """The shape that covers both: sizes that differ become unknown."""
    if a is None or b is None or len(a) != len(b):
        return None
    return tuple(x if x == y else unknown() for x, y in zip(a, b, strict=True))


def users(graph: Graph, node: Node) -> list[Node]:
    """The nodes of a function that read a node's outputs."""
    return [user for user in graph.nodes() if any(t.node is node for t in user.inputs)]
