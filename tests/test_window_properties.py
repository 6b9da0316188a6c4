"""Windows that move over images: convolutions, pools, patches and resizes with drawn sizes, against TensorFlow."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import case, check, f32

checked = settings(max_examples=20, deadline=None, derandomize=True)
_OPSETS = st.sampled_from([13, 18, 21])
_PAIR = st.tuples(st.integers(1, 4), st.integers(1, 4))
_STRIDES = st.tuples(st.integers(1, 3), st.integers(1, 3))
_PADDINGS = st.sampled_from(["SAME", "VALID"])
_IMAGE = st.sampled_from([("h", "w"), (9, 10), ("h", 11)])


@checked
@given(_PAIR, _STRIDES, _PADDINGS, st.integers(1, 3), st.sampled_from(["conv", "groups", "depthwise"]), _IMAGE, _OPSETS)
def test_convolution(
    window: tuple[int, int], strides: tuple[int, int], padding: str, rate: int, kind: str, image: Any, opset: int
) -> None:
    rate = rate if max(strides) == 1 or kind == "conv" else 1
    strides = strides if rate == 1 else (1, 1)
    channels = 2 if kind == "groups" else 4
    kernel = f32(*window, channels, 6 if kind != "depthwise" else 2)

    def function(x: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
        if kind == "depthwise":
            step = max(strides)
            return tf.nn.depthwise_conv2d(x, k, [1, step, step, 1], padding, dilations=[rate, rate])
        return tf.nn.conv2d(x, k, strides, padding, dilations=rate)

    check("convolution", case(function, f32("b", *image, 4), kernel, opset=opset, tolerance=1e-4))


@checked
@given(_PAIR, _STRIDES, _PADDINGS, st.booleans(), _IMAGE, _OPSETS)
def test_pool(
    window: tuple[int, int], strides: tuple[int, int], padding: str, largest: bool, image: Any, opset: int
) -> None:
    pool = tf.nn.max_pool2d if largest else tf.nn.avg_pool2d
    check("pool", case(lambda x: pool(x, window, strides, padding), f32("b", *image, 3), opset=opset))


@checked
@given(_PAIR, st.integers(1, 3), _PADDINGS, st.integers(1, 2), _OPSETS)
def test_patches(window: tuple[int, int], stride: int, padding: str, rate: int, opset: int) -> None:
    sizes, strides, rates = [1, *window, 1], [1, stride, stride, 1], [1, rate, rate, 1]
    function = lambda x: tf.image.extract_patches(x, sizes, strides, rates, padding)  # noqa: E731
    check("patches", case(function, f32("b", "h", "w", 2), opset=opset))


@checked
@given(
    st.sampled_from(["ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea"]),
    st.tuples(st.integers(1, 25), st.integers(1, 25)), st.sampled_from(["", "align_corners", "half_pixel_centers"]),
    _IMAGE, _OPSETS,
)  # fmt: skip
def test_resize(op: str, size: tuple[int, int], mode: str, image: Any, opset: int) -> None:
    """Larger and smaller, every way of laying the grids over one another."""
    mode = {mode: True} if mode and (op != "ResizeArea" or mode == "align_corners") else {}
    function = lambda x: getattr(tf.raw_ops, op)(images=x, size=size, **mode)  # noqa: E731
    check("resize", case(function, f32("b", *image, 2), opset=opset, tolerance=1e-4))
