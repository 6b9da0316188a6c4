"""Convolutions fused with padding and resizing."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, f32, w

raw = tf.raw_ops
HOW = {"strides": [1, 2, 2, 1], "padding": "VALID"}


def _padded(mode: str):
    def function(x):
        return raw.FusedPadConv2D(
            input=x, paddings=[[0, 0], [1, 2], [2, 0], [0, 0]], filter=w(3, 3, 4, 5), mode=mode, **HOW
        )

    return function


def _resized(align: bool):
    def function(x):
        return raw.FusedResizeAndPadConv2D(
            input=x,
            size=[13, 9],
            paddings=[[0, 0], [1, 1], [2, 1], [0, 0]],
            filter=w(3, 3, 4, 5),
            mode="REFLECT",
            resize_align_corners=align,
            **HOW,
        )

    return function  # fmt: skip


# TensorFlow's kernel reads all but the first image of a batch from the wrong place.
CASES = {
    "reflect": case(_padded("REFLECT"), f32(1, "h", "w", 4)),
    "symmetric": case(_padded("SYMMETRIC"), f32(1, "h", "w", 4)),
    "resized": case(_resized(False), f32(1, "h", "w", 4), tolerance=1e-4),
    "resized/corners": case(_resized(True), f32(1, "h", "w", 4), tolerance=1e-4),
}
