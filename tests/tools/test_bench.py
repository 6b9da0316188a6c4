"""Benchmarks: what they time, how they compare, and what they recommend; on real runs, whose figures make sense."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from onward.errors import InvalidArgumentError, MissingDependencyError
from onward.runtime import RuntimeFailureError
from onward.tools.bench import bench
from onward.tools.bench.noise import Latency, Ratio, latency, ratio, settled
from onward.tools.bench.result import Measurement, recommend
from tests.command import DIGITS, onward


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "digits.onnx"
    result = onward("convert", DIGITS / "saved_model", "-o", path, "--no-verify")
    assert result.returncode == 0, result.stderr
    return path


def chain(path: Path, matmuls: int, batch: int | str = "batch") -> Path:
    """A chain of matrix products, each of which takes time."""
    weight = np.random.default_rng(0).normal(0, 0.06, (256, 256)).astype(np.float32)
    nodes = [helper.make_node("MatMul", [f"v{i}", "w"], [f"v{i + 1}"]) for i in range(matmuls)]
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 256])] for name in ("v0", f"v{matmuls}")]
    graph = helper.make_graph(nodes, "g", *ends, [numpy_helper.from_array(weight, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    return path


# --- figures --------------------------------------------------------------------------------------------------------


def test_latency_is_numpys() -> None:
    times = np.random.default_rng(1).gamma(2, 1, 999)
    found = latency(times.tolist())
    assert found.p50 == pytest.approx(np.median(times))
    assert found.p99 == pytest.approx(np.quantile(times, 0.99))
    assert found.deviation == pytest.approx(np.median(np.abs(times - np.median(times))))
    assert (found.calls, found.least) == (999, times.min())


@pytest.mark.parametrize(("factor", "differs"), [(1.0, False), (0.8, True), (1.3, True)])
def test_an_interval_tells_a_difference_from_noise(factor: float, differs: bool) -> None:
    """The machine's mood changes from round to round, for both alike; single calls scatter by a fifth."""
    rng = np.random.default_rng(7)
    moods = rng.uniform(1, 3, (40, 1))
    theirs = moods * rng.lognormal(0, 0.2, (40, 30))
    ours = factor * moods * rng.lognormal(0, 0.2, (40, 30))
    found = ratio(ours.tolist(), theirs.tolist())
    assert found.low < factor < found.high
    assert found.differs == differs
    assert str(found).startswith("same" if not differs else f"{found.value:.2f}")


@pytest.mark.parametrize("rounds", [6, 7, 10, 25, 60])
def test_the_interval_holds_as_often_as_it_says(rounds: int) -> None:
    rng = np.random.default_rng(rounds)
    held = 0
    for _ in range(400):
        theirs, ours = rng.lognormal(0, 0.3, (2, rounds, 5))
        held += not ratio(ours.tolist(), theirs.tolist()).differs
    assert 370 <= held <= 400  # 380 and more are expected; three deviations below that


def test_few_rounds_say_nothing() -> None:
    found = ratio([[1.0]] * 5, [[2.0]] * 5)
    assert (found.value, found.differs, found.faster) == (0.5, False, False)
    assert str(found) == "0.50 (too few rounds)"
    assert ratio([[1.0]] * 6, [[2.0]] * 6).faster


def test_warm_up_ends_when_times_are_steady() -> None:
    assert not settled([9, 3, 1])
    assert settled([9, 3, 1, 1.02, 1.01])
    assert not settled([1, 1])


def _measured(label: str, value: Ratio | None = None, crowd: float = 100.0, apart: float = 0.0) -> Measurement:
    times = Latency(100, 1, 1, 1, 1, 1, 1, 0.1)
    return Measurement(label, "cpu", "all", 1, 1, latency=times, ratio=value, concurrent=((2, crowd),), apart=apart)


def test_what_is_not_better_beyond_noise_is_not_recommended() -> None:
    codes = {name: f"code of {name}" for name in "abc"}
    alike = [_measured("a"), _measured("b", Ratio(0.97, 0.9, 1.05)), _measured("c", Ratio(1.5, 1.4, 1.6))]
    [both] = recommend(alike, codes, 1e-3)
    assert both.code == "code of a"
    assert "1 slower, 1 no different beyond noise" in both.reason
    faster = [
        _measured("a"),
        _measured("b", Ratio(0.8, 0.7, 0.9), apart=0.5),
        _measured("c", Ratio(0.9, 0.85, 0.95), 200),
    ]
    [best] = recommend(faster, codes, 1e-3)
    assert best.label == "c"  # b is faster still, and wrong
    quick, busy = recommend([_measured("a"), _measured("c", Ratio(0.9, 0.85, 0.95), 60)], codes, 1e-3)
    assert (quick.label, busy.label) == ("c", "a")


# --- real runs ------------------------------------------------------------------------------------------------------


