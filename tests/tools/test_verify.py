"""Verification finds what is wrong, and says nothing against what is right."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import onward
from onward.errors import InvalidArgumentError, InvalidSourceError, VerificationError
from onward.runtime import RuntimeFailureError


def double(x: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"twice": x * 2.0, "count": tf.cast(x, tf.int32) + 1}


SPEC = onward.spec("batch", 4, name="x")


def converted(function: object, *specs: onward.specs.Spec, **options: object) -> onward.ONNXProgram:
    return onward.convert(function, inputs=list(specs), verify=False, **options)


def test_right_is_right_at_two_sizes() -> None:
    check = onward.verify(converted(double, SPEC))
    assert check.passed
    assert [run.sizes for run in check.runs] == [{"batch": 2}, {"batch": 3}]
    assert {output.name for run in check.runs for output in run.outputs} == {"twice", "count"}
    assert "TensorFlow 2" in check.summary()
    assert check.table().count(" ok") == 4
    json.dumps(check.to_dict(), allow_nan=False)


def test_wrong_is_told_with_place_and_distance() -> None:
    program = converted(double, SPEC, custom_ops={"Mul": lambda op, x, y: op.Mul(x, 2.001)})
    check = onward.verify(program)
    assert not check.passed
    assert len(check.problems) == 2
    assert check.problems[0].startswith("output 'twice' at batch=2: ")
    assert "FAILED" in check.table()
    assert onward.verify(program, tolerance=1e-2).passed


def test_a_file_against_a_source(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    converted(double, SPEC, output=path)
    assert onward.verify(path, double, inputs=[SPEC]).passed
    assert not onward.verify(path, lambda x: double(x + 0.01), inputs=[SPEC]).passed


def test_given_inputs() -> None:
    check = onward.verify(converted(double, SPEC), data={"x": np.ones((7, 4), "float32")})
    assert [run.sizes for run in check.runs] == [{"batch": 7}]
    with pytest.raises(InvalidArgumentError, match="no array for the input 'x'"):
        onward.verify(converted(double, SPEC), data={"y": np.ones((7, 4), "float32")})


def test_recorded_answers(tmp_path: Path) -> None:
    onward.record(double, tmp_path / "io.npz", inputs=[SPEC])
    check = onward.verify(converted(double, SPEC), golden=tmp_path / "io.npz")
    assert check.passed
    assert len(check.runs) == 2


def test_outputs_are_paired_by_place_where_no_name_is_shared(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    converted(lambda x: x * 2.0, SPEC, output=path)
    assert onward.verify(path, lambda x: {"answer": x * 2.0}, inputs=[SPEC]).passed
    with pytest.raises(InvalidArgumentError, match="output_0"):
        onward.verify(path, double, inputs=[SPEC])


def test_nothing_to_compare_with(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    converted(double, SPEC, output=path)
    with pytest.raises(InvalidArgumentError, match="golden"):
        onward.verify(path)


def test_files_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(InvalidSourceError):
        onward.verify(tmp_path / "missing.onnx", double, inputs=[SPEC])
    (tmp_path / "noise.onnx").write_bytes(b"noise")
    with pytest.raises(RuntimeFailureError):
        onward.verify(tmp_path / "noise.onnx", double, inputs=[SPEC])


def test_what_the_source_accepts_is_found_out() -> None:
    table = tf.constant(np.arange(6, dtype="float32").reshape(2, 3))
    lookup = onward.verify(converted(lambda i: tf.gather(table, i), onward.spec("n", "m", dtype="int32", name="i")))
    assert lookup.passed
    assert lookup.runs[0].outputs[0].shape == (2, 5, 3)
    shapes = [onward.spec("b", "n", name="a"), onward.spec("b", "m", name="c")]
    added = onward.verify(converted(lambda a, c: a + c, *shapes))  # says nothing of n being m, but needs it
    assert added.passed
    assert len(added.runs) == 2


def test_a_source_that_refuses_everything() -> None:
    def picky(x: tf.Tensor) -> tf.Tensor:
        with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(x)[0], 12345)]):
            return x * 2.0

    program = converted(picky, SPEC)
    with pytest.raises(InvalidArgumentError, match="--data"):
        onward.verify(program)
    assert onward.verify(program, data={"x": np.ones((12345, 4), "float32")}).passed
    unverified = onward.convert(picky, inputs=[SPEC], verify="auto")
    assert unverified.verification is None
    assert "not verified" in str(unverified.report)
    with pytest.raises(InvalidArgumentError):
        onward.convert(picky, inputs=[SPEC], verify=True)


def test_random_numbers_count_for_their_shape() -> None:
    def noisy(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"noise": x + tf.random.normal(tf.shape(x)), "plain": x * 3.0}

    normal = {"RandomStandardNormal": lambda op, shape: op.RandomNormalLike(op.Expand(np.float32(0), shape))}
    check = onward.verify(converted(noisy, SPEC, custom_ops=normal))
    assert check.passed
    assert {o.name: o.compared for o in check.runs[0].outputs} == {"noise": False, "plain": True}
    assert any("'noise' draws random numbers" in note for note in check.notes)


def test_narrow_computation_is_judged_as_such() -> None:
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64), keras.layers.Dense(8, dtype="float32")])
    mixed = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, dtype="mixed_float16"), keras.layers.Dense(8, dtype="float32")]
    )
    for network, tolerance in ((model, 1e-4), (mixed, 1e-2)):
        [output] = onward.verify(onward.convert(network, verify=False)).runs[0].outputs
        assert output.dtype == "float32"
        assert output.tolerance == tolerance
        assert output.passed


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64", "int64", "uint8", "bool", "string"])
def test_every_dtype_passes_through(dtype: str) -> None:
    check = onward.verify(converted(lambda x: tf.reshape(x, [-1]), onward.spec("b", 5, dtype=dtype, name="x")))
    assert check.passed
    assert check.runs[0].outputs[0].dtype == dtype


def test_conversion_fails_where_verification_does(tmp_path: Path) -> None:
    output = tmp_path / "a.onnx"
    wrong = {"Mul": lambda op, x, y: op.Add(x, y)}
    with pytest.raises(VerificationError, match="output 'twice'"):
        onward.convert(double, inputs=[SPEC], custom_ops=wrong, output=output)
    assert list(tmp_path.iterdir()) == []
    assert onward.convert(double, inputs=[SPEC], custom_ops=wrong, output=output, verify=False).verification is None
    assert output.exists()


def test_answers_that_tell_nothing_are_noted() -> None:
    flat = onward.verify(converted(lambda x: {"flat": x * 1e-7, "steep": x * 3.0}, SPEC))
    assert flat.passed
    assert len(flat.notes) == 1
    assert "'flat' varies by less than its tolerance" in flat.notes[0]
