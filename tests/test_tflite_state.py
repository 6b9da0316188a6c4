"""TFLite models of several subgraphs: control flow, variables, tables, signatures."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onward
from onward.errors import InvalidArgumentError, InvalidSourceError
from tests.tflite.build import KERNELS, Model, T, boolean, const, f32, i8, i32, interpret
from tests.tflite.parts import RESOURCE, Part


def _agree(model: Model, path: Path, *runs: dict[str, Any], **options: Any) -> onward.ONNXProgram:
    """Converts, and compares with the interpreter for each run's inputs."""
    model.save(path)
    program = onward.convert(path, verify=False, **options)
    for feeds in runs:
        arrays = {name: np.asarray(value) for name, value in feeds.items()}
        wanted = interpret(path, arrays, KERNELS.AUTO)
        for got, want in zip(program.run(arrays).values(), wanted, strict=True):
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)
    return program


def _agree_over_time(path: Path, runs: Sequence[dict[str, Any]]) -> None:
    """Compares with one interpreter that is run again and again, and so keeps its state."""
    import tensorflow as tf

    program = onward.convert(path, verify=False, state="carried")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated")
        interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    names = {detail["name"]: detail["index"] for detail in interpreter.get_input_details()}
    for feeds in runs:
        for name, value in feeds.items():
            interpreter.set_tensor(names[name], value)
        interpreter.invoke()
        results = program.run(feeds, carry_state=True)
        for output, detail in zip(program.graph.outputs, interpreter.get_output_details(), strict=True):
            wanted = interpreter.get_tensor(detail["index"])
            np.testing.assert_allclose(results[output.name], wanted, rtol=1e-6, atol=1e-6)


def _initial(model: Model, **values: Any) -> None:
    """A subgraph that gives variables their first values."""
    part = Part(model)
    for name, value in values.items():
        part.run("ASSIGN_VARIABLE", [part.variable(name), part.const(const(value, "float32"))])


def test_while(tmp_path: Path) -> None:
    model = Model()
    main = Part(model)
    arguments = [i32(), f32(3), i32()]
    main.give(*main.run("WHILE", [main.input(t) for t in arguments], *arguments, cond_subgraph_index=1,
                        body_subgraph_index=2))  # fmt: skip
    condition = Part(model)
    i, _, limit = [condition.input(t) for t in arguments]
    condition.give(condition.run("LESS", [i, limit], boolean()))
    body = Part(model)
    i, x, limit = [body.input(t) for t in arguments]
    more = body.run("ADD", [i, body.const(const(1))], i32())
    body.give(more, body.run("MUL", [x, body.const(const(2.0, "float32"))], f32(3)), limit)
    x = np.arange(3, dtype=np.float32)
    program = _agree(model, tmp_path / "m.tflite", *({"t0": np.int32(0), "t1": x, "t2": np.int32(n)} for n in (5, 0)))
    assert "Loop" in [node.op_type for node in program.model_proto.graph.node]


def test_while_of_integers(tmp_path: Path) -> None:
    """Quantised tensors go round as integers, or as reals where the model is dequantised."""
    model = Model()
    main = Part(model)
    arguments = [i32(), i8(2, scale=0.5, zero=1)]
    main.give(*main.run("WHILE", [main.input(t) for t in arguments], *arguments, cond_subgraph_index=1,
                        body_subgraph_index=2))  # fmt: skip
    condition = Part(model)
    i, _ = [condition.input(t) for t in arguments]
    condition.give(condition.run("LESS", [i, condition.const(const(3))], boolean()))
    body = Part(model)
    i, x = [body.input(t) for t in arguments]
    more = body.run("ADD", [i, body.const(const(1))], i32())
    body.give(more, body.run("ADD", [x, x], arguments[1]))
    path = tmp_path / "m.tflite"
    integers = np.array([3, -2], np.int8)
    _agree(model, path, {"t0": np.int32(0), "t1": integers})
    plain = onward.convert(path, verify=False, dequantize=True)
    got = list(plain.run({"t0": np.int32(0), "t1": (integers.astype(np.float32) - 1) / 2}).values())[1]
    np.testing.assert_array_equal(got, [8.0, -12.0])


def _by_converter(layers: Any, path: Path, shape: tuple[int, ...]) -> Path:
    """A Keras 2 model with a batch of one, by TensorFlow's converter, whose loops it leaves as loops."""
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([tf_keras.Input(shape, batch_size=1), *layers(tf_keras.layers)])
    module = tf.Module()
    module.model = model
    compute = tf.function(lambda x: model(x), input_signature=[tf.TensorSpec([1, *shape], tf.float32)])
    concrete = compute.get_concrete_function()
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete], module).convert())
    return path


