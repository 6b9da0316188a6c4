"""What goes wrong with quantised models unnoticed, and how it is handled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.runtime import Session
from onward.tools.quantize import candidate, file, message, prepare, quantize, traps
from onward.tools.quantize.measure import Figures, Limit

RNG = np.random.default_rng(0)


def _weight(name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array(RNG.standard_normal(shape).astype(np.float32) / 4, name)


def _save(path: Path, nodes, weights, shape, dtype=TensorProto.FLOAT, opset: int = 17, out=None) -> Path:
    ends = [
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out)],
    ]
    graph = helper.make_graph(nodes, "g", *ends, weights)
    imports = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=8 if opset < 21 else 10), path)
    return path


def _ops(model: onnx.ModelProto | None) -> list[str]:
    assert model is not None
    return [node.op_type for node in model.graph.node]


def _answers(model: onnx.ModelProto | Path | None, x: np.ndarray) -> np.ndarray:
    assert model is not None
    [answers] = Session(model if isinstance(model, Path) else model.SerializeToString()).run({"x": x}).values()
    return answers


@pytest.mark.parametrize(
    ("features", "architecture", "expected"),
    [
        (("AVX2",), "x86_64", True),
        (("AVX2", "AVX512"), "AMD64", True),
        (("AVX2", "VNNI"), "x86_64", False),
        (("AMX-INT8",), "x86_64", False),
        ((), "x86_64", True),
        (("dotprod",), "aarch64", False),
        ((), "arm64", False),
    ],
)
def test_processors_whose_sums_overflow(features: tuple[str, ...], architecture: str, expected: bool) -> None:
    assert traps.saturates(features, architecture) is expected


def test_weights_get_seven_bits_where_sums_overflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    source = _save(tmp_path / "m.onnx", nodes, [_weight("w", 8, 3, 3, 3)], ["n", 3, 8, 8])
    data = {"x": RNG.standard_normal((40, 3, 8, 8)).astype(np.float32)}

    def largest(**arguments) -> int:
        model = quantize(source, data=data, timed=False, **arguments)
        weights = [numpy_helper.to_array(t) for t in model.model_proto.graph.initializer if len(t.dims) == 4]
        assert [w.dtype for w in weights] == [np.int8]
        notes.append(" ".join(model.notes))
        return int(np.abs(weights[0].astype(int)).max())

    notes: list[str] = []
    monkeypatch.setattr(traps, "saturates", lambda *_: True)
    assert largest() <= 64
    assert "no VNNI" in notes[-1]
    assert largest(reduce_range=False) > 64
    assert "may overflow" in notes[-1]
    monkeypatch.setattr(traps, "saturates", lambda *_: False)
    assert largest() > 64
    assert "VNNI" not in notes[-1]
    assert largest(reduce_range=True) <= 64


def test_quantised_models_are_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    source = _save(tmp_path / "m.onnx", nodes, [_weight("w", 16, 16)], ["n", 16])
    quantize(source, tmp_path / "q.onnx", to="int8-dynamic", timed=False)
    with pytest.raises(InvalidArgumentError, match=r"quantised already .*--dequantize"):
        quantize(tmp_path / "q.onnx", to="int4")


def test_models_with_nothing_to_quantise_are_refused(tmp_path: Path) -> None:
    source = _save(tmp_path / "m.onnx", [helper.make_node("Sigmoid", ["x"], ["y"])], [], ["n", 4])
    with pytest.raises(InvalidArgumentError, match="nothing that int4 could quantise: Sigmoid"):
        quantize(source, to="int4")


def test_opset_28_is_brought_to_one_with_kernels(tmp_path: Path) -> None:
    if onnx.defs.onnx_opset_version() < 28:
        pytest.skip("this onnx knows no opset 28")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["y"])]
    source = _save(tmp_path / "m.onnx", nodes, [_weight("w", 16, 16)], ["n", 16], opset=28)
    result = quantize(source, data={"x": RNG.standard_normal((40, 16)).astype(np.float32)}, timed=False)
    assert result.model_proto is not None
    assert [i.version for i in result.model_proto.opset_import if not i.domain] == [21]
    assert "brought from opset 28 to 21" in result.notes[0]
    nodes = [helper.make_node("SwiGLU", ["x"], ["y"]), helper.make_node("MatMul", ["y", "w"], ["z"])]
    source = _save(tmp_path / "n.onnx", nodes, [_weight("w", 8, 16)], ["n", 16], opset=28)
    with pytest.raises((InvalidSourceError, InvalidArgumentError)):
        quantize(source, to="int4")


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("kind", ["int8", "int8-dynamic", "int4"])
def test_recurrent_layers_keep_their_answers(op: str, kind: str, tmp_path: Path) -> None:
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    nodes = [
        helper.make_node(op, ["x", "w", "r"], ["h"], hidden_size=16, direction="bidirectional", name="layer"),
        helper.make_node("Identity", ["h"], ["y"]),
    ]
    weights = [_weight("w", 2, gates * 16, 8), _weight("r", 2, gates * 16, 16)]
    source = _save(tmp_path / "m.onnx", nodes, weights, [5, "n", 8])
    x = RNG.standard_normal((5, 4, 8)).astype(np.float32)
    result = quantize(source, to=kind, data={"x": x}, timed=False)
    ops = _ops(result.model_proto)
    assert ("DynamicQuantizeLSTM" in ops) == (op == "LSTM" and kind == "int8-dynamic")
    assert any(op in note for note in result.notes)
    assert result.figures.sqnr is not None
    assert result.figures.sqnr > 30
    np.testing.assert_allclose(_answers(result.model_proto, x), _answers(source, x), atol=0.05)


def test_tables_are_stored_by_rows(tmp_path: Path) -> None:
    """Rows of very different sizes: one scale for all would lose the small ones."""
    table = (RNG.standard_normal((50, 16)) * np.logspace(-3, 1, 50)[:, None]).astype(np.float32)
    nodes = [helper.make_node("Gather", ["table", "x"], ["y"])]
    weights = [numpy_helper.from_array(table, "table")]
    source = _save(tmp_path / "m.onnx", nodes, weights, ["n", 3], TensorProto.INT64)
    x = np.arange(48).reshape(16, 3)
    result = quantize(source, tmp_path / "q.onnx", to="int8-dynamic", timed=False)
    answers = _answers(result.model_proto, x)
    assert (np.abs(answers - table[x]).max(axis=-1) <= np.abs(table[x]).max(axis=-1) / 254 * 1.01).all()


@pytest.mark.parametrize(
    "attributes", [{}, {"transB": 1}, {"alpha": 0.5, "beta": 2.0}, {"transB": 1, "alpha": 2.0}], ids=str
)
@pytest.mark.parametrize("kind", ["int8-dynamic", "int4"])
@pytest.mark.parametrize("bias", [True, False])
def test_every_form_of_gemm(attributes: dict, kind: str, bias: bool, tmp_path: Path) -> None:
    inputs = ["x", "w", "b"] if bias else ["x", "w"]
    shape = (20, 40) if attributes.get("transB") else (40, 20)
    nodes = [helper.make_node("Gemm", inputs, ["y"], **attributes)]
    source = _save(tmp_path / "m.onnx", nodes, [_weight("w", *shape), _weight("b", 20)], ["n", 40], opset=21)
    x = RNG.standard_normal((6, 40)).astype(np.float32)
    result = quantize(source, to=kind, data={"x": x}, timed=False)
    assert result.quantised == {"dynamic" if kind == "int8-dynamic" else "blocks": {"MatMul": 1}}
    expected = _answers(source, x)
    error = np.abs(_answers(result.model_proto, x) - expected).max() / np.abs(expected).max()
    assert error < (0.03 if kind == "int8-dynamic" else 0.15)


def test_shared_scales_joins_and_residuals_stay_in_integers(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["b", "c"], ["d"]),
        helper.make_node("MaxPool", ["d"], ["e"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Concat", ["e", "e"], ["f"], axis=1),
        helper.make_node("Conv", ["f", "w3"], ["g"]),
        helper.make_node("Softmax", ["g"], ["y"], axis=1),
    ]
    weights = [_weight("w1", 8, 3, 3, 3), _weight("w2", 8, 8, 3, 3), _weight("w3", 4, 16, 1, 1)]
    source = _save(tmp_path / "m.onnx", nodes, weights, ["n", 3, 8, 8])
    x = RNG.standard_normal((40, 3, 8, 8)).astype(np.float32)
    result = quantize(source, data={"x": x}, timed=False)
    assert result.quantised == {"integers": {"Conv": 3}, "between": {"Add": 1, "MaxPool": 1, "Concat": 1}}
    assert result.left == {"Softmax": (1, "its small probabilities would all round to zero")}
    assert "Relu" not in _ops(result.model_proto)  # it is in the range of what the convolution gives
    assert result.figures.sqnr > 25


def test_a_bias_beyond_its_integers_makes_weights_coarser(tmp_path: Path) -> None:
    """A channel that training has all but switched off: its bias in steps of its weights times the input overflows."""
    weight = RNG.standard_normal((4, 3, 3, 3)).astype(np.float32)
    weight[1] *= 1e-12
    bias = np.float32([0.5, 3.0, -0.5, 0.1])
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["y"])]
    weights = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")]
    source = _save(tmp_path / "m.onnx", nodes, weights, ["n", 3, 8, 8])
    x = RNG.standard_normal((40, 3, 8, 8)).astype(np.float32)
    result = quantize(source, data={"x": x}, timed=False)
    np.testing.assert_allclose(_answers(result.model_proto, x)[:, 1], 3.0, atol=0.1)
    assert result.figures.sqnr > 30


def test_residuals_and_outputs_are_not_rounded_along(tmp_path: Path) -> None:
    """What a product takes is rounded for the product, and for nobody else."""
    nodes = [
        helper.make_node("Tanh", ["x"], ["h"]),
        helper.make_node("MatMul", ["h", "w"], ["p"]),
        helper.make_node("Add", ["h", "p"], ["y"]),
    ]
    tiny = numpy_helper.from_array(RNG.standard_normal((64, 64)).astype(np.float32) * 1e-4, "w")
    source = _save(tmp_path / "m.onnx", nodes, [tiny], ["n", 64])
    model = onnx.load(source)
    model.graph.output.append(helper.make_tensor_value_info("h", TensorProto.FLOAT, ["n", 64]))
    onnx.save(model, source)
    x = RNG.standard_normal((40, 64)).astype(np.float32)
    result = quantize(source, data={"x": x}, timed=False)
    assert result.quantised == {"integers": {"MatMul": 1}}
    answers = Session(result.model_proto.SerializeToString()).run({"x": x})
    np.testing.assert_allclose(answers["h"], np.tanh(x), atol=1e-6)
    assert np.abs(answers["y"] - np.tanh(x)).max() < 1e-2
    assert result.figures.sqnr > 90  # the product, all that is rounded, is small beside what it is added to


def test_subgraphs_see_the_weights_that_they_use(tmp_path: Path) -> None:
    branch = helper.make_graph(
        [helper.make_node("MatMul", ["h", "w"], ["z"])], "then", [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 16])],
    )  # fmt: skip
    other = helper.make_graph(
        [helper.make_node("Identity", ["h"], ["z"])], "else", [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 16])],
    )  # fmt: skip
    nodes = [
        helper.make_node("MatMul", ["x", "v"], ["h"]),
        helper.make_node("ReduceSum", ["h"], ["s"], keepdims=0),
        helper.make_node("Greater", ["s", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["y"], then_branch=branch, else_branch=other),
    ]
    zero = numpy_helper.from_array(np.float32(0), "zero")
    source = _save(tmp_path / "m.onnx", nodes, [_weight("v", 16, 16), _weight("w", 16, 16), zero], ["n", 16])
    x = np.abs(RNG.standard_normal((4, 16))).astype(np.float32)
    for kind in ("int8", "int8-dynamic", "int4"):
        result = quantize(source, to=kind, data={"x": x}, timed=False)
        assert result.figures.sqnr > 15


def test_limits_in_numbers() -> None:
    figures = Figures(31.0, 0.99, 0.915)
    assert Limit(max_drop=0.005).holds(figures, 0.92)
    assert not Limit(max_drop=0.004).holds(figures, 0.92)
    assert Limit(min_sqnr=31).holds(figures, None)
    assert not Limit(0.5, 31.5).holds(figures, 0.92)
    assert Limit().holds(Figures(float("-inf"), None, None), None)


@pytest.mark.parametrize(("kind", "error"), [("int8", 0.05), ("int8-dynamic", 0.05), ("int4", 0.15)])
def test_models_that_no_message_holds(kind: str, error: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As beyond 2 GB, with the limit lowered: the weights go by way of files, and lie beside the result."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="first"),
        helper.make_node("Gelu", ["h"], ["g"]),
        helper.make_node("MatMul", ["g", "v"], ["y"], name="second"),
    ]
    source = _save(tmp_path / "m.onnx", nodes, [_weight("w", 64, 64), _weight("v", 64, 64)], ["n", 64], opset=21)
    x = RNG.standard_normal((8, 64)).astype(np.float32)
    expected = _answers(source, x)
    for module in (prepare, candidate, file, message):
        monkeypatch.setattr(module, "LIMIT", 2000)
    target = tmp_path / "q.onnx"
    result = quantize(source, target, to=kind, data={"x": x}, keep=["second"], timed=False)
    assert (tmp_path / "q.onnx.data").stat().st_size > 64 * 64 * 4
    assert {each.name for each in tmp_path.iterdir()} == {"m.onnx", "q.onnx", "q.onnx.data"}
    assert abs(result.size_after - target.stat().st_size - (tmp_path / "q.onnx.data").stat().st_size) < 5000
    answers = _answers(target, x)
    assert np.linalg.norm(answers - expected) < error * np.linalg.norm(expected)
