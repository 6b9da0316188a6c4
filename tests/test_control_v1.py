"""Control flow of TensorFlow 1: loops and choices made of plain nodes, TensorArrays, dynamic_rnn."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf

import onward
from tests.harness import compare

v1 = tf.compat.v1
_F = tf.float32


@pytest.fixture(autouse=True)
def plain_nodes() -> Iterator[None]:
    """While, If and TensorList nodes are not made here."""
    v1.disable_control_flow_v2()
    yield
    v1.enable_control_flow_v2()


def _x(*shape: int | None, name: str = "x", dtype: Any = _F) -> Any:
    return v1.placeholder(dtype, shape or (None, 3), name=name)


def _n(name: str = "n") -> Any:
    return v1.placeholder(tf.int32, (), name=name)


# --- choices ----------------------------------------------------------------------------------------------------------


def _choice() -> Any:
    x, p = _x(), v1.placeholder(tf.bool, (), name="p")
    return v1.cond(p, lambda: x * 2, lambda: x + 1)


def _constants() -> Any:
    """Nothing but the nodes that they wait for says on which side the constants are."""
    return v1.cond(tf.reduce_sum(_x()) > 0, lambda: tf.constant(1.0), lambda: tf.constant(2.0))


def _outer_tensors() -> Any:
    x, y = _x(), _x(name="y")
    return v1.cond(tf.reduce_sum(x) > 0, lambda: (x, y, x), lambda: (y, x + y, x))


def _nested_choices() -> Any:
    x = _x()

    def then() -> Any:
        return v1.cond(tf.reduce_sum(x[:, 0]) > 0, lambda: x * 3, lambda: tf.ones_like(x) * 7.0)

    return v1.cond(tf.reduce_sum(x) > 0, then, lambda: -x)


def _same_condition_twice() -> Any:
    x = _x()
    p = tf.reduce_sum(x) > 0
    a, b = v1.cond(p, lambda: (x * 3, x), lambda: (x, x * 5))
    c = v1.cond(p, lambda: a * 3, lambda: b + 1.0)
    return a, b, c


def _condition_within_itself() -> Any:
    x = _x()
    p = tf.reduce_sum(x) > 0
    return v1.cond(p, lambda: v1.cond(p, lambda: x, lambda: -x), lambda: v1.cond(p, lambda: x * 5, lambda: x * 7))


def _case() -> Any:
    x, i = _x(), _n()
    pairs = [(tf.equal(i, k), lambda k=k: x * k) for k in range(3)]
    return v1.case(pairs, default=lambda: tf.zeros_like(x))


def _indexed_switch() -> Any:
    x, i = _x(), _n()
    sides = _switch_n(x, i, 3)
    return v1.raw_ops.Merge(inputs=[sides[0] + 1, sides[1] * 2, -sides[2]])[0]


def _switch_n(x: Any, index: Any, count: int) -> list[Any]:
    graph = v1.get_default_graph()
    attrs = {"num_outs": v1.AttrValue(i=count), "T": v1.AttrValue(type=x.dtype.as_datatype_enum)}
    return graph.create_op("_SwitchN", [x, index], [x.dtype] * count, name="sides", attrs=attrs).outputs


# --- loops ------------------------------------------------------------------------------------------------------------


def _loop() -> Any:
    x, n = _x(), _n()
    return v1.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a * 1.5 + x), [tf.constant(0), x])


def _growing() -> Any:
    x = _x()
    shapes = [tf.TensorShape([]), tf.TensorShape([None, 3])]
    step = lambda i, a: (i + 1, tf.concat([a, x], 0))  # noqa: E731
    return v1.while_loop(lambda i, a: i < 3, step, [tf.constant(0), x], shape_invariants=shapes)[1]


def _nested_loops() -> Any:
    x, n = _x(), _n()

    def inner(i: Any, a: Any) -> Any:
        going = lambda j, b: tf.logical_and(j < i, tf.reduce_sum(b) < 100.0)  # noqa: E731
        return i + 1, v1.while_loop(going, lambda j, b: (j + 1, b + a * 0.1 + x), [tf.constant(0), a])[1]

    return v1.while_loop(lambda i, a: i < n, inner, [tf.constant(0), x])[1]


def _choice_in_loop() -> Any:
    x, n = _x(), _n()

    def step(i: Any, a: Any) -> Any:
        otherwise = lambda: v1.cond(tf.reduce_sum(a) > 0, lambda: a * 0.5, lambda: tf.ones_like(a))  # noqa: E731
        return i + 1, v1.cond(tf.equal(i % 2, 0), lambda: a + x, otherwise)

    return v1.while_loop(lambda i, a: i < n, step, [tf.constant(0), x])[1]


def _loop_in_choice() -> Any:
    x, n = _x(), _n()

    def branch(scale: float) -> Callable[[], Any]:
        step = lambda i, a: (i + 1, v1.cond(i > 1, lambda: a * scale, lambda: a + scale))  # noqa: E731
        return lambda: v1.while_loop(lambda i, a: i < n, step, [tf.constant(0), x])[1]

    return v1.cond(tf.reduce_sum(x) > 0, branch(2.0), branch(3.0))


def _three_deep() -> Any:
    x, n = _x(), _n()
    count = lambda end, step, a: v1.while_loop(  # noqa: E731
        lambda i, a: i < end, lambda i, a: (i + 1, step(i, a)), [tf.constant(0), a]
    )[1]
    inner = lambda j, b: v1.cond(j > 0, lambda: count(j, lambda m, c: c + 0.01, b), lambda: b + x)  # noqa: E731
    return count(n, lambda i, a: count(i, inner, a), x)


def _condition_of_another_variable() -> Any:
    """A variable that only the condition reads, and one that nothing but the result does."""
    x = _x()
    step = lambda go, a, s: (tf.reduce_sum(a) < 50.0, tf.abs(a) * 2 + 1, tf.reduce_max(a))  # noqa: E731
    return v1.while_loop(lambda go, a, s: go, step, [tf.constant(True), x, tf.constant(0.0)])[2]


def _in_a_function() -> Any:
    x, n = _x(), _n()

    @tf.function
    def twice(x: Any, n: Any) -> Any:
        return tf.while_loop(
            lambda i, a: i < n, lambda i, a: (i + 1, tf.cond(i > 0, lambda: a * 2, lambda: a)), [0, x]
        )[1]

    return twice(x, n) + twice(-x, n + 1)


# --- arrays -----------------------------------------------------------------------------------------------------------


def _filled_array() -> Any:
    x = _x()
    n = tf.shape(x)[0]
    rows = tf.TensorArray(_F, size=n, clear_after_read=False).unstack(x)
    step = lambda i, a, s: (i + 1, a.write(i, rows.read(i) + s), s + rows.read(i))  # noqa: E731
    _, made, last = v1.while_loop(
        lambda i, *_: i < n, step, [tf.constant(0), tf.TensorArray(_F, size=n), tf.zeros([3])]
    )
    return made.stack(), last


def _array_ops() -> Any:
    x = _x(4, 3)
    a = tf.TensorArray(_F, size=5, clear_after_read=False).scatter([0, 3, 2, 4], x).write(1, x[0] * 5)
    b = tf.TensorArray(_F, size=0, dynamic_size=True, element_shape=[3], clear_after_read=False)
    for i in range(3):
        b = b.write(i, x[i])
    c = tf.TensorArray(_F, size=2, clear_after_read=False).split(x, [2, 2])
    return a.stack(), a.gather([2, 0]), a.size(), b.stack(), b.size(), c.concat(), c.read(1)


def _array_without_limit() -> Any:
    """Grows as long as a condition of the values holds."""
    x = _x()
    step = lambda t, h, made: (t + 1, h * 1.5 + 0.1, made.write(t, h))  # noqa: E731
    going = lambda t, h, made: tf.reduce_sum(tf.abs(h)) < 50.0  # noqa: E731
    t, _, made = v1.while_loop(going, step, [tf.constant(0), x, tf.TensorArray(_F, size=0, dynamic_size=True)])
    return made.stack(), t


def _array_in_choice() -> Any:
    x = _x()
    n = tf.shape(x)[0]

    def step(i: Any, made: Any) -> Any:
        return i + 1, v1.cond(tf.reduce_sum(x[i]) > 0, lambda: made.write(i, x[i]), lambda: made.write(i, -x[i]))

    array = tf.TensorArray(_F, size=n, element_shape=[3])
    return v1.while_loop(lambda i, _: i < n, step, [tf.constant(0), array])[1].stack()


def _boxes_of_pictures() -> Any:
    """As detection models have it: suppression by class in a loop over pictures, padded to one size."""
    boxes, scores = _x(None, 9, 4, name="boxes"), _x(None, 9, 2, name="scores")

    def one(pair: Any) -> Any:
        b, s = tf.sort(pair[0], axis=-1), pair[1]
        kept = [tf.image.non_max_suppression(b, s[:, k], tf.minimum(tf.shape(b)[0], 5), 0.5) for k in range(2)]
        found = tf.concat([tf.gather(s[:, k], rows) for k, rows in enumerate(kept)], 0)
        best, order = tf.nn.top_k(found, tf.minimum(tf.size(found), 6))
        chosen = tf.gather(tf.concat([tf.gather(b, rows) for rows in kept], 0), order)
        missing = 6 - tf.size(best)
        return tf.pad(chosen, [[0, missing], [0, 0]]), tf.pad(best, [[0, missing]]), tf.size(best)

    return tf.map_fn(one, (boxes, scores), dtype=(_F, _F, tf.int32))


# --- recurrent networks -----------------------------------------------------------------------------------------------


class Lstm:
    """The cell of BasicLSTMCell: one kernel for inputs and state, gates in the order i, j, f, o."""

    output_size, state_size = 6, (6, 6)

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.kernel = rng.normal(0, 0.4, (4 + 6, 24)).astype(np.float32)
        self.bias = rng.normal(0, 0.4, 24).astype(np.float32)

    def zero_state(self, batch: Any, dtype: Any) -> Any:
        return tf.zeros([batch, 6], dtype), tf.zeros([batch, 6], dtype)

    def __call__(self, x: Any, state: Any, scope: Any = None) -> Any:
        c, h = state
        i, j, f, o = tf.split(tf.nn.bias_add(tf.matmul(tf.concat([x, h], 1), self.kernel), self.bias), 4, axis=1)
        c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
        h = tf.tanh(c) * tf.sigmoid(o)
        return h, (c, h)


def _dynamic_rnn(**options: Any) -> Any:
    x = _x(None, None, 4)
    outputs, state = v1.nn.dynamic_rnn(Lstm(), x, dtype=_F, **options)
    return outputs, *state


def _bidirectional_rnn() -> Any:
    x, lengths = _x(None, None, 4), v1.placeholder(tf.int32, (None,), name="lengths")
    outputs, states = v1.nn.bidirectional_dynamic_rnn(Lstm(0), Lstm(1), x, sequence_length=lengths, dtype=_F)
    return *outputs, *tf.nest.flatten(states)


GRAPHS: dict[str, tuple[Callable[[], Any], str]] = {
    "choice": (_choice, "If"),
    "choice/constants": (_constants, "If"),
    "choice/outer tensors": (_outer_tensors, "If"),
    "choice/nested": (_nested_choices, "If"),
    "choice/same condition twice": (_same_condition_twice, "If"),
    "choice/condition within itself": (_condition_within_itself, "If"),
    "choice/case": (_case, "If"),
    "choice/indexed": (_indexed_switch, "If"),
    "loop": (_loop, "Loop !If"),
    "loop/growing": (_growing, "Loop"),
    "loop/nested": (_nested_loops, "Loop"),
    "loop/choice inside": (_choice_in_loop, "Loop"),
    "loop/inside choice": (_loop_in_choice, "If"),
    "loop/three deep": (_three_deep, "Loop"),
    "loop/condition of its own": (_condition_of_another_variable, "Loop"),
    "loop/in a function": (_in_a_function, "Loop"),
    "array/filled": (_filled_array, "Loop !ScatterND"),
    "array/ops": (_array_ops, "!Loop"),
    "array/without a limit": (_array_without_limit, "Loop !ScatterND"),
    "array/inside choice": (_array_in_choice, "Loop"),
    "array/boxes of pictures": (_boxes_of_pictures, "Loop NonMaxSuppression"),
    "map_fn": (lambda: tf.map_fn(lambda row: tf.nn.softmax(row) * 2, _x()), "Loop"),
    "scan": (lambda: tf.scan(lambda a, row: a * 0.5 + row, _x(), initializer=tf.zeros([3])), "Loop"),
    "foldl": (lambda: tf.foldl(lambda a, row: a * 0.5 + row, _x()), "Loop"),
    "rnn": (_dynamic_rnn, "LSTM !Loop"),
    "rnn/time_major": (lambda: _dynamic_rnn(time_major=True), "LSTM !Loop"),
    "rnn/lengths": (
        lambda: _dynamic_rnn(sequence_length=v1.placeholder(tf.int32, (None,), name="lengths")),
        "LSTM !Loop",
    ),
    "rnn/bidirectional": (_bidirectional_rnn, "LSTM !Loop"),
}


@pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("name", GRAPHS)
def test_as_tensorflow_computes_it(name: str, tmp_path: Path) -> None:
    build, ops = GRAPHS[name]
    with tf.Graph().as_default() as graph, v1.Session() as session:
        outputs = [tf.identity(t, f"out{i}") for i, t in enumerate(tf.nest.flatten(build()))]
        (tmp_path / "graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
        program = onward.convert(tmp_path / "graph.pb", outputs=[t.name for t in outputs], verify=False)
        model = program.model_proto
        onnx.checker.check_model(model, full_check=True)
        _check_ops(model, ops)
        runtime = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        for run in range(4):
            feeds = _draw(graph, np.random.default_rng(zlib.crc32(f"{name}/{run}".encode())), run)
            expected = session.run(outputs, {f"{key}:0": value for key, value in feeds.items()})
            found = runtime.run(None, {made.name: feeds[made.name] for made in runtime.get_inputs()})
            for i, (want, got) in enumerate(zip(expected, found, strict=True)):
                compare(f"{name}, run {run}, output {i}", np.asarray(want), got)


def _draw(graph: Any, rng: np.random.Generator, run: int) -> dict[str, np.ndarray]:
    feeds = {}
    sizes = [2 + run % 2, 5 - run % 3]
    for op in graph.get_operations():
        if op.type != "Placeholder":
            continue
        shape = [sizes[axis] if d is None else d for axis, d in enumerate(op.outputs[0].shape)]
        dtype = op.outputs[0].dtype.as_numpy_dtype
        if dtype is np.bool_:
            feeds[op.name] = np.asarray(run % 2 == 0)
        elif dtype is np.int32:
            feeds[op.name] = rng.integers(0, 3, shape).astype(dtype) if shape else np.asarray((0, 2, 3, 1)[run], dtype)
        else:
            feeds[op.name] = rng.standard_normal(shape).astype(dtype)
    return feeds


def _check_ops(model: onnx.ModelProto, wanted: str) -> None:
    present: set[str] = set()
    graphs = [model.graph]
    while graphs:
        for node in graphs.pop().node:
            present.add(node.op_type)
            graphs.extend(attribute.g for attribute in node.attribute if attribute.HasField("g"))
    for op in wanted.split():
        assert (op.removeprefix("!") in present) == (not op.startswith("!")), (op, sorted(present))


def test_sides_without_control_edges(tmp_path: Path) -> None:
    """Tools that cut control edges leave constants that are on no side: they are on the one that is left."""
    with tf.Graph().as_default() as graph, v1.Session() as session:
        x = _x()
        y = v1.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: tf.constant([[5.0, 5.0, 5.0]]))
        message = graph.as_graph_def()
        for node in message.node:
            kept = [reference for reference in node.input if not reference.startswith("^")]
            node.ClearField("input")
            node.input.extend(kept)
        (tmp_path / "graph.pb").write_bytes(message.SerializeToString())
        program = onward.convert(tmp_path / "graph.pb", outputs=[y.name], verify=False)
        for sign in (1, -1):
            value = sign * np.ones((2, 3), np.float32)
            (got,) = program.run({"x": value}).values()
            compare(f"{sign}", session.run(y, {"x:0": value}), got)


def _assigned(p: Any, x: Any, v: Any) -> Any:
    """The value that one side leaves in the variable is what counts afterwards."""
    chosen = v1.cond(p, lambda: v.assign_add(2.0), lambda: v.read_value())
    with tf.control_dependencies([chosen]):
        return x * v.read_value()


def _assigned_for_its_effect(p: Any, x: Any, v: Any) -> Any:
    chosen = v1.cond(p, lambda: tf.group(v1.cond(p, lambda: v.assign_add(2.0), lambda: v.assign(9.0))), tf.no_op)
    with tf.control_dependencies([chosen]):
        return x * v.read_value()


def _assigned_behind_data(p: Any, x: Any, v: Any) -> Any:
    """What is waited for does not assign: what it computes with does."""
    with tf.control_dependencies([tf.cast(p, tf.float32) + v.assign_add(2.0)]):
        return x * v.read_value()


def _assigned_in_part(p: Any, x: Any, v: Any) -> Any:
    with tf.control_dependencies([v1.scatter_add(v, [0, 2], x)]):
        return tf.identity(v) * 2


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("resource", [True, False], ids=["handle", "reference"])
@pytest.mark.parametrize("build", [_assigned, _assigned_for_its_effect, _assigned_behind_data, _assigned_in_part])
def test_assignments_are_seen_afterwards(build: Callable[..., Any], resource: bool, tmp_path: Path) -> None:
    ones = np.ones((2, 3), np.float32)
    expected = []
    with tf.Graph().as_default(), v1.Session() as session:
        x = _x()
        shape = [4, 3] if build is _assigned_in_part else []
        v = v1.get_variable("v", shape, initializer=v1.ones_initializer(), use_resource=resource)
        y = build(tf.reduce_sum(x) > 0, x, v)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(tmp_path / "model"), {"x": x}, {"y": y})
        for sign in (1, -1):
            session.run(v.initializer)
            expected.append(session.run(y, {x: sign * ones}))
    program = onward.convert(tmp_path / "model", verify=False)
    for sign, want in zip((1, -1), expected, strict=True):
        compare(f"{sign}", want, program.run({"x": sign * ones})["y"])
