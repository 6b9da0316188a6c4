"""The logarithm of a matrix."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f32, f64


def _parts(z: tf.Tensor) -> list[tf.Tensor]:
    return [tf.math.real(z), tf.math.imag(z)]


def _near(a: tf.Tensor, b: tf.Tensor, kind: tf.DType = tf.complex64) -> list[tf.Tensor]:
    """Of a matrix whose eigenvalues stay away from the negative axis."""
    z = tf.complex(a, b) / 3
    return _parts(tf.linalg.logm(tf.cast(z, kind) + 2 * tf.eye(tf.shape(a)[-1], dtype=kind)))


def _positive(a: tf.Tensor) -> list[tf.Tensor]:
    spd = tf.matmul(a, a, transpose_b=True) + tf.eye(4)
    return _parts(tf.linalg.logm(tf.cast(spd, tf.complex64)))


ROUGH = {"tolerance": 1e-4}
CASES = {
    "positive": case(_positive, f32("b", 4, 4), **ROUGH),
    "complex": case(_near, f32("b", 3, 3, low=-1, high=1), f32("b", 3, 3, low=-1, high=1), **ROUGH),
    "size-at-run-time": case(_near, f32("k", "k", low=-1, high=1), f32("k", "k", low=-1, high=1), **ROUGH),
    "double": case(
        lambda a, b: _near(a, b, tf.complex128), f64("b", 2, 5, 5, low=-1, high=1), f64("b", 2, 5, 5, low=-1, high=1),
        tolerance=1e-8,
    ),
    **at_opsets({"opset": case(_positive, f32("b", 4, 4), **ROUGH)}, 13, 18, 23),
}  # fmt: skip
