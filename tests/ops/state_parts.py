"""Parts of variables that are assigned."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tests.harness import Case, at_opsets, case, f32, i32

RAW = tf.raw_ops
START = np.arange(12.0, dtype=np.float32).reshape(4, 3) - 5
ROWS = i32(3, low=0, high=4)


def _then_read(change: Any) -> Any:
    """A variable after a change; put back, so that every call of the reference begins alike."""

    def build():
        v = tf.Variable(START)

        def run(*args):
            change(v.handle, *args)
            after = v + 0.0
            v.assign(START)
            return after, v - 1.0

        return run

    return build


def _rows(name: str) -> Case:
    kernel = getattr(RAW, f"ResourceScatter{name}")
    return case(
        _then_read(lambda v, i, x: kernel(resource=v, indices=i, updates=x)),
        i32(2, values=(0, 3)) if name == "Update" else ROWS,
        f32(2, 3, values=(2.5,)) if name == "Update" else f32(3, 3),
        builds=True,
    )


def _coordinates(name: str) -> Case:
    kernel = getattr(RAW, f"ResourceScatterNd{name}")
    return case(
        _then_read(lambda v, i, x: kernel(ref=v, indices=tf.stack([i, i % 3], 1), updates=x)),
        ROWS,
        f32(3, values=(2.5,)) if name == "Update" else f32(3),
        builds=True,
    )


def _slice(v: Any, x: tf.Tensor, start: tf.Tensor) -> None:
    RAW.ResourceStridedSliceAssign(
        ref=v, begin=tf.stack([start, 0]), end=tf.stack([start + 2, 3]), strides=[1, 2], value=x, begin_mask=2
    )


ROW_CASES = {f"rows/{n.lower()}": _rows(n) for n in ("Update", "Add", "Sub", "Mul", "Max", "Min")}
COORDINATE_CASES = {f"coordinates/{n.lower()}": _coordinates(n) for n in ("Update", "Add", "Sub", "Max", "Min")}
CASES = {
    **ROW_CASES,
    **COORDINATE_CASES,
    **at_opsets({"rows/add": ROW_CASES["rows/add"]}, 13, 18),
    "rows/one-number": case(
        _then_read(lambda v, i: RAW.ResourceScatterAdd(resource=v, indices=i, updates=2.0)), i32(2, 1, low=0, high=4),
        builds=True,
    ),
    "slice": case(_then_read(_slice), f32(2, 2), i32(low=0, high=3), builds=True),
}  # fmt: skip
