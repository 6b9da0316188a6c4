"""Diagonals and bands of matrices."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from onward.dims import Size, maximum, product
from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.array import zero


class Band(NamedTuple):
    """The diagonals ``lower`` to ``upper`` of a matrix, and how short ones are aligned in the rows that hold them.

    ``align`` is TensorFlow's: where superdiagonals go, then where subdiagonals go, LEFT or RIGHT.
    """

    rows: Size
    columns: Size
    lower: int
    upper: int
    align: str

    @property
    def count(self) -> int:
        return self.upper - self.lower + 1

    def length(self, op: Builder, d: Value) -> Value:
        """The lengths of diagonals."""
        return op.Min(op.size(self.rows) + op.Min(d, 0), op.size(self.columns) - op.Max(d, 0))

    def longest(self, op: Builder) -> Value:
        return op.ReduceMax(self.length(op, op.constant(np.arange(self.lower, self.upper + 1))), axes=[0], keepdims=0)

    def offset(self, op: Builder, d: Value, longest: Value) -> Value:
        """How far from the left end the diagonals begin in their rows of length ``longest``."""
        above, below = (side == "RIGHT" for side in self.align.split("_"))
        gap = longest - self.length(op, d)
        if above and below:
            return gap
        if not above and not below:
            return gap * 0
        return op.Where(d >= 0 if above else d < 0, gap, 0)


def band_of(op: Builder, k: np.ndarray, rows: Size, columns: Size, align: str) -> Band:
    bounds = [int(d) for d in np.atleast_1d(k)]
    return Band(rows, columns, bounds[0], bounds[-1], align)


def diagonal_part(op: Builder, x: Value, k: np.ndarray, padding: Value, align: str) -> Value:
    """[..., diagonals, longest] from [..., rows, columns]; one diagonal has no axis of its own."""
    if x.shape is None:
        raise Unsupported("diagonals of a tensor of unknown rank")
    *batch, rows, columns = x.shape
    band = band_of(op, k, rows, columns, align)
    with op.folding():
        longest = band.longest(op)
        d = op.constant(np.arange(band.upper, band.lower - 1, -1).reshape((-1, 1) if band.count > 1 else ()))
        place = op.Range(0, longest, 1) - band.offset(op, d, longest)
        row, column = place - op.Min(d, 0), place + op.Max(d, 0)
        valid = op.And(place >= 0, place < band.length(op, d))
        index = op.Where(valid, row * op.size(columns) + column, 0)
    y = op.Gather(op.Reshape(x, [*batch, product([rows, columns])]), index, axis=-1)
    return op.Where(valid, y, padding) if band.count > 1 else y


def spread(op: Builder, diagonals: Value, band: Band, base: Value) -> Value:
    """[..., rows, columns] with the band from ``diagonals`` and ``base`` elsewhere."""
    if band.count == 1 and diagonals.rank is not None:
        diagonals = op.Unsqueeze(diagonals, axes=[diagonals.rank - 1])
    assert diagonals.shape is not None
    *batch, count, longest = diagonals.shape
    with op.folding():
        row = op.Unsqueeze(op.Range(0, op.size(band.rows), 1), axes=[1])
        column = op.Unsqueeze(op.Range(0, op.size(band.columns), 1), axes=[0])
        d = column - row
        inside = op.And(d >= band.lower, d <= band.upper)
        place = op.Min(row, column) + band.offset(op, d, op.size(longest))
        index = op.Where(inside, (band.upper - d) * op.size(longest) + place, 0)
    y = op.Gather(op.Reshape(diagonals, [*batch, product([count, longest])]), index, axis=-1)
    return y if inside.array is not None and inside.array.all() else op.Where(inside, y, base)


def _square(op: Builder, diagonal: Value) -> Value:
    """A matrix with this main diagonal and zeros."""
    if diagonal.shape is None:
        raise Unsupported("the diagonal of a matrix of unknown rank")
    size = op.size(diagonal.shape[-1])
    with op.folding():
        places = op.Range(0, size, 1)
        eye = op.Equal(op.Unsqueeze(places, axes=[1]), op.Unsqueeze(places, axes=[0]))
    return op.Where(eye, op.Unsqueeze(diagonal, axes=[-1]), zero(op, diagonal.dtype))


@lower("MatrixDiag", "BatchMatrixDiag")
def matrix_diag(op: Builder, diagonal: Value) -> Value:
    return _square(op, diagonal)


def _matrix_diag(
    op: Builder, diagonal: Value, k: np.ndarray, rows: Value, columns: Value, padding: Value, align: str
) -> Value:  # fmt: skip
    """The matrix is as large as asked for, or the smallest that holds the diagonals (-1)."""
    if diagonal.shape is None or rows.elements is None or columns.elements is None:
        raise Unsupported("a matrix of a size known only at run time around its diagonals")
    low, high = int(np.atleast_1d(k)[0]), int(np.atleast_1d(k)[-1])
    longest, sizes = diagonal.shape[-1], (rows.elements.item(), columns.elements.item())
    least = (longest + max(-high, 0), longest + max(low, 0))
    if all(_open(s) for s in sizes):
        height = width = maximum(*least)
    else:
        height, width = (smallest if _open(s) else s for s, smallest in zip(sizes, least, strict=True))
    if low == high == 0 and height == width == longest and _is_zero(padding):
        return _square(op, diagonal)
    return spread(op, diagonal, Band(height, width, low, high, align), padding)


def _open(size: Size) -> bool:
    return isinstance(size, int) and size == -1


def _is_zero(value: Value) -> bool:
    return value.array is not None and not np.any(value.array)


@lower("MatrixDiagV2")
def matrix_diag_v2(
    op: Builder, diagonal: Value, k: Static, rows: Value, columns: Value, padding: Value
) -> Value:  # fmt: skip
    return _matrix_diag(op, diagonal, k, rows, columns, padding, "LEFT_LEFT")


@lower("MatrixDiagV3")
def matrix_diag_v3(
    op: Builder, diagonal: Value, k: Static, rows: Value, columns: Value, padding: Value, *, align: str
) -> Value:  # fmt: skip
    return _matrix_diag(op, diagonal, k, rows, columns, padding, align)


@lower("MatrixDiagPart", "BatchMatrixDiagPart")
def matrix_diag_part(op: Builder, x: Value) -> Value:
    return diagonal_part(op, x, np.array(0), zero(op, x.dtype), "LEFT_LEFT")


@lower("MatrixDiagPartV2")
def matrix_diag_part_v2(op: Builder, x: Value, k: Static, padding: Value) -> Value:
    return diagonal_part(op, x, k, padding, "LEFT_LEFT")


@lower("MatrixDiagPartV3")
def matrix_diag_part_v3(op: Builder, x: Value, k: Static, padding: Value, *, align: str) -> Value:
    return diagonal_part(op, x, k, padding, align)


def _set_diag(op: Builder, x: Value, diagonal: Value, k: Any, align: str) -> Value:
    if x.shape is None:
        raise Unsupported("the diagonal of a matrix of unknown rank")
    return spread(op, diagonal, band_of(op, k, x.shape[-2], x.shape[-1], align), x)


@lower("MatrixSetDiag", "BatchMatrixSetDiag")
def matrix_set_diag(op: Builder, x: Value, diagonal: Value) -> Value:
    return _set_diag(op, x, diagonal, 0, "LEFT_LEFT")


@lower("MatrixSetDiagV2")
def matrix_set_diag_v2(op: Builder, x: Value, diagonal: Value, k: Static) -> Value:
    return _set_diag(op, x, diagonal, k, "LEFT_LEFT")


@lower("MatrixSetDiagV3")
def matrix_set_diag_v3(op: Builder, x: Value, diagonal: Value, k: Static, *, align: str) -> Value:
    return _set_diag(op, x, diagonal, k, align)


@lower("MatrixBandPart", "BatchMatrixBandPart")
def matrix_band_part(op: Builder, x: Value, below: Value, above: Value) -> Value:
    """What is at most so far below and above the main diagonal; a negative number keeps all on its side."""
    if x.shape is None:
        raise Unsupported("the band of a matrix of unknown rank")
    for count, upper in ((below, 1), (above, 0)):
        sign = -1 if upper else 1
        if count.array is not None:
            if count.array >= 0:
                x = op.Trilu(x, op.constant(sign * int(count.array), INT64), upper=upper)
            continue
        count = op.Cast(count, to=INT64)
        everything = op.size(x.shape[-2] + x.shape[-1])
        x = op.Trilu(x, sign * op.Where(count < 0, everything, count), upper=upper)
    return x


@lower("Diag")
def diag(op: Builder, diagonal: Value) -> Value:
    """[d..., d...] from [d...]: the diagonal of a tensor whose shape repeats itself."""
    if diagonal.shape is None:
        raise Unsupported("the diagonal of a tensor of unknown rank")
    flat = op.Reshape(diagonal, [product(diagonal.shape)])
    return op.Reshape(_square(op, flat), list(diagonal.shape) * 2)


@lower("DiagPart")
def diag_part(op: Builder, x: Value) -> Value:
    if x.shape is None:
        raise Unsupported("the diagonal of a tensor of unknown rank")
    half = x.shape[: len(x.shape) // 2]
    count = product(half)
    with op.folding():
        index = op.Range(0, op.size(count), 1) * op.size(count + 1)
    return op.Reshape(op.Gather(op.Reshape(x, [-1]), index, axis=0), list(half))
