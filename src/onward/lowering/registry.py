"""Where lowerings register, and how a node's inputs and attributes reach them.

A lowering is a function ``(op, *tensors, **attributes)``: the builder, the op's inputs in the order of TensorFlow's
definition (a list where the definition has a list), and as keyword-only parameters the attributes it wants. An input
annotated ``Static`` must be known at conversion and arrives as a numpy array.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np

from onward.errors import InvalidArgumentError
from onward.formats.opdefs import REQUIRED, OpDef, opdef
from onward.graph import Node
from onward.ir import Value

Static = np.ndarray
"""Annotation of an input that must be known at conversion."""


class Unsupported(Exception):
    """Raised by a lowering for what it cannot express; the text completes "Op at node: ..."."""


class Lowering:
    """One function that lowers some ops from an opset on."""

    def __init__(self, function: Callable[..., Any], since: int = 0, wants_context: bool = False) -> None:
        self.function = function
        self.since = since
        self.wants_context = wants_context

    @cached_property
    def _parameters(self) -> list[inspect.Parameter]:  # read when first called: few lowerings ever are
        return list(inspect.signature(self.function).parameters.values())[2 if self.wants_context else 1 :]

    @cached_property
    def tensors(self) -> list[inspect.Parameter]:
        """The parameters that take the op's inputs."""
        return [p for p in self._parameters if p.kind is not p.KEYWORD_ONLY]

    @cached_property
    def attributes(self) -> list[inspect.Parameter]:
        """The parameters that take attributes."""
        return [p for p in self._parameters if p.kind is p.KEYWORD_ONLY]

    def call(self, op: Any, node: Node, inputs: list[Any], context: Any) -> Any:
        """Lowers one node, its inputs already lowered."""
        definition = _definition(node.op)
        args = list(inputs) if definition is None else _grouped(definition, node, inputs)
        for i, parameter in enumerate(self.tensors):
            if parameter.annotation in ("Static", Static) and i < len(args):
                args[i] = _static(parameter.name, args[i])
        attrs = {p.name: _attribute(p, node, definition) for p in self.attributes}
        if self.wants_context:
            return self.function(context, node, *args, **attrs)
        return self.function(op, *args, **attrs)


LOWERINGS: dict[str, list[Lowering]] = {}
COMPLEX: dict[str, Lowering] = {}
"""What serves an op instead where an input is complex."""
USERS: dict[str, list[Lowering]] = {}
"""What users registered (:func:`onward.lower`), in place of Onward's own."""


def lower(*names: str, since: int = 0, context: bool = False, complex: bool = False) -> Callable[[Callable], Callable]:
    """Registers a lowering for TensorFlow ops.

    Args:
        names: op names as in a GraphDef.
        since: the lowest opset it serves; the highest one not above the target opset wins.
        context: the function takes the lowering context and the TensorFlow node before the tensors, instead of the
            builder (control flow, resources).
        complex: it serves complex inputs, which arrive as ``composite.Complex``; other inputs keep their lowering.
    """

    def register(function: Callable) -> Callable:
        lowering = Lowering(function, since, context)
        for name in names:
            if complex:
                if COMPLEX.setdefault(name, lowering) is not lowering:
                    raise ValueError(f"two complex lowerings for {name}")
                continue
            versions = LOWERINGS.setdefault(name, [])
            if any(known.since == since for known in versions):
                raise ValueError(f"two lowerings for {name} since opset {since}")
            versions.append(lowering)
        return function

    return register


def one_to_one(table: dict[str, str]) -> None:
    """Registers ops that are one ONNX operator with the same inputs and no attributes."""
    for name, onnx_name in table.items():
        lower(name)(_same(onnx_name))


def _same(onnx_name: str) -> Callable[..., Any]:
    def emit(op: Any, *inputs: Any) -> Any:
        return op.emit(onnx_name, *inputs)

    return emit


def find(name: str, opset: int, custom: dict[str, Callable] | None = None) -> Lowering | None:
    """The lowering that serves an op at an opset: one that goes with the call, the user's, or Onward's."""
    if custom and name in custom:
        function = custom[name]
        if not callable(function):
            raise InvalidArgumentError(
                f"custom_ops[{name!r}] must be a function (op, *inputs, **attributes), the domain to keep the op in, "
                "or onward.keep(...)"
            )
        return Lowering(function, wants_context=getattr(function, "wants_context", False))
    served = [known for known in USERS.get(name, LOWERINGS.get(name, ())) if known.since <= opset]
    return max(served, key=lambda known: known.since, default=None)


def needed_opset(name: str) -> int | None:
    """The lowest opset that any lowering of an op serves."""
    return min((known.since for known in LOWERINGS.get(name, ())), default=None)


def attribute(node: Node, name: str) -> Any:
    """An attribute of a node, its default where the source left it out."""
    if name in node.attrs:
        return node.attrs[name]
    definition = _definition(node.op)
    default = definition.attrs[name].default if definition is not None and name in definition.attrs else REQUIRED
    if default is REQUIRED:
        raise KeyError(f"{node.op} '{node.name}' has no attribute {name!r}")
    return default


def declared_dtype(node: Node, index: int) -> np.dtype | None:
    """The dtype that the op's definition gives an output; None where it does not say, or for an op without one."""
    definition = _definition(node.op)
    at = 0
    try:
        for arg in () if definition is None else definition.outputs:
            if arg.type_list_attr:
                types = node.attrs.get(arg.type_list_attr, [])
                if index < at + len(types):
                    return types[index - at]
                at += len(types)
                continue
            at += attribute(node, arg.number_attr) if arg.number_attr else 1
            if index < at:
                return arg.type if arg.type_attr is None else attribute(node, arg.type_attr)
    except KeyError:  # it lacks an attribute
        pass
    return None


def _definition(name: str) -> OpDef | None:
    try:
        return opdef(name)
    except KeyError:
        return None


def _grouped(definition: OpDef, node: Node, inputs: list[Any]) -> list[Any]:
    """Flat inputs as the definition has them: list inputs become lists."""
    grouped: list[Any] = []
    at = 0
    for arg in definition.inputs:
        if arg.number_attr:
            count = node.attrs[arg.number_attr]
        elif arg.type_list_attr:
            count = len(node.attrs[arg.type_list_attr])
        else:
            grouped.append(inputs[at])
            at += 1
            continue
        grouped.append(list(inputs[at : at + count]))
        at += count
    return grouped


def _attribute(parameter: inspect.Parameter, node: Node, definition: OpDef | None) -> Any:
    name = parameter.name
    if name in node.attrs:
        return node.attrs[name]
    if definition is not None and name in definition.attrs and definition.attrs[name].default is not REQUIRED:
        return definition.attrs[name].default
    if parameter.default is not inspect.Parameter.empty:
        return parameter.default
    raise Unsupported(f"the attribute {name!r} is missing")


def _static(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_static(name, v) for v in value]
    array = value.array if isinstance(value, Value) else None
    if array is None:
        raise Unsupported(f"the input '{name}' must be a constant")
    return array


def supported(names: Iterable[str], opset: int) -> list[str]:
    """Those of the ops that have a lowering at an opset."""
    return [name for name in names if find(name, opset) is not None]
