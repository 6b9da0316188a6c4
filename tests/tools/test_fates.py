"""Every TensorFlow node is accounted for, with what really became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

import onward
from onward.tools.fates import Fate, changes, fates
from onward.tools.optimize import optimize
from tests import fleet
from tests.command import DIGITS

SAVED_MODEL = DIGITS / "saved_model"


@pytest.fixture(scope="module")
def digits() -> list[Fate]:
    return fates(onward.convert(SAVED_MODEL, verify=False))


def of(found: list[Fate], op: str) -> set[tuple[str, str, str]]:
    return {(fate.kind, fate.ops, fate.by) for fate in found if fate.op == op}


def test_lowered_fused_folded_and_not_reached(digits: list[Fate]) -> None:
    assert of(digits, "Softmax") == {("lowered", "Softmax", "")}
    assert of(digits, "MatMul") == {("fused", "Gemm", "gemm")}
    assert of(digits, "Erfc") == {("fused", "Gelu", "GeluErfcOfNegation")}
    assert of(digits, "Rsqrt") == {("folded", "a constant", "")}
    assert of(digits, "Shape") == {("folded", "sizes", "")}
    assert of(digits, "Placeholder") == {("input", "image", "")}
    assert of(digits, "NoOp") == {("not reached", "no output needs it", "")}


def test_every_node_that_was_read_has_one_fate(digits: list[Fate]) -> None:
    program = onward.convert(SAVED_MODEL, verify=False)
    assert program.graph is not None
    read = [node.name for node in program.graph.nodes()]
    assert sorted(fate.node for fate in digits if fate.kind != "not reached") == sorted(read)
    assert len(digits) > len(read)


def test_the_nodes_named_are_in_the_model(digits: list[Fate]) -> None:
    model = onward.convert(SAVED_MODEL, verify=False).model_proto
    operators = {node.name: node.op_type for node in model.graph.node}
    for fate in digits:
        for name in fate.names:
            assert operators[name] in fate.ops


@pytest.mark.parametrize("name", ["masked_lstm", "loop", "branch", "transformer_encoder", "tflite_int8", "columns"])
def test_nothing_is_forgotten_whatever_the_model(name: str) -> None:
    source = fleet.MODELS[name]()
    program = onward.convert(source.source if isinstance(source, fleet.Recorded) else source, verify=False)
    assert program.graph is not None
    found = program.report.fates()
    assert {node.name for node in program.graph.nodes()} <= {fate.node for fate in found}
    held = {name for fate in found for name in fate.names}
    there = {node.name for node in program._ir.graph.all_nodes()}
    assert held <= there
    assert len(there - held) <= (7 if name == "tflite_int8" else 0)  # what passes make for signed integers' sake


def test_a_loop_that_became_a_layer() -> None:
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4)])
    found = fates(onward.convert(model, verify=False))
    assert ("fused", "LSTM", "recur") in of(found, "Sigmoid")
    ((kind, ops, by),) = of(found, "While")
    assert (kind, by) == ("fused", "recur")
    assert "LSTM" in ops


def test_transposes_that_cancel() -> None:
    @tf.function(input_signature=[tf.TensorSpec((2, 3), tf.float32)])
    def twice(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(tf.transpose(tf.transpose(x)))

    found = fates(onward.convert(twice, verify=False))
    assert {kind for kind, _, _ in of(found, "Transpose")} <= {"dropped", "folded"}
    assert of(found, "Relu") == {("lowered", "Relu", "")}


def test_ops_of_ones_own() -> None:
    def squared(op: Any, x: Any) -> Any:
        return op.Mul(x, x)

    @tf.function(input_signature=[tf.TensorSpec((2, 3), tf.float32)])
    def net(x: tf.Tensor) -> tf.Tensor:
        return tf.math.erfinv(tf.square(x))

    program = onward.convert(net, verify=False, custom_ops={"Erfinv": "my.domain", "Square": squared})
    found = program.report.fates()
    assert of(found, "Erfinv") == {("kept", "my.domain.Erfinv", "")}
    assert of(found, "Square") == {("lowered", "Mul", "")}


def test_rewrites_of_any_file(tmp_path: Path) -> None:
    import numpy as np
    import onnx

    onnx.save(
        onnx.parser.parse_model(
            '<ir_version: 8, opset_import: ["" : 17]> net (float[N, 4] x) => (float[N, 4] y) {'
            " h = Identity(x) k = Relu(h) y = Relu(k) }"
        ),
        tmp_path / "a.onnx",
    )
    found = optimize(tmp_path / "a.onnx", data={"x": np.ones((2, 4), np.float32)})
    assert found.program.journal is not None
    section = changes(found.program.journal)
    assert section.title == "Rewrites"
    assert found.page().sections[-1].title == "Rewrites"
