"""Solving and decomposing matrices, batches of them, by the textbook algorithms (Golub and Van Loan, chapters 3 to 5).

A step of each is a few whole-matrix operators; small matrices get the steps written out, larger ones a Loop.
"""

from __future__ import annotations

import numpy as np

from onward.dims import Size, minimum
from onward.dtypes import FLOAT32, FLOAT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.composite import Complex
from onward.lowering.loop import repeat
from onward.lowering.registry import Unsupported, lower
from onward.ops.linalg import folded, swap_last, unfolded

ROOT_STEPS = 15  # halvings of the logarithm's size, then quadratic convergence


@lower("MatrixInverse", "BatchMatrixInverse")
def inverse(op: Builder, x: Value, *, adjoint: bool) -> Value:
    a = _batch(op, swap_last(op, x) if adjoint else x)
    result = gauss_jordan(op, a, op.Expand(identity(op, a), op.shape(a)))
    return _restored(op, result, x)


@lower("MatrixSolve", "BatchMatrixSolve")
def solve(op: Builder, x: Value, rhs: Value, *, adjoint: bool) -> Value:
    a = _batch(op, swap_last(op, x) if adjoint else x)
    return _restored(op, gauss_jordan(op, a, _batch(op, rhs)), rhs)


@lower("MatrixInverse", "BatchMatrixInverse", complex=True)
def complex_inverse(op: Builder, x: Complex, *, adjoint: bool) -> Complex:
    columns = inverse(op, _embedded(op, x), adjoint=adjoint)
    return _halves(op, op.Slice(columns, [0], [x.real.shape[-1]], [-1]), x.real)  # type: ignore[index]


@lower("MatrixSolve", "BatchMatrixSolve", complex=True)
def complex_solve(op: Builder, x: Complex, rhs: Complex, *, adjoint: bool) -> Complex:
    stacked = op.Concat(rhs.real, rhs.imag, axis=-2)
    return _halves(op, solve(op, _embedded(op, x), stacked, adjoint=adjoint), x.real)


def _embedded(op: Builder, x: Complex) -> Value:
    """The real matrix of twice the size that multiplies stacked real and imaginary parts as ``x`` multiplies both."""
    upper, lower = op.Concat(x.real, -x.imag, axis=-1), op.Concat(x.imag, x.real, axis=-1)
    return op.Concat(upper, lower, axis=-2)


def _halves(op: Builder, stacked: Value, like: Value) -> Complex:
    assert like.shape is not None
    n = like.shape[-1]
    return Complex(op.Slice(stacked, [0], [n], [-2]), op.Slice(stacked, [n], [n + n], [-2]))


@lower("MatrixDeterminant", "BatchMatrixDeterminant")
def determinant(op: Builder, x: Value) -> Value:
    if x.dtype != FLOAT64:  # ONNX Runtime's Det is float32
        return op.Det(x)
    packed, _, sign = eliminate(op, _batch(op, x))
    return unfolded(op, op.ReduceProd(diagonal(op, packed), axes=[1], keepdims=0) * sign, x.shape[:-2])


@lower("LogMatrixDeterminant")
def log_determinant(op: Builder, x: Value) -> tuple[Value, Value]:
    """The sign, and the logarithm of the absolute value."""
    packed, _, sign = eliminate(op, _batch(op, x))
    pivots = diagonal(op, packed)
    signs = op.ReduceProd(op.Sign(pivots), axes=[1], keepdims=0) * sign
    logs = op.ReduceSum(op.Log(op.Abs(pivots)), axes=[1], keepdims=0)
    lead = x.shape[:-2]
    return op.Cast(unfolded(op, signs, lead), to=x.dtype), op.Cast(unfolded(op, logs, lead), to=x.dtype)


@lower("Lu")
def lu(op: Builder, x: Value, *, output_idx_type: np.dtype) -> tuple[Value, Value]:
    """Both factors in one matrix, and which row of the input each row is."""
    packed, order, _ = eliminate(op, _batch(op, x))
    return _restored(op, packed, x), op.Cast(unfolded(op, order, x.shape[:-2]), to=output_idx_type)


