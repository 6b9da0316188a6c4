"""Numbers of dimensions, or one entry for each, from one data layout to another."""

from __future__ import annotations

import numpy as np

from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower


@lower("DataFormatDimMap")
def dim_map(op: Builder, x: Value, *, src_format: str | bytes, dst_format: str | bytes) -> Value:
    """Where a dimension of the one layout is in the other; negative ones count from the end."""
    source, target = _text(src_format), _text(dst_format)
    places = np.array([target.index(letter) for letter in source], x.dtype)
    return op.Gather(places, op.Cast(x, to=INT64), axis=0)


@lower("DataFormatVecPermute")
def vec_permute(op: Builder, x: Value, *, src_format: str | bytes, dst_format: str | bytes) -> Value:
    """A vector, or rows of pairs, with an entry for each dimension or, where it is shorter, each spatial one."""
    source, target = _text(src_format), _text(dst_format)
    if x.shape is None or not isinstance(x.shape[0], int):
        raise Unsupported("a vector of unknown length")
    if x.shape[0] == len(source) - 2:
        source, target = (layout.replace("N", "").replace("C", "") for layout in (source, target))
    return op.Gather(x, np.array([source.index(letter) for letter in target]), axis=0)


def _text(layout: str | bytes) -> str:
    return layout.decode() if isinstance(layout, bytes) else layout
