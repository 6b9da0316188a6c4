"""Builtin operators on quantised tensors: int8 and uint8, int16 activations, one scale and one a channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tests.tflite.build import (
    NONE,
    RELU,
    RELU6,
    SAME,
    VALID,
    Case,
    T,
    boolean,
    case,
    const,
    f32,
    i8,
    i16,
    i32,
    i64,
    u8,
    weights,
)

IMAGE = (None, 8, 9, 4)
KINDS: dict[str, Callable[..., T]] = {"i8": i8, "u8": u8}
PER_CHANNEL = np.linspace(0.002, 0.02, 6, dtype=np.float32)


def _each(name: str, make: Callable[[Callable[..., T]], Case], kinds: str = "i8 u8") -> dict[str, Case]:
    return {f"{name}/{kind}": make({**KINDS, "i16": i16}[kind]) for kind in kinds.split()}


def _unary(names: str, **more: Any) -> dict[str, Case]:
    found: dict[str, Case] = {}
    for name in names.split():
        found |= _each(name.lower(), lambda q, n=name: case(n, [q(None, 5, 4)], [q(scale=0.06)], **more))
    return found


def _fixed(name: str, scale: float, zero: tuple[int, int], **more: Any) -> dict[str, Case]:
    """Operators whose output has a scale of its own."""
    pairs = {"i8": zero[0], "u8": zero[1]}
    return {
        f"{name.lower()}/{k}": case(name, [KINDS[k](None, 5, 4)], [KINDS[k](scale=scale, zero=z)], **more)
        for k, z in pairs.items()
    }


def _conv(q: Callable[..., T], bits: str, scale: Any, bias: str = "int32", **more: Any) -> Case:
    x = q(*IMAGE)
    w = weights(6, 3, 3, 4, dtype=bits, scale=scale, zero=0 if bits == "int8" else 128)
    b = weights(6, dtype=bias, scale=np.float32(x.scale) * np.float32(scale))
    y = q(scale=float(x.scale) * 12 * (1 if np.ndim(scale) == 0 else 0.5))
    return case("CONV_2D", [x, w, b], [y], padding=SAME, stride_w=1, stride_h=1, **more)


def _depthwise(q: Callable[..., T], bits: str, scale: Any, **more: Any) -> Case:
    x = q(*IMAGE)
    w = weights(1, 3, 3, 4, dtype=bits, scale=scale, zero=0 if bits == "int8" else 128, axis=3)
    b = weights(4, dtype="int32", scale=np.float32(x.scale) * np.float32(scale))
    return case("DEPTHWISE_CONV_2D", [x, w, b], [q(scale=float(x.scale) * 4)], padding=SAME, stride_w=2, stride_h=2,
                depth_multiplier=1, **more)  # fmt: skip


def _dense(q: Callable[..., T], bits: str, scale: Any, bias: str = "int32", **more: Any) -> Case:
    x = q(None, 7)
    w = weights(6, 7, dtype=bits, scale=scale, zero=0 if bits == "int8" else 100)
    b = weights(6, dtype=bias, scale=np.float32(x.scale) * np.float32(scale))
    return case("FULLY_CONNECTED", [x, w, b], [q(scale=float(x.scale) * 10)], **more)


def _dense4(x: T, y: T, bias: str, **more: Any) -> Case:
    """Weights of 4 bits."""
    w = np.random.default_rng(0).integers(-7, 8, (5, 7)).astype(np.int8)
    b = weights(5, dtype=bias, scale=None if bias == "float32" else np.float32(x.scale) * np.float32(0.05))
    return case("FULLY_CONNECTED", [x, T("int4", (5, 7), value=w, scale=0.05), b], [y], **more)


def _pool(op: str, q: Callable[..., T], padding: int, activation: int = NONE) -> Case:
    return case(op, [q(*IMAGE)], [q()], padding=padding, stride_w=2, stride_h=2, filter_width=3, filter_height=2,
                fused_activation_function=activation)  # fmt: skip


def _moves(q: Callable[..., T]) -> dict[str, Case]:
    x, y = q(None, 5, 4), q()
    return {
        "reshape": case("RESHAPE", [x, const([-1, 20])], [y]),
        "transpose": case("TRANSPOSE", [x, const([0, 2, 1])], [y]),
        "pad": case("PAD", [x, const([[0, 0], [1, 2], [0, 1]])], [y]),
        "padv2": case("PADV2", [x, const([[0, 0], [1, 2], [0, 1]]), replace(q(), value=np.array(7, x.dtype))], [y]),
        "concatenation": case("CONCATENATION", [x, x], [y], axis=-1),
        "gather": case("GATHER", [x, const([2, 0])], [y], axis=1),
        "slice": case("SLICE", [x, const([0, 1, 0]), const([-1, 3, -1])], [y]),
        "split": case("SPLIT", [const(2), x], [y, y], num_splits=2),
        "unpack": case("UNPACK", [x], [y] * 5, num=5, axis=1),
        "pack": case("PACK", [x, x], [y], values_count=2, axis=0),
        "tile": case("TILE", [x, const([1, 2, 1])], [y]),
        "space_to_batch_nd": case("SPACE_TO_BATCH_ND", [q(2, 5, 6, 3), const([2, 2]), const([[0, 1], [0, 0]])], [y]),
        "depth_to_space": case("DEPTH_TO_SPACE", [q(*IMAGE)], [y], block_size=2),
        "resize_nearest_neighbor": case("RESIZE_NEAREST_NEIGHBOR", [q(*IMAGE), const([13, 5])], [y]),
        "reduce_max": case("REDUCE_MAX", [x, const([1])], [y], keep_dims=True),
        "arg_max": case("ARG_MAX", [x, const(-1)], [i64()], output_type=4),
        "topk_v2": case("TOPK_V2", [x, const(2)], [y, i32()]),
        "select_v2": case("SELECT_V2", [boolean(3, 1), q(3, 4), q(4)], [y]),
        "strided_slice": case(
            "STRIDED_SLICE", [x, const([0, 1, 0]), const([0, 5, 4]), const([1, 2, 1])], [y], begin_mask=1, end_mask=1
        ),
    }


CASES: dict[str, Case] = {
    **_unary("RELU RELU6 LEAKY_RELU HARD_SWISH"),
    **_each("abs", lambda q: case("ABS", [q(None, 5, 4)], [q(scale=0.06)]), "i8"),
    **_each("exp", lambda q: case("EXP", [q(None, 5, 4)], [q(scale=0.06)]), "i8"),
    **_each("elu", lambda q: case("ELU", [q(None, 5, 4)], [q(scale=0.06)]), "i8"),
    **_each("neg", lambda q: case("NEG", [q(None, 5, 4)], [q()]), "i8"),
    **_each("gelu", lambda q: case("GELU", [q(None, 5, 4)], [q(scale=0.05)])),
    **_fixed("LOGISTIC", 1 / 256, (-128, 0)),
    **_fixed("TANH", 1 / 128, (0, 128)),
    **_fixed("SOFTMAX", 1 / 256, (-128, 0), beta=1.0),
    **_fixed("L2_NORMALIZATION", 1 / 128, (0, 128)),
    "log_softmax/i8": case("LOG_SOFTMAX", [i8(None, 5, 4)], [i8(scale=16 / 256, zero=127)]),
    **{f"{n.lower()}/i16": case(n, [i16(None, 5, 4)], [i16(scale=1 / 32768)], steps=6) for n in ("LOGISTIC", "TANH")},
    "softmax/i16": case("SOFTMAX", [i16(None, 5, 4)], [i16(scale=1 / 32768)], beta=1.0, steps=8),
    "rsqrt/i8": case("RSQRT", [i8(None, 4, zero=-128, low=-100)], [i8(scale=0.02, zero=-128)]),
    "log/i8": case("LOG", [i8(None, 4, zero=-128, low=-100)], [i8(scale=0.05, zero=0)]),
    **{
        f"{n.lower()}/{k}": c
        for n in ("ADD", "SUB", "MUL")
        for k, c in _each("x", lambda q, n=n: case(n, [q(None, 5, 4), q(4, scale=0.03)], [q(scale=0.1)])).items()
    },
    **{
        f"{n.lower()}/{k}/relu6": c
        for n in ("ADD", "SUB", "MUL")
        for k, c in _each(
            "x",
            lambda q, n=n: case(n, [q(None, 5, 4), q(4, scale=0.03)], [q(scale=0.1)], fused_activation_function=RELU6),
        ).items()
    },
    "add/i16": case("ADD", [i16(None, 4), i16(4, scale=0.0001)], [i16(scale=0.0004)], pot_scale_int16=False, version=4),
    "mul/i16": case("MUL", [i16(None, 4), i16(4, scale=0.0001)], [i16(scale=0.0004)], version=4),
    "add/constant": case("ADD", [i8(None, 5, 4), weights(4, dtype="int8", scale=0.02, zero=5)], [i8(scale=0.1)]),
    **_each("div", lambda q: case("DIV", [q(None, 4), q(4, scale=0.02, zero=0, low=40)], [q(scale=0.05)]), "u8"),
    **_each("maximum", lambda q: case("MAXIMUM", [q(None, 4), q(4)], [q()])),
    **_each("minimum", lambda q: case("MINIMUM", [q(None, 4), q(4)], [q()])),
    **_each("squared_difference", lambda q: case("SQUARED_DIFFERENCE", [q(None, 4), q(4)], [q(scale=0.5)]), "i8"),
    **_each("less", lambda q: case("LESS", [q(None, 4), q(4, scale=0.07)], [boolean()])),
    **_each("equal", lambda q: case("EQUAL", [q(None, 4), q(4)], [boolean()])),
    **_each("mean", lambda q: case("MEAN", [q(*IMAGE), const([1, 2])], [q(scale=0.03)], keep_dims=True)),
    **_each("mean/squeezed", lambda q: case("MEAN", [q(*IMAGE), const([1, 2])], [q(scale=0.03)])),
    **_each("mean/rows", lambda q: case("MEAN", [q(*IMAGE), const([1])], [q(scale=0.03)])),
    **_each("sum", lambda q: case("SUM", [q(None, 5, 4), const([1])], [q(scale=0.2)])),
    **_each(
        "prelu",
        lambda q: case(
            "PRELU", [q(*IMAGE), replace(q(1, 1, 4), value=np.arange(4, dtype=q().dtype).reshape(1, 1, 4))], [q()]
        ),
    ),
    **_each("resize_bilinear", lambda q: case("RESIZE_BILINEAR", [q(*IMAGE), const([13, 5])], [q()])),
    **_each("batch_matmul", lambda q: case("BATCH_MATMUL", [q(2, 3, 4), q(2, 4, 5)], [q(scale=0.2)]), "i8"),
    **{
        f"{op.lower()}/{k}/{p}": _pool(op, q, p)
        for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D")
        for k, q in KINDS.items()
        for p in (SAME, VALID)
    },
    "concatenation/u8/scales": case(
        "CONCATENATION", [u8(None, 5, 4), u8(None, 5, 4, scale=0.03, zero=30)], [u8()], axis=1
    ),
    "max_pool_2d/relu": _pool("MAX_POOL_2D", i8, SAME, RELU),
    "average_pool_2d/relu6": _pool("AVERAGE_POOL_2D", u8, SAME, RELU6),
    # weights
    "conv_2d/i8": _conv(i8, "int8", 0.01, version=3),
    "conv_2d/u8": _conv(u8, "uint8", 0.01),
    "conv_2d/i8/channels": _conv(i8, "int8", PER_CHANNEL, version=3),
    "conv_2d/i8/relu": _conv(i8, "int8", PER_CHANNEL, version=3, fused_activation_function=RELU),
    "conv_2d/i8/relu6": _conv(i8, "int8", 0.01, version=3, fused_activation_function=RELU6),
    "conv_2d/i16": _conv(i16, "int8", PER_CHANNEL, "int64", version=4, steps=2),
    "depthwise_conv_2d/i8": _depthwise(i8, "int8", PER_CHANNEL[:4], version=3),
    "depthwise_conv_2d/u8": _depthwise(u8, "uint8", 0.01, fused_activation_function=RELU6),
    "transpose_conv/i8": case(
        "TRANSPOSE_CONV",
        [
            const([2, 16, 18, 6]),
            weights(6, 3, 3, 4, dtype="int8", scale=PER_CHANNEL),
            i8(2, 8, 9, 4),
            weights(6, dtype="int32", scale=np.float32(0.05) * PER_CHANNEL),
        ],
        [i8(scale=0.6)],
        padding=SAME,
        stride_w=2,
        stride_h=2,
        version=3,
    ),
    "fully_connected/i8": _dense(i8, "int8", 0.01, version=4),
    "fully_connected/i8/channels": _dense(i8, "int8", PER_CHANNEL, version=12),
    "fully_connected/u8": _dense(u8, "uint8", 0.01, fused_activation_function=RELU),
    "fully_connected/i16": _dense(i16, "int8", 0.01, "int64", version=7, steps=2),
    "fully_connected/i8/keeps": replace(
        _dense(i8, "int8", 0.01, version=5),
        inputs=[i8(None, 2, 7), *_dense(i8, "int8", 0.01).inputs[1:]],
        options={"keep_num_dims": True},
    ),
    "embedding_lookup/hybrid": case(
        "EMBEDDING_LOOKUP", [i32(5, low=0, high=7), weights(8, 3, dtype="int8", scale=0.03)], [f32()], version=3
    ),
    "fully_connected/hybrid": case(
        "FULLY_CONNECTED",
        [f32(None, 7), weights(6, 7, dtype="int8", scale=0.01), weights(6)],
        [f32()],
        version=3,
        ops="Cast !DequantizeLinear",
        tolerance=0.05,
    ),
    "conv_2d/hybrid": case(
        "CONV_2D",
        [f32(None, 8, 9, 4), weights(6, 3, 3, 4, dtype="int8", scale=PER_CHANNEL), weights(6)],
        [f32()],
        padding=SAME,
        stride_w=1,
        stride_h=1,
        version=5,
        tolerance=0.1,
    ),
    "fully_connected/int4": _dense4(i8(None, 7), i8(scale=0.05), "int32", version=10),
    "fully_connected/int4/hybrid": _dense4(f32(None, 7), f32(), "float32", version=10, tolerance=0.1),
    # movement
    **{f"{name}/{kind}": c for kind, q in KINDS.items() for name, c in _moves(q).items()},
    # conversions
    **{f"quantize/{a}": case("QUANTIZE", [f32(None, 4, low=-9, high=9)], [q()]) for a, q in KINDS.items()},
    "quantize/i16": case("QUANTIZE", [f32(None, 4, low=-9, high=9)], [i16()]),
    "quantize/u8-i8": case("QUANTIZE", [u8(None, 4, scale=0.05, zero=131)], [i8()]),
    "quantize/i8-u8": case("QUANTIZE", [i8(None, 4)], [u8()]),
    "quantize/rescales": case("QUANTIZE", [i8(None, 4)], [i8(scale=0.03, zero=-9)]),
    "quantize/i16-i8": case("QUANTIZE", [i16(None, 4)], [i8()]),
    "quantize/i16-i32": case("QUANTIZE", [i16(None, 4)], [i32(scale=0.0001)]),
    **{f"dequantize/{a}": case("DEQUANTIZE", [q(None, 4)], [f32()]) for a, q in {**KINDS, "i16": i16}.items()},
    "dequantize/i16/opset-13": case("DEQUANTIZE", [i16(None, 4)], [f32()], opset=13),
    "quantize/i16/opset-13": case("QUANTIZE", [f32(None, 4, low=-9, high=9)], [i16()], opset=13),
}

FLOATED = """conv_2d/i8/channels conv_2d/u8 depthwise_conv_2d/i8 fully_connected/i8 fully_connected/i16 add/x/i8 pad/i8
concatenation/u8/scales quantize/u8-i8 softmax/i8 average_pool_2d/u8/0 mean/i8 embedding_lookup/hybrid""".split()
CASES |= {f"{name}/dequantize": replace(CASES[name], dequantize=True, ops="!QuantizeLinear") for name in FLOATED}
