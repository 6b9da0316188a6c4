"""From ``ir.Model`` to ONNX's protobuf, weights streamed to the file one at a time.

A weight's bytes are written straight from where they lie: a GraphProto's initializers are appended, field by field, to
the serialised rest (protobuf's wire format, field 5 of GraphProto, fields 1, 2, 8 and 9 of TensorProto).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from onward import ir
from onward import onnx_messages as pb
from onward.arrays import contiguous, values_of
from onward.dims import Dim, Shape
from onward.dtypes import ONNX_NUMBERS, STRING
from onward.formats.messages import varint
from onward.version import __version__

EXTERNAL_THRESHOLD = 1 << 10  # smaller weights stay inside the model file
ALIGNMENT = 1 << 12  # of each weight in an external file, so that runtimes can map it
IR_VERSIONS = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 11, 25: 12, 26: 13}


class Initializer:
    """A constant on its way to the file: name, and bytes on demand."""

    __slots__ = ("array", "name", "nbytes")

    def __init__(self, name: str, array: Any) -> None:
        self.name = name
        self.array = array
        bits = 4 if array.dtype.name in ("int4", "uint4") else array.dtype.itemsize * 8
        self.nbytes = -(-array.size * bits // 8)

    @property
    def data_type(self) -> int:
        """A number of ``TensorProto.DataType``."""
        return ONNX_NUMBERS[self.array.dtype]

    def data(self) -> np.ndarray:
        """The bytes in ONNX's order (little-endian, row-major, 4-bit numbers in pairs)."""
        array = contiguous(values_of(self.array))
        if array.dtype.name in ("int4", "uint4"):
            flat = array.reshape(-1).astype(np.uint8) & 15
            flat = np.append(flat, np.zeros(flat.size % 2, np.uint8))
            return flat[::2] | flat[1::2] << 4
        return array.reshape(-1).view(np.uint8)


def header(model: ir.Model) -> tuple[Any, list[Initializer]]:
    """The model (a ModelProto) without its numeric weights, and these apart. Strings stay inside."""
    proto = pb.message("ModelProto")(
        ir_version=IR_VERSIONS[model.opset], producer_name="onward", producer_version=__version__
    )
    proto.opset_import.add(domain="", version=model.opset)
    for domain, version in sorted(model.domains.items()):
        proto.opset_import.add(domain=domain, version=version)
    for key, text in sorted(model.metadata.items()):
        proto.metadata_props.add(key=key, value=text)
    proto.graph.CopyFrom(graph_proto(model.graph))
    weights: list[Initializer] = []
    for value, array in model.graph.defaults.items():
        proto.graph.initializer.append(tensor_proto(array, value.name))
    for value in constants(model.graph):
        assert value.const is not None
        if value.dtype == STRING:
            proto.graph.initializer.append(tensor_proto(value.array, value.name))
        else:
            weights.append(Initializer(value.name, value.const))
    return proto, weights


def constants(graph: ir.Graph) -> list[ir.Value]:
    """Every constant that a node or output of the graph, or of its subgraphs, uses."""
    found: dict[ir.Value, None] = {}
    for node in graph.all_nodes():
        found.update((v, None) for v in node.inputs if v is not None and v.is_const)
        for subgraph in node.subgraphs:
            found.update((v, None) for v in subgraph.outputs if v.is_const)
    found.update((v, None) for v in graph.outputs if v.is_const)
    return list(found)


def size(proto: Any, weights: list[Initializer]) -> int:
    """About how many bytes the model takes as one file."""
    return proto.ByteSize() + sum(w.nbytes + len(w.name) + 64 for w in weights)


def write_single(proto: Any, weights: list[Initializer], write: Callable[[Any], Any]) -> None:
    """Writes one file; holds one weight at a time."""
    graph = proto.graph.SerializeToString(deterministic=True)
    shell = pb.message("ModelProto")()
    shell.CopyFrom(proto)
    shell.ClearField("graph")
    heads = [_tensor_head(w) for w in weights]
    framed = [_tag(5, 2) + varint(len(h) + w.nbytes) + h for h, w in zip(heads, weights, strict=True)]
    total = len(graph) + sum(len(f) + w.nbytes for f, w in zip(framed, weights, strict=True))
    write(shell.SerializeToString(deterministic=True))
    write(_tag(7, 2) + varint(total))
    write(graph)
    for frame, weight in zip(framed, weights, strict=True):
        write(frame)
        write(weight.data())


