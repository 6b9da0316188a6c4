"""Files made from the templates beside this module."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onward.errors import MissingDependencyError
from onward.tools.report import size_text

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, target: Path, /, **values: Any) -> None:
    """Writes the file that a template makes of values; HTML is escaped, and a name that it lacks is an error.

    Raises:
        MissingDependencyError: Jinja2 is not installed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_environment().get_template(template).render(**values), encoding="utf-8")


def copy(name: str, target: Path) -> None:
    """Puts a file that is the same in every package in its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(TEMPLATES / name, target)


def shape_text(shape: list[int | str | None]) -> str:
    """``batch x 8 x 8 x 1``, as people write it."""
    return " × ".join("?" if dim is None else str(dim) for dim in shape) or "scalar"


def quoted(text: str) -> str:
    """A string in double quotes, with the escapes that JSON and protobuf's text format share."""
    return json.dumps(text, ensure_ascii=False)


@cache
def _environment() -> jinja2.Environment:
    try:
        import jinja2
    except ImportError as error:
        raise MissingDependencyError("packages are written with Jinja2: pip install 'onward[package]'") from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"size": size_text, "shape": shape_text, "quoted": quoted}
    return environment
