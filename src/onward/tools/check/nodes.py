"""A model's nodes with all that is known of their operands: dtypes, shapes, and which are constant."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.dtypes import ONNX_DTYPES, SCHEMA_NAMES
from onward.errors import InvalidArgumentError, InvalidSourceError, MissingDependencyError
from onward.tools import onnx_file

if TYPE_CHECKING:
    import onnx

SMALL = 1 << 14  # bytes of a constant whose values may matter


@dataclass(frozen=True)
class Operand:
    """A tensor: its dtype in ONNX's words ("" if unknown), its shape as far as known, and its values if constant."""

    name: str
    dtype: str = ""
    shape: tuple[int | str | None, ...] | None = None
    tensor: onnx.TensorProto | None = None

    @property
    def constant(self) -> bool:
        return self.tensor is not None

    @property
    def static(self) -> bool:
        return self.shape is not None and all(isinstance(size, int) for size in self.shape)

    @property
    def values(self) -> np.ndarray | None:
        """The values of a small constant."""
        import onnx

        if self.tensor is None or self.tensor.data_location == onnx.TensorProto.EXTERNAL:
            return None
        small = math.prod(self.tensor.dims) * 8 <= SMALL
        return onnx.numpy_helper.to_array(self.tensor) if small else None


@dataclass(frozen=True)
class View:
    """A node.

    Attributes:
        operator: its type, with the domain unless that is ONNX's own.
        version: the version of the operator that the model's ``opset`` means.
        inputs, outputs: operands; None where one is left out.
        layer, source: the Keras layer and TensorFlow node that it comes from, where the file says so.
    """

    proto: onnx.NodeProto
    operator: str
    version: int
    opset: int
    inputs: tuple[Operand | None, ...]
    outputs: tuple[Operand | None, ...]
    schema: onnx.defs.OpSchema | None = field(repr=False, default=None)
    layer: str = ""
    source: str = ""

    def operand(self, name: str) -> Operand | None:
        """An input by the name that the operator's definition gives it."""
        formals = [] if self.schema is None else [formal.name for formal in self.schema.inputs]
        position = formals.index(name) if name in formals else len(self.inputs)
        return self.inputs[position] if position < len(self.inputs) else None

    def attribute(self, name: str) -> Any:
        """An attribute's value, or its default; None where there is none."""
        import onnx

        for attribute in self.proto.attribute:
            if attribute.name == name:
                value = onnx.helper.get_attribute_value(attribute)
                return value.decode() if isinstance(value, bytes) else value
        declared = None if self.schema is None else self.schema.attributes.get(name)
        if declared is None or not declared.default_value.type:
            return None
        value = onnx.helper.get_attribute_value(declared.default_value)
        return value.decode() if isinstance(value, bytes) else value

    def bound(self) -> dict[str, str]:
        """The dtype of each type variable and operand of the definition, as far as known."""
        found: dict[str, str] = {}
        if self.schema is None:
            return found
        for formals, operands in ((self.schema.inputs, self.inputs), (self.schema.outputs, self.outputs)):
            for i, operand in enumerate(operands):
                if operand is not None and operand.dtype and formals:
                    formal = formals[min(i, len(formals) - 1)]
                    found.setdefault(formal.type_str, operand.dtype)
                    found.setdefault(formal.name, operand.dtype)
        return found


def called(node: onnx.NodeProto) -> str:
    """A node's name; many tools give none, and then that of what it makes, which is unique, stands for it."""
    return node.name or next((name for name in node.output if name), "")


def read(path: str | os.PathLike[str], dims: Mapping[str, int] | None = None) -> onnx.ModelProto:
    """A model without its large weights, its functions inlined and its types inferred.

    Args:
        dims: sizes to fix dynamic dimensions at, by their names, or by ``input:axis`` where they have none.

    Raises:
        InvalidSourceError: it is no valid ONNX model.
        InvalidArgumentError: no dimension has that name.
        MissingDependencyError: onnx is not installed.
    """
    try:
        import onnx
        import onnx.inliner
    except ImportError as error:
        raise MissingDependencyError(f"check needs onnx: {error}") from error
    model, _ = onnx_file.read(Path(path))
    try:
        fix(model, dims or {})
        model = onnx.inliner.inline_local_functions(model)
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise InvalidSourceError(f"'{path}': {error}") from error


