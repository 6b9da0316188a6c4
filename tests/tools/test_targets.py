"""What the tables say of targets: read, judged, renewed, and held against the runtimes that run here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest

import onward
from onward.errors import InvalidArgumentError, UnsupportedTargetError
from onward.runtime import RuntimeFailureError, Session
from onward.tools import golden
from onward.tools.check import limits, table
from onward.tools.check import nodes as reading
from tests import command
from tests.fleet import MODELS

ROOT = Path(__file__).parents[2]


def _generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate_targets", ROOT / "scripts/generate_targets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _save(path: Path, nodes: str, opset: int = 18, x: str = "float[b,3,8,8]", y: str = "float") -> Path:
    text = f'<ir_version: 8, opset_import: ["" : {opset}]> g ({x} x) => ({y}[] y) {{ {nodes} }}'
    model = onnx.parser.parse_model(text)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, path)
    return path


# --- against the runtimes ---------------------------------------------------------------------------------------------


def _same(got: dict[str, np.ndarray], example: golden.Example) -> bool:
    """Whether answers are TensorFlow's, as far as single (or half) precision goes."""
    for name, want in example.outputs.items():
        if want.dtype.kind in "US":
            if [str(v) for v in got[name].ravel()] != [str(v) for v in want.ravel()]:
                return False
            continue
        bound = 1e-2 if want.dtype == np.float16 else 1e-4
        real, wanted = got[name].astype(np.float64), want.astype(np.float64)
        slack = float(example.slack.get(name, 0))
        if real.shape != wanted.shape or not np.allclose(real, wanted, rtol=bound, atol=bound + slack, equal_nan=True):
            return False
    return True


def _openvino_answers(path: Path) -> bool:
    """Whether OpenVINO compiles a model and answers as TensorFlow did."""
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    core = openvino.Core()
    try:
        compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        for example in golden.read(path.with_suffix(".npz")):
            results = compiled(example.inputs)
            if not _same({name: results[name] for name in example.outputs}, example):
                return False
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("name", MODELS)
def test_verdict_is_openvinos(fleet: Callable[[str], Path], name: str) -> None:
    path = fleet(name)
    verdict = onward.check(path, "openvino")["openvino"]
    assert _openvino_answers(path) is verdict.complete, str(verdict)


def test_openvino_runs_most_of_the_fleet(fleet: Callable[[str], Path]) -> None:
    assert sum(onward.check(fleet(name), "openvino").complete for name in MODELS) >= 30


OPENVINO_CASES = [
    ("float[3,3] x", "y = Det(x)", 22),
    ("float[3,8] x", "y = Mish(x)", 18),
    ("string[3] x", 'y = StringNormalizer(x)', 18),
    ("float[3,8] x", "y = Selu(x)", 18),
    ("float[1,1,4,4] x", "y = GlobalLpPool(x)", 22),
    ("float[2,3,4] x", "z = Not(q)\n y = Identity(z)", 18),
    ("float[3,8] x", "y = Hardmax(x)", 18),
    ("float[1,3,8,8] x", "y = MaxUnpool(x, x)", 18),
    ("float[3,8] x", "y = Bernoulli(x)", 22),
    ("float[3,8] x", "y = RandomUniformLike(x)", 22),
    ("float[3,8] x", "y = Unique(x)", 18),
]  # fmt: skip


@pytest.mark.parametrize(("x", "nodes", "opset"), OPENVINO_CASES)
def test_openvino_reads_what_its_table_lists(tmp_path: Path, x: str, nodes: str, opset: int) -> None:
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    if "Not(q)" in nodes:
        nodes = nodes.replace("z = Not(q)", "q = Less(x, x)\n z = Not(q)")
    path = _save(tmp_path / "model.onnx", nodes, opset, x.removesuffix(" x"))
    if onward.check(path, "openvino").runs:
        openvino.Core().read_model(path)
    else:
        with pytest.raises(RuntimeError, match="No conversion rule"):
            openvino.Core().read_model(path)