@pytest.mark.parametrize(
    ("layers", "op"),
    [
        (lambda k: [k.GRU(3, return_sequences=True), k.SimpleRNN(2)], "GRU"),
        (lambda k: [k.Masking(), k.GRU(3, reset_after=False)], "GRU"),
        (lambda k: [k.LSTM(3, return_sequences=True, unit_forget_bias=False)], "LSTM"),
    ],
)
def test_loops_of_the_converter_become_recurrent_operators(tmp_path: Path, layers: Any, op: str) -> None:
    """Lists that loops fill are collected, cells found."""
    path = _by_converter(layers, tmp_path / "m.tflite", (6, 4))
    program = onward.convert(path, verify=True)
    present = {node.op_type for node in program.model_proto.graph.node}
    assert op in present
    assert "Loop" not in present


def test_a_list_that_a_loop_fills(tmp_path: Path) -> None:
    """Of what is no cell: collected by the loop, which copies nothing."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([5, 2], tf.float32)])
    def compute(x: Any) -> Any:
        made = tf.TensorArray(tf.float32, 5, element_shape=[2])
        total = tf.zeros([2])
        for i in tf.range(5):
            total = total * total + x[i]
            made = made.write(i, tf.sin(total))
        return made.stack()

    path = tmp_path / "m.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([compute.get_concrete_function()]).convert())
    program = onward.convert(path, verify=True)
    (loop,) = [node for node in program.model_proto.graph.node if node.op_type == "Loop"]
    (body,) = [attribute.g for attribute in loop.attribute if attribute.name == "body"]
    assert not {"Concat", "Slice", "ScatterND"} & {node.op_type for node in body.node}


@pytest.mark.parametrize("state", ["initial", "carried"])
def test_variables(tmp_path: Path, state: str) -> None:
    """Reads and assignments keep their order, in branches too."""
    model = Model()
    main = Part(model)
    condition, x = main.input(boolean()), main.input(f32(2))
    main.run("CALL_ONCE", [], init_subgraph_index=1)
    v = main.variable("v")
    before = main.run("READ_VARIABLE", [v], f32(2))
    main.run("ASSIGN_VARIABLE", [v, main.run("ADD", [before, x], f32(2))])
    middle = main.run("READ_VARIABLE", [v], f32(2))
    chosen = main.run("IF", [condition, middle], f32(2), then_subgraph_index=2, else_subgraph_index=3)
    main.give(main.run("READ_VARIABLE", [v], f32(2)), before, chosen, middle)
    _initial(model, v=[10, 20])
    then = Part(model)
    negative = then.run("NEG", [then.input(f32(2))], f32(2))
    then.run("ASSIGN_VARIABLE", [then.variable("v"), negative])
    then.give(negative)
    other = Part(model)
    other.give(other.run("ABS", [other.input(f32(2))], f32(2)))
    runs = [{"t0": np.bool_(choice), "t1": np.array([1, -2], np.float32)} for choice in (True, False)]
    path = model.save(tmp_path / "m.tflite")
    if state == "initial":
        program = _agree(model, path, *runs)
        assert any("assigns to v" in note for note in program.notes)
        return
    _agree_over_time(path, runs)


def test_variables_of_recurrent_operators_begin_with_zeros(tmp_path: Path) -> None:
    model = Model()
    main = Part(model)
    state = main.const(T("float32", (1, 2), is_variable=True))
    kernel = main.const(const(np.eye(2), "float32"))
    x = main.input(f32(1, 2))
    inputs = [x, kernel, kernel, main.const(const([0.0, 1.0], "float32")), state]
    main.give(main.run("RNN", inputs, f32(1, 2)), main.run("RNN", inputs, f32(1, 2)))
    path, feeds = tmp_path / "m.tflite", {"t2": np.array([[0.5, -1.0]], np.float32)}
    _agree(model, path, feeds)
    _agree_over_time(path, [feeds] * 3)


def test_call(tmp_path: Path) -> None:
    """No kernel of the interpreter's has CALL: it is what the subgraph computes."""
    model = Model()
    main = Part(model)
    x = main.input(f32(2))
    main.give(main.run("CALL", [main.run("CALL", [x], f32(2), subgraph=1)], f32(2), subgraph=1))
    inner = Part(model)
    inner.give(inner.run("EXP", [inner.input(f32(2))], f32(2)))
    program = onward.convert(model.save(tmp_path / "m.tflite"), verify=False)
    x = np.array([0.1, 0.2], np.float32)
    np.testing.assert_allclose(next(iter(program.run({"t0": x}).values())), np.exp(np.exp(x)), rtol=1e-6)


