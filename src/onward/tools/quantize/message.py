"""A model's message while it is being changed: constants, makers and takers of tensors, new nodes in their places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onward.program import LIMIT

if TYPE_CHECKING:
    import onnx

FLOAT = 1  # TensorProto.FLOAT


class Message:
    """A ModelProto whose main graph is edited.

    Attributes:
        proto: the model.
        constants: its initializers by name.
        makers: the node that makes a tensor, by its name.
        takers: the nodes of the main graph that take one.
        inner: what subgraphs take from outside, which stays as it is.
    """

    def __init__(self, proto: onnx.ModelProto) -> None:
        self.proto = proto
        self.constants = {tensor.name: tensor for tensor in proto.graph.initializer}
        self.makers: dict[str, onnx.NodeProto] = {}
        self.takers: dict[str, list[onnx.NodeProto]] = {}
        self.inner: set[str] = set()
        for node in proto.graph.node:
            self.makers.update((name, node) for name in node.output)
            for name in node.input:
                self.takers.setdefault(name, []).append(node)
            for attribute in node.attribute:
                self.inner.update(_taken(attribute.g) if attribute.HasField("g") else ())
        self.outputs = {output.name for output in proto.graph.output}
        self._before: dict[int, list[onnx.NodeProto]] = {}

    def array(self, name: str) -> NDArray[Any]:
        """The values of a constant."""
        import onnx

        return onnx.numpy_helper.to_array(self.constants[name])

    def is_weight(self, name: str) -> bool:
        """Whether a tensor is a float32 constant of the main graph alone."""
        return name in self.constants and self.constants[name].data_type == FLOAT and name not in self.inner

    def constant(self, array: NDArray[Any], name: str) -> str:
        """Adds a constant, unless one of that name is there."""
        import onnx

        if name not in self.constants:
            tensor = self.proto.graph.initializer.add()
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.asarray(array), name))
            self.constants[name] = tensor
        return name

    def node(
        self,
        op: str,
        inputs: Sequence[str],
        output: str,
        before: onnx.NodeProto,
        more: Sequence[str] = (),
        **attributes: Any,
    ) -> str:
        """Adds a node right before another, unless something makes its output already.

        Args:
            more: further outputs.
        """
        import onnx

        if output not in self.makers:
            made = onnx.helper.make_node(op, list(inputs), [output, *more], **attributes)
            self._before.setdefault(id(before), []).append(made)
            self.makers.update((name, made) for name in made.output)
        return output

    def finish(self) -> onnx.ModelProto:
        """The model with the new nodes in their places, without constants and nodes that nothing takes any more."""
        graph = self.proto.graph
        nodes = [n for node in graph.node for n in (*self._before.get(id(node), ()), node)]
        self._before = {}
        used = set(self.outputs)
        kept = []
        for node in reversed(nodes):
            if not used.isdisjoint(node.output):
                kept.append(node)
                used.update(node.input)
                for attribute in node.attribute:
                    used.update(_taken(attribute.g) if attribute.HasField("g") else ())
        copies = [_copy(node) for node in reversed(kept)]
        del graph.node[:]
        graph.node.extend(copies)
        used.update(value.name for value in graph.input)
        for index in reversed(range(len(graph.initializer))):
            if graph.initializer[index].name not in used:
                del graph.initializer[index]
        return self.proto


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """The value of a node's attribute."""
    import onnx

    found = next((a for a in node.attribute if a.name == name), None)
    return default if found is None else onnx.helper.get_attribute_value(found)


def weight_bytes(proto: onnx.ModelProto) -> int:
    """Bytes of all constants; the message itself may be too large to be asked."""
    return sum(len(t.raw_data) or 4 * math.prod(t.dims) for t in proto.graph.initializer)


def size(proto: onnx.ModelProto) -> int:
    """Bytes of the model in files."""
    stored = weight_bytes(proto)
    return int(proto.ByteSize()) if stored < LIMIT // 2 else stored


def _copy(node: onnx.NodeProto) -> onnx.NodeProto:
    copied = type(node)()
    copied.CopyFrom(node)
    return copied


def _taken(graph: onnx.GraphProto) -> set[str]:
    """Every name that a subgraph mentions."""
    found = {output.name for output in graph.output}
    for node in graph.node:
        found.update(node.input)
        for attribute in node.attribute:
            found.update(_taken(attribute.g) if attribute.HasField("g") else ())
    return found
