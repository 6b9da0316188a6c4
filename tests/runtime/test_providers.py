"""Providers by name: what is here, what is not and what to install, and what a session says of it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from onward.errors import InvalidArgumentError, MissingDependencyError
from onward.runtime import RuntimeFailureError, Session, Settings
from onward.runtime.providers import PROVIDERS, choose, parse

needs_plugin = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime_ep_openvino") is None,
    reason="onnxruntime-ep-openvino, a provider besides the CPU's, has wheels for 64-bit x86 alone",
)


def model(*nodes: onnx.NodeProto) -> bytes:
    """The nodes from x to y, floats of any number of rows."""
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3])] for name in "xy"]
    graph = helper.make_graph(list(nodes), "g", *ends)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return proto.SerializeToString()


RELU = model(helper.make_node("Relu", ["x"], ["h"], name="first"), helper.make_node("Neg", ["h"], ["y"], name="second"))


def test_every_name_is_onnxruntimes() -> None:
    """Its own list has all but those that live in plugins, or were given up."""
    known = set(onnxruntime.get_all_providers())
    unknown = {name for name, provider in PROVIDERS.items() if provider.full_name not in known}
    assert unknown <= {"rocm", "tensorrt-rtx"}


def test_names_are_plain_full_or_short() -> None:
    assert parse("cuda, CPU") == ("cuda", "cpu")
    assert parse(["CUDAExecutionProvider", "trt"]) == ("cuda", "tensorrt")
    for wrong in ("", "gpux", "auto,cpu"):
        with pytest.raises(InvalidArgumentError):
            parse(wrong)


def test_a_missing_provider_says_what_to_install() -> None:
    with pytest.raises(MissingDependencyError, match="pip install onnxruntime-directml"):
        Session(RELU, provider="directml")
    with pytest.raises(MissingDependencyError, match="no registry has a wheel"):
        choose("xnnpack")


def test_a_list_falls_back_and_says_so() -> None:
    session = Session(RELU, provider="migraphx,directml,cpu,openvino")
    assert session.provider == "cpu"
    assert [fallback.name for fallback in session.fallbacks] == ["migraphx", "directml", "openvino"]
    assert "onnxruntime-migraphx" in session.fallbacks[0].reason
    assert session.run({"x": [[1, 2, 3]]})["y"].tolist() == [[-1, -2, -3]]


def test_auto_takes_what_is_here() -> None:
    session = Session(RELU, provider="auto")
    placement = session.placement()
    assert placement is not None
    assert len(placement.nodes) == 2
    assert session.providers[-1].name == "cpu"
    assert session.fallbacks == ()


def test_settings_reach_onnxruntime() -> None:
    settings = Settings(
        "basic",
        threads=1,
        parallel=2,
        arena=False,
        memory_pattern=False,
        config={"session.intra_op.allow_spinning": "0"},
    )
    session = Session(RELU, settings=settings)
    made = session._session.get_session_options()
    assert made.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    assert (made.intra_op_num_threads, made.inter_op_num_threads) == (1, 2)
    assert made.execution_mode == onnxruntime.ExecutionMode.ORT_PARALLEL
    assert not made.enable_cpu_mem_arena
    assert not made.enable_mem_pattern
    assert made.get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.parametrize("wrong", [{"level": "most"}, {"threads": 0}, {"parallel": 0}])
def test_settings_make_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError):
        Settings(**wrong)  # type: ignore[arg-type]


def test_code_makes_the_same_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.onnx").write_bytes(RELU)
    monkeypatch.chdir(tmp_path)
    code = Session(RELU, settings=Settings("extended", threads=1, arena=False)).code
    made: dict[str, object] = {}
    exec(code, made)
    session = made["session"]
    assert isinstance(session, onnxruntime.InferenceSession)
    assert session.get_session_options().intra_op_num_threads == 1
    assert not session.get_session_options().enable_cpu_mem_arena
    assert session.run(None, {"x": np.ones((1, 3), "float32")})[0].tolist() == [[-1, -1, -1]]


@needs_plugin
def test_a_plugin_runs_the_nodes_that_it_has(tmp_path: Path) -> None:
    session = Session(RELU, provider="openvino", settings=Settings(threads=1))
    assert session.provider == "openvino"
    placement = session.placement()
    assert placement is not None
    assert {node.node: node.provider for node in placement.nodes} == {"first": "openvino", "second": "openvino"}
    assert placement.elsewhere == ()
    assert session.run({"x": [[1, -2, 3]]})["y"].tolist() == [[-1, 0, -3]]
    (tmp_path / "model.onnx").write_bytes(RELU)
    code = session.code + "\nprint(session.get_providers()[0])"
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["OpenVINOExecutionProvider"]


@needs_plugin
def test_a_plugin_computes_in_the_models_precision() -> None:
    """Left to itself OpenVINO multiplies in bfloat16 where the processor does so: errors of 1e-2."""
    rng = np.random.default_rng(0)
    x, weight = (rng.uniform(0, 1, (3, 3)).astype("float32") for _ in "xw")
    product = model(helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(weight)),
                    helper.make_node("MatMul", ["x", "w"], ["y"]))  # fmt: skip
    for settings in (Settings(), Settings(threads=1)):
        answer = Session(product, provider="openvino", settings=settings).run({"x": x})["y"]
        assert np.allclose(answer, x @ weight, rtol=1e-6)


@needs_plugin
def test_nodes_that_fall_back_to_the_cpu_show() -> None:
    mixed = model(
        helper.make_node("Relu", ["x"], ["h"], name="first"),
        helper.make_node("Transpose", ["h"], ["t"], name="turn"),
        helper.make_node("MatMul", ["t", "h"], ["m"], name="square"),
        helper.make_node("Det", ["m"], ["d"], name="odd"),
        helper.make_node("Add", ["h", "d"], ["y"], name="last"),
    )
    session = Session(mixed, provider="openvino,cpu")
    placement = session.placement()
    assert placement is not None
    assert [node.node for node in placement.elsewhere] == ["odd"]
    assert "Det 1" in str(placement)
    assert session.run({"x": np.eye(3)})["y"].tolist() == (np.eye(3) + 1).tolist()
    with pytest.raises(RuntimeFailureError, match="does not load"):
        Session(mixed, provider="openvino", settings=Settings(cpu_fallback=False))


@needs_plugin
def test_a_plugin_and_its_devices() -> None:
    with pytest.raises(InvalidArgumentError, match="no device 'npu' here"):
        Session(RELU, provider="openvino", settings=Settings(options={"openvino": {"device": "npu"}}))
    with pytest.raises(RuntimeFailureError):
        Session(RELU, provider="openvino", settings=Settings(options={"openvino": {"load_config": "none such"}}))


def test_a_bad_model_is_no_fallback() -> None:
    with pytest.raises(RuntimeFailureError, match="does not load"):
        Session(b"nonsense", provider="openvino,cpu")


def test_a_profile_tells_operators_and_providers(tmp_path: Path) -> None:
    session = Session(RELU, settings=Settings(profile=str(tmp_path / "made")))
    for _ in range(3):
        session.run({"x": [[1, 2, 3]]})
    profile = session.end_profile(tmp_path / "trace.json")
    assert {(t.operator, t.provider, t.calls) for t in profile.timings} == {("Relu", "cpu", 3), ("Neg", "cpu", 3)}
    assert [file.name for file in tmp_path.iterdir()] == ["trace.json"]
    with pytest.raises(InvalidArgumentError, match="profiles nothing"):
        Session(RELU).end_profile()
