"""ONNX Runtime for browsers: its files, from a folder or, once, from npm."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

from onward.errors import InvalidArgumentError, MissingDependencyError
from onward.tools.javascript import VERSION

# What each build of the runtime consists of: the script that a page imports first.
BUILDS = {
    "wasm": ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"),
    "gpu": ("ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"),
}
_PATIENCE = 600  # seconds for a download of 40 MB


def runtime(folder: str | os.PathLike[str] | None, builds: Iterable[str]) -> list[Path]:
    """The files of the builds.

    Args:
        folder: onnxruntime-web's, or its ``dist``; without one, the files come from npm and stay in a cache
            (``ONWARD_CACHE``, or ``onward`` in the user's cache folder).

    Raises:
        InvalidArgumentError: the folder lacks some of the files.
        MissingDependencyError: there is no folder, and npm is not installed or does not get the package.
    """
    names = [name for build in builds for name in BUILDS[build]]
    if folder is None:
        found = _cached(names)
    else:
        found = next((p for p in (Path(folder) / "dist", Path(folder)) if (p / names[0]).is_file()), Path(folder))
    missing = [name for name in names if not (found / name).is_file()]
    if missing:
        raise InvalidArgumentError(
            f"'{folder or found}' holds no {missing[0]}: it should be the folder of the npm package onnxruntime-web, "
            f"such as {VERSION}, or its dist"
        )
    return [found / name for name in names]


def cache() -> Path:
    """Where files are kept that are the same for every package."""
    if own := os.environ.get("ONWARD_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "onward"


def _cached(names: list[str]) -> Path:
    home = cache() / f"onnxruntime-web-{VERSION}"
    if all((home / name).is_file() for name in names):
        return home
    npm = shutil.which("npm")
    if npm is None:
        raise MissingDependencyError(
            f"a web package carries onnxruntime-web {VERSION}: install npm, or unpack that npm package elsewhere and "
            "name its folder with --runtime"
        )
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".onnxruntime-web.", dir=home.parent) as temporary:
            fresh = Path(temporary) / "dist"
            fresh.mkdir()
            _download(npm, Path(temporary), fresh)
            if not home.exists():
                fresh.replace(home)
            else:  # an earlier one, not whole, or that of a process beside this one
                for file in fresh.iterdir():
                    file.replace(home / file.name)
    except OSError as error:
        raise MissingDependencyError(f"onnxruntime-web cannot be kept in '{home.parent}': {error}") from error
    return home


def _download(npm: str, folder: Path, target: Path) -> None:
    """Gets the package from npm and takes out the files of all builds."""
    command = [npm, "pack", f"onnxruntime-web@{VERSION}", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False)
        problem = done.stderr.strip() if done.returncode else ""
    except subprocess.TimeoutExpired:
        problem = f"it took more than {_PATIENCE} s"
    archive = folder / f"onnxruntime-web-{VERSION}.tgz"
    if problem or not archive.is_file():
        last = problem.splitlines()[-1] if problem else "it wrote no file"
        raise MissingDependencyError(
            f"npm does not get onnxruntime-web {VERSION} ({last}): unpack that npm package elsewhere and name its "
            "folder with --runtime"
        )
    with tarfile.open(archive) as package:
        for name in (name for files in BUILDS.values() for name in files):
            member = package.extractfile(f"package/dist/{name}")
            assert member is not None
            with (target / name).open("wb") as file:
                shutil.copyfileobj(member, file)
