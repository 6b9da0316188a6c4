"""Frozen graphs of TensorFlow 2, whose While, If and Case its tools turn into TensorFlow 1's plain nodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

import onward
from tests.harness import compare


def _layers() -> Callable[[Any], Any]:
    layers = keras.layers
    return keras.Sequential([keras.Input((None, 4)), layers.LSTM(5, return_sequences=True), layers.GRU(3)])


def _masked() -> Callable[[Any], Any]:
    layers = keras.layers
    return keras.Sequential([keras.Input((None, 4)), layers.Masking(0.0), layers.Bidirectional(layers.LSTM(5))])


def _choices() -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        def step(i: Any, a: Any) -> Any:
            a = tf.cond(tf.reduce_sum(a) > 0, lambda: a * 2.0, lambda: a - 1.0)
            return i + 1, a + tf.switch_case(i, [lambda: x, lambda: x * 2, lambda: tf.zeros_like(x)])

        return tf.while_loop(lambda i, a: i < tf.shape(x)[1], step, [tf.constant(0), x])[1]

    return function


@pytest.mark.parametrize(
    ("build", "ops", "none"),
    [(_layers, {"LSTM", "GRU"}, {"Loop"}), (_masked, {"LSTM"}, {"Loop"}), (_choices, {"Loop"}, set())],
)
def test_control_flow_is_found_again(build: Callable[[], Any], ops: set[str], none: set[str], tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    called = build()
    function = tf.function(lambda x: called(x)).get_concrete_function(tf.TensorSpec((None, None, 4)))
    frozen = convert_variables_to_constants_v2(function)
    message = frozen.graph.as_graph_def()
    assert {"Switch", "Merge", "NextIteration"} <= {node.op for node in message.node}
    (tmp_path / "graph.pb").write_bytes(message.SerializeToString())
    name = frozen.inputs[0].name
    program = onward.convert(
        tmp_path / "graph.pb", inputs={name: onward.spec("b", "t", 4)}, outputs=[frozen.outputs[0].name], verify=False
    )
    onnx.checker.check_model(program.model_proto, full_check=True)
    present = {node.op_type for node in program.model_proto.graph.node}
    assert ops <= present
    assert not none & present
    for batch, time in ((2, 6), (3, 4)):
        x = np.random.default_rng(time).standard_normal((batch, time, 4)).astype(np.float32)
        x[0, -2:] = 0
        (got,) = program.run({program.input_names[0]: x}).values()
        compare(f"{batch}, {time}", np.asarray(function(tf.constant(x))), got)