@pytest.mark.parametrize("name", MODELS)
def test_verdict_is_onnxruntimes(fleet: Callable[[str], Path], name: str) -> None:
    path = fleet(name)
    verdict = onward.check(path, "cpu,node,web-wasm")
    if not verdict["cpu"].runs:
        with pytest.raises(RuntimeFailureError):
            Session(path)
        return
    session = Session(path)
    for example in golden.read(path.with_suffix(".npz")):
        assert _same(session.run(example.inputs), example)
    assert verdict.complete


# --- judging ----------------------------------------------------------------------------------------------------------

CASES = [
    ("tensorrt-10", "y = Relu(x)", 18, {}, []),
    ("tensorrt-10", "y = Det(x)", 18, {}, ["operator"]),
    ("tensorrt-11", "y = Swish(x)", 24, {}, []),
    ("tensorrt-10", "y = Swish(x)", 24, {}, ["operator"]),
    ("tensorrt-10", "y = Neg(x)", 18, {"x": "double[3]", "y": "double"}, ["dtype"]),
    ("tensorrt-10", "y = MaxPool<kernel_shape=[2,2], dilations=[2,2]>(x)", 18, {}, ["limit"]),
    ("cuda", "y = Equal(x, x)", 19, {"y": "bool"}, ["version"]),
    ("cuda", "y = Equal(x, x)", 18, {"y": "bool"}, []),
    ("directml", "y = Gelu(x)", 20, {}, ["operator"]),
    ("coreml", "y = Relu(x)", 18, {"x": "float[1,2,3,4,5,6]"}, ["limit"]),
    ("coreml", "y = MaxPool<kernel_shape=[2]>(x)", 18, {"x": "float[1,3,8]"}, ["limit"]),
    ("nnapi", "y = Relu(x)", 18, {}, ["size"]),
    ("nnapi", "y = Relu(x)", 18, {"x": "float[1,3]"}, []),
    ("qnn", "y = Max(x, x, x)", 18, {"x": "float[1,3]"}, ["limit"]),
    ("web-webgpu", "y = Add(x, x)", 18, {"x": "int64[3]", "y": "int64"}, ["dtype"]),
    ("web-webgpu", "y = Conv(x, x)", 18, {"x": "float[1,1,4,4,4]"}, ["limit"]),
    ("web-webnn", "s = Shape(x)\n y = Reshape(x, s)", 18, {"x": "float[2,3]"}, ["size"]),
    ("migraphx", "y = Pad<mode=\"edge\">(x, x)", 18, {"x": "int64[8]", "y": "int64"}, ["size"]),
]  # fmt: skip


@pytest.mark.parametrize(("target", "nodes", "opset", "types", "kinds"), CASES)
def test_what_falls_short_is_named(
    tmp_path: Path, target: str, nodes: str, opset: int, types: dict[str, str], kinds: list[str]
) -> None:
    verdict = onward.check(_save(tmp_path / "model.onnx", nodes, opset, **types), target)[target]
    assert [fall.kind for fall in verdict.shortfalls] == kinds, str(verdict)
    assert verdict.complete is not bool(kinds)
    assert verdict.taken == verdict.nodes - len(kinds)


def test_fixed_sizes_cure_a_verdict(tmp_path: Path) -> None:
    path = _save(tmp_path / "model.onnx", "y = Relu(x)")
    assert not onward.check(path, "nnapi").complete
    assert onward.check(path, "nnapi", dims={"b": 1}).complete
    with pytest.raises(InvalidArgumentError, match="no dynamic dimension 'q'"):
        onward.check(path, "nnapi", dims={"q": 1})


def test_shares_and_pieces(tmp_path: Path) -> None:
    nodes = "a = MatMul(x, x)\n b = Det(a)\n c = Add(a, b)\n y = MatMul(c, c)"
    verdict = onward.check(_save(tmp_path / "model.onnx", nodes, 18, "float[2,5,5]"), "cuda")["cuda"]
    assert (verdict.taken, verdict.nodes, verdict.partitions, verdict.compute) == (3, 4, 2, 1.0)
    assert [fall.operator for fall in verdict.fallen] == ["Det"]


