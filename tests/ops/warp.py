"""Crops and projective transforms."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import Arg, case, f32, i32, u8

raw = tf.raw_ops
TRANSFORMS = np.array([[0.9, 0.2, 1, -0.1, 1.1, 0.5, 0.001, 0.002], [1.3, 0, -2, 0.3, 0.7, 3, 0, 0]], "float32")


def _crop(method: str, extrapolation: float = 0.0, size: tuple[int, int] = (4, 5)) -> object:
    return lambda x, b, i: raw.CropAndResize(
        image=x, boxes=b, box_ind=i, crop_size=size, method=method, extrapolation_value=extrapolation
    )


BOXES = (f32("n", 4, low=-0.2, high=1.2), i32("n", low=0, high=2))


def _project(interpolation: str, mode: str, transforms: np.ndarray, fill: float = 0.0) -> object:
    return lambda x: raw.ImageProjectiveTransformV3(
        images=x, transforms=transforms, output_shape=[9, 11], fill_value=fill, interpolation=interpolation,
        fill_mode=mode,
    )  # fmt: skip


CASES = {
    "crop/bilinear": case(_crop("bilinear"), f32("b", "h", "w", 3), *BOXES),
    "crop/nearest": case(_crop("nearest", -1.0), f32("b", "h", "w", 3), *BOXES),
    "crop/one-row": case(_crop("bilinear", 2.0, (1, 5)), f32("b", "h", "w", 3), *BOXES),
    "crop/uint8": case(_crop("bilinear"), u8(2, 8, 9, 3), *BOXES),
    "crop/computed": case(
        lambda x, b, i, s: tf.image.crop_and_resize(x, b, i, s), f32("b", "h", "w", 3), *BOXES,
        i32(2, values=[1, 3, 4]),
    ),
    **{
        f"project/{interpolation}-{mode}".lower(): case(
            _project(interpolation, mode, TRANSFORMS, 0.5), f32(2, "h", "w", 3), tolerance=1e-4
        )
        for interpolation in ("NEAREST", "BILINEAR")
        for mode in ("CONSTANT", "NEAREST", "REFLECT", "WRAP")
    },
    "project/shared": case(_project("BILINEAR", "CONSTANT", TRANSFORMS[:1]), f32("b", 8, 9, 3), tolerance=1e-4),
    "project/uint8": case(_project("NEAREST", "CONSTANT", TRANSFORMS), u8(2, 8, 9, 3)),
    "project/v2": case(
        lambda x, t: raw.ImageProjectiveTransformV2(
            images=x, transforms=t * 0.2 + TRANSFORMS, output_shape=tf.shape(x)[1:3], interpolation="BILINEAR"
        ),
        f32(2, "h", "w", 3), Arg("float32", (2, 8), 0, 0.01), tolerance=1e-4,
    ),
}  # fmt: skip
