"""Glimpses."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f32

raw = tf.raw_ops
IMAGE = f32("b", "h", "w", 2)


def _cut(name: str, centered: bool, normalized: bool, size=(3, 4), noise: str = "zero"):
    def function(image, offsets):
        return getattr(raw, name)(
            input=image,
            size=size,
            offsets=offsets,
            centered=centered,
            normalized=normalized,
            noise=noise,
            uniform_noise=False,
        )

    return function  # fmt: skip


def _inside(x, offsets):
    """Only pixels of the image: noise is not the same twice."""
    y = _cut("ExtractGlimpseV2", True, True, (2, 2), "gaussian")(x, offsets)
    return tf.reduce_sum(y, [1, 2, 3])


CASES = {
    **{
        f"{'first' if name.endswith('e') else 'second'}/{centered}-{normalized}": case(
            _cut(name, centered, normalized), IMAGE, f32("b", 2, low=-1.3, high=1.3 if normalized else 9)
        )
        for name in ("ExtractGlimpse", "ExtractGlimpseV2")
        for centered in (True, False)
        for normalized in (True, False)
    },
    "larger": case(_cut("ExtractGlimpseV2", True, True, (12, 15)), IMAGE, f32("b", 2, low=-0.2, high=0.2)),
    "size-at-run-time": case(
        lambda x, offsets, like: tf.image.extract_glimpse(x, tf.shape(like), offsets, noise="zero"),
        IMAGE, f32("b", 2, low=-1, high=1), f32("n", "m"),
    ),
    "noise/out-of-sight": case(_inside, IMAGE, f32("b", 2, low=-0.3, high=0.3)),
    **at_opsets({"opset": case(_cut("ExtractGlimpseV2", True, True), IMAGE, f32("b", 2, low=-1, high=1))}, 13, 18, 23),
}  # fmt: skip
