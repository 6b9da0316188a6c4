"""Every model of the fleet in ONNX Runtime for Node and for browsers, held against TensorFlow's recorded answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import pytest

import onward
from onward.errors import InvalidArgumentError
from onward.tools.javascript import OPSET
from tests import browser, javascript
from tests.fleet import MODELS
from tests.runtimes import cases, unsupported

ENOUGH = 30
ON_WEBGPU = ("mlp", "digits")  # a graphics adapter in software takes seconds for each

node = pytest.mark.skipif(not javascript.HAS_NODE, reason=javascript.WHY_NOT)
web = pytest.mark.skipif(
    not (javascript.HAS_WEB and browser.BROWSER),
    reason=browser.WHY_NOT if javascript.HAS_WEB else javascript.WHY_NOT,
)


@pytest.fixture(scope="module")
def folder(fleet: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All models with their answers, those that must fail, and the same operator at two opsets."""
    folder = tmp_path_factory.mktemp("runtimes")
    for name in MODELS:
        cases.write(fleet(name), folder / name, fleet(name).with_suffix(".npz"))
    for name, path in unsupported.write(folder).items():
        cases.write(path, folder / name)
    for name, model in (("known", unsupported.KNOWN_OPSET), ("newer", unsupported.NEWER_OPSET)):
        onnx.save(model, folder / f"{name}.onnx")
        cases.write(folder / f"{name}.onnx", folder / name)
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[object]:
    with cases.browser(folder) as page:
        yield page


def _all_well(ran: list[cases.Ran]) -> None:
    assert len(ran) >= ENOUGH
    assert [str(one) for one in ran if not one.passed] == []
    assert all(one.results for one in ran)


@node
def test_node_answers_as_tensorflow_does(folder: Path) -> None:
    _all_well(cases.in_node(folder, MODELS))


@web
def test_the_browser_answers_as_tensorflow_does(page: object) -> None:
    _all_well(cases.in_browser(page, MODELS, "wasm"))


@node
def test_what_is_unsupported_fails_in_node(folder: Path) -> None:
    for one in cases.in_node(folder, [*unsupported.MODELS, "newer"]):
        assert not one.loaded, one
    [known] = cases.in_node(folder, ["known"])
    assert known.loaded, known


@web
def test_what_is_unsupported_fails_in_the_browser(page: object) -> None:
    for one in cases.in_browser(page, [*unsupported.MODELS, "newer"], "wasm"):
        assert not one.loaded, one
    [known] = cases.in_browser(page, ["known"], "wasm")
    assert known.loaded, known


@web
def test_webgpu_answers_as_tensorflow_does(folder: Path) -> None:
    with cases.browser(folder, *cases.WEBGPU) as page:
        if not page.execute_async_script(
            "const done = arguments[0];"
            "(navigator.gpu?.requestAdapter() ?? Promise.resolve(null)).then((adapter) => done(!!adapter));"
        ):
            pytest.skip("this Chromium offers no WebGPU, not even in software")
        ran = cases.in_browser(page, ON_WEBGPU, "webgpu")
    assert [str(one) for one in ran if not one.passed] == []


def test_check_says_what_these_builds_do(folder: Path) -> None:
    targets = ["node", "web-wasm"]
    for name in MODELS:
        assert onward.check(folder / name / "model.onnx", targets).complete, name
    for name in [*unsupported.MODELS, "newer"]:
        verdicts = onward.check(folder / name / "model.onnx", targets)
        assert [verdict.runs for verdict in verdicts] == [False, False], name
    assert onward.check(folder / "known" / "model.onnx", targets).complete
    assert onward.check(folder / "newer" / "model.onnx", "cpu").runs


@pytest.mark.parametrize("name", ["text", "doubles"])
def test_check_knows_what_the_build_for_webgpu_lacks(fleet: Callable[[str], Path], name: str) -> None:
    verdicts = onward.check(fleet(name), "web-wasm,web-webgpu")
    assert [verdict.runs for verdict in verdicts] == [True, False]


def test_a_web_package_refuses_an_opset_that_is_too_new(tmp_path: Path) -> None:
    assert OPSET == unsupported.KNOWN_OPSET.opset_import[0].version
    onnx.save(unsupported.NEWER_OPSET, tmp_path / "newer.onnx")
    with pytest.raises(InvalidArgumentError, match=r"opset 27.* up to 26"):
        onward.package(tmp_path / "newer.onnx", tmp_path / "out", "web", runtime=tmp_path)


def test_a_wrong_answer_is_seen(fleet: Callable[[str], Path], tmp_path: Path) -> None:
    if not javascript.HAS_NODE:
        pytest.skip(javascript.WHY_NOT)
    path = fleet("mlp")
    cases.write(path, tmp_path / "mlp", path.with_suffix(".npz"))
    blob = bytearray((tmp_path / "mlp" / "selftest.bin").read_bytes())
    blob[-1] ^= 0x40  # the exponent of the last answer
    (tmp_path / "mlp" / "selftest.bin").write_bytes(blob)
    [ran] = cases.in_node(tmp_path, ["mlp"])
    assert ran.loaded
    assert "element" in ran.problem
