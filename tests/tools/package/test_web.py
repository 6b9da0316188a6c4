"""The page: what is in the folder, and, in a browser, that it loads, tests itself and can be tried."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import onward
from onward.errors import InvalidArgumentError, InvalidSourceError, MissingDependencyError
from onward.runtime import Port
from onward.tools.javascript import VERSION
from onward.tools.package.web import picture
from tests import browser, javascript
from tests.tools.package.conftest import GOLDEN, model

in_browser = pytest.mark.skipif(
    not (javascript.HAS_WEB and browser.BROWSER),
    reason=browser.WHY_NOT if javascript.HAS_WEB else javascript.WHY_NOT,
)
LABELS = "zero one two three four five six seven eight nine".split()


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with browser.chromium() as page:
        yield page


def _opened(page: Any, folder: Path, query: str = "") -> dict[str, Any]:
    """The self-test of the page in a folder; the page stays, without its server."""
    with browser.served(folder) as address:
        found = browser.opened(page, address + query)
        problems = [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
        assert problems == [], problems
    return found


def _ran(page: Any, before: str) -> list[str]:
    """The names beside the bars, once a new run has taken its time."""
    from selenium.webdriver.support.ui import WebDriverWait

    took = "return document.getElementById('took').textContent"
    WebDriverWait(page, browser.PATIENCE).until(lambda _: page.execute_script(took) not in ("", before))
    return [name.text for name in page.find_elements("css selector", ".bar span:first-child")]


def _png(path: Path, pixels: np.ndarray) -> Path:
    """A grey picture, without a library."""
    height, width = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.tobytes() for row in pixels.astype(np.uint8))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return path


@in_browser
def test_the_digits_page_tests_itself_and_reads_a_picture(digits: Path, page: Any, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    onward.package(
        digits, tmp_path / "out", "web", golden=GOLDEN, labels=tmp_path / "labels.txt", runtime=javascript.WEB_RUNTIME,
        pixels="0..16", title="Digits & <friends>",
    )  # fmt: skip
    found = _opened(page, tmp_path / "out")
    assert (found["state"], found["problem"], found["backend"]) == ("passed", "", "wasm")
    assert [result["shape"] for result in found["results"]] == [[16, 10]]
    assert found["results"][0]["difference"] < 1e-5
    assert len(found["times"]) > 3
    assert page.title == "Digits & <friends>"
    # The recorded picture of which TensorFlow was surest, as a file that a person might choose.
    recorded = np.load(GOLDEN)
    sure = int(recorded["output:digit"].max(axis=1).argmax())
    image, digit = recorded["input:image"][sure, ..., 0], int(recorded["output:digit"][sure].argmax())
    page.find_element("id", "file-image").send_keys(str(_png(tmp_path / "digit.png", np.rint(image * 255 / 16))))
    names = _ran(page, "")
    assert names[0] == LABELS[digit]
    assert len(names) == 5


@in_browser
def test_a_digit_can_be_drawn(digits: Path, page: Any, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains

    onward.package(digits, tmp_path / "out", "web", golden=GOLDEN, runtime=javascript.WEB_RUNTIME)
    assert _opened(page, tmp_path / "out")["state"] == "passed"
    canvas = page.find_element("css selector", "canvas.preview")
    pen = ActionChains(page).move_to_element_with_offset(canvas, 0, -60).click_and_hold()
    pen.move_by_offset(0, 120).release().perform()
    assert len(_ran(page, "")) == 5
    lit = "const c = document.querySelector('canvas.preview'); return c.getContext('2d').getImageData(0, 0, 8, 8).data"
    grey = np.array(page.execute_script(lit + ".filter((_, i) => i % 4 === 0).join()").split(","), int).reshape(8, 8)
    assert grey[:, 3:5].max() > 100
    assert grey[:, [0, 7]].max() == 0


@in_browser
def test_threads_come_with_the_headers(external: Path, page: Any, tmp_path: Path) -> None:
    onward.package(external, tmp_path / "out", "web", golden=GOLDEN, runtime=javascript.WEB_RUNTIME, backends="wasm")
    found = _opened(page, tmp_path / "out", "?threads=2")
    assert (found["state"], found["threads"]) == ("passed", 2)
    assert page.execute_script("return self.crossOriginIsolated")


@in_browser
def test_mobilenet_runs_and_looks_well_on_a_phone(page: Any, tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(0)
    net = keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=10)
    for layer in net.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign(np.full(layer.moving_variance.shape, 0.2))  # else all pictures are one to it
    program = onward.convert(net, verify=False)
    onward.package(
        program, tmp_path / "out", "web", name="mobilenet", pixels="-1..1", runtime=javascript.WEB_RUNTIME,
        backends="wasm",
    )  # fmt: skip
    found = _opened(page, tmp_path / "out")
    assert (found["state"], found["problem"]) == ("passed", "")
    assert 0 < found["results"][0]["difference"] < 1e-4
    page.find_element("id", "recorded").click()
    assert len(_ran(page, "")) == 5
    for width in (1280, 390):
        page.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": True},
        )
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@in_browser
def test_numbers_and_strings_can_be_typed(page: Any, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Mul", ["x", "x"], ["square"]),
        helper.make_node("StringConcat", ["words", "words"], ["twice"]),
        helper.make_node("Neg", ["n"], ["minus"]),
    ]
    inputs = [("x", TensorProto.FLOAT, ["batch"]), ("words", TensorProto.STRING, [2]), ("n", TensorProto.INT64, [])]
    outputs = [
        ("square", TensorProto.FLOAT, ["batch"]),
        ("twice", TensorProto.STRING, [2]),
        ("minus", TensorProto.INT64, []),
    ]
    onward.package(
        model(tmp_path / "typed.onnx", nodes, inputs, outputs, opset=20), tmp_path / "out", "web",
        runtime=javascript.WEB_RUNTIME, backends="wasm",
    )  # fmt: skip
    assert _opened(page, tmp_path / "out")["state"] == "passed"
    for area, text in zip(
        page.find_elements("css selector", "textarea"), ("1.5, 3", "a\nb", "9007199254740993"), strict=True
    ):
        area.send_keys(text)
    page.find_element("css selector", "input[title=batch]").clear()
    page.find_element("css selector", "input[title=batch]").send_keys("2")
    page.find_element("id", "run").click()
    _ran(page, "")
    assert [shown.text for shown in page.find_elements("css selector", "#answers pre")] == [
        "2.25  9",
        "aa\nbb",
        "-9007199254740993",
    ]
    page.find_elements("css selector", "textarea")[0].send_keys(" x")
    page.find_element("id", "run").click()
    problem = page.find_element("id", "problem")
    assert "takes 2 values" in problem.text


@in_browser
def test_a_wrong_answer_is_shown(digits: Path, page: Any, tmp_path: Path) -> None:
    onward.package(digits, tmp_path / "out", "web", golden=GOLDEN, runtime=javascript.WEB_RUNTIME, backends="wasm")
    blob = bytearray((tmp_path / "out" / "selftest.bin").read_bytes())
    blob[-1] ^= 0x40
    (tmp_path / "out" / "selftest.bin").write_bytes(blob)
    found = _opened(page, tmp_path / "out")
    assert found["state"] == "failed"
    assert not found["passed"]


def test_everything_that_the_page_loads_is_in_the_folder(digits: Path, runtime: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    onward.package(digits, out, "web", runtime=runtime, title='"><script>alert(1)</script>')
    html = (out / "index.html").read_text()
    assert "<script>alert" not in html
    for address in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert (out / address).is_file(), address
    for script in out.glob("*.mjs"):
        assert "://" not in script.read_text()
        for address in re.findall(r'from "\./([^"]+)"', script.read_text()):
            assert (out / address).is_file(), address
    about = json.loads((out / "model.json").read_text())
    assert (out / about["file"]).is_file()
    assert about["inputs"][0]["image"] == {"layout": "nhwc", "channels": 1, "height": 8, "width": 8}


def test_what_takes_a_picture() -> None:
    def found(*shape: int | str | None, dtype: str = "float32") -> dict[str, Any] | None:
        return picture(Port("x", np.dtype(dtype), shape))

    assert found("batch", 3, None, None) == {"layout": "nchw", "channels": 3, "height": None, "width": None}
    assert found(None, "h", 32, 4) == {"layout": "nhwc", "channels": 4, "height": None, "width": 32}
    assert found(28, 28, 1, dtype="uint8") == {"layout": "nhwc", "channels": 1, "height": 28, "width": 28}
    for shape in ((2, 8, 8, 3), ("batch", 8, 8, 5), ("batch", 3), ("batch", 2, 2, 3), ()):
        assert found(*shape) is None, shape
    assert found("batch", 8, 8, 3, dtype="bool") is None


def test_options_that_do_not_fit_are_told(digits: Path, runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("yes\nno\n")
    out = tmp_path / "out"
    for error, match, options in (
        (InvalidArgumentError, "names 2 classes", {"labels": tmp_path / "labels.txt"}),
        (InvalidSourceError, "no readable text", {"labels": tmp_path / "none.txt"}),
        (InvalidArgumentError, "pixels is '0.2'", {"pixels": "0.2"}),
        (InvalidArgumentError, "backends is 'cuda'", {"backends": "cuda"}),
        (InvalidArgumentError, "holds no ort", {"runtime": tmp_path}),
    ):
        with pytest.raises(error, match=match):
            onward.package(digits, out, "web", **{"runtime": runtime, **options})
    assert not out.exists()


def test_without_npm_the_way_out_is_told(digits: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONWARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match=f"onnxruntime-web {VERSION}: install npm.*--runtime"):
        onward.package(digits, tmp_path / "out", "web")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not javascript.HAS_WEB, reason=javascript.WHY_NOT)
def test_a_filled_cache_asks_nobody(digits: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "cache" / f"onnxruntime-web-{VERSION}"
    home.parent.mkdir()
    home.symlink_to(javascript.WEB_RUNTIME / "dist")
    monkeypatch.setenv("ONWARD_CACHE", str(home.parent))
    monkeypatch.setenv("PATH", str(tmp_path))
    result = onward.package(digits, tmp_path / "out", "web")
    assert result.files["runtime/ort-wasm-simd-threaded.wasm"] > 10**7