def fix(model: onnx.ModelProto, dims: Mapping[str, int]) -> None:
    """Gives dynamic dimensions a size, by name wherever they stand, or ``input:axis``.

    Raises:
        InvalidArgumentError: no dimension of an input has that name, or the size is none.
    """
    if not dims:
        return
    known = {}
    for port in model.graph.input:
        for axis, dim in enumerate(port.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value"):
                known[f"{port.name}:{axis}"] = dim
                known.update({dim.dim_param: dim} if dim.dim_param else {})
    for name, size in dims.items():
        if size < 1:
            raise InvalidArgumentError(f"dimension '{name}' cannot be {size}")
        if name not in known:
            found = ", ".join(known) or "none is dynamic"
            raise InvalidArgumentError(f"no dynamic dimension '{name}' among the inputs' ({found})")
        known[name].dim_value = size
    for port in model.graph.output:
        for dim in port.type.tensor_type.shape.dim:
            if dim.dim_param in dims:
                dim.dim_value = dims[dim.dim_param]
    del model.graph.value_info[:]  # inferred anew, with the sizes


def views(model: onnx.ModelProto) -> Iterator[View]:
    """The nodes, those of subgraphs after the node that holds them."""
    opsets = {"" if entry.domain == "ai.onnx" else entry.domain: entry.version for entry in model.opset_import}
    yield from _views(model.graph, opsets, {})


def _views(graph: onnx.GraphProto, opsets: Mapping[str, int], outer: Mapping[str, Operand]) -> Iterator[View]:
    import onnx

    known = dict(outer)
    for info in (*graph.input, *graph.value_info, *graph.output):
        if info.type.HasField("tensor_type"):
            known[info.name] = _operand(info)
    for tensor in graph.initializer:
        known[tensor.name] = Operand(tensor.name, _dtype(tensor.data_type), tuple(tensor.dims), tensor)
    for node in graph.node:
        domain = "" if node.domain == "ai.onnx" else node.domain
        if node.op_type == "Constant" and not domain:
            held = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
            known[node.output[0]] = Operand(
                node.output[0],
                known.get(node.output[0], Operand("")).dtype,
                known.get(node.output[0], Operand("")).shape,
                held if held is not None else _plain(node),
            )
        version = opset = opsets.get(domain, 1)
        schema = None
        if onnx.defs.has(node.op_type, version, domain):
            schema = onnx.defs.get_schema(node.op_type, version, domain)
            version = schema.since_version
        said = {entry.key: entry.value for entry in node.metadata_props}
        inputs, outputs = (
            tuple(known.get(name, Operand(name)) if name else None for name in side)
            for side in (node.input, node.output)
        )
        yield View(
            node,
            f"{domain}:{node.op_type}" if domain else node.op_type,
            version,
            opset,
            inputs,
            outputs,
            schema,
            said.get("onward.layer", ""),
            said.get("onward.node", ""),
        )
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _views(inner, opsets, known)


def _plain(node: onnx.NodeProto) -> onnx.TensorProto | None:
    """What a Constant of plain numbers holds."""
    import onnx

    for attribute in node.attribute:
        if attribute.name in ("value_int", "value_ints", "value_float", "value_floats"):
            dtype = np.int64 if "int" in attribute.name else np.float32
            return onnx.numpy_helper.from_array(np.asarray(onnx.helper.get_attribute_value(attribute), dtype))
    return None


def _operand(info: onnx.ValueInfoProto) -> Operand:
    tensor = info.type.tensor_type
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in tensor.shape.dim)
    return Operand(info.name, _dtype(tensor.elem_type), shape)


def _dtype(number: int) -> str:
    import onnx

    dtype = ONNX_DTYPES.get(number)
    if dtype is not None:
        return SCHEMA_NAMES[dtype]
    return onnx.TensorProto.DataType.Name(number).lower() if number else ""


def compute(view: View) -> int:
    """The multiplications and additions of an operator that multiplies matrices, a dynamic size counted as 1."""
    shapes = [_sizes(operand) for operand in view.inputs]
    out = _sizes(view.outputs[0] if view.outputs else None)
    kind = view.operator
    if kind in ("Conv", "ConvTranspose") and len(shapes) > 1:
        each = math.prod(shapes[1][1:])  # a weight is (out, in / group, ...), transposed (in, out / group, ...)
        return math.prod(out if kind == "Conv" else shapes[0]) * each
    if kind in ("MatMul", "Gemm") and len(shapes) > 1 and shapes[0]:
        inner = shapes[0][0] if kind == "Gemm" and view.attribute("transA") else shapes[0][-1]
        return math.prod(out) * inner
    if kind in ("LSTM", "GRU", "RNN") and len(shapes) > 2:
        return math.prod(shapes[0][:2]) * (math.prod(shapes[1]) + math.prod(shapes[2]))
    return 0


def _sizes(operand: Operand | None) -> tuple[int, ...]:
    if operand is None or operand.shape is None:
        return ()
    return tuple(size if isinstance(size, int) else 1 for size in operand.shape)
