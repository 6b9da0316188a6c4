"""What CI systems are given, run as they run it: their YAML's own commands, on the examples."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import stat
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import onward
from tests.command import ENVIRONMENT, ROOT
from tests.command import onward as command

yaml = pytest.importorskip("yaml", reason="reads the pipelines")

CI = ROOT / "examples" / "ci"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
EXTRAS = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout: the examples, and ``onward`` on the PATH as an installation leaves it."""
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "onward"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m onward "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def bash(code: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a step as GitHub's runner runs it."""
    environment = {**ENVIRONMENT, **variables, "PATH": f"{folder / 'bin'}:{ENVIRONMENT['PATH']}"}
    line = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", code]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)


def converts(folder: Path, **given: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """What the action's own step does with inputs, and the outputs that it sets."""
    inputs = {name: each["default"] for name, each in ACTION["inputs"].items()} | given
    [step] = [step for step in ACTION["runs"]["steps"] if step.get("id") == "convert"]
    variables = {name: substituted(value, inputs) for name, value in step["env"].items()}
    result = bash(step["run"], folder, GITHUB_OUTPUT=str(folder / "outputs"), **variables)
    lines = (folder / "outputs").read_text().splitlines() if (folder / "outputs").exists() else []
    return result, dict(line.split("=", 1) for line in lines)


def substituted(text: str, inputs: dict[str, str]) -> str:
    """The text with expressions replaced by the inputs that they name."""
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: inputs[match[1]], text)


def test_action_converts_verifies_and_reports(folder: Path) -> None:
    result, outputs = converts(
        folder, source="examples/digits/saved_model", output="digits.onnx", golden="examples/digits/golden.npz",
        options="--opset 18 --name net",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert outputs == {
        "junit": "onward-reports/onward.xml",
        "report": "onward-reports/onward.html",
        "exit-code": "0",
    }
    [suite] = ElementTree.parse(folder / outputs["junit"]).getroot()
    assert [suite.get(name) for name in ("tests", "failures", "errors")] == ["1", "0", "0"]
    assert "output_0" in (folder / outputs["report"]).read_text()
    found = json.loads(command("inspect", folder / "digits.onnx", "--json").stdout)
    assert 18 in found["opsets"].values()


def test_action_fails_with_the_exit_code_and_keeps_the_figures(folder: Path) -> None:
    with np.load(ROOT / "examples" / "digits" / "golden.npz") as arrays:
        np.savez(folder / "wrong.npz", **{k: v * 1.5 if k.startswith("output") else v for k, v in arrays.items()})
    result, outputs = converts(folder, source="examples/digits/saved_model", golden="wrong.npz")
    assert result.returncode == 8
    assert outputs["exit-code"] == "8"
    assert not (folder / "model.onnx").exists()
    [suite] = ElementTree.parse(folder / outputs["junit"]).getroot()
    assert suite.get("failures") == "1"


def test_action_takes_nothing_in_its_inputs_for_a_command(folder: Path) -> None:
    result, outputs = converts(folder, source="$(touch stolen); touch stolen", options="$(touch stolen)")
    assert result.returncode != 0
    assert outputs["exit-code"] != "0"
    assert not (folder / "stolen").exists()


def test_action_converts_a_list(folder: Path) -> None:
    shutil.copytree(CI, folder / "models" / "ci")
    (folder / "models" / "digits").symlink_to(ROOT / "examples" / "digits", target_is_directory=True)
    (folder / "models" / "text").symlink_to(ROOT / "examples" / "text", target_is_directory=True)
    result, outputs = converts(folder, config="models/ci/onward.toml", options="--jobs 1")
    assert result.returncode == 0, result.stderr
    assert (folder / "models/ci/onnx/digits.onnx").is_file()
    assert len(ElementTree.parse(folder / outputs["junit"]).getroot()) == 2
    assert converts(folder, config="a", source="b")[0].returncode == 2


def test_action_is_put_together_well() -> None:
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text()))
    assert used == set(ACTION["inputs"])
    assert all({"description", "default"} <= set(each) for each in ACTION["inputs"].values())
    steps = ACTION["runs"]["steps"]
    assert all(step.get("shell") == "bash" for step in steps if "run" in step)
    assert not any("${{" in step.get("run", "") for step in steps)  # nothing in an input is read as a command
    named = {step["id"] for step in steps if "id" in step}
    set_there = set(re.findall(r'echo "([\w-]+)=', "".join(step.get("run", "") for step in steps)))
    for name, output in ACTION["outputs"].items():
        step, key = re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.([\w-]+) \}\}", output["value"]).groups()  # type: ignore[union-attr]
        assert step in named
        assert key == name
        assert key in set_there
    assert set(ACTION["inputs"]["extras"]["default"].split(",")) <= EXTRAS


def test_workflow_gives_what_the_action_takes() -> None:
    workflow = yaml.safe_load((CI / "github.yml").read_text())
    [step] = [s for s in workflow["jobs"]["onnx"]["steps"] if s.get("id") == "onward"]
    assert set(step["with"]) <= set(ACTION["inputs"])
    assert set(re.findall(r"steps\.onward\.outputs\.([\w-]+)", (CI / "github.yml").read_text())) <= set(
        ACTION["outputs"]
    )


