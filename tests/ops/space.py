"""Blocks between space, batch and channels."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, i32, prefixed, w

IMAGE = f32("b", "h", "w", 4)


def atrous(n: int, rate: int, padding: str, kernel: tuple[int, ...]) -> object:
    return lambda x: tf.nn.convolution(x, w(*kernel), padding=padding, dilations=[rate] * n)


CASES = {
    "to-batch": case(lambda x: tf.space_to_batch(x, [2, 3], [[1, 0], [0, 1]]), f32("b", 7, 5, 3)),
    "to-batch/dynamic": case(
        lambda x: tf.space_to_batch(x, [2, 3], [[1, 1], [0, 0]]), f32("b", "h", "w", 3),
        sizes={"h": (8, 10), "w": (6, 9)},
    ),
    "to-batch/computed": case(
        lambda x, p: tf.space_to_batch(x, [2, 3], p), f32("b", 6, 6, 3), i32(2, 2, values=[0, 6])
    ),
    "to-batch/1d": case(lambda x: tf.space_to_batch(x, [2], [[0, 0]]), f32("b", 6, 3)),
    "to-space": case(lambda x: tf.batch_to_space(x, [2, 3], [[1, 0], [0, 2]]), f32(12, "h", "w", 3)),
    "to-space/computed": case(
        lambda x, c: tf.batch_to_space(x, [2, 3], c), f32(12, 6, 6, 3), i32(2, 2, low=0, high=3)
    ),
    **{
        f"dilated/{name}-{padding.lower()}": case(
            atrous(n, 2, padding, kernel), arg, ops="Conv !Reshape" if n > 1 else "Conv", tolerance=1e-4
        )
        for name, n, kernel, arg in (
            ("2d", 2, (3, 3, 4, 6), IMAGE),
            ("2d-static", 2, (3, 2, 4, 6), f32("b", 9, 10, 4)),
            ("3d", 3, (2, 2, 2, 4, 5), f32("b", 6, 7, 8, 4)),
            ("1d", 1, (3, 4, 6), f32("b", "t", 4)),
        )
        for padding in ("SAME", "VALID")
    },
    "dilated/depthwise": case(
        lambda x: tf.nn.depthwise_conv2d(x, w(3, 3, 4, 2), [1, 1, 1, 1], "SAME", dilations=[2, 2]), IMAGE,
        ops="Conv !Reshape", tolerance=1e-4,
    ),
    "dilated/pool": case(
        lambda x: tf.nn.pool(x, [2, 2], "MAX", [1, 1], "VALID", dilations=[2, 2]), f32("b", 8, 9, 3)
    ),
    "to-batch/square": case(
        lambda x: tf.raw_ops.SpaceToBatch(input=x, paddings=[[1, 0], [0, 1]], block_size=2), f32("b", 7, 5, 3)
    ),
    "to-space/square": case(
        lambda x: tf.raw_ops.BatchToSpace(input=x, crops=[[1, 0], [0, 1]], block_size=2), f32(8, "h", "w", 3)
    ),
    "to-depth": case(lambda x: tf.nn.space_to_depth(x, 2), f32("b", 6, 8, 3)),
    "from-depth": case(lambda x: tf.nn.depth_to_space(x, 2), f32("b", "h", "w", 8)),
    **prefixed(
        "from-depth", dtypes(lambda x: tf.nn.depth_to_space(x, 2), f32("b", 3, 4, 8), over="float64 int32 uint8")
    ),
    **at_opsets({"opset": case(atrous(2, 2, "SAME", (3, 3, 4, 6)), f32("b", 9, 10, 4), tolerance=1e-4)}, 13, 18, 23),
}  # fmt: skip
