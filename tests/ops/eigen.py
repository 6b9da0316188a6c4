"""Eigenvalues and singular values. Vectors are compared by what they rebuild, as their signs are free."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import case, dtypes, f32, prefixed

A = tf.linalg


def symmetric(x: tf.Tensor) -> tf.Tensor:
    return x + tf.linalg.matrix_transpose(x)


def eigen(x: tf.Tensor) -> tuple[tf.Tensor, ...]:
    values, vectors = A.eigh(symmetric(x))
    return values, tf.matmul(vectors * values[..., None, :], vectors, transpose_b=True)


def singular(full: bool) -> object:
    def function(x: tf.Tensor) -> tuple[tf.Tensor, ...]:
        s, u, v = A.svd(x, full_matrices=full)
        n = min(x.shape[-2:])
        rebuilt = tf.matmul(u[..., :n] * s[..., None, :], v[..., :n], transpose_b=True)
        return s, rebuilt, tf.matmul(u, u, transpose_a=True), tf.matmul(v, v, transpose_a=True)

    return function


CASES = {
    **prefixed("symmetric", {
        str(n): case(eigen, f32("b", n, n), tolerance=1e-4) for n in (1, 2, 3, 4, 7, 12)
    }),
    "symmetric/dynamic": case(eigen, f32("b", "m", "m"), tolerance=1e-4),
    "symmetric/values": case(lambda x: A.eigvalsh(x), f32(4, 4), tolerance=1e-4),
    "symmetric/diagonal": case(
        lambda x: A.eigh(x[:, None] * np.eye(4, dtype=np.float32))[0], f32("b", 4), tolerance=1e-4
    ),
    **prefixed("symmetric", dtypes(eigen, f32("b", 5, 5), over="float64")),
    **prefixed("svd", {
        f"{m}x{n}{'-full' if full else ''}": case(singular(full), f32("b", m, n), tolerance=1e-4)
        for m, n in ((4, 4), (5, 3), (3, 6), (2, 1)) for full in (False, True)
    }),
    "svd/values": case(lambda x: A.svd(x, compute_uv=False), f32("b", 4, 6), tolerance=1e-4),
    "svd/deficient": case(
        lambda x: A.svd(tf.concat([x, 2 * x], -1), compute_uv=False), f32("b", 4, 2), tolerance=1e-4
    ),
}  # fmt: skip
