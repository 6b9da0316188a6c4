"""Convolutions that TensorFlow's graph transforms fused with what comes before them."""

from __future__ import annotations

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower
from onward.ops.array import mirror_pad
from onward.ops.conv import conv
from onward.ops.resize import bilinear


@lower("FusedPadConv2D")
def pad_conv(
    op: Builder, x: Value, paddings: Value, kernel: Value, *, mode: str, strides: list[int], padding: str
) -> Value:
    wide = mirror_pad(op, x, paddings, mode=mode)
    return conv(op, wide, kernel, strides=strides, padding=padding, dilations=[1] * 4, data_format="NHWC")


@lower("FusedResizeAndPadConv2D")
def resize_pad_conv(
    op: Builder, x: Value, size: Value, paddings: Value, kernel: Value, *, resize_align_corners: bool, mode: str,
    strides: list[int], padding: str,
) -> Value:  # fmt: skip
    resized = op.Cast(bilinear(op, x, size, align_corners=resize_align_corners, half_pixel_centers=False), to=x.dtype)
    return pad_conv(op, resized, paddings, kernel, mode=mode, strides=strides, padding=padding)
