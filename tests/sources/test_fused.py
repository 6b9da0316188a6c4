"""Nodes that graph optimisers fused compute what their parts do: TensorFlow's own fused kernels say what that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onward
from onward.errors import InvalidSourceError
from onward.options import Options
from onward.sources import open_source

RNG = np.random.default_rng(5)
CONV = {"x": (2, 6, 6, 3), "w": (3, 3, 3, 4)}
DENSE = {"x": (5, 3), "w": (3, 4)}
NORM = [(4,), (4,), (4,), (4,)]

# The op, shapes of its inputs, what is fused, shapes of the further operands.
CASES: dict[str, tuple[str, dict[str, tuple[int, ...]], str, list[tuple[int, ...]]]] = {
    "conv+bias": ("_FusedConv2D", CONV, "BiasAdd", [(4,)]),
    "conv+bias+relu": ("_FusedConv2D", CONV, "BiasAdd Relu", [(4,)]),
    "conv+bias+relu6": ("_FusedConv2D", CONV, "BiasAdd Relu6", [(4,)]),
    "conv+bias+elu": ("_FusedConv2D", CONV, "BiasAdd Elu", [(4,)]),
    "conv+bias+leaky": ("_FusedConv2D", CONV, "BiasAdd LeakyRelu", [(4,)]),
    "conv+norm": ("_FusedConv2D", CONV, "FusedBatchNorm", NORM),
    "conv+norm+relu": ("_FusedConv2D", CONV, "FusedBatchNorm Relu", NORM),
    "dense+bias": ("_FusedMatMul", DENSE, "BiasAdd", [(4,)]),
    "dense+bias+tanh": ("_FusedMatMul", DENSE, "BiasAdd Tanh", [(4,)]),
    "dense+bias+sigmoid": ("_FusedMatMul", DENSE, "BiasAdd Sigmoid", [(4,)]),
    "dense+bias+leaky": ("_FusedMatMul", DENSE, "BiasAdd LeakyRelu", [(4,)]),
}


def graph(op: str, shapes: dict[str, tuple[int, ...]], fused: str, operands: list[tuple[int, ...]]) -> Any:
    """A GraphDef with one fused node, as an optimiser leaves it."""
    import tensorflow as tf

    with tf.Graph().as_default() as made:
        x = tf.compat.v1.placeholder(tf.float32, (None, *shapes["x"][1:]), name="x")
        values = [x, tf.constant(RNG.standard_normal(shapes["w"]).astype(np.float32))]
        values += [tf.constant(RNG.uniform(0.5, 1.5, shape).astype(np.float32)) for shape in operands]
    graph_def = made.as_graph_def()
    node = graph_def.node.add(name="y", op=op, input=[value.name for value in values])
    node.attr["T"].type = 1
    node.attr["num_args"].i = len(operands)
    node.attr["fused_ops"].list.s.extend(step.encode() for step in fused.split())
    node.attr["epsilon"].f = 0.01
    node.attr["leakyrelu_alpha"].f = 0.3
    if "Conv" in op:
        node.attr["strides"].list.i.extend([1, 2, 2, 1])
        node.attr["padding"].s = b"SAME"
    if op == "_FusedConv2D":
        node.attr["TArgs"].list.type.extend([1] * len(operands))
    return graph_def


@pytest.mark.parametrize("name", CASES)
def test_as_tensorflow_computes_it(name: str, tmp_path: Path) -> None:
    op, shapes, fused, operands = CASES[name]
    file = tmp_path / "graph.pb"
    file.write_bytes(graph(op, shapes, fused, operands).SerializeToString())
    program = onward.convert(file, verify=False)
    assert program.graph is not None
    assert program.graph.reference is not None
    arrays = {"x": RNG.standard_normal(shapes["x"]).astype(np.float32)}
    np.testing.assert_allclose(program.run(arrays)["y"], program.graph.reference(arrays)[0], rtol=1e-4, atol=1e-5)


def _ran(graph_def: Any, path: Path, x: np.ndarray) -> np.ndarray:
    path.write_bytes(graph_def.SerializeToString())
    return onward.convert(path, verify=False).run({"x": x})["y"]


def test_what_tensorflow_does_not_know(tmp_path: Path) -> None:
    """TensorFlow.js' own: a depthwise convolution, whose `num_args` counts the activation too, and Prelu."""
    import tensorflow as tf

    depthwise = graph(
        "FusedDepthwiseConv2dNative", {"x": (2, 6, 6, 3), "w": (3, 3, 3, 2)}, "BiasAdd Prelu", [(6,), (6,)]
    )
    x = RNG.standard_normal((2, 6, 6, 3)).astype(np.float32)
    w, bias, slope = (tf.make_ndarray(n.attr["value"].tensor) for n in depthwise.node if n.op == "Const")
    linear = tf.nn.depthwise_conv2d(x, w, [1, 2, 2, 1], "SAME") + bias
    expected = tf.where(linear > 0, linear, slope * linear)
    np.testing.assert_allclose(_ran(depthwise, tmp_path / "d.pb", x), expected, rtol=1e-4, atol=1e-5)
    alone = graph("Prelu", {"x": (2, 6, 6, 3), "w": (1, 1, 3)}, "", [])
    (slope,) = (tf.make_ndarray(n.attr["value"].tensor) for n in alone.node if n.op == "Const")
    np.testing.assert_allclose(_ran(alone, tmp_path / "p.pb", x), np.where(x > 0, x, slope * x), rtol=1e-5)


@pytest.mark.parametrize("step", ["GeluExact", "GeluApproximate"])
def test_gelu(step: str, tmp_path: Path) -> None:
    """TensorFlow's CPU has no kernel for these."""
    import tensorflow as tf

    fused = graph("_FusedMatMul", DENSE, f"BiasAdd {step}", [(4,)])
    w, bias = (tf.make_ndarray(n.attr["value"].tensor) for n in fused.node if n.op == "Const")
    x = RNG.standard_normal((5, 3)).astype(np.float32)
    expected = tf.nn.gelu(x @ w + bias, approximate=step == "GeluApproximate")
    np.testing.assert_allclose(_ran(fused, tmp_path / "g.pb", x), expected, rtol=1e-4, atol=1e-5)


def test_a_bias_of_another_rank(tmp_path: Path) -> None:
    fused = graph("_FusedMatMul", DENSE, "BiasAdd", [(1, 4)])
    assert _ran(fused, tmp_path / "b.pb", np.ones((5, 3), np.float32)).shape == (5, 4)


def test_names_that_are_taken(tmp_path: Path) -> None:
    fused = graph("_FusedMatMul", DENSE, "BiasAdd Relu", [(4,)])
    fused.node.add(name="y/MatMul", op="NoOp")
    assert _ran(fused, tmp_path / "t.pb", np.ones((5, 3), np.float32)).shape == (5, 4)


@pytest.mark.parametrize(("steps", "words"), [("BiasAdd Frobnicate", "'Frobnicate' fused"), ("BiasAdd Add", "lacks")])
def test_what_cannot_be(steps: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "graph.pb"
    file.write_bytes(graph("_FusedMatMul", DENSE, steps, [(4,)]).SerializeToString())
    with pytest.raises(InvalidSourceError, match=words):
        open_source(file, Options())
