"""Variables that a source assigns to: inputs and outputs on request, the stored values at every run otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import onward
from onward.errors import InvalidArgumentError
from tests.harness import w

X = np.random.default_rng(0).standard_normal((2, 12, 3)).astype("float32")


def traced(function: Any, *specs: tf.TensorSpec) -> Any:
    return tf.function(function, input_signature=specs)


def spec(*shape: int | None, dtype: str = "float32", name: str = "x") -> tf.TensorSpec:
    return tf.TensorSpec(shape, dtype, name)


def agree(source: Any, feeds: list[dict[str, Any]], **options: Any) -> onward.ONNXProgram:
    """Runs a source and its conversion one input after the other, both keeping their state; they answer alike."""
    program = onward.convert(source, state="carried", **options)
    assert program.states
    for feed in feeds:
        got = program.run(feed, carry_state=True)
        for want, name in zip(tf.nest.flatten(source(**feed)), program.output_names, strict=False):
            np.testing.assert_allclose(got[name], want, rtol=1e-5, atol=1e-6)
    return program


def counter() -> Any:
    v = tf.Variable(3, name="count")
    return traced(lambda x: x * tf.cast(v.assign_add(1), tf.float32), spec(None))


def accumulator() -> Any:
    v = tf.Variable(tf.zeros([4]), name="total")

    def call(x):
        before = v + 0.0
        v.assign_add(tf.reduce_sum(x, 0))
        return before, v.read_value()

    return traced(call, spec(None, 4))


def cache() -> Any:
    """Keys are written at a position that moves on, and all of them are looked at."""
    keys = tf.Variable(tf.zeros([2, 8, 4]), name="keys")
    at = tf.Variable(0, name="at")

    def call(x):
        keys[:, at : at + 1].assign(x[:, None])
        scores = tf.einsum("btd,bd->bt", keys, x)
        at.assign_add(1)
        return tf.nn.softmax(scores), at.read_value()

    return traced(call, spec(2, 4))


def scattered() -> Any:
    v = tf.Variable(tf.zeros([5, 2]), name="rows")

    def call(i, x):
        v.scatter_nd_add(i[:, None], x)
        v.scatter_update(tf.IndexedSlices(x[:1] * 2.0, i[:1]))
        v.scatter_max(tf.IndexedSlices(x, i))
        return v * 1.0

    return traced(call, spec(2, dtype="int32", name="i"), spec(2, 2))


def growing() -> Any:
    """A variable that is longer after every run."""
    v = tf.Variable(tf.zeros([0, 3]), shape=[None, 3], name="seen")

    def call(x):
        v.assign(tf.concat([v, x], 0))
        return tf.reduce_sum(v, 0), tf.shape(v)[0]

    return traced(call, spec(None, 3))


def streaming() -> Any:
    """A causal convolution, chunk by chunk: the end of a chunk is the padding of the next."""
    tail = tf.Variable(tf.zeros([1, 2, 3]), name="tail")
    kernel = w(3, 3, 5)

    def call(x):
        whole = tf.concat([tail, x], 1)
        tail.assign(whole[:, -2:])
        return tf.nn.conv1d(whole, kernel, 1, "VALID")

    return traced(call, spec(1, None, 3))


def in_a_branch() -> Any:
    v = tf.Variable(1.0, name="scale")

    def call(x):
        if tf.reduce_sum(x) > 0:
            v.assign_add(1.0)
        return x * v

    return traced(call, spec(None))


def in_a_loop() -> Any:
    v = tf.Variable(0.0, name="sum")

    def call(x):
        for k in tf.range(tf.shape(x)[0]):
            v.assign(v * 0.5 + x[k])
        return v.read_value()

    return traced(call, spec(None))


def rng(n: int, *shape: int) -> list[dict[str, Any]]:
    draw = np.random.default_rng(1)
    return [{"x": draw.standard_normal(shape).astype("float32")} for _ in range(n)]


SCATTERED = [{"i": np.array(i, np.int32), **x} for i, x in zip([[0, 3], [1, 3], [4, 0]], rng(3, 2, 2), strict=True)]
SOURCES: dict[str, tuple[Any, list[dict[str, Any]]]] = {
    "accumulator": (accumulator, rng(3, 5, 4)),
    "cache": (cache, rng(4, 2, 4)),
    "counter": (counter, rng(3, 4)),
    "growing": (growing, rng(2, 2, 3) + rng(1, 5, 3)),
    "in-a-branch": (in_a_branch, rng(6, 3)),
    "in-a-loop": (in_a_loop, rng(3, 4)),
    "scattered": (scattered, SCATTERED),
    "streaming": (streaming, rng(2, 1, 4, 3) + rng(1, 1, 7, 3)),
}


@pytest.mark.parametrize("name", SOURCES)
def test_carried(name: str) -> None:
    make, feeds = SOURCES[name]
    agree(make(), feeds)


@pytest.mark.parametrize("name", SOURCES)
def test_stored(name: str) -> None:
    """Without being asked to carry state, a model answers as its source does at first, again and again."""
    make, feeds = SOURCES[name]
    source = make()
    program = onward.convert(source, verify=False)
    assert program.notes
    first = [program.run(feeds[0]) for _ in range(2)]
    for want, name_ in zip(tf.nest.flatten(source(**feeds[0])), program.output_names, strict=True):
        np.testing.assert_allclose(first[0][name_], want, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(first[0][name_], first[1][name_])


@pytest.mark.parametrize("layer", ["LSTM", "GRU", "SimpleRNN"])
def test_a_stateful_layer_over_chunks_is_the_layer_over_all(layer: str) -> None:
    def model(steps: int, stateful: bool) -> keras.Model:
        x = keras.Input(batch_shape=(2, steps, 3), name="x")
        keras.utils.set_random_seed(1)
        return keras.Model(x, getattr(keras.layers, layer)(5, stateful=stateful, return_sequences=True)(x))

    program = onward.convert(model(4, True), state="carried")
    assert layer.removeprefix("Simple") in [node.op_type for node in program.model_proto.graph.node]
    parts = [program.run({"x": X[:, k : k + 4]}, carry_state=True)[program.output_names[0]] for k in (0, 4, 8)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), model(12, False)(X), rtol=1e-5, atol=1e-6)


def test_state_begins_anew_on_request() -> None:
    program = onward.convert(counter(), state="carried")
    one = {"x": np.ones(1)}
    numbers = [program.run(one, carry_state=True)["output_0"][0] for _ in range(2)]
    program.reset_state()
    numbers += [program.run(one, carry_state=True)["output_0"][0], program.run(one)["output_0"][0]]
    numbers += [program.run({**one, "count": 40}, carry_state=True)["output_0"][0]]
    numbers += [program.run(one, carry_state=True)["output_0"][0]]
    assert numbers == [4, 5, 4, 4, 41, 42]


def test_names_and_files(tmp_path: Path) -> None:
    source = counter()
    program = onward.convert(source, state="carried", output=tmp_path / "m.onnx")
    [state] = program.states
    assert (state.input, state.output, int(state.initial)) == ("count", "count_next", 3)
    assert program.input_names == ["x", "count"]
    assert program.output_names == ["output_0", "count_next"]
    assert "count_next" in str(program.report)
    with np.load(tmp_path / "m.onnx.state.npz") as stored:
        assert {name: int(stored[name]) for name in stored} == {"count": 3}
    assert onward.verify(tmp_path / "m.onnx", source).passed


def test_a_name_that_is_taken() -> None:
    v = tf.Variable(1.0, name="x")
    program = onward.convert(traced(lambda x: x * v.assign_add(1.0), spec(None)), state="carried")
    assert program.input_names == ["x", "x_1"]
    assert [s.input for s in program.states] == ["x_1"]
    assert program.run({"x": [1.0]}, carry_state=True)["output_0"] == [2.0]
    assert program.run({"x": [1.0]}, carry_state=True)["output_0"] == [3.0]


def test_a_saved_model_carries_its_state(tmp_path: Path) -> None:
    module = tf.Module()
    module.v = tf.Variable([1.0, 2.0], name="v")
    module.call = traced(lambda x: x + module.v.assign_add(x), spec(2))
    tf.saved_model.save(module, str(tmp_path), signatures=module.call)
    program = onward.convert(tmp_path, state="carried")
    runs = [next(iter(program.run({"x": [1.0, 1.0]}, carry_state=True).values())) for _ in range(2)]
    np.testing.assert_array_equal(runs, [[3.0, 4.0], [4.0, 5.0]])


def test_generators_draw_on() -> None:
    """Each run draws the numbers that TensorFlow draws next; without state, the first ones each time."""
    generator = tf.random.Generator.from_seed(7)
    source = traced(lambda x: x + generator.uniform(tf.shape(x)), spec(None))
    zeros = {"x": np.zeros(5)}
    program, frozen = onward.convert(source, state="carried"), onward.convert(source, verify=False)
    first = frozen.run(zeros)["output_0"]
    for _ in range(3):
        np.testing.assert_allclose(program.run(zeros, carry_state=True)["output_0"], source(np.zeros(5, "float32")))
        np.testing.assert_array_equal(frozen.run(zeros)["output_0"], first)


def test_a_keras_seed_generator_moves_on() -> None:
    seeds = keras.random.SeedGenerator(3)
    source = traced(lambda x: x + keras.random.uniform(tf.shape(x), seed=seeds), spec(4))
    agree(source, [{"x": np.zeros(4, np.float32)}] * 3)


def test_seeds_that_nothing_is_drawn_from_are_no_state() -> None:
    x = keras.Input((None, 3))
    model = keras.Model(x, keras.layers.LSTM(4, dropout=0.5, recurrent_dropout=0.5)(x))
    program = onward.convert(model, state="carried")
    assert not program.states
    assert len(program.input_names) == 1


def test_converting_leaves_the_source_alone() -> None:
    v = tf.Variable(3, name="count")
    source = traced(lambda x: x * tf.cast(v.assign_add(1), tf.float32), spec(None))
    assert onward.convert(source, verify=True).verification.passed
    assert int(v) == 3


def test_refusals() -> None:
    with pytest.raises(InvalidArgumentError, match="'stored' or 'carried'"):
        onward.convert(counter(), state="kept")
    program = onward.convert(traced(lambda x: x + 1.0, spec(2)), state="carried", verify=False)
    with pytest.raises(InvalidArgumentError, match="no state"):
        program.run({"x": [1.0, 2.0]}, carry_state=True)