def test_twice_the_work_takes_longer_and_the_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = chain(tmp_path / "short.onnx", 8), chain(tmp_path / "long.onnx", 24)
    found = bench(short, long, batches=[1, 16], threads=[1], seconds=0.2, clients=[2])
    assert [(one.label, one.batch) for one in found.measurements] == [
        ("short.onnx", 1),
        ("long.onnx", 1),
        ("short.onnx", 16),
        ("long.onnx", 16),
    ]
    for one in found.measurements:
        assert one.latency is not None
        assert 0 < one.latency.least <= one.latency.p50 <= one.latency.p90 <= one.latency.p99
        assert one.throughput == pytest.approx(1000 * (one.batch or 0) / one.latency.mean)
        assert one.load_ms is not None
        [(clients, rate)] = one.concurrent
        assert clients == 2
        assert rate > 0
        if Path("/proc/self/status").exists():
            assert one.peak_mb is not None
            assert one.grown_mb is not None
            assert 1 < one.grown_mb < one.peak_mb
    first, second = found.measurements[:2]
    assert first.ratio is None
    assert second.ratio is not None
    assert second.ratio.value > 1.5
    assert found.inputs["batch 16"] == {"v0": [16, 256]}
    assert {advice.label for advice in found.advice} == {"short.onnx"}  # the other is another model, not a setting
    monkeypatch.chdir(tmp_path)
    made: dict[str, Any] = {}
    exec(found.advice[0].code, made)
    assert isinstance(made["session"], onnxruntime.InferenceSession)
    assert made["session"].get_session_options().intra_op_num_threads == 1


def test_against_the_source_with_a_plot_and_a_report(digits: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots are an extra")
    files = tmp_path / "latency.svg", tmp_path / "page.md"
    options = ["--threads", "1", "--runs", "40", "--clients", "0", "--batch", "2,4", "--json"]
    result = onward(
        "bench", digits, "--source", DIGITS / "saved_model", *options, "--plot", files[0], "--report", files[1]
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    rows = found["measurements"]
    assert [(row["label"], row["batch"]) for row in rows] == [
        ("cpu", 2),
        ("tensorflow", 2),
        ("cpu", 4),
        ("tensorflow", 4),
    ]
    for row in rows:
        assert row["latency"]["calls"] == 40
    for row in rows[1::2]:
        assert row["apart"] < 1e-5  # the same answers
        assert row["ratio"]["low"] > 1  # TensorFlow takes many times as long
    assert "tensorflow" in files[0].read_text()
    assert "onnxruntime.InferenceSession" in files[1].read_text()


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_openvino_itself_answers_alike(digits: Path) -> None:
    found = bench(digits, providers=["cpu", "openvino-runtime"], threads=[1], runs=20, clients=[2])
    mine = found.measurements[1]
    assert (mine.engine, mine.failure) == ("openvino-runtime", "")
    assert mine.apart is not None
    assert mine.apart < 1e-5


def test_a_contender_that_fails_is_a_result(digits: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(digits.read_bytes()[:-2000])
    found = bench(digits, broken, threads=[1], runs=5, clients=[])
    assert found.measurements[1].latency is None
    assert "does not load" in found.measurements[1].failure
    assert "broken.onnx: " in str(found)
    with pytest.raises(RuntimeFailureError, match="does not load"):
        bench(broken, digits, threads=[1], runs=5, data=DIGITS / "golden.npz")


def test_models_without_a_file_are_numbered(digits: Path) -> None:
    proto = onnx.load(digits)
    found = bench(proto, digits.read_bytes(), threads=[1], runs=3, clients=[])
    assert [one.label for one in found.measurements] == ["model.onnx", "model-2.onnx"]
    assert found.measurements[1].apart == 0


def test_given_inputs_are_those_that_run(digits: Path) -> None:
    found = bench(digits, data=DIGITS / "golden.npz", threads=[1], levels=["none", "all"], runs=5, clients=[])
    assert found.inputs == {"given": {"image": [16, 8, 8, 1]}}
    assert [one.label for one in found.measurements] == ["none", "all"]


def test_what_makes_no_sense_is_said_before_anything_runs(digits: Path, tmp_path: Path) -> None:
    fixed = chain(tmp_path / "fixed.onnx", 2, batch=3)
    with pytest.raises(InvalidArgumentError, match="batch is fixed"):
        bench(fixed, batches=[1, 2])
    assert bench(fixed, threads=[1], runs=3, clients=[]).reference.batch is None
    with pytest.raises(MissingDependencyError, match="onnxruntime-directml"):
        bench(digits, providers=["cpu", "directml"])
    with pytest.raises(InvalidArgumentError, match="no level"):
        bench(digits, levels=["most"])
    with pytest.raises(InvalidArgumentError, match="no dynamic dimension 'length'"):
        bench(digits, dims={"length": 3})
    assert onward("bench", digits, "--threads", "0").returncode == InvalidArgumentError.exit_code
