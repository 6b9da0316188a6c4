"""Builtin operators that compute element by element, sums and conversions, on floats, integers and booleans."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.tflite.build import (
    RELU,
    RELU6,
    RELU_N1_TO_1,
    TANH,
    Case,
    T,
    boolean,
    case,
    const,
    f32,
    i32,
    i64,
    weights,
)

X = f32(None, 5, 4)
IMAGE = f32(None, 8, 9, 4)
POSITIVE = f32(None, 5, 4, low=0.1, high=4)


def _each(names: str, x: T) -> dict[str, Case]:
    return {name.lower(): case(name, [x], [T(x.dtype)]) for name in names.split()}


def _pairs(names: str, x: T, y: T, out: str = "", tag: str = "") -> dict[str, Case]:
    return {f"{name.lower()}{tag}": case(name, [x, y], [T(out or x.dtype)]) for name in names.split()}


def _reduced(name: str, x: T, axes: Any, keep: bool) -> Case:
    return case(name, [x, const(axes)], [T(x.dtype)], keep_dims=keep)


CASES: dict[str, Case] = {
    **_each(
        "ABS CEIL COS ELU EXP FLOOR LOGISTIC LOG_SOFTMAX NEG RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1 ROUND SIN SQUARE "
        "TANH HARD_SWISH SIGN ZEROS_LIKE L2_NORMALIZATION",
        X,
    ),
    **_each("LOG SQRT RSQRT", POSITIVE),
    "abs/int32": case("ABS", [i32(3, 4)], [i32()], version=4),
    "neg/int64": case("NEG", [i64(3, 4)], [i64()]),
    "round/halves": case("ROUND", [const([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], "float32")], [f32()]),
    **_pairs("ADD SUB MUL DIV MAXIMUM MINIMUM SQUARED_DIFFERENCE", X, f32(5, 1, low=0.5)),
    **_pairs(
        "ADD SUB MUL DIV FLOOR_DIV FLOOR_MOD MAXIMUM MINIMUM SQUARED_DIFFERENCE",
        i32(None, 4),
        i32(4, low=1),
        tag="/int32",
    ),
    **_pairs("ADD SUB MUL MAXIMUM MINIMUM FLOOR_MOD", i64(None, 4), i64(4, low=1), tag="/int64"),
    "div/truncates": case("DIV", [const([-7, 7, -7, 7]), const([2, 2, -2, -2])], [i32()]),
    "floor_div/negative": case("FLOOR_DIV", [const([-7, 7, -7, 7]), const([2, 2, -2, -2])], [i32()]),
    "floor_div/float": case("FLOOR_DIV", [X, f32(4, low=0.5)], [f32()], version=2),
    "floor_mod/float": case("FLOOR_MOD", [X, f32(4, low=0.5)], [f32()]),
    "pow": case("POW", [POSITIVE, f32(4)], [f32()]),
    "pow/int32": case("POW", [i32(3, 4), i32(4, low=0, high=4)], [i32()]),
    "atan2": case("ATAN2", [f32(3, 4), f32(3, 4)], [f32()]),
    "add/relu": case("ADD", [X, f32(4)], [f32()], fused_activation_function=RELU),
    "sub/relu6": case("SUB", [X, f32(4)], [f32()], fused_activation_function=RELU6),
    "mul/relu_n1_to_1": case("MUL", [X, f32(4)], [f32()], fused_activation_function=RELU_N1_TO_1),
    "div/relu6": case("DIV", [X, f32(4, low=1)], [f32()], fused_activation_function=RELU6),
    **_pairs("EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL", X, f32(4), "bool"),
    **_pairs("EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL", i32(None, 4), i32(4), "bool", "/int32"),
    **_pairs("LOGICAL_AND LOGICAL_OR", boolean(3, 4), boolean(4)),
    "logical_not": case("LOGICAL_NOT", [boolean(None, 4)], [boolean()]),
    "bitwise_xor": case("BITWISE_XOR", [i32(3, 4), i32(4)], [i32()]),
    "right_shift": case("RIGHT_SHIFT", [i32(3, 4, low=-99, high=99), i32(3, 4, low=0, high=4)], [i32()]),
    "gelu": case("GELU", [X], [f32()]),
    "gelu/tanh": case("GELU", [X], [f32()], approximate=True),
    "leaky_relu": case("LEAKY_RELU", [X], [f32()], alpha=0.3),
    "prelu": case("PRELU", [IMAGE, weights(1, 1, 4)], [f32()]),
    "softmax": case("SOFTMAX", [X], [f32()], beta=1.0),
    "softmax/beta": case("SOFTMAX", [X], [f32()], beta=2.5),
    "fake_quant": case("FAKE_QUANT", [X], [f32()], min=-2.0, max=2.5, num_bits=8),
    "local_response_normalization": case(
        "LOCAL_RESPONSE_NORMALIZATION", [f32(2, 3, 3, 9)], [f32()], radius=2, bias=1.0, alpha=0.3, beta=0.5
    ),
    "add_n": case("ADD_N", [X, X, X], [f32()]),
    **{
        f"{n.lower()}/{tag}": _reduced(n, POSITIVE, axes, keep)
        for n in "MEAN SUM REDUCE_MAX REDUCE_MIN REDUCE_PROD".split()
        for tag, axes, keep in (("last", [-1], False), ("kept", [1, 2], True), ("scalar", 1, False))
    },
    "sum/int32": _reduced("SUM", i32(None, 5), [1], False),
    "mean/int32": _reduced("MEAN", i32(4, 5, low=0), [1], False),
    "reduce_prod/int32": _reduced("REDUCE_PROD", i32(4, 3), [1], False),
    "reduce_max/int64": _reduced("REDUCE_MAX", i64(None, 5), [0], True),
    "reduce_any": _reduced("REDUCE_ANY", boolean(None, 3), [1], False),
    "reduce_all": _reduced("REDUCE_ALL", boolean(None, 3), [1], True),
    "cumsum": case("CUMSUM", [X, const(1)], [f32()]),
    "cumsum/exclusive": case("CUMSUM", [X, const(-1)], [f32()], exclusive=True, reverse=True),
    "arg_max": case("ARG_MAX", [X, const(-1)], [i64()], output_type=4),
    "arg_max/int32": case("ARG_MAX", [X, const(1)], [i32()], output_type=2),
    "arg_min": case("ARG_MIN", [X, const(2)], [i64()], output_type=4),
    "topk_v2": case("TOPK_V2", [X, const(3)], [f32(), i32()]),
    "unique": case("UNIQUE", [i32(9, low=0, high=3)], [i32(), i32()], idx_out_type=2),
    "segment_sum": case("SEGMENT_SUM", [f32(5, 3), const([0, 0, 1, 2, 2])], [f32()]),
    **{
        f"unsorted_segment_{n.lower()}": case(
            f"UNSORTED_SEGMENT_{n}", [f32(5, 3), const([2, 0, 2, 1, 0]), const(4)], [f32()]
        )
        for n in "SUM PROD MAX MIN".split()
    },
    # complex numbers, half precision
    "rfft2d": case("COMPLEX_ABS", [const(np.ones((2, 3)) + 1j, "complex64")], [f32()]),
    "real": case("REAL", [const(np.ones((2, 3)) + 1j, "complex64")], [f32()]),
    "imag": case("IMAG", [const(np.ones((2, 3)) + 1j, "complex64")], [f32()]),
    "dequantize/float16": case("DEQUANTIZE", [const(np.ones((2, 3)) / 3, "float16")], [f32()]),
    "bitcast": case("BITCAST", [i32(3, 4)], [f32()]),
    "lstm/basic": case(
        "LSTM",
        [f32(2, 3), f32(2, 4), weights(16, 7), weights(16), f32(2, 4)],
        [f32(), f32(), f32(), f32()],
        kernel_type=1,
        results=2,
        version=2,
        fused_activation_function=TANH,
    ),
}
