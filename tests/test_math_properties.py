"""Arithmetic, reductions and bits over drawn shapes, dtypes and numbers, against TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import onward
from tests.harness import compare

_BINARY = [tf.add, tf.subtract, tf.multiply, tf.maximum, tf.minimum, tf.math.floordiv, tf.math.floormod]
_REDUCTIONS = [tf.reduce_sum, tf.reduce_max, tf.reduce_min, tf.reduce_mean]
_DTYPES = ["int8", "int16", "int32", "int64", "float16", "float32", "float64"]
_ROTATIONS: list[Callable[..., Any]] = [tf.bitwise.left_shift, tf.bitwise.right_shift, tf.bitwise.bitwise_xor]
checked = settings(max_examples=15, deadline=None)


def agree(function: Callable[..., Any], *arrays: np.ndarray, tolerance: float | None = None) -> None:
    """Converts with every size dynamic and compares one run."""
    specs = [tf.TensorSpec([None] * a.ndim, a.dtype, f"x{i}") for i, a in enumerate(arrays)]
    traced = tf.function(function, input_signature=specs, autograph=False)
    want = traced(*(tf.constant(a) for a in arrays)).numpy()
    got = next(iter(onward.convert(traced, verify=False).run({f"x{i}": a for i, a in enumerate(arrays)}).values()))
    compare("property", np.asarray(want), np.asarray(got), tolerance)


@checked
@given(st.sampled_from(_BINARY), st.sampled_from(_DTYPES), st.data())
def test_binary(function: Callable[..., Any], dtype: str, data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 3), max_size=3))
    keep = data.draw(st.integers(0, len(shape)))
    other = [1 if data.draw(st.booleans()) else n for n in shape[keep:]]
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    left, right = rng.integers(-50, 50, shape), rng.integers(1, 9, other) * rng.choice([-1, 1], other)
    if data.draw(st.booleans()):
        agree(function, np.asarray(left, dtype), np.asarray(right, dtype))
    else:
        agree(lambda x: function(x, tf.constant(np.asarray(right, dtype))), np.asarray(left, dtype))


@checked
@given(st.sampled_from(_REDUCTIONS), st.sampled_from(_DTYPES[2:]), st.booleans(), st.data())
def test_reduction(function: Callable[..., Any], dtype: str, keep: bool, data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    axes = data.draw(st.lists(st.integers(-len(shape), len(shape) - 1), unique_by=lambda a: a % len(shape)))
    numbers = np.random.default_rng(0).integers(-9, 9, shape)
    agree(lambda x: function(x, axes, keepdims=keep), numbers.astype(dtype))


@checked
@given(st.sampled_from(_ROTATIONS), st.sampled_from(["int8", "uint8", "int16", "int32", "uint32", "int64"]), st.data())
def test_bits(function: Callable[..., Any], dtype: str, data: st.DataObject) -> None:
    info = np.iinfo(dtype)
    numbers = data.draw(st.lists(st.integers(int(info.min), int(info.max)), min_size=1, max_size=5))
    amounts = data.draw(st.lists(st.integers(0, info.bits - 1), min_size=len(numbers), max_size=len(numbers)))
    agree(function, np.array(numbers, dtype), np.array(amounts, dtype))


@checked
@given(st.lists(st.floats(width=32), min_size=1, max_size=8))
def test_float_bits(numbers: list[float]) -> None:
    array = np.array([0.0 if np.isnan(n) else n for n in numbers], np.float32)
    agree(lambda x: tf.bitcast(x, tf.int32), array)
    agree(lambda x: tf.bitcast(tf.bitcast(x, tf.int32), tf.float32), array, tolerance=0)


@checked
@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=2), st.integers(1, 40))
def test_random_stream(seed: list[int], count: int) -> None:
    numbers = np.zeros(count, np.float32)
    agree(lambda x: tf.random.stateless_uniform(tf.shape(x), seed), numbers, tolerance=0)
    agree(lambda x: tf.random.stateless_truncated_normal(tf.shape(x), seed), numbers, tolerance=2e-6)
