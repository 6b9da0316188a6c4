"""A report as one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from onward.reporting import Mark, Page
from onward.reporting.cells import bars, listed, numeric, text
from onward.reporting.plot import plot


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
    environment.filters.update(text=text, numeric=numeric, bars=bars, plot=plot, kind=_kind, listed=listed, slug=_slug)
    environment.tests["mark"] = lambda value: isinstance(value, Mark)
    return environment.get_template("page.html.jinja").render(page=page)


def _kind(block: Any) -> str:
    return type(block).__name__


def _slug(title: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in title.lower()).strip("-")
