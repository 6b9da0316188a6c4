"""Matrix products and what is one step away from them."""

from __future__ import annotations

import numpy as np

from onward.dims import Size
from onward.dtypes import INT32
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower


@lower("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
def matmul(
    op: Builder, a: Value, b: Value, *, transpose_a: bool = False, transpose_b: bool = False, adj_x: bool = False,
    adj_y: bool = False, Tout: np.dtype | None = None,
) -> Value:  # fmt: skip
    """The product over the last two axes, the others broadcast. ``Tout``: accumulate and answer in a wider dtype."""
    if transpose_a or adj_x:
        a = swap_last(op, a)
    if transpose_b or adj_y:
        b = swap_last(op, b)
    if Tout is None or (Tout == a.dtype and Tout == b.dtype):
        return a @ b
    if Tout == INT32 and a.dtype.kind in "iu" and a.dtype.itemsize == 1 and b.dtype.itemsize == 1:
        return op.MatMulInteger(a, b)
    return op.Cast(a, to=Tout) @ op.Cast(b, to=Tout)


def swap_last(op: Builder, x: Value) -> Value:
    """The matrix transpose of the last two axes."""
    if x.rank is None:
        raise Unsupported("the transpose of a matrix of unknown rank")
    return op.Transpose(x, perm=[*range(x.rank - 2), x.rank - 1, x.rank - 2])


@lower("TridiagonalMatMul")
def tridiagonal_matmul(op: Builder, above: Value, main: Value, below: Value, x: Value) -> Value:
    """``y[i] = above[i] * x[i + 1] + main[i] * x[i] + below[i] * x[i - 1]``; diagonals are (..., 1, n)."""
    rows = x.rank - 2
    padding = [0] * rows
    following = op.Pad(op.Slice(x, [1], [2**31 - 1], axes=[rows]), [*padding, 0, 0, *padding, 1, 0], mode="constant")
    previous = op.Pad(op.Slice(x, [0], [-1], axes=[rows]), [*padding, 1, 0, *padding, 0, 0], mode="constant")
    return swap_last(op, above) * following + swap_last(op, main) * x + swap_last(op, below) * previous


def folded(op: Builder, x: Value, keep: int = 2) -> Value:
    """All axes but the last ``keep`` as one."""
    if x.rank is None:
        raise Unsupported("matrices of unknown rank")
    if x.rank == keep:
        return op.Unsqueeze(x, axes=[0])
    return x if x.rank == keep + 1 else op.Reshape(x, [-1, *x.shape[-keep:]])


def unfolded(op: Builder, y: Value, lead: tuple[Size, ...]) -> Value:
    """The inverse of ``folded``: the leading axes as they were."""
    if len(lead) == 1:
        return y
    return op.Squeeze(y, axes=[0]) if not lead else op.Reshape(y, [*lead, *y.shape[1:]])
