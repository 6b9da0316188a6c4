"""Inputs and outputs under other names, and with the channels first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import onward
from onward.errors import InvalidArgumentError

IMAGE = np.random.default_rng(3).standard_normal((2, 6, 8, 3)).astype(np.float32)
FIRST = np.ascontiguousarray(np.moveaxis(IMAGE, -1, 1))


@pytest.fixture(scope="module")
def function() -> Any:
    import tensorflow as tf

    kernel = tf.constant(np.random.default_rng(4).standard_normal((3, 3, 3, 5)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec((None, 6, 8, 3), name="image"), tf.TensorSpec((3,), name="bias")])
    def convolve(image: Any, bias: Any) -> Any:
        map = tf.nn.conv2d(image + bias, kernel, 1, "SAME")
        return {"map": map, "mean": tf.reduce_mean(map, [1, 2]), "rows": map[:, 0]}

    return convolve


def shapes(program: onward.ONNXProgram) -> dict[str, tuple[Any, ...]]:
    proto = program.model_proto.graph
    return {
        v.name: tuple(d.dim_value or d.dim_param for d in v.type.tensor_type.shape.dim)
        for v in (*proto.input, *proto.output)
    }


def test_all_images(function: Any) -> None:
    """What has four axes; no transpose is left of it."""
    program = onward.convert(function, inputs_as="nchw", outputs_as="nchw", outputs=["map", "mean"], verify=True)
    assert shapes(program) == {
        "image": ("batch", 3, 6, 8),
        "bias": (3,),
        "map": ("batch", 5, 6, 8),
        "mean": ("batch", 5),
    }
    assert "Transpose" not in {node.op_type for node in program.model_proto.graph.node}
    expected = function(IMAGE, np.ones(3, np.float32))
    found = program.run({"image": FIRST, "bias": np.ones(3, np.float32)})
    np.testing.assert_allclose(np.moveaxis(found["map"], 1, -1), expected["map"], rtol=1e-4, atol=1e-5)


def test_by_name(function: Any) -> None:
    program = onward.convert(function, inputs_as={"image:0": "nchw"}, outputs_as={"rows": "nchw"}, verify=True)
    found = shapes(program)
    assert (found["image"], found["map"], found["rows"]) == (("batch", 3, 6, 8), ("batch", 6, 8, 5), ("batch", 5, 8))


def test_names(function: Any) -> None:
    names = {"image": "picture", "map": "features"}
    program = onward.convert(function, rename=names, inputs_as={"image": "nchw"}, verify=True)
    assert program.input_names == ["picture", "bias"]
    assert program.output_names == ["features", "mean", "rows"]


def test_a_bare_shape_of_a_scalar() -> None:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec(None, name="x"), tf.TensorSpec((None,), name="y")])
    def scaled(x: Any, y: Any) -> Any:
        return x * y

    program = onward.convert(scaled, inputs={"x": (), "y": [3]}, verify=False)
    assert shapes(program) == {"x": (), "y": (3,), "output_0": (3,)}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rename": {"nothing": "x"}}, "no input or output 'nothing'"),
        ({"rename": {"image": "bias"}}, "both be called 'bias'"),
        ({"inputs_as": "nhcw"}, "'nhcw' is no layout"),
        ({"inputs_as": ["image"]}, "for each name"),
        ({"inputs_as": {"nothing": "nchw"}}, "no input 'nothing'"),
        ({"inputs_as": {"bias": "nchw"}}, "'bias' has no channels"),
        ({"outputs_as": {"mean": "nchw"}}, "'mean' has no channels"),
    ],
)
def test_what_makes_no_sense(function: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        onward.convert(function, verify=False, **options)
