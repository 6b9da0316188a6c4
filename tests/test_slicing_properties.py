"""Slices with drawn bounds, steps and masks, against TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import case, check, f32, i32

_bound = st.one_of(st.none(), st.integers(-7, 7))
_entry = st.one_of(
    st.integers(-3, 2),
    st.just(tf.newaxis),
    st.just(Ellipsis),
    st.tuples(_bound, _bound, st.sampled_from([None, 1, 2, 3, -1, -2])),
)


def _specification(entries: list[Any]) -> tuple[Any, ...]:
    """At most one ellipsis and three entries that use an axis."""
    kept: list[Any] = []
    for entry in entries:
        if entry is Ellipsis and any(k is Ellipsis for k in kept):
            continue
        if entry is not None and entry is not Ellipsis and sum(k is not None and k is not Ellipsis for k in kept) == 3:
            continue
        kept.append(slice(*entry) if isinstance(entry, tuple) else entry)
    return tuple(kept)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(_entry, max_size=5).map(_specification))
def test_a_slice_of_any_form(index: tuple[Any, ...]) -> None:
    check("slice", case(lambda x: x[index], f32("b", 4, "t"), sizes={"b": (3, 5)}))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.sampled_from([(1, 1), (2, -1), (-1, -2), (-3, 2)]),
    st.lists(st.integers(-6, 6), min_size=4, max_size=4),
)  # fmt: skip
def test_bounds_known_only_at_run_time(
    begin_mask: int, end_mask: int, shrink_mask: int, strides: tuple[int, int], bounds: list[int]
) -> None:
    shrink_mask &= sum(1 << i for i, s in enumerate(strides) if s > 0)
    bounds = [int(np.clip(b, -3, 2)) if shrink_mask >> (i % 2) & 1 else b for i, b in enumerate(bounds)]

    def take(x: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.StridedSlice(
            input=x, begin=bounds[:2] + offset, end=bounds[2:] + offset, strides=strides + offset,
            begin_mask=begin_mask, end_mask=end_mask, shrink_axis_mask=shrink_mask,
        )  # fmt: skip

    check("slice", case(take, f32("b", "t", 2), i32(2, values=[0]), sizes={"b": (3, 5)}))
