"""Sparse constants of TFLite, written out.

A tensor's dimensions, and those of blocks within it, are stored one inside the other in ``traversal_order``: dense ones
with every place, sparse ones with the places that are there (compressed rows), as tensorflow/lite/schema describes it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.formats.flatbuffer import Table

_SPARSE = 1


def densified(sparsity: Table, values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The dense array of a sparse tensor.

    Args:
        sparsity: a ``SparsityParameters``.
        values: what is stored, in the order of traversal.

    Raises:
        InvalidSourceError: places or numbers do not fit the shape.
    """
    damaged = sparsity.file.damaged
    rank = len(shape)
    order = [int(i) for i in sparsity["traversal_order"]] if sparsity["traversal_order"] is not None else []
    blocks = [int(i) for i in sparsity["block_map"]] if sparsity["block_map"] is not None else []
    levels = sparsity["dim_metadata"] or []
    if sorted(order) != list(range(rank + len(blocks))) or len(levels) != len(order) or any(
        not 0 <= b < rank for b in blocks
    ):  # fmt: skip
        raise damaged(f"the sparsity of a tensor of shape {list(shape)} makes no sense")
    most = math.prod(shape)
    places: dict[int, NDArray[np.int64]] = {}
    count = 1
    sizes = {}
    for dimension, level in zip(order, levels, strict=True):
        if level["format"] == _SPARSE:
            segments, indices = _numbers(level, "array_segments"), _numbers(level, "array_indices")
            lengths = np.diff(segments)
            if len(segments) != count + 1 or (lengths < 0).any() or segments[0] != 0 or segments[-1] != len(indices):
                raise damaged("the segments of a sparse tensor do not fit its indices")
            repeats, own = lengths, indices
        else:
            size = int(level["dense_size"])
            if size < 0 or count * size > most:
                raise damaged(f"a sparse tensor has more than the {most} elements of its shape")
            repeats, own = np.full(count, size), np.tile(np.arange(size), count)
            if dimension >= rank:
                sizes[dimension] = size
        places = {known: np.repeat(at, repeats) for known, at in places.items()}
        places[dimension] = own
        count = len(own)
    if count != values.size:
        raise damaged(f"a sparse tensor has {count} places and {values.size} values")
    for i, dimension in enumerate(blocks):  # an element's place is its block's, and within that its own
        size = sizes.get(rank + i, 1)
        places[dimension] = places[dimension] * size + places[rank + i]
    if any(((places[d] < 0) | (places[d] >= shape[d])).any() for d in range(rank)):
        raise damaged(f"an element of a sparse tensor lies outside its shape {list(shape)}")
    dense = np.zeros(shape, values.dtype)
    dense[tuple(places[d] for d in range(rank))] = values
    return dense


def _numbers(level: Table, field: str) -> NDArray[np.int64]:
    table = level.union(field, "SparseIndexVector")
    found = None if table is None else table["values"]
    return np.zeros(0, np.int64) if found is None else found.astype(np.int64)
