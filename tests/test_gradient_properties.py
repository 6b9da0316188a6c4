"""Gradients of windows and of resampling, of drawn sizes, steps and padding, against TensorFlow."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import Arg, case, check, f32
from tests.ops.grad import gradient_of

_pair = st.tuples(st.integers(1, 4), st.integers(1, 4))
_steps = st.tuples(st.integers(1, 3), st.integers(1, 3))
_extents = st.tuples(st.integers(5, 11), st.integers(5, 11), st.booleans())
_padding = st.sampled_from(["SAME", "VALID"])
_opset = st.sampled_from([13, 17, 21])


def _compare(function: Callable, extents: tuple[int, int, bool], opset: int, *more: Arg) -> None:
    """Of a function of an image, whose size is fixed or named, and other inputs."""
    height, width, named = extents
    image = f32(2, *(("h", "w") if named else (height, width)), 2)
    sizes = {"h": (height, height + 3), "w": (width, width + 2)}
    check("gradient", case(gradient_of(function), image, *more, sizes=sizes, tolerance=2e-3, opset=opset))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.sampled_from([tf.nn.max_pool2d, tf.nn.avg_pool2d]), _pair, _steps, _padding, _extents, _opset)
def test_pooling(
    pool: Callable, size: tuple, steps: tuple, padding: str, extents: tuple[int, int, bool], opset: int
) -> None:
    _compare(lambda x: pool(x, size, steps, padding) ** 2, extents, opset)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.booleans(), _pair, _steps, _padding, _extents, _opset)
def test_kernels(
    depthwise: bool, size: tuple, steps: tuple, padding: str, extents: tuple[int, int, bool], opset: int
) -> None:
    def convolved(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        if depthwise:
            return tf.nn.depthwise_conv2d(x, kernel, [1, steps[0], steps[0], 1], padding) ** 2
        return tf.nn.conv2d(x, kernel, steps, padding) ** 2

    _compare(convolved, extents, opset, f32(*size, 2, 3))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    st.sampled_from(["ResizeBilinear", "ResizeBicubic", "ResizeNearestNeighbor"]),
    st.tuples(st.integers(1, 14), st.integers(1, 14)),
    st.sampled_from([{}, {"half_pixel_centers": True}, {"align_corners": True}]),
    _extents,
    _opset,
)
def test_resizing(kind: str, target: tuple, how: dict, extents: tuple[int, int, bool], opset: int) -> None:
    _compare(lambda x: getattr(tf.raw_ops, kind)(images=x, size=target, **how) ** 2, extents, opset)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    st.sampled_from(["REFLECT", "SYMMETRIC"]),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=2),
    _extents,
    _opset,
)
def test_mirrors(mode: str, widths: list, extents: tuple[int, int, bool], opset: int) -> None:
    _compare(lambda x: tf.pad(x, [(0, 0), *widths, (1, 0)], mode) ** 2, extents, opset)
