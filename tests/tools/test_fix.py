"""Models cured for targets: they compute the same, and less of them falls short."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest

import onward
from onward.errors import InvalidArgumentError, InvalidSourceError, UnsupportedTargetError
from onward.lowering.schema import MIN_OPSET
from onward.program import ONNXProgram
from onward.progress import Progress
from onward.runtime import Session
from onward.tools import golden
from onward.tools.check import fix as fixing
from onward.tools.check.rewrite import Rewriter
from onward.tools.load import checked, emitted
from onward.tools.verify import against_examples
from tests import command


def _save(path: Path, nodes: str, opset: int = 18, x: str = "float[b,3,8]", y: str = "float") -> Path:
    text = f'<ir_version: 8, opset_import: ["" : {opset}]> g ({x} x) => ({y}[] y) {{ {nodes} }}'
    model = onnx.parser.parse_model(text)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, path)
    return path


def _ops(fixed: Any) -> list[str]:
    return [node.op_type for node in fixed.program.model_proto.graph.node]


# target, opset, nodes, x, y, cures, operators that are left of those asked about
CASES = [
    ("cuda", 21, "c = Equal(x, x)\n y = Cast<to=1>(c)", "float[b,3]", "float", {"opset"}, 18),
    ("cuda", 21, "p = Constant<value_ints=[0,1,0,1]>()\n y = Pad(x, p)", "float[2,3]", "float", {"opset"}, 18),
    ("cuda", 21, "y = ReduceMax<keepdims=0>(x)", "float[b,3]", "float", {"opset"}, 19),
    ("directml", 20, "y = Gelu(x)", "float[b,3]", "float", {"decompose"}, 20),
    ("web-webgpu", 18, "y = Selu(x)", "float[b,3]", "float", {"decompose"}, 18),
    ("web-webgpu", 18, "y = Mish(x)", "float[b,3]", "float", set(), 18),
    ("coreml", 18, "y = MaxPool<kernel_shape=[2], strides=[2]>(x)", "float[b,3,8]", "float", {"lift"}, 18),
    ("coreml", 18, "y = GlobalAveragePool(x)", "float[b,3,8]", "float", {"lift"}, 18),
    ("qnn", 18, "z = Neg(x)\n y = Max(x, z, x)", "float[2,3]", "float", {"pairs"}, 18),
    ("nnapi", 18, "y = Relu(x)", "float[b,3]", "float", {"sizes"}, 18),
    ("web-webgpu", 18, "y = Mul(x, x)", "double[b,3]", "double", {"float32"}, 18),
]  # fmt: skip


@pytest.mark.parametrize(("target", "opset", "nodes", "x", "y", "cures", "after"), CASES)
def test_cures_keep_the_numbers(
    tmp_path: Path, target: str, opset: int, nodes: str, x: str, y: str, cures: set[str], after: int
) -> None:
    path = _save(tmp_path / "model.onnx", nodes, opset, x, y)
    dims = {"b": 2} if "sizes" in cures else None
    fixed = onward.fix(path, target, tmp_path / "fixed.onnx", dims=dims, float32="float32" in cures)
    assert set(fixed.cures) == cures
    assert fixed.program.opset == after
    assert fixed.verification is not None
    assert fixed.verification.passed
    assert bool(fixed.before.shortfalls) is bool(cures) or not fixed.after.complete
    if cures:
        assert fixed.after.complete, str(fixed.after)
    onnx.checker.check_model(onnx.load(tmp_path / "fixed.onnx"), full_check=True)


# What is cured whole, and what in part or not at all, without harm.
WHOLE = [
    ("cnn_1d", "cuda"), ("preprocessing", "cuda"), ("gpt", "directml"), ("digits", "directml"),
    ("cnn_grouped", "web-webgpu"),
]  # fmt: skip
PART = [("masked_lstm", "web-webgpu"), ("loop", "cuda"), ("tflite_int8", "tensorrt-11"), ("conv_lstm", "coreml")]


@pytest.mark.parametrize(("name", "target"), [*WHOLE, *PART])
def test_fleet_is_cured_without_harm(fleet: Callable[[str], Path], name: str, target: str) -> None:
    try:
        fixed = onward.fix(fleet(name), target)
    except UnsupportedTargetError as error:
        fixed = error.result  # type: ignore[assignment]
    assert fixed.before.shortfalls
    assert len(fixed.after.shortfalls) <= len(fixed.before.shortfalls)
    assert fixed.after.complete is ((name, target) in WHOLE)
    assert fixed.verification is not None
    assert fixed.verification.passed


# Between them they hold the operators that changed since the lowest opset.
CHANGED = (
    "bytes", "branch", "cnn_1d", "columns", "conv_lstm", "convnext", "fft", "gpt", "group_norm", "loop", "lstm",
    "masked_lstm", "non_max_suppression", "resize_and_crop", "scatter", "text", "tflite_int8", "unet",
)  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_any_model_can_be_written_for_the_lowest_opset(fleet: Callable[[str], Path], name: str) -> None:
    path = fleet(name)
    proto = fixing._inlined(checked(path), {}, MIN_OPSET)
    rewriter = Rewriter(path, proto, MIN_OPSET, {})
    if name == "text":  # opset 13 has no operator that joins strings
        with pytest.raises(InvalidSourceError, match="StringConcat"):
            emitted(rewriter, proto)
        return
    program = ONNXProgram(emitted(rewriter, proto)[1])
    assert program.opset == MIN_OPSET
    examples = golden.read(path.with_suffix(".npz"))
    assert against_examples(program.session, examples, name, None, Progress()).passed


def test_integers_are_narrowed_where_they_fit(tmp_path: Path) -> None:
    nodes = (
        "a = ArgMax<axis=1>(x)\n one = Constant<value_ints=[1]>()\n b = Add(a, one)\n c = Mul(b, b)\n"
        "d = Sub(c, one)\n e = Neg(d)\n y = Cast<to=1>(e)"
    )
    path = _save(tmp_path / "model.onnx", nodes, 18, "float[b,5,2]")
    fixed = onward.fix(path, "web-webgpu")
    assert fixed.cures["narrow"] >= 3
    assert [fall.operator for fall in fixed.after.shortfalls] == ["Cast"]  # where int64 comes in
    dtypes = onnx.shape_inference.infer_shapes(fixed.program.model_proto)
    produced = {info.name: info.type.tensor_type.elem_type for info in dtypes.graph.value_info}
    adders = [node for node in dtypes.graph.node if node.op_type in ("Add", "Sub", "Neg")]
    assert adders
    assert all(produced[node.output[0]] == onnx.TensorProto.INT32 for node in adders)


def test_integers_that_may_not_fit_stay(tmp_path: Path) -> None:
    path = _save(tmp_path / "model.onnx", "a = Add(x, x)\n b = Mul(a, a)\n y = Neg(b)", 18, "int64[b,3]", "int64")
    fixed = onward.fix(path, "web-webgpu")
    assert [fall.operator for fall in fixed.after.shortfalls] == ["Add", "Mul", "Neg"]
    huge = np.full((1, 3), 2**40, np.int64)
    np.testing.assert_array_equal(fixed.program.run({"x": huge})["y"], -(4 * huge * huge))


def test_fixed_sizes_are_fixed(tmp_path: Path) -> None:
    path = _save(tmp_path / "model.onnx", "s = Shape(x)\n y = ConstantOfShape(s)", 18, "float[b,3]")
    fixed = onward.fix(path, "migraphx", tmp_path / "fixed.onnx", dims={"b": 4})
    assert fixed.after.complete
    assert Session(tmp_path / "fixed.onnx").inputs[0].shape == (4, 3)
    assert "Shape" not in _ops(fixed)


def test_the_opset_is_lowered_to_what_a_target_promises(tmp_path: Path) -> None:
    fixed = onward.fix(_save(tmp_path / "model.onnx", "y = Relu(x)", 21), "directml")
    assert fixed.program.opset == 20
    assert set(fixed.cures) == {"opset"}
    assert not fixed.after.caveats


def test_layers_stay_named(fleet: Callable[[str], Path]) -> None:
    fixed = onward.fix(fleet("mlp"), "directml")
    layers = {entry.value for node in fixed.program.model_proto.graph.node for entry in node.metadata_props}
    assert any("dense" in layer for layer in layers)


def test_what_cannot_be_cured_is_named_and_not_written(tmp_path: Path) -> None:
    path, output = _save(tmp_path / "model.onnx", "y = Det(x)", 18, "float[2,3,3]"), tmp_path / "fixed.onnx"
    with pytest.raises(UnsupportedTargetError, match="there is no Det"):
        onward.fix(path, "tensorrt", output)
    assert not output.exists()


def test_one_target_at_a_time(tmp_path: Path) -> None:
    path = _save(tmp_path / "model.onnx", "y = Relu(x)")
    with pytest.raises(InvalidArgumentError, match="one target"):
        onward.fix(path, "cuda,cpu")


def test_command_writes_and_says_what_was_done(tmp_path: Path) -> None:
    path, output = _save(tmp_path / "model.onnx", "y = Gelu(x)", 20, "float[b,3]"), tmp_path / "fixed.onnx"
    result = command.onward("check", path, "--target", "directml", "--fix", "-o", output, "--no-fallback")
    assert result.returncode == 0, result.stderr
    assert "written with other operators" in result.stdout
    assert "Gelu" not in {node.op_type for node in onnx.load(output).graph.node}
    assert command.onward("check", path, "--fix").returncode == InvalidArgumentError.exit_code


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(InvalidSourceError):
        onward.fix(path, "cuda")
