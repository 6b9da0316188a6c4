"""Random ops whose numbers are not TensorFlow's own: what they draw is distributed as it should be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

import onward

COUNT = 20000
_R, _RAW = tf.random, tf.raw_ops
DRAWS: dict[str, tuple[Callable[[tf.Tensor], tf.Tensor], float, float]] = {
    "uniform": (lambda n: _R.uniform(n, -1.0, 3.0), 1.0, 4 / 12**0.5),
    "normal": (lambda n: _R.normal(n, 1.0, 2.0), 1.0, 2.0),
    "truncated": (lambda n: _R.truncated_normal(n), 0.0, 0.8796),
    "int": (lambda n: _R.uniform(n, 0, 10, tf.int32), 4.5, 99**0.5 / 12**0.5),
    "float64": (lambda n: _R.normal(n, dtype=tf.float64), 0.0, 1.0),
    "float16": (lambda n: _R.uniform(n, dtype=tf.float16), 0.5, 1 / 12**0.5),
    "shuffle": (lambda n: _R.shuffle(tf.constant(np.arange(COUNT))), (COUNT - 1) / 2, COUNT / 12**0.5),
    "categories": (lambda n: _R.categorical(tf.math.log([[0.5, 0.25, 0.25]]), COUNT)[0], 0.75, 0.829),
}


@pytest.mark.parametrize("opset", [18, 21, 23])
@pytest.mark.parametrize("name", DRAWS)
def test_distribution(name: str, opset: int) -> None:
    draw, mean, spread = DRAWS[name]
    tf.keras.utils.set_random_seed(0)
    tf.random.set_seed(None)
    function = tf.function(
        lambda x: draw(tf.shape(x)), input_signature=[tf.TensorSpec([None], "float32", "x")], autograph=False
    )
    program = onward.convert(function, verify=False, opset=opset)
    feeds = {"x": np.zeros(COUNT, np.float32)}
    first, again = (np.asarray(next(iter(program.run(feeds).values())), np.float64) for _ in range(2))
    assert first.shape == (COUNT,)
    assert abs(first.mean() - mean) < 5 * spread / COUNT**0.5
    assert abs(first.std() - spread) < 0.03 * spread
    assert (opset >= 22) == np.array_equal(first, again)
