"""Any ONNX file as a program: read operator by operator into the builder, as a conversion would emit it.

So constants fold, sizes are followed and the passes apply, whoever wrote the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onward import ir, passes
from onward.arrays import LazyArray
from onward.dims import Dim, Shape, symbol, unknown
from onward.dtypes import ONNX_DTYPES, STRING
from onward.errors import InvalidSourceError
from onward.ir import Origin, Value
from onward.lowering.builder import Builder
from onward.lowering.schema import MAX_OPSET, MIN_OPSET, signature
from onward.program import ONNXProgram
from onward.tools import onnx_file

if TYPE_CHECKING:
    import onnx

    from onward.journal import Journal

CONTROL_FLOW = frozenset({"If", "Loop", "Scan"})


def load(
    path: str | os.PathLike[str],
    *,
    optimised: bool = False,
    target: str | None = None,
    journal: Journal | None = None,
) -> ONNXProgram:
    """Reads an ONNX file.

    Args:
        path: the file; weights outside of it are found in its folder.
        optimised: run Onward's passes over the graph.
        target: the one runtime that they are to have in mind.
        journal: takes down what they do.

    Raises:
        InvalidSourceError: it is no ONNX model, or holds something that Onward's graphs do not (sequences, training
            information), or an operator of a domain whose types nothing tells.
    """
    op, model = read(path)
    if optimised:
        op.target, op.journal = target or "", journal
        passes.run(op, model.graph, [output.name for output in model.graph.outputs])
        model.domains |= {domain: op.domains[domain] for domain in op.domains if domain not in model.domains}
    program = ONNXProgram(model)
    program.journal = journal
    return program


def read(path: str | os.PathLike[str]) -> tuple[Builder, ir.Model]:
    """Reads an ONNX file for those who change it: the builder that its graph belongs to, and the model.

    Raises:
        InvalidSourceError: as for ``load``.
    """
    path = Path(path)
    proto = checked(path)
    return emitted(Reader(path, proto), proto)


def emitted(reader: Reader, proto: onnx.ModelProto, steps: Sequence[passes.Pass] = ()) -> tuple[Builder, ir.Model]:
    """Lets a reader emit a whole model, and takes the steps over it.

    Raises:
        InvalidSourceError: an operator cannot be emitted; the message names the node.
    """
    try:
        reader.read(proto.graph, {})
    except (ValueError, TypeError, NotImplementedError, IndexError, KeyError) as error:
        where = f" at node '{reader.op.origin.node}'" if reader.op.origin.node else ""
        raise InvalidSourceError(f"'{reader.path}'{where}: {error}") from error
    op = reader.op
    passes.run(op, op.graph, [output.name for output in proto.graph.output], steps)
    model = ir.Model(op.graph, op.opset)
    model.domains = {i.domain: i.version for i in proto.opset_import if i.domain in op.domains}
    model.metadata = {entry.key: entry.value for entry in proto.metadata_props}
    return op, model


def checked(path: Path) -> onnx.ModelProto:
    """The file's message, at an opset that Onward writes, its functions inlined."""
    import onnx
    import onnx.inliner
    import onnx.version_converter

    proto, opset = onnx_file.read(path)
    if opset > MAX_OPSET:
        raise InvalidSourceError(f"'{path}' is of opset {opset}; Onward knows them up to {MAX_OPSET}")
    if proto.functions:
        proto = onnx.inliner.inline_local_functions(proto)
    if opset < MIN_OPSET:
        proto = onnx.version_converter.convert_version(proto, MIN_OPSET)
    return proto


