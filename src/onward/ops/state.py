"""Variables that change while the graph runs.

A run begins with the values that the source holds, or with inputs (``lowering/carrying.py``). What it assigns is seen
by what it reads afterwards; without inputs for it, it is gone when the run ends, which the report says.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.graph import Node
from onward.ir import Value
from onward.lowering import Context, control
from onward.lowering.registry import lower
from onward.ops.source import Resource


def current(context: Context, resource: Resource) -> Value:
    """What a variable holds at this point of the run."""
    return control.held(context, resource.node)


def put(context: Context, resource: Resource, value: Value) -> tuple[()]:
    """Lets a variable hold a value from here on."""
    context.state[resource.node] = value
    context.assigned.setdefault(resource.node.name)
    return ()


@lower("ReadVariableOp", context=True)
def read_variable(context: Context, node: Node, resource: Resource) -> Value:
    return current(context, resource)


@lower("AssignVariableOp", context=True)
def assign(context: Context, node: Node, resource: Resource, value: Value) -> Any:
    return put(context, resource, value)


@lower("AssignAddVariableOp", context=True)
def assign_add(context: Context, node: Node, resource: Resource, value: Value) -> Any:
    return put(context, resource, current(context, resource) + value)


@lower("AssignSubVariableOp", context=True)
def assign_sub(context: Context, node: Node, resource: Resource, value: Value) -> Any:
    return put(context, resource, current(context, resource) - value)


@lower("VarIsInitializedOp", context=True)
def is_initialized(context: Context, node: Node, resource: Resource) -> Value:
    return context.op.constant(np.array(resource.node.value is not None or resource.node in context.state))


@lower("VariableShape", context=True)
def variable_shape(context: Context, node: Node, resource: Resource, *, out_type: np.dtype) -> Value:
    return context.op.shape(current(context, resource), out_type)