def test_sizes_are_no_shortfall(tmp_path: Path) -> None:
    nodes = "s = Shape(x)\n two = Constant<value_ints=[2]>()\n t = Add(s, two)\n y = ConstantOfShape(t)"
    verdict = onward.check(_save(tmp_path / "model.onnx", nodes, 18, "float[b,3]"), "web-webgpu")["web-webgpu"]
    assert (verdict.taken, verdict.sizes, verdict.nodes) == (1, 1, 3)
    assert [fall.operator for fall in verdict.fallen] == ["ConstantOfShape"]


def test_layers_are_told(fleet: Callable[[str], Path]) -> None:
    verdict = onward.check(fleet("lstm"), "coreml")["coreml"]
    assert "lstm" in next(fall.layer for fall in verdict.fallen if fall.operator == "LSTM")


def test_unknown_domains_are_said_to_be_unknown(tmp_path: Path) -> None:
    text = '<ir_version: 8, opset_import: ["" : 18, "my.own" : 1]> g (float[3] x) => (float[3] y) { y = my.own.Op(x) }'
    path = tmp_path / "model.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    verdicts = onward.check(path, "tensorrt,cpu")
    assert [fall.operator for fall in verdicts["tensorrt"].unknown] == ["my.own:Op"]
    assert verdicts["tensorrt"].runs
    assert not verdicts["cpu"].runs
    with pytest.raises(UnsupportedTargetError, match=r"my\.own:Op"):
        verdicts.require()


def test_a_target_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="no target 'toaster'"):
        onward.check(_save(tmp_path / "model.onnx", "y = Relu(x)"), "cpu,toaster")


def test_page_shows_every_target(fleet: Callable[[str], Path], tmp_path: Path) -> None:
    report = onward.check(fleet("gpt"), "all").save(tmp_path / "report.md").read_text()
    assert all(table.target(name).title in report for name in table.TABLES)


# --- the command ------------------------------------------------------------------------------------------------------


def test_command_ends_as_the_verdict_is(tmp_path: Path) -> None:
    path = _save(tmp_path / "model.onnx", "y = Det(x)", 18, "float[3,3]")
    assert command.onward("check", path, "--target", "cuda").returncode == 0
    assert command.onward("check", path, "--target", "cuda", "--no-fallback").returncode == 9
    result = command.onward("check", path, "--target", "tensorrt")
    assert result.returncode == 9
    assert "there is no Det" in result.stdout


# --- the tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", table.TABLES)
def test_tables_hold_operators_that_exist(name: str) -> None:
    read = table.target(name)
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history()}
    foreign = {
        # Of early drafts of ONNX, which runtimes still read, or ONNX Runtime's own.
        "Affine", "ConstantFill", "Crop", "DynamicSlice", "GivenTensorFill", "ImageScaler", "ParametricSoftplus",
        "ScaledTanh", "MemcpyFromHost", "MemcpyToHost", "SimplifiedLayerNormalization", "GRUUnit", "ATen", "Scale",
        "GroupNorm",
    }  # fmt: skip
    assert {operator for operator in read.rows if ":" not in operator} - known - foreign == set()
    assert read.version != "?"
    assert read.opset >= 13
    for operator in read.limits:
        assert operator == "*" or operator in read.rows, f"a limit of {operator}, which {name} does not list"


def test_rules_of_limits_are_read() -> None:
    """Each rule has a meaning, and names operands and attributes that the operator has."""
    for name in table.TABLES:
        for operator, rules in table.target(name).limits.items():
            for rule in rules:
                match = limits._RULE.fullmatch(rule)
                assert match is not None, rule
                assert match["bare"] or match["kind"] + match["sign"] in limits.RULES, rule
                if operator == "*" or ":" in operator or not onnx.defs.has(operator):
                    continue
                schema = onnx.defs.get_schema(operator)
                allowed = (match["allowed"] or "").split(",")
                if match["kind"] in ("constant", "zero", "nonnegative", "vector", "absent", "ignored"):
                    assert set(allowed) <= {formal.name for formal in schema.inputs}, f"{operator}: {rule}"
                if match["kind"] in ("attribute", "attributes"):
                    assert match["what"] in schema.attributes, f"{operator}: {rule}"


