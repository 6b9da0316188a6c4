"""JUnit files, as their readers see them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import onward
from onward.tools.compare import compare
from onward.tools.verify import Run, Verification
from tests.command import DIGITS
from tests.command import onward as command

junitparser = pytest.importorskip("junitparser", reason="the reader that the files are tried with")

GOLDEN = DIGITS / "golden.npz"

# Of each element: the attributes that Jenkins' xUnit plugin asks for in its schema, those it knows besides, children.
SCHEMA = {
    "testsuites": ("", "name time tests failures errors", "testsuite"),
    "testsuite": ("name tests failures errors", "time skipped id", "properties testcase"),
    "properties": ("", "", "property"),
    "property": ("name value", "", ""),
    "testcase": ("name", "time classname", "skipped error failure system-out"),
    "failure": ("", "type message", ""),
    "error": ("", "type message", ""),
    "skipped": ("", "type message", ""),
    "system-out": ("", "", ""),
}


def checked(path: Path) -> ElementTree.Element:
    """The file's root, once every element is as the schema has it and every count is right."""
    root = ElementTree.parse(path).getroot()
    for element in root.iter():
        required, known, children = (set(names.split()) for names in SCHEMA[element.tag])
        assert required <= set(element.attrib) <= required | known, element.tag
        assert {child.tag for child in element} <= children, element.tag
        assert re.fullmatch(r"([0-9]{0,3})*(\.[0-9]*)?", element.get("time", "0"))
    for element in (root, *root):
        found = Counter(each.tag for each in element.iter())
        counts = {"tests": "testcase", "failures": "failure", "errors": "error"}
        assert {name: int(element.attrib[name]) for name in counts} == {n: found[tag] for n, tag in counts.items()}
    for suite in root:
        names = [case.get("name") for case in suite.iter("testcase")]
        assert len(names) == len(set(names))
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits example."""
    path = tmp_path_factory.mktemp("junit") / "digits.onnx"
    onward.convert(DIGITS / "saved_model", output=path, verify=False)
    return path


def test_a_case_for_each_output_and_size(model: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.xml"
    result = command("verify", model, "--golden", GOLDEN, "--junit", results)
    assert result.returncode == 0, result.stderr
    checked(results)
    [suite] = junitparser.JUnitXml.fromfile(results)
    [case] = suite
    assert (suite.name, case.name, case.is_passed) == ("digits.onnx", "output_0[batch=16]", True)
    properties = {each.name: each.value for each in suite.properties()}
    assert float(properties[f"{case.name}.linf"]) < 1e-5
    assert float(properties[f"{case.name}.tolerance"]) == 1e-4
    assert properties["against"] == "the answers in golden.npz"


def test_a_difference_is_a_failure_with_its_figures(model: Path, tmp_path: Path) -> None:
    with np.load(GOLDEN) as arrays:
        changed = dict(arrays)
    changed["output:digit"][3, 4] += 0.01
    np.savez(tmp_path / "wrong.npz", **changed)
    results = tmp_path / "results.xml"
    assert command("verify", model, "--golden", tmp_path / "wrong.npz", "--junit", results).returncode == 8
    checked(results)
    [suite] = junitparser.JUnitXml.fromfile(results)
    [case] = suite
    [problem] = case.result
    assert isinstance(problem, junitparser.Failure)
    assert "1 of 160 elements are too far off; at [3, 4]" in problem.message
    assert "linf: 0.01" in problem.text


def test_an_error_is_recorded_too(tmp_path: Path) -> None:
    results = tmp_path / "results.xml"
    assert command("verify", tmp_path / "none.onnx", "--golden", GOLDEN, "--junit", results).returncode == 3
    checked(results)
    [suite] = junitparser.JUnitXml.fromfile(results)
    [case] = suite
    assert isinstance(case.result[0], junitparser.Error)
    assert "does not exist" in case.result[0].message


def test_a_place_that_cannot_be_written_is_told_first(model: Path, tmp_path: Path) -> None:
    result = command("verify", model, "--golden", GOLDEN, "--junit", tmp_path / "none" / "results.xml")
    assert result.returncode == 7
    assert result.stdout == ""


def test_runs_alike_and_awkward_characters_stay_apart(tmp_path: Path) -> None:
    same = compare("a<b>&\x00\x1b", np.ones(3), np.ones(3))
    far = compare("text", np.array(["\ud800x"], object), np.array(["y"], object))
    verification = Verification("TensorFlow", (Run({}, (same,)), Run({"n": 1}, (same, far)), Run({"n": 1}, (same,))))
    broken = Verification("TensorFlow", (Run({"n": 2}, (), "it stopped\nhere"),), ("a note",))
    path = tmp_path / "results.xml"
    onward.write_junit(path, {"first": verification, "second": broken})
    root = checked(path)
    assert [case.get("name") for case in root.iter("testcase")] == [
        "a<b>&\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[set 1]",
        "a<b>&\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[n=1]",
        "text[n=1]",
        "a<b>&\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[n=1]#2",
        "[n=2]",
    ]
    assert [(suite.get("tests"), suite.get("failures"), suite.get("errors")) for suite in root] == [
        ("4", "1", "0"),
        ("1", "0", "1"),
    ]
