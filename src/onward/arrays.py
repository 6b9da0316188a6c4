"""Arrays that are not in memory yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def values_of(array: NDArray[Any] | LazyArray) -> NDArray[Any]:
    """The values of an array for one use: a lazy one does not keep them."""
    return array.take() if isinstance(array, LazyArray) else array


_TILED = 1 << 18  # bytes from which on a transposed array is copied in tiles
_TILE = 64


def contiguous(array: NDArray[Any]) -> NDArray[Any]:
    """The array in row-major order; a large transposed one several times faster than numpy copies it.

    numpy walks the target in order and so jumps through the source, a cache line for every element. Tiles that are
    narrow along the source's fastest axis and along the longest other one stay within the cache.
    """
    long = [axis for axis in range(array.ndim) if array.shape[axis] > 1]
    if array.nbytes < _TILED or len(long) < 2:
        return np.ascontiguousarray(array)
    fast = min(long, key=lambda axis: abs(array.strides[axis]))
    if fast == long[-1]:
        return np.ascontiguousarray(array)
    across = max((axis for axis in long if axis != fast), key=lambda axis: array.shape[axis])
    if array.size // (array.shape[fast] * array.shape[across]) >= _TILE:  # many small matrices: no tile would be small
        return np.ascontiguousarray(array)
    target = np.empty(array.shape, array.dtype)
    tile: list[Any] = [slice(None)] * array.ndim
    for i in range(0, array.shape[fast], _TILE):
        tile[fast] = slice(i, i + _TILE)
        for j in range(0, array.shape[across], _TILE):
            tile[across] = slice(j, j + _TILE)
            target[tuple(tile)] = array[tuple(tile)]
    return target


class LazyArray:
    """An array whose shape and dtype are known and whose values are fetched when first asked for.

    ``np.asarray(lazy)`` gives the values. ``load`` returns them as an array of the stated shape and dtype
    (a view where it can) and is called at most once for as long as the result is kept.
    """

    __slots__ = ("_array", "_load", "dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], load: Callable[[], NDArray[Any]]) -> None:
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self._load = load
        self._array: NDArray[Any] | None = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for dim in self.shape:
            size *= dim
        return size

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if self._array is None:
            array = self._load()
            if array.shape != self.shape or array.dtype != self.dtype:
                raise ValueError(f"expected {self.dtype} {self.shape}, loaded {array.dtype} {array.shape}")
            self._array = array
        array = self._array
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                raise ValueError(f"{array.dtype} to {dtype} needs a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def take(self) -> NDArray[Any]:
        """The values without keeping them: for one use, such as writing them to a file."""
        kept = self._array is not None
        values = self.__array__()
        if not kept:
            self._array = None
        return values

    def release(self) -> None:
        """Forget the values; the next use loads them again."""
        self._array = None

    def __repr__(self) -> str:
        return f"LazyArray({self.dtype}, {self.shape})"
