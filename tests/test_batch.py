"""Lists of models: what they may say, what becomes of each model, and what runs them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import onward
from onward.batch.config import PLAIN, WRITTEN, keywords, read
from onward.batch.engines import fitting, on_processes
from onward.batch.job import STEPS, Job
from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.options import Options
from onward.tools.machine import cores
from tests.command import DIGITS
from tests.command import onward as command

TEXT = DIGITS.parent / "text"
LIST = """
[defaults]
output = "out/{name}.onnx"
opset = 18

[models.digits]
source = "digits/saved_model"
verify = "digits/golden.npz"
inputs = {image = ["pictures", 8, 8, 1]}
rename = {output_0 = "digit"}

[[models.digits.steps]]
run = "optimize"
output = "out/{name}.lean.onnx"

[[models.digits.steps]]
run = "verify"
golden = "digits/golden.npz"

[[models.digits.steps]]
run = "package"
kind = "docker"
port = 9000
output = "out/service"

[[models.digits.steps]]
run = "check"
target = "cpu"

[models.wrong]
source = "digits/saved_model"
verify = "wrong.npz"

[models.broken]
source = "broken"
verify = false

[[model]]
source = "te*/saved_model"
verify = false
opset = 21
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a list, its sources, and answers that are wrong."""
    root = tmp_path_factory.mktemp("batch")
    for example in (DIGITS, TEXT):
        (root / example.name).symlink_to(example, target_is_directory=True)
    with np.load(DIGITS / "golden.npz") as arrays:
        np.savez(root / "wrong.npz", **{k: v * 1.5 if k.startswith("output") else v for k, v in arrays.items()})
    (root / "broken").mkdir()
    (root / "broken" / "saved_model.pb").write_bytes(b"\xff" * 40)
    (root / "onward.toml").write_text(LIST)
    return root


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """What the command line says of the list, run from elsewhere."""
    arguments = ("--config", folder / "onward.toml", "--jobs", 2, "--json", "--junit", folder / "results.xml")
    result = command("convert", *arguments)
    assert result.returncode == 8, result.stderr
    return json.loads(result.stdout)


def test_each_model_ends_for_itself(found: dict[str, Any]) -> None:
    assert {m["name"]: (m["status"], m["exit_code"]) for m in found["models"]} == {
        "digits": ("ok", 0),
        "wrong": ("failed", 8),
        "broken": ("failed", 3),
        "text": ("ok", 0),
    }
    assert not found["passed"]
    assert found["exit_code"] == 8


def test_files_are_where_the_list_says(found: dict[str, Any], folder: Path) -> None:
    assert {path.name for path in (folder / "out").iterdir()} == {
        "digits.lean.onnx", "digits.onnx", "service", "text.onnx",
    }  # fmt: skip
    opsets = {p.stem: onnx.load(p).opset_import[0].version for p in (folder / "out").glob("*.onnx")}
    assert opsets == {"digits": 18, "digits.lean": 18, "text": 21}
    digits = onnx.load(folder / "out" / "digits.onnx").graph
    assert digits.input[0].type.tensor_type.shape.dim[0].dim_param == "pictures"
    assert digits.output[0].name == "digit"


def test_it_is_what_one_conversion_makes(found: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    onward.convert(TEXT / "saved_model", output=tmp_path / "a.onnx", verify=False)
    assert (folder / "out" / "text.onnx").read_bytes() == (tmp_path / "a.onnx").read_bytes()


def test_steps_follow_on_each_other(found: dict[str, Any], folder: Path) -> None:
    done = found["models"][0]["done"]
    assert [each["name"] for each in done if each["passed"]] == ["convert", "optimize", "verify", "package", "check"]
    assert done[1]["size"] == (folder / "out" / "digits.lean.onnx").stat().st_size
    assert done[2]["result"]["against"] == "the answers in golden.npz"
    assert done[3]["size"] > done[1]["size"]
    assert done[4]["result"]["model"] == done[1]["output"]  # a package is no model


def test_junit_has_a_suite_for_each_model(found: dict[str, Any], folder: Path) -> None:
    root = ElementTree.parse(folder / "results.xml").getroot()
    kinds = {suite.get("name"): Counter(part.tag for part in suite.iter()) for suite in root}
    assert kinds["digits"]["testcase"] == 7  # five things done, two of them compared
    assert {name: (found["failure"], found["error"]) for name, found in kinds.items()} == {
        "digits": (0, 0),
        "wrong": (2, 0),  # the conversion, and the output that differs
        "broken": (0, 1),
        "text": (0, 0),
    }
    assert all("too far off" in str(failure.get("message")) for failure in root.iter("failure"))


def test_a_target_that_does_not_run_it_is_a_failure(tmp_path: Path) -> None:
    table = {"source": str(TEXT / "saved_model"), "output": str(tmp_path / "a.onnx"), "verify": False}
    steps = [{"run": "check", "target": "tensorrt-10"}]
    summary = onward.convert_all({"models": {"text": {**table, "steps": steps}}}, jobs=1)
    assert summary.exit_code == 9
    [_, checked] = summary.outcomes[0].done
    assert not checked.passed
    assert checked.text


def test_the_table_tells_it(folder: Path) -> None:
    result = command(
        "convert", "--config", folder / "onward.toml", "--only", "wrong,broken", "--jobs", 1, "--fail-fast"
    )
    assert result.returncode == 8
    lines = result.stdout.splitlines()
    assert lines[1].split()[:2] == ["wrong", "failed"]
    assert lines[2].split()[:2] == ["broken", "skipped"]
    assert lines[-1].endswith("1 failed, 1 skipped")


def test_a_report_tells_it_too(folder: Path, tmp_path: Path) -> None:
    config = {"models": {"digits": {"source": str(DIGITS / "saved_model"), "output": str(tmp_path / "a.onnx")}}}
    config["models"]["digits"]["verify"] = str(DIGITS / "golden.npz")
    summary = onward.convert_all(config, jobs=1)
    assert summary.passed
    text = summary.save(tmp_path / "report.md").read_text()
    assert "1 model in" in text
    assert r"output\_0" in text


@pytest.mark.parametrize(
    ("how", "text"), [(signal.raise_signal, "SIGKILL: there may be too little memory"), (os._exit, "exit code 9")]
)
def test_a_process_that_dies_takes_no_other_job_along(tmp_path: Path, how: Any, text: str) -> None:
    class Deadly:
        def __reduce__(self) -> Any:
            return how, (9,)

    def job(called: str, **options: Any) -> Job:
        return Job(
            called, str(TEXT / "saved_model"), {"output": str(tmp_path / f"{called}.onnx"), **options, "verify": False}
        )

    jobs = [job("a"), job("b", name=Deadly()), job("c")]
    outcomes = dict(on_processes(jobs, 1, None))
    assert [outcomes[i].status for i in range(3)] == ["ok", "failed", "ok"]
    assert outcomes[1].error == f"its process ended with {text}"


def test_as_many_at_once_as_there_is_room_for(tmp_path: Path) -> None:
    small = [Job(str(i), str(TEXT / "saved_model"), {}) for i in range(100)]
    assert 1 <= fitting(small) <= cores()
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 43)  # sparse
    assert fitting([Job("huge", str(tmp_path / "huge"), {})]) == 1


def test_on_a_dask_cluster(folder: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="the engine that is tried")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        result = command(
            "convert", "--config", folder / "onward.toml", "--on", f"dask={cluster.scheduler_address}",
            "--only", "digits,broken", "--json",
        )  # fmt: skip
    assert result.returncode == 3, result.stderr
    assert [m["status"] for m in json.loads(result.stdout)["models"]] == ["ok", "failed"]


def test_on_ray(folder: Path) -> None:
    pytest.importorskip("ray", reason="the engine that is tried; it is too large for every installation")
    result = command("convert", "--config", folder / "onward.toml", "--on", "ray", "--only", "digits,broken", "--json")
    assert result.returncode == 3, result.stderr
    assert [m["status"] for m in json.loads(result.stdout)["models"]] == ["ok", "failed"]


def test_wildcards_name_the_models(tmp_path: Path) -> None:
    for name in ("red/1", "red/2", "blue/1"):
        shutil.copytree(TEXT / "saved_model", tmp_path / "exports" / name)
    for name in ("a.keras", "b.keras"):
        (tmp_path / name).touch()
    (tmp_path / "onward.toml").write_text(
        '[models.net]\nsource = "exports/*/1"\n[[model]]\nsource = "*.keras"\noutput = "onnx/{name}.v2.onnx"\n'
    )
    jobs = read(tmp_path / "onward.toml")
    assert [(job.name, Path(job.source), Path(job.options["output"])) for job in jobs] == [
        ("net-blue", tmp_path / "exports/blue/1", tmp_path / "net-blue.onnx"),
        ("net-red", tmp_path / "exports/red/1", tmp_path / "net-red.onnx"),
        ("a", tmp_path / "a.keras", tmp_path / "onnx/a.v2.onnx"),
        ("b", tmp_path / "b.keras", tmp_path / "onnx/b.v2.onnx"),
    ]


def test_what_options_say_in_a_list_is_what_they_say_in_python(tmp_path: Path) -> None:
    table = {
        "source": "a.pb",
        "inputs": {"x:0": "batch,3", "ids:int32": [4, "?"], "t": []},
        "outputs": ["y"],
        "custom_ops": {"MyOp": "my.domain:Other"},
        "inputs_as": "nchw",
        "outputs_as": {"y": "nchw"},
        "use_default": True,
        "ignore_default": ["p"],
        "checkpoint": "weights/w",
        "external_data": True,
    }
    [job] = read({"models": {"a": table}})
    inputs = job.options.pop("inputs")
    assert {name: (spec.shape, str(spec.dtype or "")) for name, spec in inputs.items()} == {
        "x:0": (("batch", 3), ""),
        "ids": ((4, None), "int32"),
        "t": ((), ""),
    }
    [(op, kept)] = job.options.pop("custom_ops").items()
    assert (op, kept.domain, kept.op) == ("MyOp", "my.domain", "Other")
    assert job.options == {
        "output": str(Path.cwd() / "a.onnx"),
        "outputs": ["y"],
        "inputs_as": "nchw",
        "outputs_as": {"y": "nchw"},
        "use_default": True,
        "ignore_default": ["p"],
        "checkpoint": str(Path.cwd() / "weights/w"),
        "external_data": True,
    }


def test_every_option_is_checked() -> None:
    unchecked = {f.name for f in fields(Options) if str(f.type).removesuffix(" | None") not in PLAIN} - set(WRITTEN)
    assert unchecked == set()


@pytest.mark.parametrize("name", STEPS)
def test_every_step_takes_a_file_and_says_what_became_of_it(name: str) -> None:
    assert next(iter(keywords(name, {}))) == "model"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no models"),
        ("[models.a]\nopset = 17", r"\[models\.a\] says no source"),
        (
            "[models.a]\nsource = 'a'\nopsett = 17",
            r"\[models\.a\] knows no 'opsett' \(did you mean 'opset'\?\); it knows",
        ),
        ("[defaults]\ngolden = 'x'\n[models.a]\nsource = 'a'", r"\[defaults\] knows no 'golden'"),
        ("[mdoels.a]\nsource = 'a'", r"knows no 'mdoels' \(did you mean 'models'\?\)"),
        ("[models]\na = 'a'", r"\[models\.a\] is a table"),
        ("[models.a]\nsource = 'a'\nopset = '17'", "opset is of type int"),
        ("[models.a]\nsource = 'a'\nopset = true", "opset is of type int"),
        ("[models.a]\nsource = 'a'\noutputs = 'y'", "outputs: takes a list of texts"),
        ("[models.a]\nsource = 'a'\nrename = ['y']", "rename: takes a table of texts"),
        ("[models.a]\nsource = 'a'\ncheckpoint = 3", "checkpoint: takes a path"),
        ("[models.a]\nsource = 'a'\ninputs = {x = ['b', -3]}", "inputs: "),
        ("[models.a]\nsource = 'none*'", "nothing matches the source"),
        ("[[model]]\nsource = 'a'\noutput = 'x.onnx'\n[[model]]\nsource = 'b'\noutput = 'x.onnx'", "called 'x'"),
        ("[models.a]\nsource = 'a'\noutput = 'x'\n[models.b]\nsource = 'b'\noutput = './x'", "two models write '.*x'"),
        ("[models.a]\nsource = 'a'\nsteps = ['verify']", "steps are tables"),
        ("[models.a]\nsource = 'a'\nsteps = [{golden = 'x'}]", r"step 1: run says which function"),
        ("[models.a]\nsource = 'a'\nsteps = [{run = 'optimise'}]", r"did you mean 'optimize'\?"),
        ("[models.a]\nsource = 'a'\nsteps = [{run = 'package', kind = 'docker', labels = 'x'}]", "knows no 'labels'"),
        ("[models.a]\nsource = 'a'\nsteps = [{run = 'verify', goldn = 'x'}]", r"'goldn' \(did you mean 'golden'\?\)"),
    ],
)
def test_a_list_is_checked_before_any_work(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "onward.toml").write_text(text)
    with pytest.raises(InvalidArgumentError, match=message):
        onward.convert_all(tmp_path / "onward.toml")
    assert [path.name for path in tmp_path.iterdir()] == ["onward.toml"]


def test_what_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(InvalidSourceError, match="cannot read"):
        onward.convert_all(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[models")
    with pytest.raises(InvalidSourceError, match="is no TOML"):
        onward.convert_all(tmp_path / "bad.toml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--jobs", 2), "--jobs goes with --config"),
        (("--config", "onward.toml", "saved_model"), "the list says 'source'"),
        (("--config", "onward.toml", "--opset", 17), "the list says 'opset'"),
        (("--config", "onward.toml", "--on", "hadoop"), "on processes, dask, ray, not on 'hadoop'"),
        (("--config", "onward.toml", "--jobs", 0), "at least one model"),
        (("--config", "onward.toml", "--only", "digit"), "did you mean 'digits'?"),
    ],
)
def test_wrong_usage_is_2(folder: Path, arguments: tuple[Any, ...], message: str) -> None:
    result = command("convert", *arguments, folder=folder)
    assert result.returncode == 2
    assert message in result.stderr
