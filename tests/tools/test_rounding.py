"""A network that magnifies rounding is told from one that is wrong."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

import onward

WEIGHTS = np.random.default_rng(0).normal(size=(512, 8)).astype("float32")
SPEC = onward.spec("batch", 512, name="x")


def magnifying(x: tf.Tensor) -> tf.Tensor:
    return tf.sin(100.0 * tf.matmul(x, WEIGHTS))


def test_rounding_is_told_from_a_mistake() -> None:
    program = onward.convert(magnifying, inputs=[SPEC], verify=False)
    check = onward.verify(program)
    assert check.passed
    assert any("magnifies rounding" in note for note in check.notes), check.table()
    assert not onward.verify(program, tolerance=1e-6).passed  # a bound of one's own stands
    wrong = onward.convert(magnifying, inputs=[SPEC], verify=False, custom_ops={"Sin": lambda op, x: op.Sin(x) * 1.02})
    assert not onward.verify(wrong).passed


def test_a_calm_network_gets_no_slack() -> None:
    program = onward.convert(
        lambda x: tf.matmul(x, WEIGHTS), inputs=[SPEC], verify=False,
        custom_ops={"MatMul": lambda op, a, b, *, transpose_a, transpose_b: op.MatMul(a, b) * 1.0005},
    )  # fmt: skip
    check = onward.verify(program)
    assert not check.passed
    assert all(output.moved is None for run in check.runs for output in run.outputs)


def test_tensorflow_keeps_its_settings() -> None:
    before = tf.config.optimizer.get_experimental_options()
    onward.verify(onward.convert(magnifying, inputs=[SPEC], verify=False))
    assert tf.config.optimizer.get_experimental_options() == before
