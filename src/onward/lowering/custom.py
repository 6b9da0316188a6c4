"""Ops of the user's own: lowerings in the user's code, and ops kept as operators of a domain that a runtime knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onward.dims import Shape, symbol, unknown
from onward.dtypes import ONNX_NUMBERS
from onward.errors import InvalidArgumentError
from onward.formats.opdefs import REQUIRED, opdef
from onward.graph import FunctionRef, Node
from onward.ir import Value
from onward.lowering.registry import USERS, Lowering, Unsupported, attribute, declared_dtype
from onward.specs import as_dtype


@dataclass(frozen=True)
class Kept:
    """How an op is kept; :func:`keep` makes it."""

    domain: str
    op: str | None
    version: int
    dtype: Any
    shape: Any
    attributes: tuple[str, ...] | None
    wants_context = True

    def __call__(self, context: Any, node: Node, *inputs: Any) -> tuple[Value, ...]:
        """Emits the operator for a node."""
        flat = [v for value in inputs for v in (value if isinstance(value, list) else [value])]
        for value in flat:
            if not isinstance(value, Value):
                raise Unsupported(f"a {type(value).__name__} cannot be an input of a custom operator")
        hints = _each(self.dtype), _each(self.shape)
        count = _outputs(context, node, max(map(len, hints)))
        outputs = [
            (self._dtype(node, flat, i, hints[0]), self._shape(flat, i, hints[1], context)) for i in range(count)
        ]
        made = context.op.node(self.op or node.op, flat, self._attributes(node), outputs, domain=self.domain)
        context.op.domains[self.domain] = self.version
        return tuple(made)

    def _dtype(self, node: Node, inputs: Sequence[Value], index: int, hints: Sequence[Any]) -> np.dtype:
        if index < len(hints) and hints[index] is not None:
            return as_dtype(hints[index])
        declared = declared_dtype(node, index)
        if declared is not None:
            return declared
        for key in ("T", "dtype", "Tout", "out_type"):
            stated = node.attrs.get(key)
            if isinstance(stated, list) and index < len(stated):
                stated = stated[index]
            if isinstance(stated, np.dtype):
                return stated
        if not inputs:
            raise Unsupported(f"the dtype of its output is unknown: onward.keep({self.domain!r}, dtype=...)")
        return inputs[0].dtype

    def _shape(self, inputs: Sequence[Value], index: int, hints: Sequence[Any], context: Any) -> Shape | None:
        if index >= len(hints) or hints[index] is None:
            return None  # what TensorFlow recorded is merged in by the dispatcher
        hint = hints[index]
        found = hint(*(value.shape for value in inputs)) if callable(hint) else hint
        if found is None:
            return None
        return tuple(symbol(d) if isinstance(d, str) else unknown() if d is None else d for d in found)

    def _attributes(self, node: Node) -> dict[str, Any]:
        """The op's attributes as ONNX can hold them: dtypes as its numbers, shapes as lists with -1."""
        every = {**_defaults(node.op), **node.attrs}
        names = every if self.attributes is None else self.attributes
        missing = [name for name in names if name not in every]
        if missing:
            raise Unsupported(f"it has no attribute '{missing[0]}'")
        return {name: value for name in names if (value := _plain(every[name])) is not None}


def lower(*names: str, since: int = 0) -> Callable[[Callable], Callable]:
    """Registers a lowering of your own for TensorFlow ops, in place of Onward's where there is one.

    Args:
        names: op names as in a GraphDef.
        since: the lowest opset it serves; the highest one not above the target opset wins.
    """

    def register(function: Callable) -> Callable:
        lowering = Lowering(function, since)
        for name in names:
            others = [known for known in USERS.get(name, ()) if known.since != since]
            USERS[name] = [*others, lowering]
        return function

    return register


def keep(
    domain: str,
    op: str | None = None,
    *,
    version: int = 1,
    dtype: Any = None,
    shape: Any = None,
    attributes: Iterable[str] | None = None,
) -> Kept:
    """An op kept as an operator of a custom ONNX domain, for ``custom_ops={"MyOp": onward.keep("my.domain")}``.

    Args:
        domain: the operator's domain.
        op: its name there; TensorFlow's if not given.
        version: the domain's version that the model imports.
        dtype: the dtype of the output, or a list with one for each; by default what TensorFlow's definition says, and
            for an op that TensorFlow does not know its attribute ``T`` or the dtype of its first input.
        shape: the shape of the output: sizes, names of dynamic ones and None; or a function of the shapes of the inputs
            that returns one; or a list with one of these for each output. By default what TensorFlow recorded.
        attributes: names of the attributes to carry over; all of them if not given.

    Raises:
        InvalidArgumentError: `domain` is ONNX's own.
    """
    if domain in ("", "ai.onnx"):
        raise InvalidArgumentError("an op is kept in a domain of its own: ONNX's operators are emitted by a lowering")
    return Kept(domain, op, version, dtype, shape, None if attributes is None else tuple(attributes))


def _each(hint: Any) -> list[Any]:
    """A hint for each output. A list is one for each; everything else, a shape's tuple too, is for the only one."""
    return list(hint) if isinstance(hint, list) else [] if hint is None else [hint]


def _outputs(context: Any, node: Node, hinted: int) -> int:
    """How many outputs a node has: as defined, or as many as are hinted at, recorded or read."""
    try:
        definition = opdef(node.op)
    except KeyError:
        graph = context.graph
        read = [t.index for other in graph.nodes() for t in other.inputs if t.node is node]
        read += [output.tensor.index for output in graph.outputs if output.tensor.node is node]
        return max(hinted, len(node.shapes or ()), max(read, default=0) + 1)
    total = 0
    for arg in definition.outputs:
        if arg.type_list_attr:
            total += len(attribute(node, arg.type_list_attr))
        else:
            total += attribute(node, arg.number_attr) if arg.number_attr else 1
    return total


def _defaults(op: str) -> dict[str, Any]:
    try:
        definition = opdef(op)
    except KeyError:
        return {}
    return {name: attr.default for name, attr in definition.attrs.items() if attr.default is not REQUIRED}


def _plain(value: Any) -> Any:
    """An attribute's value in ONNX's types; None where it has none."""
    if isinstance(value, np.dtype):
        return ONNX_NUMBERS.get(value)
    if isinstance(value, tuple):
        return [-1 if size is None else size for size in value]
    if isinstance(value, FunctionRef):
        return None
    if isinstance(value, list):
        items = [_plain(item) for item in value]
        return None if any(item is None or isinstance(item, (list, np.ndarray)) for item in items) else items
    return value
