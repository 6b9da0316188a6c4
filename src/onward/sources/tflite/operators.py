"""From operators to nodes: the tables of all families together."""

from __future__ import annotations

from onward.errors import InvalidSourceError
from onward.sources.tflite import builtins, custom, lookup, movement, numbers, recurrent, state, windows
from onward.sources.tflite.flow import Flow
from onward.sources.tflite.rules import Call, Rule

RULES: dict[str, Rule] = {
    **builtins.RULES,
    **lookup.RULES,
    **movement.RULES,
    **numbers.RULES,
    **recurrent.RULES,
    **state.RULES,
    **windows.RULES,
}


def follow(flow: Flow) -> None:
    """Reads every operator of a subgraph, in the order in which they run.

    One without a rule becomes a node of its own name, for a lowering of the caller's or to be reported as missing.
    """
    for operator in flow.subgraph.operators:
        flow.begin(operator)
        call = Call(flow, operator)
        rule = custom.rule(operator.op) if operator.is_custom else RULES.get(operator.op)
        try:
            (rule or _unknown)(call)
        except (IndexError, KeyError, TypeError) as error:  # too few operands, or a shape that is none
            raise InvalidSourceError(
                f"{flow.subgraph.model.path}: the operands of {operator.op} make no sense ({error})"
            ) from error


def _unknown(call: Call) -> None:
    operator = call.operator
    inputs = [call.stored(i) for i in range(len(call.inputs))]
    made = call.flow.nodes(operator.op, inputs, outputs=len(call.outputs), custom_options=operator.custom)
    for i, tensor in enumerate(made):
        call.put(tensor, i)