def scripts() -> dict[str, list[str]]:
    """The shell lines of the examples for GitLab and Jenkins."""
    gitlab = yaml.safe_load((CI / "gitlab-ci.yml").read_text())["onnx"]["script"]
    jenkins = re.findall(r"\bsh '([^']*)'", (CI / "Jenkinsfile").read_text())
    return {"gitlab": gitlab, "jenkins": jenkins}


@pytest.mark.parametrize("system", ["gitlab", "jenkins"])
def test_examples_convert_and_leave_what_they_publish(folder: Path, system: str) -> None:
    install, convert = scripts()[system]
    [extras] = re.findall(r"onward\[([\w,]+)\]", install)
    assert set(extras.split(",")) <= EXTRAS
    listed = (CI / "onward.toml").read_text().replace("../", "examples/")
    (folder / "onward.toml").write_text(listed)
    result = bash(convert.removeprefix(".venv/bin/"), folder)
    assert result.returncode == 0, result.stderr
    assert ElementTree.parse(folder / "onward.xml").getroot().get("tests") == "4"
    assert "<html" in (folder / "onward.html").read_text()
    assert sorted(path.name for path in (folder / "onnx").iterdir()) == ["digits.onnx", "text.onnx"]


def test_jenkinsfile_closes_what_it_opens() -> None:
    text = re.sub(r"'[^']*'|//.*", "", (CI / "Jenkinsfile").read_text())
    depth = 0
    for bracket in re.findall(r"[{}]", text):
        depth += 1 if bracket == "{" else -1
        assert depth >= 0
    assert depth == 0


@pytest.fixture
def models(folder: Path) -> Path:
    """A folder as a repository keeps it: a model with its answers, one without, and answers to something else."""
    root = folder / "models"
    root.mkdir()
    onward.convert(ROOT / "examples/digits/saved_model", output=root / "digits.onnx", verify=False)
    shutil.copy(ROOT / "examples/digits/golden.npz", root / "digits.npz")
    shutil.copy(root / "digits.onnx", root / "alone.onnx")
    shutil.copy(root / "digits.npz", root / "data.npz")
    return root


def hook(folder: Path, *files: Path, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Runs the hook as pre-commit does: its entry, then arguments, then the files that changed and match."""
    [each] = HOOKS
    matching = [str(path) for path in files if re.search(each["files"], str(path))]
    return bash(shlex.join([*shlex.split(each["entry"]), *arguments, *matching]), folder)


def test_hook_compares_what_changed(models: Path) -> None:
    everything = sorted([*models.iterdir(), models / "notes.md"])
    result = hook(models.parent, *everything)
    assert result.returncode == 0, result.stderr
    assert len(re.findall("equal to the answers in digits.npz", result.stdout)) == 1
    assert "alone.onnx: no answers beside it (alone.npz)" in result.stdout
    assert hook(models.parent, *everything, arguments=("--require",)).returncode == 8


def test_hook_stops_a_commit_whose_model_is_another(models: Path) -> None:
    with np.load(models / "digits.npz") as arrays:
        np.savez(models / "digits.npz", **{k: v + 0.1 if k.startswith("output") else v for k, v in arrays.items()})
    result = hook(models.parent, models / "digits.npz")
    assert result.returncode == 8
    assert "digits.onnx: the model does not compute what the answers in digits.npz does" in result.stdout
    (models / "alone.onnx").write_bytes(b"\x08\x0a")
    (models / "alone.npz").write_bytes(b"")
    assert hook(models.parent, models / "alone.onnx").returncode in (3, 8)


def test_hooks_are_asked_for_by_their_ids() -> None:
    config = yaml.safe_load((CI / "pre-commit-config.yaml").read_text())
    asked = {each["id"] for repository in config["repos"] for each in repository["hooks"]}
    assert asked == {each["id"] for each in HOOKS}
    assert {"id", "name", "entry", "language", "files"} <= set(HOOKS[0])


def test_page_shows_a_list_that_works(folder: Path) -> None:
    page = (ROOT / "docs" / "pipelines.md").read_text()
    [listed] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (folder / "onward.toml").write_text(listed)
    [lines] = re.findall(r"```bash\n((?:onward convert --config[^\n]*\n)+)```", page)
    for line in lines.splitlines():
        result = bash(line, folder)
        assert result.returncode == 0, result.stdout + result.stderr
    assert {path.name for path in (folder / "onnx").iterdir()} == {"more", "digits.lean.onnx", "digits.onnx"}


def test_page_lists_the_inputs_of_the_action() -> None:
    page = (ROOT / "docs" / "pipelines.md").read_text()
    rows = page[page.index("| input | is |") :].split("\n\n")[0].splitlines()[2:]
    assert {name for row in rows for name in re.findall(r"`([\w-]+)`", row.split("|")[1])} == set(ACTION["inputs"])
