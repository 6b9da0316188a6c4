"""Inputs are seeded, of the right kind, and of two sizes in every dynamic dimension."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from onward.graph import Graph
from onward.options import Options
from onward.sources import open_source
from onward.specs import Spec, spec
from onward.tools.sample import SIZES, VALUES, draws


def graph(function: object, *specs: Spec) -> Graph:
    return open_source(function, Options(inputs=list(specs) or None))


def first(graph: Graph, run: int = 0, seed: int = 0) -> dict[str, np.ndarray]:
    return next(draws(graph, run, seed))


def test_same_seed_same_values() -> None:
    source = graph(lambda x: x, spec("n", "m", name="x"))
    assert np.array_equal(first(source)["x"], first(source)["x"])
    assert not np.array_equal(first(source)["x"], first(source, seed=1)["x"])


def test_every_dynamic_dimension_has_two_sizes_and_one_name_is_one_size() -> None:
    source = graph(lambda a, b: (a, b), spec("b", "n", 4, name="a"), spec("b", "m", "n", name="b"))
    one, two = first(source, 0), first(source, 1)
    for arrays in (one, two):
        assert arrays["a"].shape[0] == arrays["b"].shape[0]
        assert arrays["a"].shape[1] == arrays["b"].shape[2]
        assert arrays["a"].shape[2] == 4
    assert all(p != q for p, q in zip(one["b"].shape, two["b"].shape, strict=True))


def test_pictures_have_unlike_sides() -> None:
    source = graph(lambda x: x, spec("b", "h", "w", 3, name="x"))
    _, height, width, _ = first(source)["x"].shape
    assert height != width
    assert height % 32 == width % 32 == 0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex64", "int8", "uint64", "bool"])
def test_dtype_is_kept(dtype: str) -> None:
    array = first(graph(lambda x: x, spec("b", 40, dtype=dtype, name="x")))["x"]
    assert array.dtype.name == dtype
    assert len(np.unique(array)) > 1


def test_strings_are_words_and_integers_small() -> None:
    words = first(graph(lambda x: x, spec("b", 9, dtype="string", name="x")))["x"]
    assert words.dtype == object
    assert all(isinstance(word, str) for word in words.ravel())
    numbers = first(graph(lambda x: x, spec("b", 90, dtype="int32", name="x")))["x"]
    assert (numbers.min(), numbers.max()) == (0, 9)


def test_bytes_of_pictures_use_their_range() -> None:
    assert first(graph(lambda x: x, spec("b", 32, 32, 3, dtype="uint8", name="x")))["x"].max() > 200


def test_later_draws_are_tamer() -> None:
    source = graph(lambda x: tf.gather(tf.ones(3), x), spec("n", dtype="int32", name="x"))
    drawn = list(draws(source, 0, 0))
    assert len(drawn) == len(VALUES) * len(SIZES)
    assert drawn[-1]["x"].tolist() == [0]


def test_range_is_that_of_the_models_own_preprocessing() -> None:
    mean = np.float32([100, 0, -7])
    table = first(graph(lambda x: tf.nn.relu((x - mean) / 20.0), spec(400, 3, name="x")))["x"]
    np.testing.assert_allclose(table.mean(axis=0), mean, atol=4)
    np.testing.assert_allclose(table.std(axis=0), 20, rtol=0.2)
    pixels = first(graph(lambda x: tf.nn.relu(x * (1 / 127.5) - 1), spec(400, 3, name="x")))["x"]
    assert pixels.mean() == pytest.approx(127.5, abs=15)


def test_unknown_rank_is_tried_out() -> None:
    source = graph(
        tf.function(lambda x: x, input_signature=[tf.TensorSpec(None, tf.float32, name="x")]).get_concrete_function()
    )
    ranks = {arrays["x"].ndim for arrays in draws(source, 0, 0)}
    assert {0, 1, 2, 3} <= ranks
