"""Everything that can be converted, read into a :class:`~onward.graph.Graph`."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.graph import Graph
from onward.options import Options
from onward.sources.behind import behind
from onward.sources.choose import select
from onward.sources.present import present

READABLE = (
    "a SavedModel directory, a frozen GraphDef (.pb, .pbtxt), a checkpoint with its graph (.meta), a .keras or .h5 "
    "file, a TFLite file, a TensorFlow.js model (model.json), a Keras model, a tf.function, a ConcreteFunction, a "
    "tf.Module or a function on tensors"
)


def open_source(source: Any, options: Options) -> Graph:
    """The graph of whatever `source` is: a path, or a live object.

    Raises:
        InvalidSourceError: it is nothing that can be read, or it is damaged.
        InvalidArgumentError: `options` does not fit it.
        MissingDependencyError: reading it takes a package that is not installed.
    """
    if isinstance(source, (str, os.PathLike)):
        source = Path(source)
        source = source.parent if source.name in ("saved_model.pb", "saved_model.pbtxt") else source
        kind = _kind_of_path(source)
    else:
        kind = _kind_of_object(source)
    if options.checkpoint is not None and kind not in _LIVE:
        raise InvalidArgumentError("checkpoint= goes with a live model or a Keras file, into which it is loaded")
    module = importlib.import_module(f"onward.sources.{kind}")
    try:
        graph: Graph = module.read(source, options)
    except InvalidSourceError as error:
        if isinstance(source, Path) and source.name not in str(error):
            raise InvalidSourceError(f"{source}: {error}") from error
        raise
    chosen = graph if kind in _CHOOSING else select(graph, options.inputs, options.outputs)
    return present(behind(chosen), options)


_LIVE = ("keras", "keras_file", "function")
_CHOOSING = ("graph_def", "checkpoint", "tfjs")  # where any tensor can be an output


def _kind_of_path(path: Path) -> str:
    if path.is_dir():
        if (path / "saved_model.pb").is_file() or (path / "saved_model.pbtxt").is_file():
            return "saved_model"
        if (path / "model.json").is_file():
            return "tfjs"
        if (path / "checkpoint").is_file():
            return "checkpoint"
        raise InvalidSourceError(f"{path} is a directory without a saved_model.pb; can be read: {READABLE}")
    if path.with_name(f"{path.name}.index").is_file() or path.with_name(f"{path.name}.meta").is_file():
        return "checkpoint"
    if not path.exists():
        raise InvalidSourceError(f"{path} does not exist")
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise InvalidSourceError(f"{path} is of no known kind ({_look(path)}); can be read: {READABLE}")
    return kind


_SUFFIXES = {
    ".pb": "graph_def", ".keras": "keras_file", ".h5": "keras_file", ".hdf5": "keras_file", ".json": "tfjs",
    ".tflite": "tflite", ".pbtxt": "graph_def", ".meta": "checkpoint", ".index": "checkpoint",
}  # fmt: skip
_MAGIC = {
    b"PK": "a zip archive", b"\x89HDF": "an HDF5 file", b"\x08": "perhaps an ONNX model", b"TFL3": "a TFLite model",
}  # fmt: skip


def _look(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise InvalidSourceError(f"{path} cannot be read: {error.strerror or error}") from error
    if head[4:8] == b"TFL3":
        return "it looks like a TFLite model"
    return next((f"it looks like {kind}" for magic, kind in _MAGIC.items() if head.startswith(magic)), "by its name")


def _kind_of_object(source: Any) -> str:
    """By the modules of its classes, so that nothing needs to be imported."""
    packages = {cls.__module__.partition(".")[0] for cls in type(source).__mro__}
    if packages & {"keras", "tf_keras"} and hasattr(source, "variables") and callable(source):
        return "keras"
    if type(source).__name__ == "GraphDef" and hasattr(source, "SerializeToString"):
        return "graph_def"
    if isinstance(source, type) or not callable(source):
        raise InvalidSourceError(f"{type(source).__name__!r} cannot be converted; can be read: {READABLE}")
    return "function"
