"""Fourier transforms over one to several axes.

Up to ``TABLE`` points a transform is a product with a table of cosines and one of sines, which runtimes do fastest.
Longer ones are split into factors, or are ONNX's DFT where that is exact and the opset has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from onward.dims import Size
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.composite import Complex
from onward.lowering.registry import Unsupported, lower

TABLE = 512


def _complex_transform(axes: int, inverse: bool) -> Callable:
    def transform(op: Builder, z: Complex) -> Complex:
        return _over(op, z, range(-1, -axes - 1, -1), inverse)

    return transform


for _axes, _suffix in enumerate(("", "2D", "3D"), 1):
    lower(f"FFT{_suffix}", f"BatchFFT{_suffix}", complex=True)(_complex_transform(_axes, False))
    lower(f"IFFT{_suffix}", f"BatchIFFT{_suffix}", complex=True)(_complex_transform(_axes, True))


@lower("RFFT", "RFFT2D", "RFFT3D")
def real_transform(op: Builder, x: Value, fft_length: Value) -> Complex:
    """The half of the spectrum that a real signal needs; the signal is cut or filled up to the length."""
    sizes = _lengths(fft_length)
    return _real(op, x, sizes, list(range(-len(sizes), 0)))


@lower("IRFFT", "IRFFT2D", "IRFFT3D", complex=True)
def real_inverse(op: Builder, z: Complex, fft_length: Value) -> Value:
    sizes = _lengths(fft_length)
    return _real_inverse(op, z, sizes, list(range(-len(sizes), 0)))


def forward(op: Builder, x: Value, n: Size) -> Complex:
    """The first ``n // 2 + 1`` frequencies of real rows of at most ``n`` samples, as if filled up with zeros."""
    assert x.shape is not None
    if _factors(op, n) is not None:
        x = fitted(op, x, -1, n)
        return _fitted(op, _whole(op, Complex(x, x * 0), False), -1, n // 2 + 1)
    if not _by_table(op, n):
        whole = op.Unsqueeze(fitted(op, x, -1, n), axes=[-1])
        return _unstacked(op, op.DFT(whole, axis=x.rank - 1, onesided=1))  # type: ignore[operator]
    cosines, sines = tables(op, n, x.shape[-1], n // 2 + 1, x.dtype)
    return Complex(x @ cosines, -(x @ sines))


def backward(op: Builder, z: Complex, n: Size) -> Value:
    """``n`` real samples from the first ``n // 2 + 1`` frequencies."""
    z = _fitted(op, z, -1, n // 2 + 1)
    if not _by_table(op, n):
        return _over(op, _mirrored(op, z, n), [-1], True).real
    with op.folding():
        frequency = op.Range(0, op.size(n // 2 + 1), 1)
        single = op.Or(op.Equal(frequency, 0), op.Equal(frequency * 2, op.size(n)))
        weight = op.Unsqueeze(op.Where(single, 1, op.constant(2, z.real.dtype)), axes=[1])
        weight = weight / op.Cast(op.size(n), to=z.real.dtype)
        cosines, sines = tables(op, n, n // 2 + 1, n, z.real.dtype)
        cosines, sines = cosines * weight, sines * weight
    return z.real @ cosines - z.imag @ sines


def tables(op: Builder, n: Size, rows: Size, columns: Size, dtype: np.dtype) -> tuple[Value, Value]:
    """Cosines and sines of ``2 pi j k / n`` for j < rows and k < columns."""
    with op.folding():
        turns = op.Mod(
            op.Unsqueeze(op.Range(0, op.size(rows), 1), axes=[1]) * op.Range(0, op.size(columns), 1), op.size(n)
        )
        angle = op.Cast(turns, to="float64") * (2 * math.pi) / op.Cast(op.size(n), to="float64")
        if angle.array is None:
            angle = op.Cast(angle, to=dtype)
        return op.Cast(op.Cos(angle), to=dtype), op.Cast(op.Sin(angle), to=dtype)


def fitted(op: Builder, x: Value, axis: int, size: Size) -> Value:
    """An axis cut, or filled up with zeros, to a size."""
    assert x.shape is not None
    axis %= len(x.shape)
    have = x.shape[axis]
    if have == size:
        return x
    cut = op.Slice(x, [0], op.sizes([size]), axes=[axis])
    if isinstance(have, int) and isinstance(size, int) and have > size:
        return cut
    missing = op.Max(op.size(size - have), 0)
    pads = op.Concat(np.zeros(len(x.shape) + axis, np.int64), op.Reshape(missing, [1]),
                     np.zeros(len(x.shape) - axis - 1, np.int64), axis=0)  # fmt: skip
    return op.Pad(cut, pads, mode="constant")


def _real(op: Builder, x: Value, sizes: list[Size], axes: list[int]) -> Complex:
    if x.rank is None:
        raise Unsupported("a signal of unknown rank")
    for axis, size in zip(axes, sizes, strict=True):
        if axis != axes[-1] or size != x.shape[axis]:
            x = fitted(op, x, axis, size) if axis != axes[-1] else _cut(op, x, axis, size)
    z = _moved(op, x, axes[-1], lambda row: forward(op, row, sizes[-1]))
    return _over(op, z, axes[-2::-1], False)


def _cut(op: Builder, x: Value, axis: int, size: Size) -> Value:
    """Cut only: the tables stand for the zeros that are missing."""
    have = x.shape[axis]
    known = isinstance(have, int) and isinstance(size, int)
    return x if known and have <= size else fitted(op, x, axis, size)


def _real_inverse(op: Builder, z: Complex, sizes: list[Size], axes: list[int]) -> Value:
    for axis, size in zip(axes[:-1], sizes[:-1], strict=True):
        z = _fitted(op, z, axis, size)
    z = _over(op, z, axes[:-1], True)
    return _moved(op, z, axes[-1], lambda rows: backward(op, rows, sizes[-1]))


def _over(op: Builder, z: Complex, axes: Sequence[int], inverse: bool) -> Complex:
    """Complex transforms along axes, one after the other."""
    for axis in axes:
        z = _moved(op, z, axis, lambda rows: _whole(op, rows, inverse))
    return z


def _whole(op: Builder, z: Complex, inverse: bool) -> Complex:
    if z.shape is None:
        raise Unsupported("a signal of unknown rank")
    n = z.shape[-1]
    factors = _factors(op, n)
    if factors is not None:
        return _in_steps(op, z, *factors, inverse)
    if not _by_table(op, n):
        stacked = op.Concat(op.Unsqueeze(z.real, axes=[-1]), op.Unsqueeze(z.imag, axes=[-1]), axis=-1)
        return _unstacked(op, op.DFT(stacked, axis=z.rank - 1, inverse=int(inverse)))  # type: ignore[operator]
    cosines, sines = tables(op, n, n, n, z.real.dtype)
    if inverse:
        count = op.Cast(op.size(n), to=z.real.dtype)
        with op.folding():
            cosines, sines = cosines / count, -sines / count
    return Complex(z.real @ cosines + z.imag @ sines, z.imag @ cosines - z.real @ sines)


def _in_steps(op: Builder, z: Complex, outer: int, inner: int, inverse: bool) -> Complex:
    """Cooley and Tukey: transforms of the length's two factors, and a turn of every element between them."""
    n, lead = outer * inner, list(z.shape[:-1] if z.shape is not None else ())
    grid = _each(z, lambda x: op.Reshape(x, [*lead, outer, inner]))
    grid = _moved(op, grid, -2, lambda rows: _whole(op, rows, inverse))
    cosines, sines = tables(op, n, outer, inner, z.real.dtype)
    grid = grid * Complex(cosines, sines if inverse else -sines)
    grid = _whole(op, grid, inverse)
    rank = len(lead) + 2
    turned = _each(grid, lambda x: op.Transpose(x, perm=[*range(rank - 2), rank - 1, rank - 2]))
    return _each(turned, lambda x: op.Reshape(x, [*lead, n]))


def _by_table(op: Builder, n: Size) -> bool:
    return not op.has("DFT") or (isinstance(n, int) and (n <= TABLE or n & (n - 1) != 0))


def _factors(op: Builder, n: Size) -> tuple[int, int] | None:
    """Two factors of a length above the table's for which there is no DFT, or none exact.

    ONNX Runtime's DFT of a length that is no power of two has errors of 1e-4 of the largest value.
    """
    if not isinstance(n, int) or n <= TABLE or (n & (n - 1) == 0 and op.has("DFT")):
        return None
    smaller = next((k for k in range(math.isqrt(n), 1, -1) if n % k == 0), None)
    return None if smaller is None else (smaller, n // smaller)


def _mirrored(op: Builder, z: Complex, n: Size) -> Complex:
    """The whole spectrum of a real signal from its first half."""
    rest = op.size((n - 1) // 2)
    starts, ends = op.Reshape(rest, [1]), np.array([0])

    def reverse(x: Value) -> Value:
        return op.Slice(x, starts, ends, axes=[-1], steps=[-1])

    return Complex(op.Concat(z.real, reverse(z.real), axis=-1), op.Concat(z.imag, -reverse(z.imag), axis=-1))


def _unstacked(op: Builder, pairs: Value) -> Complex:
    return Complex(op.Gather(pairs, 0, axis=-1), op.Gather(pairs, 1, axis=-1))


def _moved(op: Builder, z: Any, axis: int, function: Callable[[Any], Any]) -> Any:
    """Applies a function of the last axis to another one."""
    rank = z.rank
    if rank is None:
        raise Unsupported("a signal of unknown rank")
    axis %= rank
    if axis == rank - 1:
        return function(z)
    perm = [i for i in range(rank) if i != axis] + [axis]
    back = np.argsort(perm).tolist()
    return _each(function(_each(z, lambda x: op.Transpose(x, perm=perm))), lambda x: op.Transpose(x, perm=back))


def _each(z: Any, function: Callable[[Value], Value]) -> Any:
    return Complex(function(z.real), function(z.imag)) if isinstance(z, Complex) else function(z)


def _fitted(op: Builder, z: Complex, axis: int, size: Size) -> Complex:
    return _each(z, lambda x: fitted(op, x, axis, size))


def _lengths(fft_length: Value) -> list[Size]:
    if fft_length.elements is None:
        raise Unsupported("a transform whose length is computed at run time")
    return list(fft_length.elements)
