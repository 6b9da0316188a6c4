"""Convolutions."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, prefixed, w

raw = tf.raw_ops
SAME_2D = {"strides": [1, 2, 2, 1], "padding": "SAME"}


def narrow(function: Callable) -> Callable:
    """In bfloat16 between casts, as ONNX Runtime has no numpy outputs of it."""
    return lambda *xs: tf.cast(function(*(tf.cast(x, tf.bfloat16) for x in xs)), tf.float32)


def _rank(n: int) -> dict:
    image = ("b", "t", 4) if n == 1 else ("b", "h", "w", 4) if n == 2 else ("b", "d", "h", "w", 4)
    convolve = {1: tf.nn.conv1d, 2: tf.nn.conv2d, 3: tf.nn.conv3d}[n]
    one = (lambda s: s) if n < 3 else (lambda s: [1, s, s, s, 1])
    kernel = w(*[3] * n, 4, 6)
    rows = {
        f"{padding.lower()}-{stride}": case(lambda x, p=padding, s=stride: convolve(x, kernel, one(s), p), f32(*image))
        for padding in ("SAME", "VALID")
        for stride in (1, 2, 3)
    }
    even = w(*[4] * n, 4, 6)
    rows["even-kernel"] = case(lambda x: convolve(x, even, one(3), "SAME"), f32(*image))
    small = w(*[2] * n, 4, 6)
    rows["stride-above-kernel"] = case(lambda x: convolve(x, small, one(3), "SAME"), f32(*image), ops="Pad")
    rows["pointwise-strided"] = case(lambda x: convolve(x, w(*[1] * n, 4, 6), one(2), "SAME"), f32(*image), ops="!Pad")
    if n < 3:  # TensorFlow runs no grouped Conv3D on a CPU
        rows["groups"] = case(lambda x: convolve(x, w(*[3] * n, 2, 6), one(1), "SAME"), f32(*image))
    rows["kernel-input"] = case(lambda x, k: convolve(x, k, one(1), "SAME"), f32(*image), f32(*[3] * n, 4, 6))
    return prefixed(f"conv{n}d", rows)


def _dilated(padding: str, stride: int, kernel: tuple[int, ...] = (3, 3, 4, 6)) -> object:
    return lambda x: raw.Conv2D(
        input=x, filter=w(*kernel), strides=[1, stride, stride, 1], padding=padding, dilations=[1, 2, 2, 1]
    )


CASES = {
    **_rank(1),
    **_rank(2),
    **_rank(3),
    "conv2d/dilated-valid": case(_dilated("VALID", 1), f32("b", "h", "w", 4)),
    "conv2d/dilated-same": case(_dilated("SAME", 1), f32("b", "h", "w", 4)),
    "conv2d/dilated-same-strided": case(_dilated("SAME", 2), f32("b", "h", "w", 4), ops="Pad"),
    "conv2d/dilated-same-strided-static": case(_dilated("SAME", 2), f32("b", 9, 10, 4), ops="!Pad"),
    "conv2d/uneven": case(
        lambda x: tf.nn.conv2d(x, w(5, 2, 4, 6), [1, 2, 1, 1], "SAME", dilations=[1, 1, 2, 1]), f32("b", "h", "w", 4)
    ),
    "conv2d/explicit": case(
        lambda x: tf.nn.conv2d(x, w(3, 3, 4, 6), 2, [[0, 0], [1, 2], [0, 1], [0, 0]]), f32("b", "h", "w", 4)
    ),
    "conv2d/static": case(lambda x: tf.nn.conv2d(x, w(3, 3, 4, 6), 2, "SAME"), f32("b", 10, 7, 4), ops="!Pad"),
    "conv2d/empty-batch": case(
        lambda x: tf.nn.conv2d(x, w(3, 3, 4, 6), 2, "SAME"), f32("b", 10, 7, 4), sizes={"b": (0, 1)}
    ),
    **prefixed(
        "conv2d/dtype",
        dtypes(
            lambda x, k: tf.nn.conv2d(x, k, 2, "SAME"), f32("b", 7, 8, 3), f32(3, 3, 3, 2),
            over="float16 float64", tolerance=2e-2,
        ),
    ),
    "conv2d/bfloat16": case(
        narrow(lambda x, k: tf.nn.conv2d(x, k, 2, "SAME")), f32("b", 7, 8, 3), f32(3, 3, 3, 2), tolerance=6e-2
    ),
    "any/2d": case(
        lambda x: raw.Conv(input=x, filter=w(3, 3, 4, 6), strides=[1, 2, 2, 1], padding="SAME"),
        f32("b", "h", "w", 4),
    ),
    "any/batch-dims": case(
        lambda x: raw.Conv(input=x, filter=w(3, 3, 4, 6), strides=[1, 1, 1, 1], padding="VALID", batch_dims=2),
        f32("b", 3, "h", "w", 4),
    ),
    "depthwise/same": case(
        lambda x: tf.nn.depthwise_conv2d(x, w(3, 3, 4, 2), [1, 1, 1, 1], "SAME"), f32("b", "h", "w", 4)
    ),
    "depthwise/strided": case(
        lambda x: tf.nn.depthwise_conv2d(x, w(3, 3, 4, 2), [1, 2, 2, 1], "SAME"), f32("b", "h", "w", 4)
    ),
    "depthwise/kernel-input": case(
        lambda x, k: tf.nn.depthwise_conv2d(x, k, [1, 1, 1, 1], "VALID"), f32("b", 8, 9, 3), f32(3, 3, 3, 2)
    ),
    "depthwise/explicit": case(
        lambda x: raw.DepthwiseConv2dNative(
            input=x, filter=w(3, 3, 4, 1), strides=[1, 1, 1, 1], padding="EXPLICIT",
            explicit_paddings=[0, 0, 1, 0, 2, 1, 0, 0],
        ),
        f32("b", "h", "w", 4),
    ),
    "separable": case(
        lambda x: tf.nn.separable_conv2d(x, w(3, 3, 3, 2), w(1, 1, 6, 4), [1, 1, 1, 1], "SAME"), f32("b", "h", "w", 3)
    ),
    "filter-gradient": case(
        lambda x, g: raw.Conv2DBackpropFilter(input=x, filter_sizes=[3, 3, 4, 6], out_backprop=g, **SAME_2D),
        f32("b", 9, 10, 4), f32("b", 5, 5, 6), tolerance=1e-4,
    ),
    **at_opsets({
        "opset/same-strided": case(lambda x: tf.nn.conv2d(x, w(3, 3, 4, 8), 2, "SAME"), f32("b", "h", "w", 4)),
        "opset/dilated": case(_dilated("SAME", 2), f32("b", "h", "w", 4)),
    }, 13, 18, 23),
}  # fmt: skip
