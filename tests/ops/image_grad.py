"""Gradients of resizing and cropping."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f16, f32, f64, i32, prefixed
from tests.ops.grad import gradient_of

raw, v1 = tf.raw_ops, tf.compat.v1.image
IMAGE = f32("b", "h", "w", 3)


def _resized(name: str, size: tuple[int, int], **options: object):
    op = getattr(raw, name)
    return gradient_of(lambda x: tf.cast(op(images=x, size=list(size), **options), tf.float32) ** 2)


def _kind(name: str) -> dict:
    how = {
        "corner": {}, "half-pixel": {"half_pixel_centers": True}, "align": {"align_corners": True},
    }  # fmt: skip
    return {
        f"{label}/{'x'.join(map(str, size))}": case(_resized(name, size, **options), IMAGE, tolerance=1e-4)
        for label, options in how.items()
        for size in ((15, 7), (5, 20), (1, 1))
    }


def _crop(method: str, size: tuple[int, int] = (4, 5)):
    return gradient_of(lambda x, boxes: tf.image.crop_and_resize(x, boxes, [0, 1, 0], size, method) ** 2)


BOXES = f32(3, 4, low=-0.2, high=1.2)
CASES = {
    **prefixed("nearest", _kind("ResizeNearestNeighbor")),
    **prefixed("bilinear", _kind("ResizeBilinear")),
    **prefixed("bicubic", _kind("ResizeBicubic")),
    "nearest/half": case(_resized("ResizeNearestNeighbor", (4, 5)), f16("b", 7, "w", 2)),
    "bilinear/double": case(_resized("ResizeBilinear", (4, 5)), f64("b", 7, "w", 2), tolerance=1e-5),
    "to-run-time-size": case(
        lambda x, y: gradient_of(lambda z: tf.image.resize(z, tf.shape(y)[1:3]) ** 2)(x), IMAGE, f32("b", "n", "m", 1),
        tolerance=1e-4,
    ),
    **{
        f"scaled/{kernel}": case(
            gradient_of(lambda x, k=kernel: tf.image.resize(x, [5, 17], k, antialias=True) ** 2), IMAGE, tolerance=1e-4
        )
        for kernel in ("bilinear", "lanczos3", "gaussian")
    },
    "crop": case(_crop("bilinear"), f32(2, "h", "w", 3), BOXES, tolerance=1e-3),
    "crop/one-sample": case(_crop("bilinear", (1, 4)), f32(2, "h", "w", 3), BOXES, tolerance=1e-3),
    "crop/nearest": case(
        lambda g, boxes, i: raw.CropAndResizeGradImage(
            grads=g, boxes=boxes, box_ind=i, image_size=[2, 6, 7, 3], T=tf.float32, method="nearest"
        ),
        f32("n", 4, 5, 3), f32("n", 4, low=-0.2, high=1.2), i32("n", low=0, high=2), tolerance=1e-4,
    ),
    **at_opsets(
        {
            "opset": case(_resized("ResizeBilinear", (15, 7), half_pixel_centers=True), IMAGE, tolerance=1e-4),
            "opset/crop": case(_crop("bilinear"), f32(2, "h", "w", 2), BOXES, tolerance=1e-3),
        },
        13, 18, 23,
    ),
}  # fmt: skip
