"""Averages over windows in the form that runtimes do fastest.

ONNX Runtime 1.32 runs the AveragePool of opset 19 and later, which may be dilated, with a plain kernel: 2 to 12 times
as slow as the one before, where the channels do not come in the blocks of 16 that its other layout has. There the
average is a depthwise convolution with constant weights,

    average_pool(x) = conv(x, 1 / size) * size / count

with the count of what a window sees that is not padding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onward import ir
from onward.dtypes import FLOAT32
from onward.fuse.engine import Rewrite, made_by
from onward.ir import Node, Value
from onward.lowering.builder import Builder
from onward.lowering.layout import same_pads

DILATABLE = 19  # the opset with the other kernel
BLOCK = 16


def average_by_convolution(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """The formula above, where the channels are known and no integer kernel is wanted."""
    x = node.inputs[0]
    if op.opset < DILATABLE or x is None or x.shape is None or x.dtype != FLOAT32 or _integers(node):
        return None
    channels, size = x.shape[1], node.attrs["kernel_shape"]
    if not isinstance(channels, int) or (len(size) == 2 and channels % BLOCK == 0):
        return None
    if node.attrs.get("ceil_mode") or any(d != 1 for d in node.attrs.get("dilations", ())):
        return None
    frame = {name: node.attrs[name] for name in ("strides", "pads", "auto_pad") if node.attrs.get(name)}
    pads = _pads(node, x)
    if pads is not None and not any(map(any, pads)):
        frame = {"strides": frame.get("strides", [1] * len(size))}
        if all(k == 1 for k in size):
            return None if any(map(_sees_one, node.output.users)) else _thinned(op, x, frame["strides"])
    counted = bool(node.attrs.get("count_include_pad"))
    if counted and "auto_pad" in frame:
        return None
    share = np.float32(1 / math.prod(size))
    weights = op.constant(np.full((channels, 1, *size), share, np.float32))
    y: Value = op.Conv(x, weights, group=channels, **frame)
    if counted or ("pads" not in frame and "auto_pad" not in frame):
        return y
    if pads is not None and all(isinstance(extent, int) for extent in x.shape[2:]):
        return y * _correction(x.shape[2:], size, frame["strides"], pads)
    ones = op.Expand(op.constant(np.ones((), np.float32)), [1, 1, *x.shape[2:]])
    return y / op.Conv(ones, np.full((1, 1, *size), share, np.float32), **frame)


def _integers(node: Node) -> bool:
    """Whether it stands between quantised numbers, where ONNX Runtime computes with integers."""
    return made_by(node.inputs[0], "DequantizeLinear") is not None or any(
        user.op == "QuantizeLinear" for user in node.output.users
    )


def _pads(node: Node, x: Value) -> list[tuple[Any, Any]] | None:
    """What stands before and after each axis, None where that depends on a size or is not TensorFlow's way."""
    size, attrs = node.attrs["kernel_shape"], node.attrs
    mode = attrs.get("auto_pad", "NOTSET")
    if mode == "SAME_UPPER" and x.shape is not None:
        pairs = [same_pads(*frame) for frame in zip(x.shape[2:], size, attrs["strides"], strict=True)]
        return pairs if all(isinstance(p, int) for pair in pairs for p in pair) else None
    if mode not in ("NOTSET", "VALID"):
        return None
    pads = attrs.get("pads") or [0] * 2 * len(size)
    return list(zip(pads[: len(size)], pads[len(size) :], strict=True))


def _sees_one(node: Node) -> bool:
    """Whether it is a convolution of which each result sees one place."""
    weights = node.inputs[1] if node.op == "Conv" and not node.domain else None
    if weights is None or weights.shape is None or any(node.attrs.get("pads", ())):
        return False
    return all(k == 1 for k in weights.shape[2:])


def _thinned(op: Builder, x: Value, strides: list[int]) -> Value:
    """Every so many places: the average of one."""
    axes = list(range(2, 2 + len(strides)))
    result: Value = op.Slice(x, [0] * len(axes), [np.iinfo(np.int64).max] * len(axes), axes, strides)
    return result


def _correction(extents: Any, size: list[int], strides: list[int], pads: list[tuple[int, int]]) -> np.ndarray:
    """Size over count at every place, shaped (1, 1, spatial...)."""
    result = np.ones((1, 1), np.float64)
    for extent, k, step, (before, after) in zip(extents, size, strides, pads, strict=True):
        start = np.arange((extent + before + after - k) // step + 1) * step - before
        count = np.minimum(start + k, extent) - np.maximum(start, 0)
        result = result[..., None] * (k / count)
    return result.astype(np.float32)


def stride_into_convolution(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """conv(x[::n]) = conv of stride n (x), of a window that sees one place only."""
    pool = made_by(node.inputs[0], "AveragePool", "MaxPool")
    if pool is None or len(pool.outputs) > 1 or not _sees_one(node):
        return None
    if any(k != 1 for k in pool.attrs["kernel_shape"]) or any(pool.attrs.get("pads", ())):
        return None
    own = node.attrs.get("strides") or [1] * len(pool.attrs["kernel_shape"])
    strides = [a * b for a, b in zip(own, pool.attrs.get("strides") or [1] * len(own), strict=True)]
    attrs = {**node.attrs, "strides": strides}
    op.origin = node.origin
    result: Value = op.Conv(pool.inputs[0], *node.inputs[1:], **attrs)
    return result


RULES: dict[str, list[Rewrite]] = {"AveragePool": [average_by_convolution], "Conv": [stride_into_convolution]}
