"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from onward.errors import OutputError


class Writer:
    """A file being written under a temporary name beside its target.

    What exists already and is no regular file (a device, a pipe) cannot be replaced: it is written to directly.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._target = Path(os.path.realpath(path))
        self._temporary: Path | None = None

    def __enter__(self) -> Writer:
        check_writable(self.path)
        with self._errors():
            if self._target.exists() and not self._target.is_file():
                self._file: Any = self._target.open("wb")
            else:
                temporary = self._target.with_name(f".{self._target.name}.{os.urandom(4).hex()}")
                self._file = open(temporary, "xb", opener=_private)
                self._temporary = temporary
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError:
            if not _[0]:  # with an error under way already, that one is told
                raise
        finally:
            if self._temporary is not None:
                self._temporary.unlink(missing_ok=True)

    def write(self, data: Any) -> int:
        """Writes bytes, or anything with a buffer."""
        with self._errors():
            return self._file.write(data)

    def close(self) -> None:
        """Everything is on its way to the disk; a full one may be found out only here."""
        with self._errors():
            self._file.close()

    def commit(self) -> None:
        """Puts the finished file at its path."""
        if self._temporary is None:
            return
        with self._errors():
            self._temporary.chmod(_mode(self._target))
            self._temporary.replace(self._target)
            self._temporary = None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(f"cannot write '{self.path}': {error.strerror or error}") from error


@contextmanager
def replacing(*paths: Path) -> Iterator[list[Writer]]:
    """Writers for files that take their places together, once all of them are whole.

    Raises:
        OutputError: one cannot be written. Nothing is left behind, and what stood there before still does.
    """
    with ExitStack() as stack:
        writers = [stack.enter_context(Writer(path)) for path in paths]
        yield writers
        for writer in writers:
            writer.close()
        for writer in writers:
            writer.commit()


def check_writable(path: Path) -> None:
    """Finds out before any work whether a file can be written.

    Raises:
        OutputError: its folder does not exist, or it or the folder is not for us to write.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise OutputError(f"cannot write '{path}': it is a directory")
    if not target.parent.is_dir():
        raise OutputError(f"cannot write '{path}': the folder '{target.parent}' does not exist")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise OutputError(f"cannot write '{path}': permission denied")


def _private(path: str, flags: int) -> int:
    """Opens a new file that nobody else may read until it is whole."""
    return os.open(path, flags, 0o600)


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced, or those that any new file gets."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