@lower("Cholesky", "BatchCholesky")
def cholesky(op: Builder, x: Value) -> Value:
    """The lower factor; of the input only the lower triangle is read."""
    a = _batch(op, x)
    row = ramp(op, a.shape[1])

    def step(k: Value, rest: Value, factor: Value) -> list[Value]:
        column = op.Gather(rest, k, axis=2)
        pivot = op.Unsqueeze(op.Sqrt(op.Gather(column, k, axis=1)), axes=[1])
        scaled = op.Where(row >= k, column / pivot, 0)
        return [rest - outer(op, scaled, scaled), op.Where(op.Equal(row, k), op.Unsqueeze(scaled, axes=[2]), factor)]

    return _restored(op, repeat(op, a.shape[1], [a, a * 0], step)[1], x)


@lower("MatrixTriangularSolve", "BatchMatrixTriangularSolve")
def triangular_solve(op: Builder, x: Value, rhs: Value, *, lower: bool, adjoint: bool) -> Value:
    """Substitution, forwards or backwards. Batches broadcast."""
    a, b = swap_last(op, x) if adjoint else x, rhs
    if a.shape[:-2] != b.shape[:-2]:
        a = op.Expand(a, op.sizes([*b.shape[:-2], 1, 1]))
        b = op.Expand(b, op.sizes([*a.shape[:-2], 1, 1]))
    y = substitute(op, _batch(op, a), _batch(op, b), lower != adjoint)
    return _restored(op, y, b)


@lower("BandedTriangularSolve")
def banded_solve(op: Builder, bands: Value, rhs: Value, *, lower: bool, adjoint: bool) -> Value:
    """The matrix is given by its diagonals, from the upper to the lower, each aligned with the matrix's rows."""
    *lead, count, n = bands.shape
    if not isinstance(count, int):
        raise Unsupported("an unknown number of bands")
    row = ramp(op, n)
    gap = op.Unsqueeze(row, axes=[1]) - row
    total = op.Expand(op.constant(np.zeros((), bands.dtype)), op.sizes([*lead, n, n]))
    for i in range(count):
        band = op.Gather(bands, i if lower else count - 1 - i, axis=len(lead))
        spread = op.Unsqueeze(band, axes=[len(lead) + 1])
        total = op.Where(op.Equal(gap, i if lower else -i), spread, total)
    return triangular_solve(op, total, rhs, lower=lower, adjoint=adjoint)


@lower("TridiagonalSolve")
def tridiagonal_solve(op: Builder, diagonals: Value, rhs: Value) -> Value:
    """Rows of ``diagonals``: above, main and below, each aligned with the matrix's rows."""
    *lead, _, n = diagonals.shape
    row = ramp(op, n)
    gap = op.Unsqueeze(row, axes=[1]) - row
    total = op.Expand(op.constant(np.zeros((), diagonals.dtype)), op.sizes([*lead, n, n]))
    for i, distance in enumerate((-1, 0, 1)):
        spread = op.Unsqueeze(op.Gather(diagonals, i, axis=len(lead)), axes=[len(lead) + 1])
        total = op.Where(op.Equal(gap, distance), spread, total)
    return solve(op, total, rhs, adjoint=False)


@lower("Qr")
def qr(op: Builder, x: Value, *, full_matrices: bool) -> tuple[Value, Value]:
    q, r = householder(op, _batch(op, x))
    if not full_matrices:
        rank = minimum(*x.shape[-2:])
        q = op.Slice(q, [0], op.sizes([rank]), axes=[2])
        r = op.Slice(r, [0], op.sizes([rank]), axes=[1])
    return _restored(op, q, x), _restored(op, r, x)


@lower("MatrixSquareRoot")
def square_root(op: Builder, x: Value) -> Value:
    """The principal root, by Denman and Beavers' iteration (1976)."""
    a = _batch(op, x)
    unit = op.Expand(identity(op, a), op.shape(a))

    def step(i: Value, root: Value, inverted: Value) -> list[Value]:
        return [(root + gauss_jordan(op, inverted, unit)) * 0.5, (inverted + gauss_jordan(op, root, unit)) * 0.5]

    return _restored(op, repeat(op, ROOT_STEPS, [a, unit], step)[0], x)


