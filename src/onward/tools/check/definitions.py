"""Operators that ONNX itself defines by others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onward.tools.check.nodes import Operand, View, views

if TYPE_CHECKING:
    import onnx

PASSING = frozenset({"Constant"})  # become weights


def definition(view: View) -> list[View]:
    """The operators that ONNX writes a node with; none where it does not."""
    import onnx
    import onnx.inliner

    if ":" in view.operator or not is_defined(view):
        return []
    inputs = {o.name: _info(o) for o in view.inputs if o is not None and o.tensor is None}
    weights = {o.name: o.tensor for o in view.inputs if o is not None and o.tensor is not None}
    outputs = [_info(o) for o in view.outputs if o is not None]
    graph = onnx.helper.make_graph(
        [spelled_out(view)], "definition", list(inputs.values()), outputs, list(weights.values())
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", view.opset)])
    names = [("", view.proto.op_type)]
    inlined = onnx.inliner.inline_selected_functions(model, names, inline_schema_functions=True)
    if any(node.op_type == view.proto.op_type for node in inlined.graph.node):
        return []
    typed = onnx.shape_inference.infer_shapes(inlined)
    return [part for part in views(typed) if part.operator not in PASSING]


def spelled_out(view: View) -> onnx.NodeProto:
    """The node with the defaults of its attributes, without which the inliner leaves holes."""
    import onnx

    node = onnx.NodeProto()
    node.CopyFrom(view.proto)
    given = {attribute.name for attribute in node.attribute}
    declared = {} if view.schema is None else view.schema.attributes
    node.attribute.extend(
        attribute.default_value
        for name, attribute in declared.items()
        if name not in given and attribute.default_value.type
    )
    return node


def is_defined(view: View) -> bool:
    """Whether ONNX defines the node's operator by others."""
    schema: Any = view.schema  # its stubs lack the definitions
    return schema is not None and (schema.has_function or schema.has_context_dependent_function)


def is_used(operator: str, opset: int) -> bool:
    """Whether ONNX Runtime uses the operator's definition: none whose operators changed after it was written."""
    import onnx

    schema: Any = onnx.defs.get_schema(operator, opset, "")
    written = [version for version in schema.function_opset_versions if version <= opset]
    if not written:
        return any(version <= opset for version in schema.context_dependent_function_opset_versions)
    body = onnx.FunctionProto.FromString(schema.get_function_with_opset_version(max(written)))
    return all(
        onnx.defs.get_schema(node.op_type, max(written), "").since_version
        == onnx.defs.get_schema(node.op_type, opset, "").since_version
        for node in body.node
    )


def _info(operand: Operand) -> onnx.ValueInfoProto:
    import onnx

    if not operand.dtype:
        return onnx.helper.make_empty_tensor_value_info(operand.name)
    number = onnx.TensorProto.DataType.Value(operand.dtype.upper())
    return onnx.helper.make_tensor_value_info(operand.name, number, operand.shape)
