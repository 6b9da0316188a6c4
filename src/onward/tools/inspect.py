"""What a file holds: an ONNX model, or anything that can be converted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onward.dtypes import ONNX_DTYPES, label
from onward.errors import MissingOp, UnsupportedOpsError
from onward.lowering import Context
from onward.options import Options
from onward.reporting import Bars, Facts, Mark, Page, Reported, Section, of_missing
from onward.sources import open_source
from onward.tools import onnx_file
from onward.tools.report import Port, count, histogram_text, ports_section, size_text

if TYPE_CHECKING:
    import onnx

    from onward.graph import Graph


@dataclass(frozen=True)
class Signature:
    """What can be called: the inputs and outputs of a model, or of one signature of a SavedModel."""

    name: str
    inputs: Sequence[Port]
    outputs: Sequence[Port]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        ports = {"inputs": self.inputs, "outputs": self.outputs}
        return {"name": self.name, **{k: [port.to_dict() for port in v] for k, v in ports.items()}}

    def lines(self) -> list[str]:
        """As text, a line for each input and output."""
        return [f"  input    {port}" for port in self.inputs] + [f"  output   {port}" for port in self.outputs]


@dataclass(frozen=True)
class OnnxFile(Reported):
    """An ONNX model.

    Attributes:
        ops: how many nodes there are of each operator, subgraphs included.
        external: the files that hold weights, and whether each is there.
        dynamic: the names of the dimensions that are no plain numbers.
    """

    path: str
    signature: Signature
    opsets: Mapping[str, int]
    ir_version: int
    producer: str
    ops: Mapping[str, int]
    parameters: int
    weight_bytes: int
    external: Mapping[str, bool]
    dynamic: Sequence[str]
    metadata: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        values = {k: v for k, v in vars(self).items() if k != "signature"}
        return {"kind": "ONNX", **self.signature.to_dict(), **values, "nodes": sum(self.ops.values())}

    def page(self) -> Page:
        """The same, on a page."""
        return Page(
            self.path,
            f"ONNX, {sum(self.ops.values()):,} nodes",
            None,
            {"nodes": sum(self.ops.values()), "parameters": self.parameters, "weights": size_text(self.weight_bytes)},
            [
                ports_section(self.signature.inputs, self.signature.outputs),
                Section(
                    "File",
                    [
                        Facts(
                            {
                                "opsets": [f"{domain or 'ai.onnx'} {v}" for domain, v in self.opsets.items()],
                                "IR version": self.ir_version,
                                "written by": self.producer or "unknown",
                                "dynamic sizes": list(self.dynamic) or "none",
                                **{
                                    f"weights in {f}": Mark("ok", "there") if there else Mark("fail", "missing")
                                    for f, there in self.external.items()
                                },
                                **self.metadata,
                            }
                        )
                    ],
                ),
                Section("Operators", [Bars(self.ops, caption="Nodes of each operator, subgraphs included")]),
            ],
        )

    def __str__(self) -> str:
        opsets = ", ".join(f"{domain or 'ai.onnx'} {version}" for domain, version in self.opsets.items())
        lines = [
            f"{self.path}: ONNX, opset {opsets}, IR {self.ir_version}, by {self.producer or 'unknown'}",
            *self.signature.lines(),
            f"  dynamic  {', '.join(self.dynamic) or 'nothing'}",
            f"  weights  {self.parameters:,} parameters, {size_text(self.weight_bytes)}",
            f"  nodes    {sum(self.ops.values())}: {histogram_text(self.ops)}",
        ]
        lines.extend(f"  data in  {name}{'' if there else ' (missing)'}" for name, there in self.external.items())
        lines.extend(f"  {key}: {value}" for key, value in self.metadata.items())
        return "\n".join(lines)


@dataclass(frozen=True)
class SourceFile(Reported):
    """Something that can be converted.

    Attributes:
        signatures: all of them, for a SavedModel.
        chosen: the one that the figures below are of.
        ops: TensorFlow's ops and how many nodes there are of each; bodies of control flow not included.
        missing: the ops that Onward cannot convert.
    """

    path: str
    signatures: Sequence[Signature]
    chosen: Signature
    ops: Mapping[str, int]
    parameters: int
    weight_bytes: int
    opset: int
    missing: Sequence[MissingOp] = field(default=())

    @property
    def kind(self) -> str:
        """Whose format it is."""
        return "TFLite" if self.path.endswith(".tflite") else "TensorFlow"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "kind": self.kind,
            "path": self.path,
            "signatures": [signature.to_dict() for signature in self.signatures],
            **self.chosen.to_dict(),
            "nodes": sum(self.ops.values()),
            "ops": dict(self.ops),
            "parameters": self.parameters,
            "weight_bytes": self.weight_bytes,
            "opset": self.opset,
            "missing": [vars(m) for m in self.missing],
        }

    def page(self) -> Page:
        """The same, on a page."""
        others = [s for s in self.signatures if s.name != self.chosen.name]
        missing = f"{len(self.missing)} ops cannot be converted" if self.missing else "every op can be converted"
        return Page(
            self.path,
            f"{self.kind}: {missing} at opset {self.opset}",
            "fail" if self.missing else "ok",
            {"nodes": sum(self.ops.values()), "parameters": self.parameters, "weights": size_text(self.weight_bytes)},
            [
                *of_missing(self.missing),
                ports_section(self.chosen.inputs, self.chosen.outputs),
                *(ports_section(s.inputs, s.outputs, f"Signature {s.name}") for s in others),
                Section(
                    "Operators", [Bars(self.ops, caption="TensorFlow nodes of each op, bodies of loops not included")]
                ),
            ],
        )

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.kind}"]
        for signature in self.signatures:
            lines += [f"signature {signature.name}", *signature.lines()]
        lines += [f"converts as {self.chosen.name}", *self.chosen.lines()]
        lines += [
            f"  weights  {self.parameters:,} parameters, {size_text(self.weight_bytes)}",
            f"  nodes    {sum(self.ops.values())}: {histogram_text(self.ops)}",
            f"  missing  {missing_text(self.missing)} at opset {self.opset}",
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class MissingOps(Reported):
    """The ops of a source that cannot be converted to an opset."""

    path: str
    opset: int
    missing: Sequence[MissingOp]

    def page(self) -> Page:
        """The same, on a page."""
        found = f"{len(self.missing) or 'no'} ops missing at opset {self.opset}"
        return Page(self.path, found, "fail" if self.missing else "ok", {}, of_missing(self.missing))

    def __str__(self) -> str:
        lines = [f"{m.op}  {m.count} node{'s' * (m.count != 1)}, first at {m.first}: {m.reason}" for m in self.missing]
        return "\n".join([*lines, f"{self.path}: {len(self.missing) or 'no'} ops missing at opset {self.opset}"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"path": self.path, "opset": self.opset, "missing": [vars(m) for m in self.missing]}


def inspect(path: str | os.PathLike[str], options: Options | None = None) -> OnnxFile | SourceFile:
    """Looks into a file.

    Args:
        path: an ONNX model (``.onnx``), or anything that ``convert`` takes.
        options: as for ``convert``; signature, inputs, outputs and opset say what of a source to look at.

    Raises:
        InvalidSourceError: it cannot be read.
        InvalidArgumentError: the options do not fit it.
    """
    return _onnx(Path(path)) if Path(path).suffix.lower() == ".onnx" else _source(Path(path), options or Options())


def missing_ops(graph: Graph, opset: int) -> tuple[MissingOp, ...]:
    """The ops of a graph that have no lowering."""
    try:
        Context(graph, opset).scan()
    except UnsupportedOpsError as error:
        return error.missing
    return ()


def missing_text(missing: Sequence[MissingOp]) -> str:
    """``none``, or the ops and how many nodes there are of each."""
    return ", ".join(f"{m.op} {m.count}" for m in missing) or "none"


# --- sources ----------------------------------------------------------------------------------------------------------


def _source(path: Path, options: Options) -> SourceFile:
    graph = open_source(path, options)
    weights = [node.value for node in graph.nodes() if getattr(node.value, "nbytes", None) is not None]
    inputs = [Port(i.name, label(i.dtype), i.shape) for i in graph.inputs]
    outputs = [Port(o.name, "", o.tensor.shape) for o in graph.outputs]
    signatures = _signatures(path, options)
    known = {port.name: port for signature in signatures for port in signature.outputs}
    outputs = [known.get(port.name, port) for port in outputs]
    return SourceFile(
        path=str(path),
        signatures=signatures,
        chosen=Signature(graph.name, inputs, outputs),
        ops=count([node.op for node in graph.nodes()]),
        parameters=sum(int(weight.size) for weight in weights),
        weight_bytes=sum(int(weight.nbytes) for weight in weights),
        opset=options.opset,
        missing=missing_ops(graph, options.opset),
    )


def _signatures(path: Path, options: Options) -> list[Signature]:
    if path.suffix == ".tflite":
        from onward.sources.tflite import describe

        return [
            Signature(name, *([Port(n, label(t.dtype), t.shape) for n, t in tensors.items()] for tensors in ends))
            for name, ends in describe(path).items()
        ]
    if not (path / "saved_model.pb").is_file():
        return []
    from onward.sources.saved_model import describe_saved_model

    return [
        Signature(
            name,
            [Port(i.name, label(i.dtype), i.shape) for i in found.inputs],
            [Port(o.name, label(o.dtype), o.shape) for o in found.outputs],
        )
        for name, found in describe_saved_model(path, options.tag).items()
    ]


# --- ONNX -------------------------------------------------------------------------------------------------------------


def _onnx(path: Path) -> OnnxFile:
    model, _ = onnx_file.read(path)
    graph = model.graph
    weights = list(_weights(graph))
    initialized = {tensor.name for tensor in graph.initializer}
    ports = Signature(
        graph.name,
        [_port(value) for value in graph.input if value.name not in initialized],
        [_port(value) for value in graph.output],
    )
    dims = [d for port in (*ports.inputs, *ports.outputs) for d in port.shape or () if not isinstance(d, int)]
    files = {e.value for t in weights for e in t.external_data if e.key == "location"}
    return OnnxFile(
        path=str(path),
        signature=ports,
        opsets={o.domain: o.version for o in model.opset_import},
        ir_version=model.ir_version,
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        ops=count([f"{n.domain}.{n.op_type}" if n.domain else n.op_type for n in _nodes(graph)]),
        parameters=sum(_elements(t) for t in weights),
        weight_bytes=sum(_bytes(t) for t in weights),
        external={name: (path.parent / name).is_file() for name in sorted(files)},
        dynamic=list(dict.fromkeys(d or "?" for d in dims)),
        metadata={p.key: p.value for p in model.metadata_props},
    )


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph and those in the attributes of its nodes."""
    stack = [graph]
    while stack:
        current = stack.pop()
        yield current
        for node in current.node:
            for attribute in node.attribute:
                stack.extend([attribute.g] if attribute.HasField("g") else attribute.graphs)


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for part in _graphs(graph):
        yield from part.node


def _weights(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    for part in _graphs(graph):
        yield from part.initializer


def _elements(tensor: onnx.TensorProto) -> int:
    size = 1
    for dim in tensor.dims:
        size *= dim
    return size


def _bytes(tensor: onnx.TensorProto) -> int:
    if tensor.string_data:
        return sum(map(len, tensor.string_data))
    dtype = ONNX_DTYPES.get(tensor.data_type)
    bits = 0 if dtype is None else 4 if dtype.name in ("int4", "uint4") else dtype.itemsize * 8
    return -(-_elements(tensor) * bits // 8)


def _port(value: onnx.ValueInfoProto) -> Port:
    kind = value.type.WhichOneof("value") or "unknown"
    if kind != "tensor_type":
        return Port(value.name, kind.removesuffix("_type"), None)
    tensor = value.type.tensor_type
    dtype = ONNX_DTYPES.get(tensor.elem_type)
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in tensor.shape.dim)
    return Port(value.name, "?" if dtype is None else label(dtype), shape)