@pytest.mark.parametrize("op", ["CALL", "WHILE"])
def test_a_subgraph_that_calls_itself(tmp_path: Path, op: str) -> None:
    model = Model()
    Part(model).run("CALL", [], subgraph=1)
    inner = Part(model)
    inner.run("CALL", [], subgraph=1) if op == "CALL" else inner.run(
        "WHILE", [], cond_subgraph_index=1, body_subgraph_index=1
    )
    with pytest.raises(InvalidSourceError, match=r"m\.tflite: subgraph 1 calls itself"):
        onward.convert(model.save(tmp_path / "m.tflite"), verify=False)


def test_calls_without_end(tmp_path: Path) -> None:
    """Two calls each, thirty deep."""
    model = Model()
    for i in range(30):
        part = Part(model)
        for _ in range(2):
            part.run("CALL", [], subgraph=i + 1)
    Part(model)
    with pytest.raises(InvalidSourceError, match="without end"):
        onward.convert(model.save(tmp_path / "m.tflite"), verify=False)


@pytest.mark.parametrize("index", [7, -1])
def test_a_subgraph_that_is_not_there(tmp_path: Path, index: int) -> None:
    model = Model()
    main = Part(model)
    main.give(main.run("IF", [main.input(boolean())], f32(), then_subgraph_index=index, else_subgraph_index=0))
    with pytest.raises(InvalidSourceError, match=f"subgraph {index} of 1"):
        onward.convert(model.save(tmp_path / "m.tflite"), verify=False)


@pytest.mark.parametrize("kinds", ["string int64", "int64 string"])
def test_tables(tmp_path: Path, kinds: str) -> None:
    known = {"string": np.array(["a", "bb"], object), "int64": np.array([5, 6])}
    key, value = (T(kind, (2,), value=known[kind]) for kind in kinds.split())
    default = T(value.dtype, (), value=np.array("none", object) if value.dtype == "string" else np.array(-1))
    types = {"string": 5, "int64": 4}
    options = {"table_id": 7, "key_dtype": types[key.dtype], "value_dtype": types[value.dtype]}
    model = Model()
    main = Part(model)
    x = main.input(T(key.dtype, (3,)))
    main.run("CALL_ONCE", [], init_subgraph_index=1)
    table = main.run("HASHTABLE", [], RESOURCE, **options)
    found = main.run("HASHTABLE_FIND", [table, x, main.const(default)], T(value.dtype, (3,)))
    main.give(found, main.run("HASHTABLE_SIZE", [table], T("int64", (1,))))
    inner = Part(model)
    table = inner.run("HASHTABLE", [], RESOURCE, **options)
    inner.run("HASHTABLE_IMPORT", [table, inner.const(key), inner.const(value)])
    program = onward.convert(model.save(tmp_path / "m.tflite"), verify=False)
    wanted = np.array(["bb", "q", "a"], object) if key.dtype == "string" else np.array([6, 0, 5])
    found, size = program.run({"t0": wanted}).values()
    assert found.tolist() == ([6, -1, 5] if key.dtype == "string" else ["bb", "none", "a"])
    assert size.tolist() == [2]


def _two_signatures() -> Model:
    model = Model()
    for key, op in (("serving_default", "EXP"), ("negate", "NEG")):
        part = Part(model)
        x = part.input(f32(2))
        y = part.run(op, [x], f32(2))
        part.give(y)
        model.signature(key, len(model.model.subgraphs) - 1, {"x": x}, {f"{key}_y": y})
    return model


def test_signatures(tmp_path: Path) -> None:
    path = _two_signatures().save(tmp_path / "m.tflite")
    x = np.array([1, 2], np.float32)
    for signature, name, wanted in ((None, "serving_default_y", np.exp(x)), ("negate", "negate_y", -x)):
        program = onward.convert(path, signature=signature)
        assert program.verification is not None
        np.testing.assert_allclose(program.run({"x": x})[name], wanted, rtol=1e-6)


def test_no_such_signature(tmp_path: Path) -> None:
    path = _two_signatures().save(tmp_path / "m.tflite")
    with pytest.raises(InvalidArgumentError, match="no signature 'train'; it has: serving_default, negate"):
        onward.convert(path, signature="train", verify=False)
