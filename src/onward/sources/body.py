"""Graphs and functions as lists of ``NodeDef`` messages, and how they refer to each other's tensors."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np

from onward.errors import InvalidSourceError
from onward.formats.dtypes import NAMES, NUMBERS, dtype_of
from onward.formats.opdefs import opdef
from onward.graph import Shape

# A node's name and the number of one of its outputs, or the output as it is written where nothing defines the op.
Key = tuple[str, int | str]
Type = tuple[np.dtype[Any], Shape | None]


class Body:
    """A graph or function: its ``NodeDef`` messages by name, its arguments and its results.

    `arguments` maps a name to its position, `results` are references to tensors (``node:index`` in a graph,
    ``node:output:index`` in a function), `control_results` are names of nodes that must run. `types` are the dtypes
    and shapes of the arguments where no `signature` says them. `affected` is for :meth:`Library.affected`.
    """

    __slots__ = (
        "affected", "arguments", "control_results", "is_function", "name", "nodes", "result_names", "results",
        "signature", "types",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        nodes: Mapping[str, Any],
        arguments: Sequence[str] = (),
        results: Sequence[str] = (),
        result_names: Sequence[str] = (),
        control_results: Sequence[str] = (),
        signature: Any = None,
        *,
        types: Sequence[Type] | None = None,
        is_function: bool | None = None,
    ) -> None:
        self.name = name
        self.nodes = nodes
        self.arguments = {argument: i for i, argument in enumerate(arguments)}
        self.results = list(results)
        self.result_names = list(result_names)
        self.control_results = list(control_results)
        self.signature = signature
        self.types = types
        self.is_function = signature is not None if is_function is None else is_function
        self.affected: set[str] | None = None

    def node(self, name: str) -> Any:
        """The ``NodeDef`` of a name.

        Raises:
            InvalidSourceError: there is none.
        """
        found = self.nodes.get(name)
        if found is None:
            raise InvalidSourceError(f"'{self.name}' refers to '{name}', which is not there")
        return found

    def key(self, reference: str) -> Key:
        """The tensor that a reference means.

        Raises:
            InvalidSourceError: it is no reference, or names an output that its op does not have.
        """
        name, output, index = parse_reference(reference, self.is_function)
        if not output:
            return name, index
        node = self.nodes.get(name)
        if node is None:
            return name, index
        offset = _offset(node, output)
        return name, index + offset if offset is not None else f"{output}:{index}"

    def reference(self, name: str, index: int, output: str) -> str:
        """How this body writes the tensor `index` of the list `output`, which is the node's only one."""
        return f"{name}:{output}:{index}" if self.is_function else f"{name}:{index}"


def node_of(reference: str) -> str:
    """The node that a reference to a tensor, or to a node to wait for, means."""
    return reference.removeprefix("^").partition(":")[0]


def parse_reference(reference: str, in_function: bool) -> tuple[str, str, int]:
    """``node:output:index`` or ``node:index``, shorter where the index is 0: node, output (or nothing), index."""
    parts = reference.split(":")
    try:
        if len(parts) == 1:
            return reference, "", 0
        if in_function:
            return parts[0], parts[1], int(parts[2]) if len(parts) > 2 else 0
        return parts[0], "", int(parts[1])
    except ValueError:
        raise InvalidSourceError(f"'{reference}' is no reference to a tensor") from None


def output_type(node: Any, index: int | str) -> int:
    """The ``DataType`` number of a node's output, that of a variant where its op and attributes do not say."""
    try:
        definition = opdef(node.op)
    except KeyError:
        return _UNKNOWN
    assert isinstance(index, int)
    for arg in definition.outputs:
        if arg.type_list_attr:
            types = node.attr[arg.type_list_attr].list.type
            if index < len(types):
                return int(types[index])
            index -= len(types)
            continue
        count = node.attr[arg.number_attr].i if arg.number_attr else 1
        if index < count:
            number = (
                int(node.attr[arg.type_attr].type)
                if arg.type_attr
                else NUMBERS.get(NAMES.get(arg.type, "") if arg.type else "", 0)
            )
            return number or _UNKNOWN
        index -= count
    return _UNKNOWN


def argument_name(key: Key) -> str:
    """What a tensor is called as an argument of a function that is made: no node has such a name."""
    return f"{key[0]}~{key[1]}".replace(":", ".")


def any_shape(numbers: Sequence[int]) -> list[Type]:
    """The types of arguments of which only the ``DataType`` numbers are known."""
    return [(dtype_of(number), None) for number in numbers]


_UNKNOWN = NUMBERS["variant"]


def _offset(node: Any, output: str) -> int | None:
    """Where a named output begins, None where nothing defines the op."""
    offset = 0
    try:
        definition = opdef(node.op)
    except KeyError:
        return None
    for arg in definition.outputs:
        if arg.name == output:
            return offset
        if arg.number_attr:
            offset += node.attr[arg.number_attr].i
        else:
            offset += len(node.attr[arg.type_list_attr].list.type) if arg.type_list_attr else 1
    raise InvalidSourceError(f"{node.op} has no output '{output}'")


def rewired(node: Any, inputs: Sequence[str]) -> Any:
    """The ``NodeDef`` with other inputs, itself where they are the same."""
    if list(node.input) == list(inputs):
        return node
    copy = type(node)()
    copy.CopyFrom(node)
    del copy.input[:]
    copy.input.extend(inputs)
    return copy


def free_name(wanted: str, taken: Container[str], last: dict[str, int]) -> str:
    """`wanted`, or with a number behind it where it is taken; `last` remembers the numbers."""
    name = wanted
    while name in taken:
        last[wanted] = last.get(wanted, 0) + 1
        name = f"{wanted}_{last[wanted]}"
    return name
