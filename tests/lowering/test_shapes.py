"""The shapes and dtypes that Onward infers for larger operators are those that ONNX infers, where ONNX knows them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from onward import ir
from onward.dims import symbol
from onward.lowering.builder import Builder, _proto
from onward.lowering.infer import _by_onnx, infer
from onward.lowering.layer_shapes import LAYER_SHAPES
from onward.lowering.schema import signature

F, I8, I64 = "float32", "int8", "int64"
X = (F, ("batch", 6, 8))
PICTURE = (F, ("batch", 8, 4, 6))
LSTM = [(F, (5, "batch", 3)), (F, (1, 16, 3)), (F, (1, 16, 4))]
BOTH = [(F, ("time", 2, 3)), (F, (2, 12, 3)), (F, (2, 12, 4))]

# Operator, inputs as dtype and shape or as arrays, attributes, and the number of outputs.
CASES: list[tuple[str, list[Any], dict[str, Any], int]] = [
    ("Compress", [X, np.array([True, False])], {"axis": 1}, 1),
    ("Compress", [X, np.array([True, False])], {}, 1),
    ("ConvInteger", [("uint8", (2, 3, 9, 9)), ("uint8", (4, 3, 3, 3))], {"pads": [1, 1, 1, 1], "strides": [2, 2]}, 1),
    ("DepthToSpace", [PICTURE], {"blocksize": 2}, 1),
    ("DequantizeLinear", [(I8, ("batch", 4)), np.float32(0.5), np.int8(3)], {}, 1),
    ("DequantizeLinear", [(I8, ("batch", 4)), np.float16(0.5)], {}, 1),
    ("Einsum", [X, (F, (8, 5))], {"equation": "abc,cd->abd"}, 1),
    ("Einsum", [X, X], {"equation": "abc, aec -> abe"}, 1),
    ("Einsum", [X, (F, (8, 5))], {"equation": "...c,cd->...d"}, 1),
    ("Einsum", [X], {"equation": "abc"}, 1),
    ("GRU", BOTH, {"hidden_size": 4, "direction": "bidirectional"}, 2),
    ("GridSample", [PICTURE, (F, ("batch", 9, 7, 2))], {}, 1),
    ("LSTM", LSTM, {"hidden_size": 4}, 3),
    ("LSTM", [(F, ("batch", 5, 3)), *LSTM[1:]], {"hidden_size": 4, "layout": 1}, 3),
    ("LayerNormalization", [X, (F, (8,))], {}, 1),
    ("LayerNormalization", [X, (F, (8,)), (F, (8,))], {}, 3),
    ("MatMulInteger", [("uint8", (2, 3)), ("uint8", (3, 5))], {}, 1),
    ("NonMaxSuppression", [(F, (1, "boxes", 4)), (F, (1, 3, "boxes"))], {}, 1),
    ("NonZero", [X], {}, 1),
    ("OneHot", [(I64, ("batch", 3)), np.array(7), (F, (2,))], {}, 1),
    ("OneHot", [(I64, ("batch", 3)), np.array([7]), (F, (2,))], {"axis": 1}, 1),
    ("QuantizeLinear", [X, np.float32(0.5), np.int8(0)], {}, 1),
    ("QuantizeLinear", [X, np.float32(0.5)], {}, 1),
    ("RNN", [(F, (5, 2, 3)), (F, (1, 4, 3)), (F, (1, 4, 4))], {"hidden_size": 4}, 2),
    ("RegexFullMatch", [("object", ("batch", 3))], {"pattern": "a+"}, 1),
    ("SpaceToDepth", [PICTURE], {"blocksize": 2}, 1),
    ("TopK", [X, np.array([3])], {}, 2),
    ("TopK", [X, (I64, (1,))], {"axis": 1}, 2),
]
LATER = [
    ("CumProd", 26, [X, np.array(1)]),
    ("RotaryEmbedding", 23, [(F, (1, 2, 6, 8)), (F, (1, 6, 4)), (F, (1, 6, 4))]),
]


def _compare(name: str, opset: int, given: list[Any], attrs: dict[str, Any], outputs: int) -> None:
    op = Builder(opset, ir.Graph("g"))
    inputs = [
        op.constant(np.asarray(value))
        if not isinstance(value, tuple)
        else op.input(f"x{i}", np.dtype(value[0]), tuple(symbol(d) if isinstance(d, str) else d for d in value[1]))
        for i, value in enumerate(given)
    ]
    formal = signature(name, opset)
    assert formal is not None
    node = partial(_proto, formal, inputs, attrs, outputs)
    ours, theirs = infer(formal, inputs, attrs, node, outputs), _by_onnx(formal, inputs, node(), outputs)
    for (dtype, shape), (expected_dtype, expected) in zip(ours, theirs, strict=True):
        assert dtype == expected_dtype
        assert shape is not None
        if expected is None:
            continue
        assert len(shape) == len(expected)
        known = [str(d) for value in inputs for d in value.shape or ()]
        for size, theirs_size in zip(shape, expected, strict=True):
            if isinstance(theirs_size, int) or str(theirs_size) in known:
                assert size == theirs_size


@pytest.mark.parametrize(("name", "given", "attrs", "outputs"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_infers_what_onnx_infers(name: str, given: list[Any], attrs: dict[str, Any], outputs: int) -> None:
    _compare(name, 21, given, attrs, outputs)


@pytest.mark.parametrize(("name", "opset", "given"), LATER)
def test_infers_what_onnx_infers_later(name: str, opset: int, given: list[Any]) -> None:
    _compare(name, opset, given, {}, 1)


def test_every_operator_has_a_case() -> None:
    assert {case[0] for case in CASES} | {name for name, _, _ in LATER} == set(LAYER_SHAPES)


def test_a_contradiction_in_an_einsum_is_an_error() -> None:
    with pytest.raises(ValueError, match="'b' is 6 and 7"):
        _compare("Einsum", 21, [(F, (2, 6)), (F, (7, 5))], {"equation": "ab,bc->ac"}, 1)