class Reader:
    """One file being read into a builder, at the file's opset or another that ``emit`` knows to write for.

    Attributes:
        path: the file; weights outside of it are found in its folder.
        opset: the file's opset.
        op: the builder.
    """

    def __init__(self, path: Path, proto: onnx.ModelProto, opset: int | None = None) -> None:
        self.path = path
        self.opset = next(i.version for i in proto.opset_import if i.domain in ("", "ai.onnx"))
        self.op = Builder(opset or self.opset, ir.Graph(proto.graph.name))
        self._stated = _stated(proto)

    def read(self, graph: onnx.GraphProto, outer: Mapping[str, Value]) -> None:
        """Emits a graph, or a subgraph that sees the values of those around it, into the builder's current graph."""
        op, values = self.op, dict(outer)
        constants = {tensor.name: tensor for tensor in graph.initializer}
        for declared in graph.input:
            if declared.name in constants and not self._is_default(graph):
                continue
            dtype, shape = self._type(declared)
            values[declared.name] = op.input(declared.name, dtype, shape)
            if declared.name in constants:
                op.graph.defaults[values[declared.name]] = np.asarray(self._array(constants.pop(declared.name)))
        for name, tensor in constants.items():
            values[name] = op.constant(self._array(tensor), name=name)
        for node in graph.node:
            self._node(node, values)
        op.origin = Origin()
        op.graph.outputs = [op.real(values[output.name]) for output in graph.output]

    @staticmethod
    def _is_default(graph: onnx.GraphProto) -> bool:
        """Whether initializers that are inputs too are defaults: files of before 2019 list every weight so."""
        inputs = {declared.name for declared in graph.input}
        return not all(tensor.name in inputs for tensor in graph.initializer)

    def _node(self, node: onnx.NodeProto, values: dict[str, Value]) -> None:
        op = self.op
        domain = "" if node.domain == "ai.onnx" else node.domain
        op.origin = _origin(node)
        inputs = [values[name] if name else None for name in node.input]
        names = list(node.output)
        while names and not names[-1]:
            names.pop()
        attrs = {attr.name: self._attribute(attr, values) for attr in node.attribute}
        if node.op_type == "Constant" and not domain:
            made: Any = op.constant(_constant(attrs), name=names[0])
        elif node.op_type in CONTROL_FLOW and not domain:
            made = op.node(node.op_type, inputs, attrs, list(self._branch_types(node, attrs, names)))
        elif signature(node.op_type, self.opset, domain) is None:
            made = op.node(node.op_type, inputs, attrs, [self._known_type(name, node) for name in names], domain)
        else:
            made = self.emit(node, inputs, attrs, len(names))
        for name, value in zip(names, made if isinstance(made, tuple) else (made,), strict=True):
            values[name] = value
            if not value.name and value.producer is not None:
                value.name = name

    def emit(self, node: onnx.NodeProto, inputs: list[Value | None], attrs: dict[str, Any], outputs: int) -> Any:
        """Emits a node whose operator's types ONNX knows."""
        domain = "" if node.domain == "ai.onnx" else node.domain
        return self.op.emit(node.op_type, *inputs, outputs=outputs, domain=domain, **attrs)

    def _attribute(self, attr: onnx.AttributeProto, values: Mapping[str, Value]) -> Any:
        import onnx

        value = onnx.helper.get_attribute_value(attr)
        if isinstance(value, onnx.GraphProto):
            with self.op.scope(ir.Graph(value.name)) as graph:
                self.read(value, values)
            return graph
        if isinstance(value, onnx.TensorProto):
            return np.asarray(self._array(value))
        return list(value) if isinstance(value, (list, tuple)) or attr.type in _LISTS else value

    # --- types ----------------------------------------------------------------------------------------------------

    def _type(self, declared: onnx.ValueInfoProto) -> tuple[np.dtype, Shape | None]:
        if not declared.type.HasField("tensor_type"):
            raise InvalidSourceError(f"'{self.path}': '{declared.name}' is no tensor")
        return _tensor_type(declared.type.tensor_type)

    def _known_type(self, name: str, node: onnx.NodeProto) -> tuple[np.dtype, Shape | None]:
        if name not in self._stated:
            kind = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            raise InvalidSourceError(f"'{self.path}': nothing tells the type of '{name}', an output of {kind}")
        return self._stated[name]

    def _branch_types(
        self, node: onnx.NodeProto, attrs: dict[str, Any], names: list[str]
    ) -> Iterator[tuple[np.dtype, Shape | None]]:
        """The types of what If, Loop and Scan give: dtypes from the subgraph, shapes as far as the file tells."""
        body = next(graph for graph in attrs.values() if isinstance(graph, ir.Graph))
        inner = body.outputs[1:] if node.op_type == "Loop" else body.outputs
        for name, value in zip(names, inner, strict=False):
            yield value.dtype, self._stated.get(name, (None, None))[1]

    # --- tensors --------------------------------------------------------------------------------------------------

    def _array(self, tensor: onnx.TensorProto) -> np.ndarray | LazyArray:
        import onnx

        dtype, shape = ONNX_DTYPES[tensor.data_type], tuple(tensor.dims)
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            return self._external(tensor, dtype, shape)
        if dtype == STRING:
            return np.array([s.decode() for s in tensor.string_data] or [""], object)[: int(np.prod(shape))].reshape(
                shape
            )
        if tensor.HasField("raw_data") and dtype.name not in ("int4", "uint4"):
            return np.frombuffer(tensor.raw_data, dtype).reshape(shape)
        return onnx.numpy_helper.to_array(tensor)

    def _external(self, tensor: onnx.TensorProto, dtype: np.dtype, shape: tuple[int, ...]) -> LazyArray:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        folder = self.path.parent.resolve()
        file = (folder / entries.get("location", "")).resolve()
        if folder not in file.parents:
            raise InvalidSourceError(f"'{self.path}': the weight '{tensor.name}' lies outside of the model's folder")
        offset, count = int(entries.get("offset", 0)), int(np.prod(shape))
        if not file.is_file() or file.stat().st_size < offset + count * dtype.itemsize:
            raise InvalidSourceError(f"'{self.path}': '{file.name}', which holds its weights, is missing or cut")

        def values() -> np.ndarray:
            if not count:
                return np.zeros(shape, dtype)
            return np.memmap(file, np.uint8, "r", offset, (count * dtype.itemsize,)).view(dtype).reshape(shape)

        return LazyArray(shape, dtype, values)


