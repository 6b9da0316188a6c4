"""What every result has that can be written as a page; the pages themselves are :mod:`onward.reporting`'s, which loads
when one is asked for."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onward.reporting import Page


class Reported:
    """A result that can be written as a page."""

    def page(self) -> Page:
        """What its report holds."""
        raise NotImplementedError

    def save(self, path: str | PathLike[str]) -> Path:
        """Writes the report: one self-contained page (``.html``), or Markdown (``.md``).

        Raises:
            InvalidArgumentError: the path ends otherwise.
            MissingDependencyError: a page needs Jinja2, which is not installed.
            OutputError: it cannot be written.
        """
        from onward.reporting import save

        return save(self.page(), path)
