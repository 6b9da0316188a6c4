"""Solving and decomposing matrices."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import case, dtypes, f32, prefixed

A, raw = tf.linalg, tf.raw_ops
LOOSE = {"tolerance": 1e-3}
SQUARE, LARGE, ANY = f32("b", 3, 3), f32("b", 7, 7), f32("b", "m", "m")


def unit(x: tf.Tensor) -> tf.Tensor:
    if x.shape[-1] is not None:
        return tf.constant(np.eye(x.shape[-1]), x.dtype)
    place = tf.range(tf.shape(x)[-1])
    return tf.cast(tf.equal(place[:, None], place), x.dtype)


def well(x: tf.Tensor) -> tf.Tensor:
    """A well-conditioned matrix, one that needs pivoting where its size is known."""
    turned = unit(x) if x.shape[-1] is None else tf.constant(np.eye(x.shape[-1])[::-1], x.dtype)
    return x * 0.3 + 2 * turned


def positive(x: tf.Tensor) -> tf.Tensor:
    return tf.matmul(x, x, transpose_b=True) + unit(x)


def rows(f: object) -> dict:
    return {name: case(f, arg, **LOOSE) for name, arg in (("small", SQUARE), ("large", LARGE), ("dynamic", ANY))}


def _complex(function):
    """The parts of what a function of a well-conditioned complex matrix, and more, gives."""

    def real(a, b, *rest):
        z = function(tf.complex(well(a), b), *(tf.complex(r, r * 2) for r in rest))
        return tf.math.real(z), tf.math.imag(z)

    return real


CASES = {
    "inverse/complex": case(_complex(A.inv), SQUARE, SQUARE, **LOOSE),
    "inverse/complex-dynamic": case(_complex(lambda z: A.inv(z, adjoint=True)), ANY, ANY, **LOOSE),
    "solve/complex": case(_complex(A.solve), SQUARE, SQUARE, f32("b", 3, 2), **LOOSE),
    "solve/complex-adjoint": case(
        _complex(lambda z, y: A.solve(z, y, adjoint=True)), f32(4, 4), f32(4, 4), f32(4, 1), **LOOSE
    ),
    **prefixed("inverse", rows(lambda x: A.inv(well(x)))),
    "inverse/adjoint": case(lambda x: A.inv(well(x), adjoint=True), SQUARE, **LOOSE),
    "inverse/no-batch": case(lambda x: A.inv(well(x)), f32(4, 4), **LOOSE),
    "inverse/two-batches": case(lambda x: A.inv(well(x)), f32("b", 2, 3, 3), **LOOSE),
    **prefixed("inverse", dtypes(lambda x: A.inv(well(x)), SQUARE, over="float64")),
    **prefixed("solve", {
        n: case(lambda x, y: A.solve(well(x), y), a, f32("b", a.dims[1], 2), **LOOSE)
        for n, a in (("small", SQUARE), ("large", LARGE), ("dynamic", ANY))
    }),
    "solve/adjoint": case(lambda x, y: A.solve(well(x), y, adjoint=True), SQUARE, f32("b", 3, 2), **LOOSE),
    **prefixed("det", rows(lambda x: A.det(well(x)))),
    **prefixed("det", dtypes(lambda x: A.det(well(x)), LARGE, over="float64", tolerance=1e-5)),
    **prefixed("slogdet", rows(lambda x: A.slogdet(well(x)))),
    **prefixed("lu", rows(lambda x: A.lu(well(x)))),
    "lu/random": case(A.lu, f32("b", 5, 5), **LOOSE),
    **prefixed("cholesky", rows(lambda x: A.cholesky(positive(x)))),
    **prefixed("root", rows(lambda x: A.sqrtm(positive(x)))),
    **prefixed("triangular", {
        f"{lower}-{adjoint}": case(
            lambda x, y, lo=lower, ad=adjoint: A.triangular_solve(x, y, lower=lo, adjoint=ad),
            f32("b", 5, 5, low=0.5, high=1), f32("b", 5, 2), **LOOSE,
        )
        for lower in (True, False) for adjoint in (True, False)
    }),
    "triangular/broadcast": case(
        A.triangular_solve, f32(3, 3, low=0.5, high=1), f32("b", 3, 2), **LOOSE
    ),
    "triangular/dynamic": case(A.triangular_solve, f32("b", "m", "m", low=0.5, high=1), f32("b", "m", 2), **LOOSE),
    **prefixed("banded", {
        str(lower): case(
            lambda x, y, lo=lower: A.banded_triangular_solve(x, y, lower=lo), f32("b", 2, 5, low=0.5, high=1),
            f32("b", 5, 2), **LOOSE,
        )
        for lower in (True, False)
    }),
    "tridiagonal": case(
        lambda x, y: A.tridiagonal_solve(x + tf.constant([[[0.0], [4.0], [0.0]]]), y, diagonals_format="compact"),
        f32("b", 3, 6), f32("b", 6, 2), **LOOSE,
    ),
    **prefixed("qr", {
        f"{m}x{n}{'-full' if full else ''}": case(lambda x, f=full: A.qr(x, full_matrices=f), f32("b", m, n), **LOOSE)
        for m, n in ((3, 3), (5, 3), (3, 5), (6, 5)) for full in (False, True)
    }),
    **prefixed("least-squares", {
        f"{m}x{n}-{fast}": case(
            lambda x, y, f=fast: raw.MatrixSolveLs(
                matrix=x, rhs=y, l2_regularizer=tf.constant(0.1 if f else 0.0, tf.float64), fast=f
            ),
            f32("b", m, n), f32("b", m, 2), **LOOSE,
        )
        for m, n in ((6, 3), (3, 6)) for fast in (True, False)
    }),
}  # fmt: skip
