"""Reports as files."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from onward.errors import InvalidArgumentError, MissingDependencyError
from onward.reporting import Page
from onward.reporting.environment import surroundings
from onward.writing import check_writable, replacing


def check(path: Path) -> None:
    """Finds out before any work whether a report can be written to `path`.

    Raises:
        InvalidArgumentError: its ending is no format of ours.
        MissingDependencyError: Jinja2 is not installed.
        OutputError: the file cannot be written.
    """
    if path.suffix.lower() not in (".html", ".md"):
        raise InvalidArgumentError(f"a report is an .html or .md file, not '{path}'")
    if path.suffix.lower() == ".html" and importlib.util.find_spec("jinja2") is None:
        raise MissingDependencyError(
            "an HTML report needs Jinja2: pip install 'onward[report]' (an .md one needs nothing)"
        )
    check_writable(path)


def write(page: Page, path: Path, command: str = "") -> Path:
    """Renders the page, with what it was made with and by, and puts it at `path`."""
    check(path)
    whole = replace(page, sections=[*page.sections, *surroundings(command)])
    text = _renderer(path)(whole)
    with replacing(path) as [file]:
        file.write(text.encode())
    return path


def _renderer(path: Path) -> Callable[[Page], str]:
    if path.suffix.lower() == ".md":
        from onward.reporting.markdown import markdown

        return markdown
    from onward.reporting.html import html

    return html