@lower("MatrixSolveLs", "BatchMatrixSolveLs")
def least_squares(op: Builder, x: Value, rhs: Value, regularizer: Value) -> Value:
    """The least-squares solution, or the smallest one where there are many."""
    rows, columns = x.shape[-2:]
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise Unsupported("least squares of a matrix of unknown size")
    a, b = _batch(op, x), _batch(op, rhs)
    turned = swap_last(op, a)
    if rows >= columns and regularizer.array is not None and regularizer.array == 0:
        q, r = householder(op, a)
        y = op.Slice(swap_last(op, q) @ b, [0], [columns], axes=[1])
        return _restored(op, substitute(op, op.Slice(r, [0], [columns], axes=[1]), y, False), rhs)
    gram = turned @ a if rows >= columns else a @ turned
    gram = gram + identity(op, gram) * op.Cast(regularizer, to=a.dtype)
    y = gauss_jordan(op, gram, turned @ b) if rows >= columns else turned @ gauss_jordan(op, gram, b)
    return _restored(op, y, rhs)


def eliminate(op: Builder, a: Value) -> tuple[Value, Value, Value]:
    """Gaussian elimination with partial pivoting: both factors in one, the order of rows, the permutation's sign."""
    batch, n = a.shape[:2]
    row = ramp(op, n)
    start = op.Expand(row, op.sizes([batch, n]))
    sign = op.Expand(op.constant(np.ones((), a.dtype)), op.sizes([batch]))

    def step(k: Value, now: Value, order: Value, sign: Value) -> list[Value]:
        swap, at = _pivoting(op, now, row, k)
        now = op.GatherND(now, op.Unsqueeze(swap, axes=[2]), batch_dims=1)
        first, column = op.Gather(now, k, axis=1), op.Gather(now, k, axis=2)
        factors = op.Where(row > k, _ratio(op, column, op.Gather(column, k, axis=1)), 0)
        now = now - outer(op, factors, op.Where(row > k, first, 0))
        below = op.And(op.Equal(row, k), op.Unsqueeze(row > k, axes=[1]))
        now = op.Where(below, op.Unsqueeze(factors, axes=[2]), now)
        moved = op.Not(op.Equal(op.Squeeze(at, axes=[1]), k))
        return [now, op.GatherElements(order, swap, axis=1), op.Where(moved, -sign, sign)]

    packed, order, sign = repeat(op, n, [a, start, sign], step)
    return packed, order, sign


def gauss_jordan(op: Builder, a: Value, rhs: Value) -> Value:
    """The solutions of ``a @ y = rhs``, with partial pivoting."""
    n = a.shape[1]
    row = ramp(op, n)

    def step(k: Value, now: Value) -> list[Value]:
        swap, _ = _pivoting(op, now, row, k)
        now = op.GatherND(now, op.Unsqueeze(swap, axes=[2]), batch_dims=1)
        column = op.Gather(now, k, axis=2)
        factors = op.Where(op.Equal(row, k), 0, _ratio(op, column, op.Gather(column, k, axis=1)))
        return [now - outer(op, factors, op.Gather(now, k, axis=1))]

    (now,) = repeat(op, n, [op.Concat(a, rhs, axis=2)], step)
    left = op.Slice(now, [0], op.sizes([n]), axes=[2])
    right = op.Slice(now, op.sizes([n]), [2**31 - 1], axes=[2])
    return right / op.Unsqueeze(diagonal(op, left), axes=[2])


