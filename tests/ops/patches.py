"""Windows of images."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, dtypes, f32, prefixed


def _image(size: list, strides: list, rates: list, padding: str) -> object:
    return lambda x: tf.image.extract_patches(x, [1, *size, 1], [1, *strides, 1], [1, *rates, 1], padding)


CASES = {
    f"image/{name}-{padding.lower()}": case(_image(*frame, padding), f32("b", "h", "w", 2))
    for name, frame in {
        "plain": ([3, 3], [2, 2], [1, 1]),
        "tiles": ([3, 2], [3, 2], [1, 1]),
        "rates": ([2, 3], [1, 1], [2, 2]),
        "sparse": ([2, 2], [3, 4], [1, 1]),
    }.items()
    for padding in ("SAME", "VALID")
} | {
    "image/static": case(_image([3, 3], [2, 2], [1, 1], "SAME"), f32("b", 9, 10, 2)),
    "volume/same": case(
        lambda x: tf.raw_ops.ExtractVolumePatches(
            input=x, ksizes=[1, 2, 3, 2, 1], strides=[1, 1, 2, 2, 1], padding="SAME"
        ),
        f32("b", 6, 7, 8, 2),
    ),
    "volume/tiles": case(
        lambda x: tf.raw_ops.ExtractVolumePatches(
            input=x, ksizes=[1, 2, 2, 2, 1], strides=[1, 2, 2, 2, 1], padding="VALID"
        ),
        f32("b", 4, 6, 8, 2),
    ),
    **prefixed("image", dtypes(
        _image([2, 2], [1, 1], [1, 1], "SAME"), f32("b", 5, 6, 2), over="float16 float64 int8 uint8 int32 int64"
    )),
}  # fmt: skip
