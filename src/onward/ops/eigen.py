"""Eigenvalues of symmetric matrices and singular values, by Jacobi rotations (Golub and Van Loan, 8.5 and 8.6).

A step rotates every row with one partner at once: with m the odd one of n and n - 1, rows i and j meet where
``i + j = step (mod m)``; the one row left over meets row m where there is one. After m steps all pairs have met.
"""

from __future__ import annotations

from onward.dims import Size
from onward.dtypes import FLOAT32, FLOAT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.loop import repeat
from onward.lowering.registry import lower
from onward.ops.decompose import diagonal, householder, identity, ramp
from onward.ops.linalg import folded, swap_last, unfolded

SWEEPS = 10  # rounds of all pairs; convergence is quadratic once the rotations are small


@lower("SelfAdjointEigV2", "BatchSelfAdjointEigV2")
def self_adjoint(op: Builder, x: Value, *, compute_v: bool) -> tuple[Value, Value]:
    """Eigenvalues in ascending order, eigenvectors as columns; only the lower triangle is read."""
    lead, dtype = x.shape[:-2], x.dtype
    a = folded(op, op.Cast(x, to=FLOAT32) if dtype != FLOAT64 else x)
    n = a.shape[1]
    row = ramp(op, n)
    a = op.Where(op.Unsqueeze(row, axes=[1]) >= row, a, swap_last(op, a))
    start = op.Expand(identity(op, a), op.shape(a))

    def step(i: Value, now: Value, vectors: Value) -> list[Value]:
        turn = _rotations(op, now, i, n)
        return [swap_last(op, turn) @ now @ turn, vectors @ turn]

    a, vectors = repeat(op, _steps(n), [a, start], step)
    values, order = op.TopK(diagonal(op, a), op.sizes([n]), axis=1, largest=0, outputs=2)
    values = op.Cast(unfolded(op, values, lead), to=dtype)
    if not compute_v:
        return values, op.constant([], dtype)
    return values, op.Cast(unfolded(op, _columns(op, vectors, order), lead), to=dtype)


@lower("Svd", "BatchSvd")
def svd(op: Builder, x: Value, *, compute_uv: bool, full_matrices: bool) -> tuple[Value, Value, Value]:
    """``x = u @ diag(s) @ v.T`` with s in descending order."""
    lead, dtype = x.shape[:-2], x.dtype
    a = folded(op, op.Cast(x, to=FLOAT32) if dtype != FLOAT64 else x)
    wide = isinstance(a.shape[1], int) and isinstance(a.shape[2], int) and a.shape[1] < a.shape[2]
    if wide:
        a = swap_last(op, a)
    n = a.shape[2]
    start = op.Expand(identity(op, a), op.sizes([a.shape[0], n, n]))

    def step(i: Value, now: Value, vectors: Value) -> list[Value]:
        turn = _rotations(op, swap_last(op, now) @ now, i, n)
        return [now @ turn, vectors @ turn]

    scaled, right = repeat(op, _steps(n), [a, start], step)
    lengths = op.Sqrt(op.ReduceSum(scaled * scaled, axes=[1], keepdims=0))
    values, order = op.TopK(lengths, op.sizes([n]), axis=1, outputs=2)

    def restored(value: Value) -> Value:
        return op.Cast(unfolded(op, value, lead), to=dtype)

    if not compute_uv:
        return restored(values), op.constant([], dtype), op.constant([], dtype)
    scaled, right = _columns(op, scaled, order), _columns(op, right, order)
    if full_matrices:
        left, triangle = householder(op, scaled)
        square = op.Slice(triangle, [0], op.sizes([n]), axes=[1])
        signs = op.Where(diagonal(op, square) < 0, -1, op.constant(1, a.dtype))
        padding = op.sizes([0, 0, 0, a.shape[1] - n])
        left = left * op.Unsqueeze(op.Pad(signs, padding, op.constant(1, a.dtype), mode="constant"), axes=[1])
    else:
        divisor = op.Unsqueeze(op.Where(values > 0, values, 1), axes=[1])
        left = scaled / divisor
    u, v = (right, left) if wide else (left, right)
    return restored(values), restored(u), restored(v)


def _steps(n: Size) -> Size:
    return (n - 1 + n % 2) * SWEEPS


def _columns(op: Builder, matrices: Value, order: Value) -> Value:
    turned = swap_last(op, matrices)
    return swap_last(op, op.GatherND(turned, op.Unsqueeze(order, axes=[2]), batch_dims=1))


def _rotations(op: Builder, gram: Value, step: Value, n: Size) -> Value:
    """The orthogonal matrix that makes zero, in each pair of this step, the element of ``gram`` that joins it."""
    row = ramp(op, n)
    odd = op.size(n - 1 + n % 2)
    meets = op.Mod(step - row, odd)
    left_over = op.Where(op.Equal(op.Mod(op.size(n), 2), 0), odd, row)
    middle = op.Mod(step * op.Div(odd + 1, 2), odd)
    partner = op.Where(op.Equal(row, odd), middle, op.Where(op.Equal(meets, row), left_over, meets))
    pairs = op.Equal(op.Unsqueeze(partner, axes=[1]), row)
    own = diagonal(op, gram)
    joint = op.ReduceSum(op.Where(pairs, gram, 0), axes=[2], keepdims=0)
    idle = op.Or(op.Equal(joint, 0), op.Equal(partner, row))
    slope = (op.Gather(own, partner, axis=1) - own) / op.Where(idle, 1, joint * 2)
    first = op.Or(slope > 0, op.And(op.Equal(slope, 0), row < partner))
    size = 1 / (op.Abs(slope) + op.Sqrt(1 + slope * slope))
    tangent = op.Where(idle, 0, op.Where(first, size, -size))
    cosine = 1 / op.Sqrt(1 + tangent * tangent)
    same = op.Equal(op.Unsqueeze(row, axes=[1]), row)
    sines = op.Where(pairs, op.Unsqueeze(tangent * cosine, axes=[2]), 0)
    return op.Where(same, op.Unsqueeze(cosine, axes=[2]), sines)
