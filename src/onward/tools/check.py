"""Which nodes of an ONNX file the installed ONNX Runtime has kernels for on the CPU.

Source: the kernel registry of the installed wheel. A kernel serves a node when its range of versions covers the version
of the operator and every type variable's dtype is among those it was built for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onward.errors import InvalidSourceError, MissingDependencyError

if TYPE_CHECKING:
    import onnx

_OPEN = 2**31 - 1  # the last version of a kernel that serves only the version it begins with
_HALF, _SINGLE = "tensor(float16)", "tensor(float)"


@dataclass(frozen=True)
class Shortfall:
    """A node without a kernel: its name, operator (with the domain, where it is not ONNX's own) and dtypes."""

    node: str
    operator: str
    dtypes: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What a target makes of a model.

    Attributes:
        target: the target's name and version.
        expanded: nodes without a kernel that run as the operators of their definition.
        missing: nodes that nothing runs; the model does not load.
    """

    target: str
    expanded: tuple[Shortfall, ...]
    missing: tuple[Shortfall, ...]

    @property
    def runs(self) -> bool:
        return not self.missing

    def to_json(self) -> dict[str, Any]:
        return {"runs": self.runs, **asdict(self)}


def check(path: str | os.PathLike[str]) -> Verdict:
    """Compares a model's nodes, those of subgraphs included, with ONNX Runtime's CPU kernels.

    Float16 that lacks a kernel counts as run: ONNX Runtime casts it to float32.

    Raises:
        InvalidSourceError: it is no valid ONNX model.
        MissingDependencyError: onnx or onnxruntime is not installed.
    """
    try:
        import onnx
        import onnx.inliner
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(f"check needs onnx and onnxruntime: {error}") from error
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(Path(path), load_external_data=False)
        model = onnx.inliner.inline_local_functions(model)
        lacking = tuple(_lacking(model))
        left, tried = lacking, set[str]()
        while fresh := {fall.operator for fall in left if ":" not in fall.operator} - tried:  # definitions nest
            tried |= fresh
            opset = next((entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), 1)
            names = [("", operator) for operator in sorted(fresh) if _defined(operator, opset)]
            if not names:
                break
            typed = onnx.shape_inference.infer_shapes(model)  # definitions depend on their operands' types
            model = onnx.inliner.inline_selected_functions(typed, names, inline_schema_functions=True)
            left = tuple(_lacking(model))
    except (OSError, DecodeError, onnx.shape_inference.InferenceError) as error:
        raise InvalidSourceError(f"'{path}': {error}") from error
    own, operators = {fall.operator for fall in lacking}, {fall.operator for fall in left}
    # What a definition itself consists of may lack a kernel too: then none of the expanded nodes is known to run.
    astray = bool(operators - own)
    missing = tuple(fall for fall in lacking if astray or fall.operator in operators)
    return Verdict(
        f"onnxruntime {onnxruntime.__version__}", tuple(fall for fall in lacking if fall not in missing), missing
    )


def _lacking(model: onnx.ModelProto) -> Iterator[Shortfall]:
    import onnx

    typed = onnx.shape_inference.infer_shapes(model)
    opsets = {"" if entry.domain == "ai.onnx" else entry.domain: entry.version for entry in typed.opset_import}
    kernels = _kernels()
    for node, types in _nodes(typed.graph, {}):
        domain = "" if node.domain == "ai.onnx" else node.domain
        if not domain and node.op_type in {"Constant", "CastLike"}:
            continue  # become an initializer and a Cast
        version, bound = opsets[domain], {}
        if onnx.defs.has(node.op_type, domain):
            schema = onnx.defs.get_schema(node.op_type, version, domain)
            version, bound = schema.since_version, _bound(schema, node, types)
        serving = [k for k in kernels.get((domain, node.op_type), ()) if _covers(k.version_range, version)]
        if not any(_takes(k.type_constraints, bound) for k in serving):
            operator = f"{domain}:{node.op_type}" if domain else node.op_type
            yield Shortfall(node.name, operator, tuple(sorted(set(bound.values()))))


def _defined(operator: str, opset: int) -> bool:
    """Whether ONNX Runtime uses the operator's definition: none whose operators changed after it was written."""
    import onnx

    schema: Any = onnx.defs.get_schema(operator, opset, "")  # its stubs lack the definitions
    written = [version for version in schema.function_opset_versions if version <= opset]
    if not written:
        return any(version <= opset for version in schema.context_dependent_function_opset_versions)
    body = onnx.FunctionProto.FromString(schema.get_function_with_opset_version(max(written)))
    return all(
        onnx.defs.get_schema(node.op_type, max(written), "").since_version
        == onnx.defs.get_schema(node.op_type, opset, "").since_version
        for node in body.node
    )


def _kernels() -> dict[tuple[str, str], list[Any]]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    found: dict[tuple[str, str], list[Any]] = {}
    for kernel in state.get_all_opkernel_def():
        if kernel.provider == "CPUExecutionProvider":
            domain = "" if kernel.domain == "ai.onnx" else kernel.domain
            found.setdefault((domain, kernel.op_name), []).append(kernel)
    return found


def _covers(versions: tuple[int, int], version: int) -> bool:
    first, last = versions
    return first == version or (first < version <= last and last < _OPEN)


def _takes(allowed: Mapping[str, Any], bound: Mapping[str, str]) -> bool:
    return all(
        dtype in allowed[variable] or (dtype == _HALF and _SINGLE in allowed[variable])
        for variable, dtype in bound.items()
        if variable in allowed
    )


def _bound(schema: onnx.defs.OpSchema, node: onnx.NodeProto, types: Mapping[str, str]) -> dict[str, str]:
    """The dtype of each type variable, of those operands whose types are known; kernels may go by operands' names."""
    bound: dict[str, str] = {}
    for formals, names in ((schema.inputs, node.input), (schema.outputs, node.output)):
        for i, name in enumerate(names):
            if name in types and formals:
                formal = formals[min(i, len(formals) - 1)]
                bound.setdefault(formal.type_str, types[name])
                bound.setdefault(formal.name, types[name])
    return bound


def _nodes(graph: onnx.GraphProto, outer: Mapping[str, str]) -> Iterator[tuple[onnx.NodeProto, Mapping[str, str]]]:
    import onnx

    def text(elem_type: int) -> str:
        name = onnx.TensorProto.DataType.Name(elem_type).lower()
        return f"tensor({name})"

    types = dict(outer)
    for info in (*graph.input, *graph.value_info, *graph.output):
        if info.type.HasField("tensor_type"):
            types[info.name] = text(info.type.tensor_type.elem_type)
    types.update((tensor.name, text(tensor.data_type)) for tensor in graph.initializer)
    for node in graph.node:
        yield node, types
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _nodes(inner, types)
