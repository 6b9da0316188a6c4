"""Files appear whole or not at all, several of them together."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from onward.errors import OutputError
from onward.writing import check_writable, replacing


def test_replaces_once_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with replacing(path) as [file]:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_everything_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("old")
    with pytest.raises(error), replacing(one, two) as files:
        raise error(*(file.write(b"new") for file in files))
    assert os.listdir(tmp_path) == ["one"]
    assert one.read_text() == "old"


def test_permissions_are_those_of_a_new_file_or_of_the_old_one(tmp_path: Path) -> None:
    path, plain = tmp_path / "a", tmp_path / "plain"
    plain.touch()
    for expected in (stat.S_IMODE(plain.stat().st_mode), 0o640):
        with replacing(path) as [file]:
            file.write(b"")
        assert stat.S_IMODE(path.stat().st_mode) == expected
        path.chmod(0o640)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with replacing(link) as [file]:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="no /dev/null here")
def test_a_device_is_written_to_and_stays_one() -> None:
    with replacing(Path("/dev/null")) as [file]:
        file.write(b"gone")
    assert Path("/dev/null").is_char_device()


def test_what_cannot_be_written_is_known_before(tmp_path: Path) -> None:
    check_writable(tmp_path / "new")
    for path in (tmp_path, tmp_path / "missing" / "a"):
        with pytest.raises(OutputError, match="cannot write"):
            check_writable(path)
