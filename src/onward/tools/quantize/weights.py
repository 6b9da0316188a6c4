"""Weights in few bits by standard operators alone: int8 channels, int8 rows of tables, int4 blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onward.tools.quantize.message import Message
from onward.tools.quantize.plan import FLOAT_OUTPUT, WEIGHT_INPUTS, channel_axis

if TYPE_CHECKING:
    import onnx

BLOCK = 32  # weights that share a scale in int4
INT8, INT4 = 127, 7  # the largest magnitudes; -128 and -8 go unused, so that both signs are alike
INT4_TYPE = 22  # TensorProto.INT4
ENDING = {"weights": "i8", "rows": "r8", "blocks": "i4"}  # of names, which are many and should be short


def rounded(
    array: NDArray[Any], axis: int, largest: int = INT8, floor: NDArray[Any] | float = 0.0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Symmetric integers, and the scale of each slice along `axis`, which is `floor` at least."""
    others = tuple(i for i in range(array.ndim) if i != axis)
    shape = [-1 if i == axis else 1 for i in range(array.ndim)]
    scale = _scale(np.abs(array).max(axis=others, keepdims=True), largest)
    scale = np.maximum(scale, np.reshape(np.asarray(floor, np.float32), shape))
    return _integers(array / scale, largest), scale.reshape(-1)


def blocks(array: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Symmetric 4-bit integers of a matrix (in, out), and scales (in / 32, out): each column is cut into blocks."""
    rows, columns = array.shape
    count = -(-rows // BLOCK)
    padded = np.zeros((count * BLOCK, columns), np.float32)
    padded[:rows] = array
    cut = padded.reshape(count, BLOCK, columns)
    scale = _scale(np.abs(cut).max(axis=1, keepdims=True), INT4)
    return _integers(cut / scale, INT4).reshape(-1, columns)[:rows], scale[:, 0]


def approximated(array: NDArray[Any], treatment: str, axis: int) -> NDArray[Any]:
    """What the weights are once they are quantised, in float32."""
    if treatment == "blocks":
        integers, scale = blocks(array)
        return (integers * np.repeat(scale, BLOCK, axis=0)[: len(array)]).astype(np.float32)
    integers, scale = rounded(array, axis)
    shape = [-1 if i == axis else 1 for i in range(array.ndim)]
    return (integers * scale.reshape(shape)).astype(np.float32)


def store(
    model: Message, nodes: Mapping[str, str], largest: int = INT8, floors: Mapping[str, NDArray[Any]] | None = None
) -> None:
    """Gives nodes their weights in few bits.

    Args:
        nodes: names, and the treatment of each: ``weights``, ``rows`` or ``blocks``.
        largest: of the integers of channels.
        floors: the least scale of each channel, by node.
    """
    for node in list(model.proto.graph.node):
        treatment = nodes.get(node.name)
        if treatment == "rows":
            _rows(model, node)
        elif treatment is not None:
            for index in WEIGHT_INPUTS[node.op_type]:
                floor = (floors or {}).get(node.name, 0.0)
                node.input[index] = _dequantised(model, node, node.input[index], treatment, largest, floor)


def _dequantised(
    model: Message, node: onnx.NodeProto, weight: str, treatment: str, largest: int, floor: NDArray[Any] | float
) -> str:
    """The name of a weight that is stored in integers and made float where it is used."""
    name = f"{weight}/{ENDING[treatment]}"
    if name not in model.makers:
        array = model.array(weight)
        if treatment == "blocks":
            integers, scale = blocks(array)
            _constant4(model, integers, f"{name}q")
            settings: dict[str, Any] = {"axis": 0, "block_size": BLOCK}
        else:
            axis = channel_axis(node, array.ndim)
            integers, scale = rounded(array, axis, largest, floor)
            model.constant(integers.astype(np.int8), f"{name}q")
            settings = {"axis": axis}
        inputs = [f"{name}q", model.constant(scale, f"{name}s")]
        if node.op_type in FLOAT_OUTPUT and treatment != "blocks":
            # ONNX Runtime makes an integer kernel of such a product only if a zero point is stated.
            inputs.append(model.constant(np.zeros(scale.shape, np.int8), f"{name}z"))
        model.node("DequantizeLinear", inputs, name, node, **settings)
    return name


def _rows(model: Message, node: onnx.NodeProto) -> None:
    """Looks up integers and the scales of their rows, and multiplies: only what was looked up becomes float."""
    table, output = node.input[0], node.output[0]
    name = f"{table}/{ENDING['rows']}"
    if f"{name}q" not in model.constants:
        integers, scale = rounded(model.array(table), 0)
        model.constant(integers.astype(np.int8), f"{name}q")
        model.constant(scale.reshape(-1, 1), f"{name}s")
    found = model.node("Gather", [f"{name}q", node.input[1]], f"{output}/stored", node, name=node.name, axis=0)
    number = model.node("Cast", [found], f"{output}/number", node, to=1)
    row = model.node("Gather", [f"{name}s", node.input[1]], f"{output}/scale", node, axis=0)
    node.op_type, node.name = "Mul", f"{node.name}/scaled"
    del node.input[:], node.attribute[:]
    node.input.extend([number, row])


def _constant4(model: Message, integers: NDArray[Any], name: str) -> None:
    """Adds int4, two in a byte, the first in the lower half."""
    flat = integers.reshape(-1).astype(np.int8).view(np.uint8) & 15
    flat = np.append(flat, np.zeros(flat.size % 2, np.uint8))
    tensor = model.proto.graph.initializer.add(name=name, data_type=INT4_TYPE, dims=integers.shape)
    tensor.raw_data = (flat[::2] | flat[1::2] << 4).tobytes()
    model.constants[name] = tensor


def _scale(largest: NDArray[Any], integers: int) -> NDArray[Any]:
    """One step; 1 where everything is zero."""
    step = (largest / integers).astype(np.float32)
    return np.where(step > np.finfo(np.float32).tiny, step, np.float32(1))


def _integers(steps: NDArray[Any], largest: int) -> NDArray[Any]:
    return np.clip(np.rint(steps), -largest, largest)