def substitute(op: Builder, a: Value, rhs: Value, is_lower: bool) -> Value:
    """The solutions of ``a @ y = rhs`` for a triangular ``a``; the other triangle is not read."""
    n = a.shape[1]
    row = ramp(op, n)

    def step(i: Value, now: Value) -> list[Value]:
        k = i if is_lower else op.size(n) - 1 - i
        column = op.Gather(a, k, axis=2)
        solved = op.Gather(now, k, axis=1) / op.Unsqueeze(op.Gather(column, k, axis=1), axes=[1])
        later = op.Where(row > k if is_lower else row < k, column, 0)
        now = op.Where(op.Unsqueeze(op.Equal(row, k), axes=[1]), op.Unsqueeze(solved, axes=[1]), now)
        return [now - outer(op, later, solved)]

    return repeat(op, n, [rhs], step)[0]


def householder(op: Builder, a: Value) -> tuple[Value, Value]:
    """``a = q @ r``, q square and orthogonal, by reflections with LAPACK's choice of signs."""
    batch, rows, columns = a.shape
    row = ramp(op, rows)
    start = op.Expand(op.Cast(op.Equal(op.Unsqueeze(row, axes=[1]), row), to=a.dtype), op.sizes([batch, rows, rows]))

    def step(k: Value, q: Value, r: Value) -> list[Value]:
        column = op.Gather(r, k, axis=2)
        head = op.Unsqueeze(op.Gather(column, k, axis=1), axes=[1])
        tail = op.Where(row > k, column, 0)
        rest = op.ReduceSum(tail * tail, axes=[1])
        idle = rest <= float(np.finfo(a.dtype).tiny)
        norm = op.Sqrt(head * head + rest)
        image = op.Where(idle, head, op.Where(head >= 0, -norm, norm))
        vector = op.Where(op.Equal(row, k), 1, tail / op.Where(idle, 1, head - image))
        tau = op.Where(idle, 0, (image - head) / op.Where(idle, 1, image))
        across, down = op.Unsqueeze(vector * tau, axes=[1]), op.Unsqueeze(vector, axes=[2])
        return [q - (q @ down) @ across, r - down @ (across @ r)]

    q, r = repeat(op, minimum(rows, columns), [start, a], step)
    upper = op.Unsqueeze(row, axes=[1]) <= ramp(op, columns)
    return q, op.Where(upper, r, 0)


def ramp(op: Builder, n: Size) -> Value:
    """0, 1, .. n - 1 in int64."""
    return op.Range(0, op.size(n), 1)


def outer(op: Builder, a: Value, b: Value) -> Value:
    """Products of all pairs, per batch."""
    return op.Unsqueeze(a, axes=[2]) * op.Unsqueeze(b, axes=[1])


def identity(op: Builder, a: Value) -> Value:
    """The unit matrix of the size and dtype of ``a``."""
    row = ramp(op, a.shape[-1])
    return op.Cast(op.Equal(op.Unsqueeze(row, axes=[1]), row), to=a.dtype)


def diagonal(op: Builder, a: Value) -> Value:
    """The main diagonals of square matrices."""
    row = ramp(op, a.shape[-1])
    return op.ReduceSum(op.Where(op.Equal(op.Unsqueeze(row, axes=[1]), row), a, 0), axes=[2], keepdims=0)


def _pivoting(op: Builder, a: Value, row: Value, k: Value) -> tuple[Value, Value]:
    """The order of rows that brings the largest remaining element of column ``k`` to row ``k``, and where it was."""
    size = op.Where(row >= k, op.Abs(op.Gather(a, k, axis=2)), -1)
    at = op.ArgMax(size, axis=1, keepdims=1)
    return op.Where(op.Equal(row, k), at, op.Where(op.Equal(row, at), k, row)), at


def _ratio(op: Builder, column: Value, pivot: Value) -> Value:
    pivot = op.Unsqueeze(pivot, axes=[1])
    return op.Where(op.Equal(pivot, 0), 0, column / pivot)


def _batch(op: Builder, x: Value) -> Value:
    """One batch axis, in a dtype that can be computed with."""
    return folded(op, op.Cast(x, to=FLOAT32) if x.dtype not in (FLOAT32, FLOAT64) else x)


def _restored(op: Builder, y: Value, like: Value) -> Value:
    return op.Cast(unfolded(op, y, like.shape[:-2]), to=like.dtype)