_LISTS = frozenset({6, 7, 8})  # AttributeProto.AttributeType: FLOATS, INTS, STRINGS


def _constant(attrs: dict[str, Any]) -> Any:
    """What a Constant node holds: a tensor, or plain numbers and strings."""
    name, value = next(iter(attrs.items()))
    if name == "value":
        return value
    if name.startswith("value_string"):
        texts = [v.decode() for v in (value if isinstance(value, list) else [value])]
        return np.array(texts if isinstance(value, list) else texts[0], object)
    if name not in ("value_int", "value_ints", "value_float", "value_floats"):
        raise ValueError(f"a Constant of {name}")
    return np.asarray(value, np.int64 if "int" in name else np.float32)


def _origin(node: onnx.NodeProto) -> Origin:
    """Where the node comes from, as Onward's own files say; else its name."""
    known = {entry.key: entry.value for entry in node.metadata_props}
    name = node.name.removesuffix(f"/{node.op_type}") or node.op_type
    return Origin(known.get("onward.node", name), known.get("onward.op", ""), known.get("onward.layer", ""))


def _stated(proto: onnx.ModelProto) -> dict[str, tuple[np.dtype, Shape | None]]:
    """The types that the file states, or that ONNX infers, by tensor; asked for only where an operator needs them."""
    import onnx

    graphs = [proto.graph]
    if any(n.op_type in CONTROL_FLOW or n.domain not in ("", "ai.onnx") for n in proto.graph.node):
        light = onnx.ModelProto()
        light.CopyFrom(proto)
        for tensor in light.graph.initializer:
            if len(tensor.raw_data) > 1 << 10:
                tensor.raw_data = b""
        try:
            graphs = [onnx.shape_inference.infer_shapes(light).graph]
        except onnx.shape_inference.InferenceError as error:
            raise InvalidSourceError(f"ONNX's own type inference refuses the model: {error}") from error
    found: dict[str, tuple[np.dtype, Shape | None]] = {}
    while graphs:
        graph = graphs.pop()
        for value in (*graph.value_info, *graph.output):
            if value.type.HasField("tensor_type") and value.type.tensor_type.elem_type in ONNX_DTYPES:
                found[value.name] = _tensor_type(value.type.tensor_type)
        graphs.extend(a.g for n in graph.node for a in n.attribute if a.HasField("g"))
    return found


def _tensor_type(proto: onnx.TypeProto.Tensor) -> tuple[np.dtype, Shape | None]:
    if proto.elem_type not in ONNX_DTYPES:
        raise InvalidSourceError(f"tensors of type {proto.elem_type} are not known")
    if not proto.HasField("shape"):
        return ONNX_DTYPES[proto.elem_type], None
    return ONNX_DTYPES[proto.elem_type], tuple(_size(d) for d in proto.shape.dim)


def _size(dim: onnx.TensorShapeProto.Dimension) -> int | Dim:
    if dim.HasField("dim_value"):
        return dim.dim_value
    return symbol(dim.dim_param) if dim.dim_param else unknown()
