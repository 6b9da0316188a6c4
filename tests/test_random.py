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
    "gamma": (lambda n: _R.gamma(n, 2.0), 2.0, 2**0.5),
    "gamma/small": (lambda n: _R.gamma(n, 0.3), 0.3, 0.3**0.5),
    "poisson": (lambda n: _R.poisson(n, 4.0), 4.0, 2.0),
    "limits": (
        lambda n: _RAW.ParameterizedTruncatedNormal(shape=n, means=1.0, stdevs=2.0, minvals=0.0, maxvals=9.0),
        2.01798,
        1.39365,
    ),
    "poisson/large": (lambda n: _R.poisson(n, 70.0), 70.0, 70**0.5),
}
SEEDED: dict[str, tuple[Callable[[tf.Tensor], tf.Tensor], float, float]] = {
    "gamma": (lambda n: _R.stateless_gamma(n, [1, 2], 5.0), 5.0, 5**0.5),
    "poisson": (lambda n: _R.stateless_poisson(n, [1, 2], 4.0), 4.0, 2.0),
    "poisson/wide": (lambda n: _R.stateless_poisson(n, [1, 2], 12.0, tf.float64), 12.0, 12**0.5),
    "binomial": (lambda n: _R.stateless_binomial(n, [1, 2], 10.0, 0.3), 3.0, 2.1**0.5),
    "categories": (lambda n: _R.stateless_categorical(tf.math.log([[0.5, 0.25, 0.25]]), COUNT, [1, 2])[0], 0.75, 0.829),
    "limits/central": (
        lambda n: _R.stateless_parameterized_truncated_normal(n, [1, 2], 1.0, 2.0, 0.0, 9.0),
        2.01798,
        1.39365,
    ),
    "limits/wide": (
        lambda n: _R.stateless_parameterized_truncated_normal(n, [1, 2], 0.0, 1.0, -1.0, 30.0),
        0.28760,
        0.79353,
    ),
    "limits/tail": (
        lambda n: _R.stateless_parameterized_truncated_normal(n, [1, 2], 0.0, 1.0, 3.0, 30.0),
        3.28309,
        0.26563,
    ),
    "limits/lower-tail": (
        lambda n: _R.stateless_parameterized_truncated_normal(n, [1, 2], 0.0, 1.0, -30.0, -2.0),
        -2.37321,
        0.33805,
    ),
    "limits/narrow": (
        lambda n: _R.stateless_parameterized_truncated_normal(n, [1, 2], 0.0, 1.0, 2.0, 2.2),
        2.09303,
        0.05744,
    ),
    "limits/around": (
        lambda n: _R.stateless_parameterized_truncated_normal(n, [1, 2], 0.0, 1.0, -0.5, 0.4),
        -0.04672,
        0.25630,
    ),
    "shuffle": (lambda n: _R.experimental.stateless_shuffle(tf.constant(np.arange(COUNT)), [1, 2]), COUNT / 2, 5773.5),
}


@pytest.mark.parametrize("opset", [18, 21, 23])
@pytest.mark.parametrize("name", DRAWS)
def test_distribution(name: str, opset: int) -> None:
    draw, mean, spread = DRAWS[name]
    first, again = _draws(draw, mean, spread, opset)
    assert (opset >= 22) == np.array_equal(first, again)


@pytest.mark.parametrize("name", SEEDED)
def test_seeded_distribution(name: str) -> None:
    first, again = _draws(*SEEDED[name], opset=21)
    assert np.array_equal(first, again)


def _draws(draw: Callable, mean: float, spread: float, opset: int) -> tuple[np.ndarray, np.ndarray]:
    """What two runs draw, the first compared with its mean and spread."""
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
    assert abs(first.std() - spread) < 0.04 * spread
    return first, again
