"""The page of a conversion, looked at in a browser: on a desk, on a phone and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import onward
from onward.reporting import Lines, Mark, Page, Section, Table, save
from tests.browser import BROWSER, WHY_NOT, chromium
from tests.command import DIGITS

pytestmark = pytest.mark.skipif(not BROWSER, reason=WHY_NOT)

WIDE = Page(
    "A page with everything that is wide " + "unbroken" * 20,
    "It went well",
    "ok",
    {"SHA-256": "0" * 64},
    [
        Section("Wide", [Table([f"column{i}" for i in range(12)], [["name/of/a/node" * 5] * 12])]),
        Section(
            "Plot",
            [
                Lines(
                    {"float32": [(1, 2.31), (8, 9.2), (64, 70.0)], "int8": [(1, 1.1), (8, 4.0), (64, 31.0)]},
                    "batch size",
                    "milliseconds",
                    logarithmic="x",
                )
            ],
        ),
        Section("Verdicts", [Table(("target", "verdict"), [("web", Mark("fail", "two nodes fall short " * 9))])]),
    ],
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = onward.convert(DIGITS / "saved_model", verify=DIGITS / "golden.npz")
    return program.report.save(tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as driver:
        yield driver


def show(browser: Any, path: Path, width: int, scheme: str = "light", media: str = "screen") -> None:
    """Opens a page on a screen of this width."""
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    browser.get(path.as_uri())


def visible_rows(browser: Any, figure: Any) -> list[str]:
    rows = figure.find_elements("css selector", "tbody tr")
    return [row.text for row in rows if row.is_displayed()]


def test_search_leaves_the_rows_that_hold_all_words(browser: Any, page: Path) -> None:
    show(browser, page, 1200)
    layers = browser.find_element("css selector", "#layers-and-nodes .searchable")
    assert len(visible_rows(browser, layers)) == 15
    field = layers.find_element("css selector", "input")
    field.send_keys("gelu ERFC")
    found = visible_rows(browser, layers)
    assert len(found) == 2
    assert all("Gelu" in row and "Erfc" in row for row in found)
    assert layers.find_element("css selector", "output").text == "2 of 15"
    field.clear()
    field.send_keys(" ")
    assert len(visible_rows(browser, layers)) == 15


def test_rows_beyond_those_drawn_are_found_too(browser: Any, tmp_path: Path) -> None:
    rows = [(f"layer{i}/conv", i, Mark("ok" if i % 2 else "fail", f"verdict {i}")) for i in range(4999)]
    rows.append(("</script><img src=x onerror=alert(1)>", 4999, Mark("fail", "last")))
    long = Page("Long", sections=[Section("Long", [Table(("node", "number", "verdict"), rows, search=True)])])
    show(browser, save(long, tmp_path / "long.html"), 1000)
    figure = browser.find_element("css selector", "figure")
    field, count = (figure.find_element("css selector", name) for name in ("input", "output"))
    assert figure.find_element("css selector", ".more").text == "4,700 more rows: filter to see them."

    def found(words: str) -> list[str]:
        field.clear()
        field.send_keys(words)
        lines = browser.execute_script(
            "return Array.from(arguments[0].tBodies[0].rows).filter(r => !r.hidden).map(r => r.innerText)",
            figure.find_element("css selector", "table"),
        )
        return [" ".join(line.split()) for line in lines]

    assert found("layer4321/") == ["layer4321/conv 4,321 verdict 4321"]
    assert count.text == "1 of 5000"
    drawn, mark = (figure.find_elements("css selector", name)[-1] for name in ("td.n", ".mark.ok"))
    assert (drawn.text, mark.text) == ("4,321", "verdict 4321")
    assert len(found("conv")) == 300
    assert count.text == "4999 of 5000, the first 300 shown"
    assert found("layer29 299")[0].startswith("layer299/")
    assert found("onerror") == ["</script><img src=x onerror=alert(1)> 4,999 last"]
    assert found("nothing like it") == []
    assert len(found(" ")) == 300


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_overflows(browser: Any, page: Path, width: int, tmp_path: Path) -> None:
    for path in (page, save(WIDE, tmp_path / "wide.html", "onward convert " + "x" * 300)):
        show(browser, path, width)
        assert browser.execute_script("return document.documentElement.scrollWidth") == width
        assert browser.execute_script("return document.documentElement.scrollHeight") > 800


def test_the_console_stays_empty_and_nothing_is_fetched(browser: Any, page: Path) -> None:
    show(browser, page, 1200)
    assert browser.get_log("browser") == []
    assert browser.execute_script("return performance.getEntriesByType('resource').map(r => r.name)") == []


def test_dark_where_that_is_asked_for_and_white_on_paper(browser: Any, page: Path) -> None:
    def lightness() -> int:
        colour = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        return max(int(part) for part in colour.strip("rgb()").split(","))

    show(browser, page, 1200)
    assert lightness() > 240
    show(browser, page, 1200, "dark")
    assert lightness() < 40
    show(browser, page, 700, "dark", "print")
    assert lightness() == 255
    assert not browser.find_element("css selector", "nav").is_displayed()
    assert not browser.find_element("css selector", ".search").is_displayed()
    assert not browser.find_element("css selector", ".long .rows").is_displayed()  # a hundred nodes are no reading


def test_a_plot_stands_where_its_numbers_say(browser: Any, tmp_path: Path) -> None:
    show(browser, save(WIDE, tmp_path / "wide.html"), 1200)
    area = browser.find_element("css selector", ".area").rect
    points = [p.rect for p in browser.find_elements("css selector", ".area i.s0")]
    centres = [(p["x"] + p["width"] / 2 - area["x"], p["y"] + p["height"] / 2 - area["y"]) for p in points]
    assert [round(x / area["width"], 2) for x, _ in centres] == [0, 0.5, 1]  # 1, 8 and 64 on a logarithmic axis
    assert centres[0][1] > centres[1][1] > centres[2][1] >= 0
    ticks = [tick.text for tick in browser.find_elements("css selector", ".area .across b")]
    assert ticks == ["1", "8", "64"]
