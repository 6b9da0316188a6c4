"""TFLite's custom operators that its interpreter has only with a delegate, or not at all."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers

import onward
from onward.errors import InvalidSourceError, UnsupportedOpsError
from tests.tflite.build import Model, T, const, f32
from tests.tflite.parts import Part


def test_flex(tmp_path: Path) -> None:
    """TensorFlow's own ops inside a TFLite model."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([2, 3], tf.float32)])
    def compute(x: Any) -> Any:
        return tf.math.lgamma(tf.abs(x) + 1.0), tf.linalg.band_part(x, 0, -1)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([compute.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    path = tmp_path / "m.tflite"
    path.write_bytes(converter.convert())
    program = onward.convert(path, verify=False)
    x = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)
    name = program.graph.inputs[0].name
    for got, want in zip(program.run({name: x}).values(), compute(x), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("data", [b"", b"\x00", b"not a flexbuffer", bytes(flexbuffers.Dumps(["Exp", b"\xff\xff"]))])
def test_flex_without_a_definition(tmp_path: Path, data: bytes) -> None:
    model = Model()
    main = Part(model)
    main.give(main.run("FlexExp", [main.input(f32(2))], f32(2), custom=data))
    with pytest.raises(InvalidSourceError):
        onward.convert(model.save(tmp_path / "m.tflite"), verify=False)


# --- MediaPipe's, beside the formulas of its kernels ----------------------------------------------------------------


def _single(path: Path, op: str, inputs: Sequence[T], custom: bytes, outputs: int = 1, version: int = 1) -> Any:
    """A converted model of one custom operator, as a function of its inputs."""
    model = Model()
    main = Part(model)
    indices = [main.const(t) if t.value is not None else main.input(t) for t in inputs]
    made = [main.const(f32()) for _ in range(outputs)]
    model.operator(main.graph, op, indices, made, {}, custom=custom, version=version)
    main.give(*made)
    program = onward.convert(model.save(path / "m.tflite"), verify=False)
    names = [i.name for i in program.graph.inputs]
    return lambda *arrays: list(program.run(dict(zip(names, arrays, strict=True))).values())


def _draw(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize(("size", "stride"), [(3, 2), (2, 2), (4, 3)])
def test_transposed_convolution(tmp_path: Path, same: bool, size: int, stride: int) -> None:
    x, kernel, bias = _draw(1, 4, 5, 3), _draw(2, size, size + 1, 3), np.array([1, -1], np.float32)
    inputs = [f32(1, 4, 5, 3), const(kernel, "float32"), const(bias, "float32")]
    run = _single(tmp_path, "Convolution2DTransposeBias", inputs, struct.pack("<3i", 2 - same, stride, stride + 1))
    strides = (stride + 1, stride)
    cuts = [
        max(0, k - (n - 1) % s - 1) if same else 0 for n, k, s in zip((4, 5), (size, size + 1), strides, strict=True)
    ]
    full = [s * (n - 1) + k for n, k, s in zip((4, 5), (size, size + 1), strides, strict=True)]
    whole = np.zeros((1, *full, 2))
    for i in range(4):
        for j in range(5):
            top, left = i * strides[0], j * strides[1]
            whole[0, top : top + size, left : left + size + 1] += np.einsum("i,ohwi->hwo", x[0, i, j], kernel)
    (a, b), (h, w) = ((c // 2 for c in cuts), (f - c for f, c in zip(full, cuts, strict=True)))
    np.testing.assert_allclose(run(x)[0], whole[:, a : a + h, b : b + w] + bias, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("same", "size", "stride"), [(True, 2, 2), (True, 3, 2), (False, 3, 1)])
def test_pool_with_places(tmp_path: Path, same: bool, size: int, stride: int) -> None:
    x = _draw(2, 5, 6, 3)
    custom = struct.pack("<6i", 2 - same, stride, stride, size, size, 1)
    run = _single(tmp_path, "MaxPoolingWithArgmax2D", [f32(2, 5, 6, 3)], custom, outputs=2)
    counts = [-(-n // stride) if same else (n - size) // stride + 1 for n in (5, 6)]
    cuts = [max(0, (c - 1) * stride + size - n) // 2 for c, n in zip(counts, (5, 6), strict=True)]
    maxima, places = run(x)
    assert maxima.shape == places.shape == (2, *counts, 3)
    wide = np.pad(x, ((0, 0), (size, size), (size, size), (0, 0)), constant_values=-np.inf)
    for i in range(counts[0]):
        for j in range(counts[1]):
            top, left = (k * stride - c + size for k, c in zip((i, j), cuts, strict=True))
            window = wide[:, top : top + size, left : left + size].reshape(2, -1, 3)
            np.testing.assert_array_equal(maxima[:, i, j], np.maximum(window.max(axis=1), 0))
            np.testing.assert_allclose(places[:, i, j], window.argmax(axis=1) + 0.1)


def test_unpooling(tmp_path: Path) -> None:
    """Maxima return to where they were."""
    x = np.abs(_draw(1, 4, 6, 2))
    custom = struct.pack("<6i", 1, 2, 2, 2, 2, 0)
    maxima, places = _single(tmp_path, "MaxPoolingWithArgmax2D", [f32(1, 4, 6, 2)], custom, outputs=2)(x)
    run = _single(tmp_path, "MaxUnpooling2D", [f32(1, 2, 3, 2), f32(1, 2, 3, 2)], custom)
    largest = np.repeat(np.repeat(maxima, 2, axis=1), 2, axis=2)
    np.testing.assert_array_equal(run(maxima, places)[0], np.where(x == largest, x, 0))


_MATRIX = np.array([[[0.9, -0.3, 0, 1.5], [0.2, 0.8, 0, -0.7], [0, 0, 1, 0], [0, 0, 0, 1]]], np.float32)


@pytest.mark.parametrize("version", [1, 2])
def test_transformed_picture(tmp_path: Path, version: int) -> None:
    options: dict[str, Any] = {"output_size": [4, 6]} if version == 1 else {"output_height": 4, "output_width": 6}
    op = "TransformTensor" if version == 1 else "TransformTensorBilinear"
    custom = bytes(flexbuffers.Dumps(options))
    x = _draw(1, 5, 7, 2)
    run = _single(tmp_path, op, [f32(1, 5, 7, 2), f32(1, 4, 4)], custom, version=version)
    half = 0.0 if version == 1 else 0.5
    wanted = np.zeros((1, 4, 6, 2))
    for row in range(4):
        for column in range(6):
            u, v, _, _ = _MATRIX[0] @ [column + half, row + half, 0, 1] - half
            if 0 <= u <= 6 and 0 <= v <= 4:
                i, j = int(v), int(u)
                corners = x[0, i : i + 2, j : j + 2]
                weights = np.outer([1 - v + i, v - i], [1 - u + j, u - j])[: corners.shape[0], : corners.shape[1]]
                wanted[0, row, column] = np.einsum("ij,ijc->c", weights, corners)
    np.testing.assert_allclose(run(x, _MATRIX)[0], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("version", "dimensions"), [(1, 3), (2, 2), (2, 3)])
def test_transformed_landmarks(tmp_path: Path, version: int, dimensions: int) -> None:
    shape = (1, 1, 1, 5 * dimensions) if version == 1 else (1, 5, dimensions)
    custom = bytes(flexbuffers.Dumps({"dimensions": dimensions, "scale": 2.0}))
    x = _draw(*shape)
    run = _single(tmp_path, "TransformLandmarks", [f32(*shape), f32(1, 4, 4)], custom, version=version)
    wanted = x.reshape(5, dimensions).copy()
    shift = _MATRIX[0, :2, 3] * (2 if version == 1 else 1)
    wanted[:, :2] = wanted[:, :2] @ _MATRIX[0, :2, :2].T + shift
    np.testing.assert_allclose(run(x, _MATRIX)[0], wanted.reshape(shape), rtol=1e-5, atol=1e-5)


def test_matrix_of_landmarks(tmp_path: Path) -> None:
    options = {
        "left_rotation_idx": 1, "right_rotation_idx": 4, "target_rotation_radians": 0.3, "subset_idxs": [0, 2, 3, 5],
        "output_width": 16, "output_height": 8, "scale_x": 1.5, "scale_y": 1.25,
    }  # fmt: skip
    x = _draw(1, 6, 3)
    run = _single(tmp_path, "Landmarks2TransformMatrix", [f32(1, 6, 3)], bytes(flexbuffers.Dumps(options)), version=2)
    points = x[0, :, :2].astype(np.float64)
    across = points[4] - points[1]
    turn = 0.3 - np.arctan2(across[1], across[0])

    def rotation(r: float) -> Any:
        return np.array([[np.cos(r), -np.sin(r)], [np.sin(r), np.cos(r)]])

    turned = points[[0, 2, 3, 5]] @ rotation(turn).T
    low, high = turned.min(axis=0), turned.max(axis=0)
    centre = rotation(-turn) @ ((low + high) / 2)
    linear = rotation(-turn) @ np.diag((high - low) * [1.5, 1.25] / [16, 8])
    wanted = np.eye(4)
    wanted[:2, :2], wanted[:2, 3] = linear, centre - linear @ [8, 4]
    np.testing.assert_allclose(run(x)[0], wanted[None], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("op", "custom"),
    [
        ("MaxPoolingWithArgmax2D", b"\x01\0\0\0"),
        ("MaxPoolingWithArgmax2D", struct.pack("<6i", 1, 0, 2, 2, 2, 0)),
        ("TransformLandmarks", b"\0\0"),
        ("TransformTensorBilinear", bytes(flexbuffers.Dumps({"output_height": 3}))),
        ("TFLite_Detection_PostProcess", bytes(flexbuffers.Dumps([1, 2]))),
        ("AudioSpectrogram", bytes(flexbuffers.Dumps({"window_size": 1 << 40, "stride": 1, "magnitude_squared": 1}))),
    ],
)
def test_damaged_options(tmp_path: Path, op: str, custom: bytes) -> None:
    with pytest.raises(InvalidSourceError):
        _single(tmp_path, op, [f32(1, 4, 4, 3)] * 3, custom)


def test_unknown_operators_are_named(tmp_path: Path) -> None:
    model = Model()
    main = Part(model)
    x = main.run("SignalWindow", [main.input(f32(2))], f32(2), custom=b"")
    main.give(main.run("ConcatEmbeddings", [x], f32(2), custom=b""))
    path = model.save(tmp_path / "m.tflite")
    with pytest.raises(UnsupportedOpsError, match=r"(?s)ConcatEmbeddings.*SignalWindow"):
        onward.convert(path, verify=False)
    mine = {"SignalWindow": lambda op, x: x * 2.0, "ConcatEmbeddings": lambda op, x: op.Neg(x)}
    program = onward.convert(path, verify=False, custom_ops=mine)
    assert next(iter(program.run({"t0": np.ones(2, np.float32)}).values())).tolist() == [-2.0, -2.0]
