"""Pages as HTML and Markdown: the same data, nothing lost, nothing that could be taken for markup."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

from onward.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    MissingOp,
    OutputError,
    UnsupportedOpsError,
    VerificationError,
)
from onward.reporting import (
    Bars,
    Code,
    Facts,
    Lines,
    Mark,
    Notes,
    Page,
    Reported,
    Section,
    Table,
    Text,
    of_error,
    save,
)

EVIL = "<script>alert('x')</script> | `*_"
EVERYTHING = Page(
    f"A report on {EVIL}",
    "It went well",
    "ok",
    {"nodes": 1234567},
    [
        Section("Facts", [Facts({"one": 1, "several": ["first", "second"], "verdict": Mark("fail", "no")})]),
        Section(
            "Tables",
            [
                Table(("name", "ms", "share"), [("a", "2.31 ms", None), (EVIL, "10 ms", 0.123456)], caption="Timed"),
                Table(("op", "layer"), [(f"op{i}", "dense") for i in range(100)], search=True),
            ],
        ),
        Section("Pictures", [Bars({"Conv": 3, "Relu": 1.5}, "ms"), Lines({"a": [(1, 2), (8, 4)]}, "batch", "ms")]),
        Section("Words", [Text("A paragraph."), Notes(["Beware."]), Code("pip install x", "bash")]),
    ],
)


class _Tags(HTMLParser):
    """Which tags an HTML text has, with their attributes, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_html_holds_everything_and_fetches_nothing(tmp_path: Path) -> None:
    found = _Tags(save(EVERYTHING, tmp_path / "a.html", "onward convert x").read_text())
    names = [tag for tag, _ in found.tags]
    assert names.count("script") == 1  # the page's own: the title and cells are text
    assert names.count("tr") == 1 + 2 + 1 + 100 + 2
    addresses = [v for _, attrs in found.tags for k, v in attrs.items() if k in ("src", "href") and v]
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    for word in (
        EVIL,
        "1,234,567",
        "second",
        "2.31 ms",
        "0.1235",
        "Beware.",
        "pip install x",
        "onward convert x",
        "op99",
    ):
        assert word in found.words


def test_numbers_are_aligned_by_their_digits(tmp_path: Path) -> None:
    found = _Tags(save(EVERYTHING, tmp_path / "a.html").read_text())
    heads = [attrs.get("class") for tag, attrs in found.tags if tag == "th" and attrs.get("scope") == "col"]
    assert heads == [None, "n", "n", None, None]


def test_markdown_holds_the_same(tmp_path: Path) -> None:
    text = save(EVERYTHING, tmp_path / "a.md", "onward convert x").read_text()
    assert "<script>" not in text
    for line in (
        "**✓ It went well**",
        "| nodes | 1,234,567 |",
        "| several | first<br>second |",
        "| verdict | ✗ no |",
        "|---|---:|---:|",
        "| a | 2.31 ms |  |",
        "60 more rows are in the HTML report.",
        "| Conv | 3 ms | ████████████████████ |",
        "| 8 | 4 |",
        "> Beware.  ",
        "onward convert x",
    ):
        assert line in text.splitlines(), line


def test_only_known_formats(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"\.html or \.md"):
        save(EVERYTHING, tmp_path / "a.pdf")
    with pytest.raises(OutputError):
        save(EVERYTHING, tmp_path / "nowhere" / "a.md")
    assert list(tmp_path.iterdir()) == []


def test_html_needs_jinja_and_markdown_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'onward\[report\]'"):
        save(EVERYTHING, tmp_path / "a.html")
    assert save(EVERYTHING, tmp_path / "a.md").exists()
    assert not (tmp_path / "a.html").exists()


def test_an_error_is_a_page_of_what_is_known() -> None:
    missing = UnsupportedOpsError("net", [MissingOp("Mystery", 2, "head/mystery", "head", "no lowering")], 9)
    (section,) = of_error(missing, str(missing)).sections
    assert isinstance(section.blocks[0], Table)
    assert section.blocks[0].rows == [("Mystery", 2, "head/mystery", "no lowering")]

    @dataclass(frozen=True)
    class Found(Reported):
        def page(self) -> Page:
            return Page("Compared", "far apart", None, {"error": 3})

    page = of_error(VerificationError("differs", Found()), "differs")
    assert (page.title, page.verdict, page.facts) == ("Compared", "fail", {"error": 3})
    assert of_error(KeyboardInterrupt(), "interrupted").summary == "interrupted"
