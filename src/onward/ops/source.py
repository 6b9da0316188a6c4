"""Where values come from: constants, variables, and ops that pass a value through."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dtypes import storage
from onward.graph import Node
from onward.lowering import Context
from onward.lowering.registry import Unsupported, lower
from onward.lowering.tables import PASS_THROUGH


class Resource:
    """A handle to something with state: a variable or a table. It has no ONNX value of its own."""

    def __init__(self, node: Node) -> None:
        self.node = node


@lower("Const", context=True)
def const(context: Context, node: Node) -> Any:
    value = np.asarray(node.attrs["value"]) if node.value is None else node.value
    if value.dtype.names:  # quantised integers
        value = value.view(storage(value.dtype))
    name = node.name.removesuffix("/Const") if value.size > 16 else ""
    return context.op.constant(value, name=name)


@lower("VarHandleOp", "VariableV2", "Variable", context=True)
def variable(context: Context, node: Node) -> Any:
    if node.op == "VarHandleOp":
        return Resource(node)
    if node.value is None:
        raise Unsupported("the variable has no value: it was never restored or initialised")
    return context.op.constant(node.value, name=node.name)


@lower(*PASS_THROUGH)
def identity(op: Any, x: Any) -> Any:
    return x


@lower("Print")
def print_(op: Any, x: Any, data: Any) -> Any:
    return x


@lower("IdentityN")
def identity_n(op: Any, inputs: Any) -> Any:
    return tuple(inputs)


@lower("NoOp", "Assert", "PrintV2")
def nothing(op: Any, *inputs: Any) -> Any:
    return ()
