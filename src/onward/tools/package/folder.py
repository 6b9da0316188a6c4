"""Folders that appear whole or not at all, each with a manifest that says what made it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onward.errors import OutputError
from onward.version import __version__

MANIFEST = "onward.json"


@contextmanager
def building(output: Path, kind: str) -> Iterator[Path]:
    """An empty folder that takes the place of `output` once the ``with`` ends well.

    An earlier package of the same kind is replaced; any other folder that is not empty is left alone.

    Raises:
        OutputError: it cannot be written, or something else stands there. Nothing is left behind.
    """
    target = Path(os.path.realpath(output))
    _check(output, target, kind)
    with _errors(output):
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with _errors(output):
            yield temporary
            temporary.chmod(0o755)
            _swap(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def manifest(folder: Path) -> dict[str, Any] | None:
    """What the package in a folder says of itself; None where there is none."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "kind" in found else None


def write_json(path: Path, values: Any, indent: int | None = 2) -> None:
    """Writes plain values as JSON, by default as people read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


def write_manifest(folder: Path, kind: str, values: dict[str, Any]) -> None:
    """Says what a package is: its kind, who made it, and what it holds."""
    write_json(folder / MANIFEST, {"kind": kind, "onward": __version__, **values})


def listing(folder: Path) -> dict[str, int]:
    """The files of a folder and their bytes, by their paths relative to it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def link_tree(source: Path, target: Path) -> None:
    """The same files in another folder, without copying bytes where the file system allows it."""
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, place)
            except OSError:
                shutil.copyfile(path, place)


def _check(output: Path, target: Path, kind: str) -> None:
    if not target.parent.is_dir():
        raise OutputError(f"cannot write '{output}': the folder '{target.parent}' does not exist")
    if not os.access(target.parent, os.W_OK):
        raise OutputError(f"cannot write '{output}': permission denied")
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"cannot write '{output}': it is a file, and a package is a folder")
    earlier = manifest(target)
    if any(target.iterdir()) and (earlier is None or earlier["kind"] != kind):
        found = f"a package for {earlier['kind']}" if earlier is not None else "not empty, and no package"
        raise OutputError(f"cannot write '{output}': it is {found}; name another folder or remove it")


def _swap(new: Path, target: Path) -> None:
    """Puts a folder in its place; what stood there goes only when the new one stands."""
    if not target.exists():
        new.replace(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    target.replace(old / "was")
    try:
        new.replace(target)
    except BaseException:
        (old / "was").replace(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _errors(output: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write '{output}': {error.strerror or error}") from error
