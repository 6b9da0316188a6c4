"""``.keras`` and ``.h5`` files, loaded by Keras. What they ask Keras to run is looked at first."""

from __future__ import annotations

import importlib
import json
import os
import sys
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from onward.errors import InvalidSourceError, MissingDependencyError
from onward.graph import Graph
from onward.options import Options

# Packages whose layers a file may name; importing anything else is left to the user.
_TRUSTED = ("keras", "tf_keras", "tensorflow", "builtins", "keras_hub", "keras_nlp", "keras_cv")
_CODE = ("Lambda", "__lambda__")


def read(path: str | os.PathLike[str], options: Options) -> Graph:
    """The graph of the model in a Keras file.

    Args:
        path: the file.
        options: `allow_unsafe` lets the file run Python code that it carries.

    Raises:
        InvalidSourceError: the file is damaged, holds weights alone, or would run code.
        MissingDependencyError: Keras or TensorFlow is not installed.
    """
    config, version = _config_of_archive(path) if zipfile.is_zipfile(path) else _config_of_hdf5(path)
    if not options.allow_unsafe:
        refuse_code(config, path)
    model = _load(path, version, options.allow_unsafe)
    from onward.sources import keras

    return keras.read(model, options)


def _config_of_archive(path: str | os.PathLike[str]) -> tuple[Any, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "config.json" not in names:
                raise InvalidSourceError(f"{path} is a zip archive without a config.json, so no .keras file")
            config = json.loads(archive.read("config.json"))
            metadata = json.loads(archive.read("metadata.json")) if "metadata.json" in names else {}
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise InvalidSourceError(f"{path} is damaged: {error}") from error
    return config, str(metadata.get("keras_version", ""))


def _config_of_hdf5(path: str | os.PathLike[str]) -> tuple[Any, str]:
    try:
        import h5py
    except ImportError as error:
        raise _missing("h5py") from error
    try:
        with h5py.File(path, "r") as file:
            if "model_config" not in file.attrs:
                raise InvalidSourceError(f"{path} holds weights alone: build the model, load_weights, and convert that")
            config, version = _text(file.attrs["model_config"]), _text(file.attrs.get("keras_version", ""))
        return json.loads(config), version
    except (OSError, ValueError) as error:
        raise InvalidSourceError(f"{path} is damaged or no Keras file: {error}") from error


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def refuse_code(config: Any, path: str | os.PathLike[str]) -> None:
    for entry in _objects(config):
        kind = entry.get("class_name")
        if kind in _CODE:
            name = entry.get("config", {}).get("name", "") if isinstance(entry.get("config"), Mapping) else ""
            raise InvalidSourceError(
                f"{path} carries Python code in a Lambda layer{f' ({name})' if name else ''}, which would run when it "
                "is loaded; if you trust the file, allow it with allow_unsafe=True (--allow-unsafe)"
            )
        module = entry.get("module")
        known = not isinstance(module, str) or module.partition(".")[0] in _TRUSTED or module in sys.modules
        if kind is not None and not known:
            raise InvalidSourceError(
                f"{path} asks to import '{module}' for {kind!r}; import it yourself before converting, or allow it "
                "with allow_unsafe=True (--allow-unsafe)"
            )


def _objects(config: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a configuration."""
    stack = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, Mapping):
            yield value
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


_CAUSES = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError, ImportError, OSError,
    RuntimeError,
)  # fmt: skip


def _load(path: str | os.PathLike[str], version: str, allow_unsafe: bool) -> Any:
    """The model, from the Keras that wrote files like this one, or else from the other.

    Raises:
        InvalidSourceError: none that is installed can; what each says, and which one is not installed.
        MissingDependencyError: none is installed.
    """
    reasons: list[str] = []
    absent: list[str] = []
    first: Exception | None = None
    for name in _readers(version):
        try:
            keras = _keras(name)
        except ImportError:
            absent.append(name)
            continue
        try:
            return keras.models.load_model(os.fspath(path), compile=False, safe_mode=not allow_unsafe)
        except _CAUSES as error:
            first = first or error
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            reasons.append(f"{name} {keras.__version__}: {lines[0] if lines else type(error).__name__}")
    if first is None:
        raise _missing("Keras")
    written = f" (written by Keras {version})" if version else ""
    hint = "; tf_keras, which is not installed, may: pip install tf_keras" if absent == ["tf_keras"] else ""
    raise InvalidSourceError(f"{path}{written} cannot be loaded by {'; nor by '.join(reasons)}{hint}") from first


def _readers(version: str) -> tuple[str, ...]:
    """The packages that may read a file, the likeliest first; files of Keras 1 and 2 are tf_keras'."""
    return ("keras", "tf_keras") if version.startswith("3") else ("tf_keras", "keras")


def _keras(name: str) -> Any:
    if name == "keras" and "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    return importlib.import_module(name)


def _missing(what: str) -> MissingDependencyError:
    return MissingDependencyError(
        f'a .keras or .h5 file is read by Keras, and {what} is not installed: pip install "onward[keras]"'
    )