def test_page_shows_the_tables() -> None:
    assert table.overview() in (ROOT / "docs/check.md").read_text()


def test_documents_are_read() -> None:
    generator = _generator()
    kernels = (
        "## Operators implemented by CUDAExecutionProvider\n\n|**Operator Domain:** *ai.onnx*||||\n"
        "|ArgMax|*in* data:**T**<br> *out* reduced:**tensor(int64)**|13+|**T** = tensor(double), tensor(float)|\n"
        "|||[11, 12]|**T** = tensor(float)|\n"
        "|**Operator Domain:** *com.microsoft*||||\n|Gelu|*in* X:**T**|1+|**T** = tensor(float)|\n"
        "\n## Operators implemented by DmlExecutionProvider\n|Abs|*in* X:**T**|6+|**T** = tensor(float)|\n"
    )
    assert list(generator.READERS["cuda"](kernels)) == [
        ("ArgMax", 13, None, "reduced=int64 T=double,float"),
        ("ArgMax", 11, 12, "reduced=int64 T=float"),
        ("com.microsoft:Gelu", 1, None, "T=float"),
    ]
    web = "| Add | ai.onnx(7-12,13,14+); com.ms.internal.nhwc(1+) |  |\n"
    assert list(generator.READERS["web-webgpu"](web)) == [
        ("Add", 7, 12, ""), ("Add", 13, 13, ""), ("Add", 14, None, ""),
    ]  # fmt: skip
    assert list(generator.READERS["coreml"]("|ai.onnx:Argmax||\n")) == [("ArgMax", 1, None, "")]
    assert list(generator.READERS["tensorrt-10"]("| Abs | Y | FP32, INT64 |\n| Det | N |\n")) == [
        ("Abs", 1, None, "*=float,int64")
    ]
    assert list(generator.READERS["migraphx"]('mgx_supported_ops = {"Abs", "FastGelu"};')) == [
        ("Abs", 1, None, ""), ("com.microsoft:FastGelu", 1, None, ""),
    ]  # fmt: skip


def test_recorded_cpu_is_the_installed_one() -> None:
    """The table agrees with the registry of the version that it was recorded from."""
    recorded, installed = table.target("cpu"), table.installed_cpu()
    if recorded.version != installed.version:
        pytest.skip(f"the table is of {recorded.version}, and {installed.version} is installed")
    domains = ("com.microsoft", "ai.onnx.ml")
    kept = {op for op in installed.rows if ":" not in op or op.split(":")[0] in domains}
    assert set(recorded.rows) == kept


def test_a_constants_values_are_known(tmp_path: Path) -> None:
    path = _save(tmp_path / "model.onnx", "k = Constant<value_ints=[3]>()\n y = Add(x, k)", 18, "int64[3]", "int64")
    *_, add = reading.views(reading.read(path))
    assert add.inputs[1] is not None
    assert add.inputs[1].values is not None
    assert add.inputs[1].values.tolist() == [3]


def test_a_model_too_new_to_load_is_told_so(tmp_path: Path) -> None:
    path = _save(tmp_path / "model.onnx", "y = Relu(x)", 28)
    verdicts = onward.check(path, "node,cpu")
    assert not verdicts["node"].runs
    assert "loads up to 26" in str(verdicts["node"])
    assert verdicts["cpu"].runs


def test_nodes_without_a_name_go_by_what_they_make(tmp_path: Path) -> None:
    text = '<ir_version: 8, opset_import: ["" : 18]> g (double[2] x) => (double[2] y) { h = Asinh(x) y = Acosh(h) }'
    onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
    found = onward.check(tmp_path / "model.onnx", "web-webgpu")["web-webgpu"]
    assert [fall.node for fall in found.shortfalls] == ["h", "y"]
