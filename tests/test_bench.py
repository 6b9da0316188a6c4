"""The benchmarks' measuring tools, without running a benchmark."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
import pytest

pytest.importorskip("resource", reason="processes are measured by POSIX resource usage")

from bench.graphs import bytes_on_disk, op_counts
from bench.process import Run, median_ratio, paired, run
from bench.survey import Figures
from bench.tables import table

MEGABYTES = 200


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_run_measures_time_and_peak_memory() -> None:
    result = run(python(f"import time; held = bytearray({MEGABYTES} << 20); print(len(held)); time.sleep(0.3)"))
    assert result.status == 0
    assert result.stdout == f"{MEGABYTES << 20}\n"
    assert 0.3 <= result.wall < 30
    assert result.cpu < result.wall
    assert MEGABYTES < result.peak_mb < MEGABYTES + 100


def test_run_reports_the_last_words_of_a_failure() -> None:
    result = run(python("raise ValueError('too wide')"))
    assert result.status == 1
    assert result.failure == "ValueError: too wide"


def test_run_ends_what_takes_too_long() -> None:
    result = run(python("import time; time.sleep(60)"), timeout=0.5)
    assert result.status < 0
    assert result.wall < 10


def test_paired_starts_each_round_with_another_and_gives_up_on_failures() -> None:
    order: list[str] = []

    def entry(name: str, status: int) -> Run:
        order.append(name)
        return Run(1.0, 1.0, 1.0, status, "", "")

    results = paired({"a": lambda: entry("a", 0), "b": lambda: entry("b", 1), "c": lambda: entry("c", 0)}, rounds=3)
    assert order == ["a", "b", "c", "c", "a", "c", "a"]
    assert [len(runs) for runs in results.values()] == [3, 1, 3]


def test_median_ratio_pairs_rounds() -> None:
    assert median_ratio([1, 20, 3], [2, 10, 3]) == 1


def test_op_counts_look_into_subgraphs_and_leave_constants_out(tmp_path: Path) -> None:
    make = onnx.helper
    inner = make.make_graph(
        [make.make_node("Relu", ["x"], ["y"])], "branch", [], [make.make_empty_tensor_value_info("y")]
    )
    constant = make.make_node("Constant", [], ["k"], value_float=1.0)
    nodes = [constant, make.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner)]
    path = tmp_path / "model.onnx"
    onnx.save(make.make_model(make.make_graph(nodes, "main", [], [])), path)
    (tmp_path / "model.onnx.data").write_bytes(b"1234")
    assert op_counts(path) == {"If": 1, "Relu": 2}
    assert bytes_on_disk(path) == path.stat().st_size + 4


def test_the_survey_says_what_failed_and_takes_means_of_the_rest() -> None:
    done = {"onward_wall": 0.3, "onward_ms": 1.0, "tf2onnx_wall": 3.0}
    rows = {
        "BERT": {**done, "tf2onnx_wall_ratio": 10.0, "over_tf2onnx": 0.5},
        "LSTM": {**done, "tf2onnx_wall_ratio": 40.0, "over_tf2onnx": 2.0},
        "ViT": {**done, "tf2onnx_wall_ratio": 20.0, "tf2onnx_failure": "does not load: no such operator"},
        "SAM": {"onward_wall": 0.3, "onward_ms": 1.0, "tf2onnx_failure": "does not convert: TypeError"},
    }
    found = table(rows)
    assert "| tf2onnx's conversion time over Onward's | 3 | 20.00 | 10.00 | 40.00 |" in found
    assert "| latency of Onward's graph over tf2onnx's | 2 | 1.00 | 0.50 | 2.00 |" in found
    assert "tf2onnx: no file for 1 of 4: SAM" in found
    assert "tf2onnx: a file that does not load for 1 of 4: ViT" in found
    assert [heading for heading in found.splitlines() if heading.startswith("#")] == [
        "### KerasHub, hidden size 256",
        "### Recurrent networks",
    ]


def test_a_survey_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "survey.json"
    Figures(path).add("BERT", {"onward_wall": 0.3})
    Figures(path).add("BERT", {"onward_ms": 1.0})
    assert Figures(path).rows == {"BERT": {"onward_wall": 0.3, "onward_ms": 1.0}}
