"""Arrays that are not in memory yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def values_of(array: NDArray[Any] | LazyArray) -> NDArray[Any]:
    """The values of an array for one use: a lazy one does not keep them."""
    return array.take() if isinstance(array, LazyArray) else array


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
