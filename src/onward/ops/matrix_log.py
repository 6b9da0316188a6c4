"""The logarithm of a matrix.

Inverse scaling and squaring: square roots until the matrix is near the identity, there Gauss-Legendre quadrature of the
integral that defines the logarithm (N. J. Higham, "Functions of Matrices", 2008, chapter 11), in float64.
"""

from __future__ import annotations

import numpy as np

from onward.dtypes import FLOAT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.composite import PART_DTYPES, Complex
from onward.lowering.loop import repeat
from onward.lowering.registry import lower
from onward.ops.decompose import gauss_jordan, identity

_ROOTS = 12  # 2**-12 of the logarithm remains
_ITERATIONS = 18  # of Newton's method in the form of Denman and Beavers, for each root
_NODES = 8  # of the quadrature


@lower("MatrixLogarithm", complex=True)
def matrix_logarithm(op: Builder, x: Complex) -> Complex:
    """The principal one, of matrices without eigenvalues on the negative real axis.

    A complex matrix is computed with as a real one of twice the size, ``[[re, -im], [im, re]]``.
    """
    real, imag = (op.Cast(part, to=FLOAT64) for part in (x.real, x.imag))
    upper, lower_ = op.Concat(real, -imag, axis=-1), op.Concat(imag, real, axis=-1)
    whole = op.Concat(upper, lower_, axis=-2)
    size = x.shape[-1]  # type: ignore[index]
    batched = op.Reshape(whole, op.sizes([-1, size * 2, size * 2]))
    logarithm = op.Reshape(_logarithm(op, batched), op.shape(whole))
    halves = op.Slice(logarithm, [0], op.sizes([size]), [-1])
    parts = (
        op.Slice(halves, [0], op.sizes([size]), [-2]),
        op.Slice(halves, op.sizes([size]), op.sizes([size * 2]), [-2]),
    )
    return Complex(*(op.Cast(part, to=PART_DTYPES[x.dtype]) for part in parts))


def _logarithm(op: Builder, a: Value) -> Value:
    one = op.Expand(identity(op, a), op.shape(a))

    def inverse(v: Value) -> Value:
        return gauss_jordan(op, v, one)

    def root(i: Value, y: Value) -> list[Value]:
        def improved(j: Value, y: Value, z: Value) -> list[Value]:
            return [(y + inverse(z)) * 0.5, (z + inverse(y)) * 0.5]

        return [repeat(op, _ITERATIONS, [y, one], improved)[0]]

    (near,) = repeat(op, _ROOTS, [a], root)
    x = near - one
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    total = op.constant(np.zeros((), np.float64))
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        total = total + gauss_jordan(op, one + x * float(node), x) * float(weight)
    return total * float(2**_ROOTS)
