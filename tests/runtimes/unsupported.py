"""Models that are valid ONNX and that ONNX Runtime's builds for JavaScript do not load; ``check`` must say so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import TensorProto as T
from onnx import helper

Ports = Sequence[tuple[str, int, list[int | str]]]


def _one(op: str, opset: int, inputs: Ports, outputs: Ports, **attributes: object) -> onnx.ModelProto:
    node = helper.make_node(op, [name for name, *_ in inputs], [name for name, *_ in outputs], **attributes)
    ends = [[helper.make_tensor_value_info(*port) for port in ports] for ports in (inputs, outputs)]
    graph = helper.make_graph([node], op, *ends)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def _square(dtype: int, *names: str) -> Ports:
    return [(name, dtype, [2, 2]) for name in names]


MODELS = {
    "bfloat16_product": _one("MatMul", 21, _square(T.BFLOAT16, "a", "b"), _square(T.BFLOAT16, "y")),
    "double_convolution": _one(
        "Conv", 21, [("x", T.DOUBLE, [1, 1, 4, 4]), ("w", T.DOUBLE, [1, 1, 2, 2])], [("y", T.DOUBLE, [1, 1, 3, 3])]
    ),
    "double_gelu": _one("Gelu", 21, _square(T.DOUBLE, "x"), _square(T.DOUBLE, "y")),
    "double_determinant": _one("Det", 21, _square(T.DOUBLE, "x"), [("y", T.DOUBLE, [])]),
    "image_decoder": _one("ImageDecoder", 20, [("x", T.UINT8, ["n"])], [("y", T.UINT8, ["h", "w", 3])]),
    "random_22": _one("RandomUniformLike", 22, _square(T.FLOAT, "x"), _square(T.FLOAT, "y")),
    "max_roi_pool_22": _one(
        "MaxRoiPool", 22, [("x", T.FLOAT, [1, 1, 4, 4]), ("r", T.FLOAT, [1, 5])], [("y", T.FLOAT, [1, 1, 1, 1])],
        pooled_shape=[1, 1],
    ),
    "global_lp_pool_22": _one("GlobalLpPool", 22, [("x", T.FLOAT, [1, 1, 4, 4])], [("y", T.FLOAT, [1, 1, 1, 1])]),
}  # fmt: skip
# The same operator at the newest opset that these builds know, and at one that is newer than they are.
KNOWN_OPSET = _one("Relu", 26, _square(T.FLOAT, "x"), _square(T.FLOAT, "y"))
NEWER_OPSET = _one("Relu", 27, _square(T.FLOAT, "x"), _square(T.FLOAT, "y"))


def write(folder: Path) -> dict[str, Path]:
    """The files of all of them, by name."""
    found = {}
    for name, model in MODELS.items():
        onnx.checker.check_model(model)
        found[name] = folder / f"{name}.onnx"
        onnx.save(model, found[name])
    return found
