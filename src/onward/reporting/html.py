"""A report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onward.reporting import Cell, Mark, Page
from onward.reporting.cells import aligned, bars, listed, numeric, sentence, text
from onward.reporting.plot import plot

WIDE = 26  # characters, as in page.js
DRAWN = 300  # rows of a table with search; the others are drawn when they are asked for


def html(page: Page) -> str:
    """The page: styles and script inside, nothing fetched from anywhere."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        text=text,
        sentence=sentence,
        aligned=aligned,
        numeric=numeric,
        bars=bars,
        plot=plot,
        kind=_kind,
        listed=listed,
        slug=_slug,
        wraps=_wraps,
        breakable=_breakable,
        plain=_plain,
    )
    environment.tests["mark"] = lambda value: isinstance(value, Mark)
    return environment.get_template("page.html.jinja").render(page=page, drawn_rows=DRAWN)


def _kind(block: Any) -> str:
    return type(block).__name__


def _wraps(value: Cell) -> bool:
    """Whether a cell is better broken into lines than widening its column."""
    return len(text(value)) > WIDE


def _plain(rows: Sequence[Sequence[Cell]]) -> list[list[str | list[str]]]:
    """Rows as page.js draws them: a mark is its verdict and words, anything else its text."""
    return [[[c.verdict, c.text] if isinstance(c, Mark) else text(c) for c in row] for row in rows]


def _breakable(words: str) -> str:
    """Text that may be broken behind the slashes of a name too."""
    import markupsafe

    return markupsafe.Markup("/<wbr>").join(words.split("/"))


def _slug(title: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in title.lower()).strip("-")