def write_external(proto: Any, weights: list[Initializer], location: str, write: Callable[[Any], Any]) -> bytes:
    """Writes the weights to their own file, and returns the bytes of the model that refers to it as ``location``."""
    offset = 0
    for weight in weights:
        if weight.nbytes < EXTERNAL_THRESHOLD:
            proto.graph.initializer.append(tensor_proto(weight.array, weight.name))
            continue
        padding = -offset % ALIGNMENT
        write(b"\0" * padding)
        offset += padding
        tensor = proto.graph.initializer.add(
            name=weight.name,
            data_type=weight.data_type,
            dims=weight.array.shape,
            data_location=pb.EXTERNAL,
        )
        for key, text in (("location", location), ("offset", str(offset)), ("length", str(weight.nbytes))):
            tensor.external_data.add(key=key, value=text)
        write(weight.data())
        offset += weight.nbytes
    return proto.SerializeToString(deterministic=True)


def graph_proto(graph: ir.Graph) -> Any:
    """A GraphProto without its initializers."""
    proto = pb.message("GraphProto")(name=graph.name)
    proto.input.extend(_value_info(v) for v in graph.inputs)
    proto.output.extend(_value_info(v) for v in graph.outputs)
    ends = {id(v) for v in (*graph.inputs, *graph.outputs)}
    for node in graph.nodes:
        proto.node.append(_node_proto(node))
        for value in node.outputs:
            if id(value) not in ends and _readable(value):
                proto.value_info.append(_value_info(value))
    return proto


def tensor_proto(array: Any, name: str = "") -> Any:
    """A TensorProto with its data inside."""
    proto = pb.message("TensorProto")(name=name, data_type=ONNX_NUMBERS[array.dtype], dims=array.shape)
    if array.dtype == STRING:
        proto.string_data.extend(s if isinstance(s, bytes) else str(s).encode() for s in array.reshape(-1))
    else:
        proto.raw_data = Initializer(name, array).data().tobytes()
    return proto


def attribute_proto(name: str, value: Any) -> Any:
    """An AttributeProto from its Python value; the type follows from it."""
    proto = pb.message("AttributeProto")(name=name)
    if isinstance(value, ir.Graph):
        proto.type, _ = pb.GRAPH, proto.g.CopyFrom(graph_proto(value))
    elif isinstance(value, np.ndarray):
        proto.type, _ = pb.TENSOR, proto.t.CopyFrom(tensor_proto(value))
    elif isinstance(value, (bool, int, np.integer)):
        proto.type, proto.i = pb.INT, int(value)
    elif isinstance(value, (float, np.floating)):
        proto.type, proto.f = pb.FLOAT, float(value)
    elif isinstance(value, (str, bytes)):
        proto.type, proto.s = pb.STRING, value.encode() if isinstance(value, str) else value
    else:
        _list_attribute(proto, list(value))
    return proto


def _list_attribute(proto: Any, values: list[Any]) -> None:
    if all(isinstance(v, (bool, int, np.integer)) for v in values):
        proto.type = pb.INTS
        proto.ints.extend(int(v) for v in values)
    elif all(isinstance(v, (str, bytes)) for v in values):
        proto.type = pb.STRINGS
        proto.strings.extend(v.encode() if isinstance(v, str) else v for v in values)
    else:
        proto.type = pb.FLOATS
        proto.floats.extend(float(v) for v in values)


def _node_proto(node: ir.Node) -> Any:
    proto = pb.message("NodeProto")(op_type=node.op, name=node.name, domain=node.domain)
    proto.input.extend("" if v is None else v.name for v in node.inputs)
    proto.output.extend(v.name for v in node.outputs)
    proto.attribute.extend(attribute_proto(name, node.attrs[name]) for name in sorted(node.attrs))
    for key, text in zip(("onward.node", "onward.op", "onward.layer"), node.origin, strict=True):
        if text:
            proto.metadata_props.add(key=key, value=text)
    return proto


def _readable(value: ir.Value) -> bool:
    """Whether the value's type says something to a reader: a rank, and no nameless size."""
    return value.shape is not None and all(isinstance(d, int) or d.named for d in value.shape)


def _value_info(value: ir.Value) -> Any:
    proto = pb.message("ValueInfoProto")(name=value.name)
    proto.type.tensor_type.elem_type = ONNX_NUMBERS[value.dtype]
    if value.shape is not None:
        _shape_proto(proto.type.tensor_type.shape, value.shape, value.name)
    return proto


def _shape_proto(proto: Any, shape: Shape, name: str) -> None:
    proto.SetInParent()
    for axis, size in enumerate(shape):
        dim = proto.dim.add()
        if not isinstance(size, Dim):
            dim.dim_value = size
        else:
            dim.dim_param = str(size) if size.named else f"{name}_dim{axis}"


def _tensor_head(weight: Initializer) -> bytes:
    name = weight.name.encode()
    shape = b"".join(varint(d) for d in weight.array.shape)
    parts = [_tag(1, 2) + varint(len(shape)) + shape] if shape else []
    parts.append(_tag(2, 0) + varint(weight.data_type))
    parts.append(_tag(8, 2) + varint(len(name)) + name)
    parts.append(_tag(9, 2) + varint(weight.nbytes))
    return b"".join(parts)


def _tag(field: int, kind: int) -> bytes:
    return varint(field << 3 | kind)
