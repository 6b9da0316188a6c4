"""Control flow: choices and loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.graph import Graph, Node
from onward.ir import Value
from onward.lowering import Context, control, whiles
from onward.lowering.registry import lower


@lower("If", "StatelessIf", context=True)
def if_(
    context: Context, node: Node, condition: Value, inputs: list[Any], *, then_branch: Any, else_branch: Any
) -> Any:
    graph = context.graph
    return control.choose(context, condition, graph.function(then_branch), graph.function(else_branch), inputs)


@lower("Case", "StatelessCase", context=True)
def case(context: Context, node: Node, index: Value, inputs: list[Any], *, branches: list[Any]) -> Any:
    """An index out of range takes the last branch."""
    functions = [context.graph.function(branch) for branch in branches]
    if index.array is not None:
        i = int(index.array)
        return control.call(context, functions[i if 0 <= i < len(functions) else -1], inputs)
    return _cases(context, index, functions, 0, inputs)


def _cases(context: Context, index: Value, functions: list[Graph], i: int, inputs: list[Any]) -> list[Any]:
    if i == len(functions) - 1:
        return control.call(context, functions[i], inputs)
    this = context.op.Equal(index, np.asarray(i, index.dtype))
    return control.choose_calls(
        context,
        this,
        lambda: control.call(context, functions[i], inputs),
        lambda: _cases(context, index, functions, i + 1, inputs),
    )


@lower("While", "StatelessWhile", context=True)
def while_(context: Context, node: Node, inputs: list[Any], *, cond: Any, body: Any) -> Any:
    return whiles.repeat(context, context.graph.function(cond), context.graph.function(body), inputs)


@lower("ToBool", context=True)
def to_bool(context: Context, node: Node, x: Value) -> Value:
    """What a choice takes for true."""
    return control.truth(context.op, x)
