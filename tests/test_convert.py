"""The public call: what each option means."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf

import onward
from onward.errors import InvalidArgumentError, InvalidSourceError, OutputError, UnsupportedOpsError
from tests.command import DIGITS

layers = keras.layers


@pytest.fixture(scope="module")
def two_inputs() -> keras.Model:
    """Two inputs, two outputs, all named."""
    image, flag = keras.Input((None, None, 3), name="image"), keras.Input((2,), name="flag")
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, padding="same")(image))
    joined = layers.Concatenate()([pooled, flag])
    return keras.Model([image, flag], [layers.Dense(3, name="label")(joined), layers.Dense(1, name="score")(joined)])


class Unbuilt(keras.Model):
    """Knows nothing of its input before it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"twice": self.dense(x) * 2.0, "once": self.dense(x)}


def shape(program: onward.ONNXProgram, name: str) -> list[int | str]:
    graph = program.model_proto.graph
    [value] = [v for v in (*graph.input, *graph.output) if v.name == name]
    return [d.dim_value or d.dim_param for d in value.type.tensor_type.shape.dim]


def convert(source: object, **options: object) -> onward.ONNXProgram:
    return onward.convert(source, **{"verify": False, **options})


def test_names_and_order_are_the_sources(two_inputs: keras.Model) -> None:
    program = convert(two_inputs)
    assert program.input_names == ["image", "flag"]
    assert program.output_names == ["label", "score"]
    assert shape(program, "flag") == ["batch", 2]
    assert shape(program, "label") == ["batch", 3]


@pytest.mark.parametrize(
    "inputs",
    [
        {"image": onward.spec("batch", 32, 48, 3)},
        {"image": (None, 32, 48, 3)},
        {"image": tf.TensorSpec([None, 32, 48, 3])},
        {"image": keras.KerasTensor((None, 32, 48, 3))},
        [onward.spec(None, 32, 48, 3), onward.spec(None, 2)],
        (tf.TensorSpec([None, 32, 48, 3]), onward.spec(None, None)),
    ],
    ids=str,
)
def test_inputs_in_many_forms(two_inputs: keras.Model, inputs: object) -> None:
    program = convert(two_inputs, inputs=inputs)
    assert shape(program, "image") == ["batch", 32, 48, 3]
    assert shape(program, "flag") == ["batch", 2]


def test_inputs_name_dimensions(two_inputs: keras.Model) -> None:
    program = convert(two_inputs, inputs={"image": onward.spec("n", "h", "w", 3), "flag": onward.spec("n", 2)})
    assert shape(program, "image") == ["n", "h", "w", 3]
    assert shape(program, "label") == ["n", 3]


def test_inputs_build_a_model_that_is_not() -> None:
    program = convert(Unbuilt(), inputs=onward.spec("rows", 5))
    assert program.output_names == ["once", "twice"]
    assert shape(program, "once") == ["rows", 3]
    with pytest.raises(InvalidArgumentError, match="inputs="):
        convert(Unbuilt())


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"picture": onward.spec(1, 2)}, "picture"),
        ({"image": onward.spec("b", 3)}, "4 dimensions"),
        ({"flag": onward.spec("b", 5)}, "contradicts"),
        ([onward.spec("b", 8, 8, 3)], "2 inputs"),
        (onward.spec("b", 8, 8, 3), "2 inputs"),
    ],
    ids=str,
)
def test_inputs_that_do_not_fit(two_inputs: keras.Model, inputs: object, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        convert(two_inputs, inputs=inputs)


def test_outputs_are_chosen_in_order(two_inputs: keras.Model) -> None:
    assert convert(two_inputs, outputs=["score", "label"]).output_names == ["score", "label"]
    one = onward.convert(two_inputs, outputs=["score"], verify=True)
    assert one.output_names == ["score"]
    with pytest.raises(InvalidArgumentError, match="label, score"):
        convert(two_inputs, outputs=["logits"])


def test_functions_of_nested_arguments() -> None:
    def function(x: dict[str, tf.Tensor], y: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        return x["a"] + y, [x["b"] * 2.0]

    inputs = [{"a": onward.spec("n", name="a"), "b": onward.spec(2, name="b")}, onward.spec("n", name="y")]
    program = onward.convert(function, inputs=inputs, verify=True)
    assert program.input_names == ["a", "b", "y"]
    assert program.output_names == ["output_0", "output_1_0"]


@pytest.mark.parametrize("opset", [13, 17, 21, 26])
def test_opset(two_inputs: keras.Model, opset: int) -> None:
    program = convert(two_inputs, opset=opset)
    assert program.opset == program.model_proto.opset_import[0].version == opset
    onnx.checker.check_model(program.model_proto, full_check=True)


@pytest.mark.parametrize("opset", [7, 12, 99])
def test_opset_out_of_range(two_inputs: keras.Model, opset: int) -> None:
    with pytest.raises(InvalidArgumentError, match="13 to 26"):
        convert(two_inputs, opset=opset)


def test_output_is_written_and_can_be_run(two_inputs: keras.Model, tmp_path: Path) -> None:
    program = convert(two_inputs, output=tmp_path / "a.onnx", name="network")
    loaded = onnx.load(tmp_path / "a.onnx")
    assert loaded == program.model_proto
    assert loaded.graph.name == "network"
    outputs = program.run({"image": np.zeros((2, 8, 8, 3)), "flag": [[0, 1], [1, 0]]})
    assert {name: array.shape for name, array in outputs.items()} == {"label": (2, 3), "score": (2, 1)}


def test_same_source_same_bytes(two_inputs: keras.Model, tmp_path: Path) -> None:
    for name in ("a", "b"):
        convert(DIGITS / "saved_model", output=tmp_path / f"{name}.onnx")
        convert(two_inputs, output=tmp_path / f"{name}2.onnx", external_data=True)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    assert (tmp_path / "a2.onnx.data").read_bytes() == (tmp_path / "b2.onnx.data").read_bytes()


def test_external_data_loads(two_inputs: keras.Model, tmp_path: Path) -> None:
    convert(DIGITS / "saved_model", output=tmp_path / "a.onnx", external_data=True)
    assert onward.verify(tmp_path / "a.onnx", golden=DIGITS / "golden.npz").passed


def test_verify_modes(two_inputs: keras.Model) -> None:
    assert convert(two_inputs).verification is None
    assert onward.convert(two_inputs).verification.passed
    checked = onward.convert(DIGITS / "saved_model", verify=DIGITS / "golden.npz")
    assert checked.verification.against == "the answers in golden.npz"
    with pytest.raises(InvalidSourceError):
        onward.convert(two_inputs, verify="nowhere.npz")


def test_custom_ops() -> None:
    function = tf.function(lambda path: tf.strings.length(tf.io.matching_files(path)))
    spec = onward.spec("n", dtype="string", name="path")
    with pytest.raises(UnsupportedOpsError) as found:
        convert(function, inputs=[spec])
    assert [m.op for m in found.value.missing] == ["MatchingFiles"]
    assert convert(function, inputs=[spec], custom_ops={"MatchingFiles": lambda op, x: x})


def test_output_is_checked_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        convert("no such source", output=tmp_path / "missing" / "a.onnx")


@pytest.mark.parametrize("source", [3, object(), None, [1, 2], keras.Model], ids=lambda source: type(source).__name__)
def test_what_is_no_source(source: object) -> None:
    with pytest.raises(InvalidSourceError, match="SavedModel"):
        convert(source)
