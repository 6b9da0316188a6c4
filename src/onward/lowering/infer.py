"""Dtypes and shapes of ONNX operators.

ONNX's own inference loses track of symbolic sizes in most operators, so the common ones have a function of ours
(``lowering.shapes``); the rest goes through ``onnx.shape_inference.infer_node_outputs``, each size an opaque name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.dims import Dim, Shape, unknown
from onward.dtypes import ONNX_DTYPES, ONNX_NUMBERS
from onward.errors import MissingDependencyError
from onward.ir import Value
from onward.lowering.layer_shapes import LAYER_SHAPES
from onward.lowering.schema import Signature
from onward.lowering.shapes import SHAPES, Attrs, Inputs

if TYPE_CHECKING:
    import onnx


def infer(
    signature: Signature, inputs: Inputs, attrs: Attrs, node: Callable[[], Any], outputs: int
) -> list[tuple[np.dtype, Shape | None]]:
    """Dtype and shape of every output.

    Args:
        node: makes the operator's NodeProto with inputs ``i0, i1, ..`` and outputs ``o0, o1, ..``; asked for only
            where ONNX's own inference is needed.

    Raises:
        ValueError: shapes or dtypes that contradict each other.
    """
    function = None if signature.domain else SHAPES.get(signature.op) or LAYER_SHAPES.get(signature.op)
    if function is None:
        return _by_onnx(signature, inputs, node(), outputs)
    shapes: Any = function(inputs, attrs if outputs == 1 and "#outputs" in attrs else {**attrs, "#outputs": outputs})
    if shapes is NotImplemented:
        return _by_onnx(signature, inputs, node(), outputs)
    if not isinstance(shapes, list):
        shapes = [shapes]
    return [(_dtype(signature, i, inputs, attrs), shape) for i, shape in enumerate(shapes[:outputs])]


def _dtype(signature: Signature, index: int, inputs: Inputs, attrs: Attrs) -> np.dtype:
    if "to" in attrs:
        return ONNX_DTYPES[attrs["to"]]
    if "output_dtype" in attrs:
        return ONNX_DTYPES[attrs["output_dtype"]]
    if signature.op == "DequantizeLinear":
        return inputs[1].dtype
    if signature.op == "ConstantOfShape":
        value = attrs.get("value")
        return np.dtype("float32") if value is None else value.dtype
    formal = signature.outputs[min(index, len(signature.outputs) - 1)]
    for i, value in enumerate(inputs):
        if value is not None and signature.formal(i).type == formal.type:
            return value.dtype
    if len(formal.dtypes) == 1:
        return next(iter(formal.dtypes))
    raise ValueError(f"the dtype of output {index} of {signature.op} cannot be told")


def _by_onnx(signature: Signature, inputs: Inputs, node: Any, outputs: int) -> list[tuple[np.dtype, Shape | None]]:
    import onnx

    names: dict[str, Dim] = {}
    types, data = {}, {}
    for i, value in enumerate(inputs):
        if value is None:
            continue
        types[f"i{i}"] = _type_proto(value, names)
        elements = value.array if value.is_const and value.const.size <= 64 else None
        if elements is not None and value.dtype in ONNX_NUMBERS and value.dtype.kind in "iufb":
            data[f"i{i}"] = onnx.numpy_helper.from_array(elements)
    proto = onnx.NodeProto.FromString(node.SerializeToString())
    try:
        schema = onnx.defs.get_schema(signature.op, signature.since, signature.domain)
    except onnx.defs.SchemaError as error:
        raise MissingDependencyError(
            f"{signature.op} is younger than the onnx {onnx.__version__} installed here: pip install --upgrade onnx, "
            f"or choose an opset below {signature.since}"
        ) from error
    try:
        found = onnx.shape_inference.infer_node_outputs(schema, proto, types, data)
    except onnx.shape_inference.InferenceError as error:
        raise ValueError(str(error)) from error
    result: list[tuple[np.dtype, Shape | None]] = []
    for i in range(outputs):
        kind = found[f"o{i}"].tensor_type if f"o{i}" in found else None
        if kind is None or not kind.elem_type:
            result.append((_dtype(signature, i, inputs, {}), None))
            continue
        shape = None
        if kind.HasField("shape"):
            shape = tuple(
                d.dim_value if d.HasField("dim_value") else names.get(d.dim_param) or unknown() for d in kind.shape.dim
            )
        result.append((ONNX_DTYPES[kind.elem_type], shape))
    return result


def _type_proto(value: Value, names: dict[str, Dim]) -> onnx.TypeProto:
    import onnx

    proto = onnx.TypeProto()
    proto.tensor_type.elem_type = ONNX_NUMBERS[value.dtype]
    if value.shape is not None:
        shape = proto.tensor_type.shape
        shape.SetInParent()
        for size in value.shape:
            dim = shape.dim.add()
            if isinstance(size, int):
                dim.dim_value = size
            else:
                dim.dim_param = str(size)
                names[dim.dim_param] = size
    return proto
