"""A file on its way to being quantised: refused if it cannot be, at an opset that runs, tidied by Onward's passes."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.lowering.schema import MAX_OPSET
from onward.program import LIMIT, ONNXProgram
from onward.tools import onnx_file
from onward.tools.load import load
from onward.tools.quantize.message import Message, attribute

if TYPE_CHECKING:
    import onnx

# Operators that a quantised model has: it was quantised already.
QUANTISED = frozenset(
    {"ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul"}
    | {"QuantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "MatMulNBits", "QGemm", "QLinearAdd"}
)
BLOCKS_SINCE = 21  # of int4, and of a scale for each block, in DequantizeLinear


@contextmanager
def readable(path: Path, kind: str, notes: list[str]) -> Iterator[Path]:
    """The file, or a copy at an opset at which the result will run; `notes` says so.

    Raises:
        InvalidSourceError: it is no ONNX model, or cannot be brought to such an opset.
        InvalidArgumentError: it is quantised already.
    """
    import onnx

    proto, opset = onnx_file.read(path)
    refuse_quantised(proto, path)
    wanted = BLOCKS_SINCE if kind == "int4" and opset < BLOCKS_SINCE else opset
    wanted = BLOCKS_SINCE if opset > MAX_OPSET else wanted  # ONNX Runtime's CPU has no Q and DQ of opset 28
    if wanted == opset:
        yield path
        return
    why = (
        f"int4 needs opset {BLOCKS_SINCE}"
        if opset < BLOCKS_SINCE
        else "ONNX Runtime's CPU has no kernels of opset 28 for QuantizeLinear and DequantizeLinear"
    )
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / path.name
        try:
            onnx.save(onnx.version_converter.convert_version(onnx.load(path), wanted), changed)
        except (RuntimeError, ValueError) as error:  # what the converter cannot do, or a model beyond 2 GB
            raise InvalidSourceError(
                f"'{path}' is of opset {opset}, and {why}; it cannot be brought to {wanted} ({str(error).strip()}): "
                f"convert the source to opset {wanted}"
            ) from error
        notes.append(f"brought from opset {opset} to {wanted}: {why}")
        yield changed


def refuse_quantised(proto: onnx.ModelProto, path: Path) -> None:
    """Stops at a model that is quantised already."""
    found = Counter(node.op_type for node in proto.graph.node if node.op_type in QUANTISED)
    if found:
        count = ", ".join(f"{op} {number}" for op, number in found.most_common(3))
        raise InvalidArgumentError(
            f"'{path}' is quantised already ({count}): quantise the float model that it was made of. Of a quantised "
            "TFLite file, onward convert --dequantize makes one"
        )


def message(path: Path, kind: str) -> Message:
    """The model in memory: constants folded, batch norms in the convolutions, every node with a name of its own."""
    proto = message_of(load(path, optimised=True))
    names = Counter[str]()
    for node in proto.graph.node:
        name = node.name or node.op_type
        names[name] += 1
        node.name = name if names[name] == 1 else f"{name}_{names[name]}"
    found = Message(proto)
    if kind != "int8":
        for node in [node for node in proto.graph.node if node.op_type == "Gemm"]:
            _spread(found, node)
        found = Message(found.finish())
    return found


def message_of(program: ONNXProgram) -> onnx.ModelProto:
    """A program's message in memory, also where it is too large to be serialised at once."""
    import onnx

    if program.report.weight_bytes < LIMIT // 2:
        return program.model_proto
    with tempfile.TemporaryDirectory() as folder:
        return onnx.load(program.save(Path(folder) / "model.onnx", external_data=True))


def _spread(model: Message, node: onnx.NodeProto) -> None:
    """Turns a Gemm with constant weights into MatMul and Add, the form that dynamic kernels and blocks of int4 know."""
    if attribute(node, "transA", 0) or not model.is_weight(node.input[1]):
        return
    alpha, beta = attribute(node, "alpha", 1.0), attribute(node, "beta", 1.0)
    biased = len(node.input) > 2 and node.input[2]
    if biased and beta != 1 and not model.is_weight(node.input[2]):
        return
    weight, product = node.input[1], node.output[0]
    if attribute(node, "transB", 0) or alpha != 1:
        array = model.array(weight)
        array = (array.T if attribute(node, "transB", 0) else array) * array.dtype.type(alpha)
        weight = model.constant(array, f"{node.name}/weights")
    name, output = node.name, node.output[0]
    if biased:
        bias = node.input[2]
        if beta != 1:
            bias = model.constant(model.array(bias) * model.array(bias).dtype.type(beta), f"{name}/bias")
        product = f"{name}/product"
        model.node("MatMul", [node.input[0], weight], product, node, name=name)
        node.op_type, node.name = "Add", f"{name}/add"
        del node.input[:], node.attribute[:]
        node.input.extend([product, bias])
        node.output[0] = output
        return
    node.op_type = "MatMul"
    del node.attribute[:]
    node.input[1] = weight
