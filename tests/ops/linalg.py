"""Matrix products."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, i8, prefixed, u8

raw = tf.raw_ops
CASES = {
    "matmul/plain": case(tf.matmul, f32("n", 4), f32(4, "m")),
    "matmul/transposed": case(
        lambda x, y: tf.matmul(x, y, transpose_a=True, transpose_b=True), f32("b", 4, "n"), f32("b", "m", 4)
    ),
    "matmul/broadcast": case(tf.matmul, f32("b", 1, "n", 4), f32(3, 4, "m")),
    "matmul/mixed-rank": case(tf.matmul, f32("b", "n", 4), f32(4, 3)),
    "matmul/empty": case(tf.matmul, f32("n", 0), f32(0, "m")),
    "matmul/vector": case(tf.linalg.matvec, f32("b", "n", 4), f32("b", 4)),
    "matmul/int8": case(lambda x, y: tf.matmul(x, y, output_type=tf.int32), i8("b", 3, 4), i8("b", 4, 5)),
    "matmul/uint8-int8": case(lambda x, y: tf.matmul(x, y, output_type=tf.int32), u8("b", 3, 4), i8("b", 4, 5)),
    **prefixed("matmul/dtype", dtypes(tf.matmul, f32("b", 4), f32(4, 5), over="float16 float64 int32 int64")),
    "tridiagonal": case(
        lambda a, d, c, x: raw.TridiagonalMatMul(superdiag=a, maindiag=d, subdiag=c, rhs=x),
        f32("b", 1, "n"), f32("b", 1, "n"), f32("b", 1, "n"), f32("b", "n", 3),
    ),
    **at_opsets({"opset": case(tf.matmul, f32("b", "n", 4), f32(4, 3))}, 13, 18, 23),
}  # fmt: skip
