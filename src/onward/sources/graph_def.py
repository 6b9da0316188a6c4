"""Frozen GraphDefs (.pb, .pbtxt, or live): a graph with its weights as constants, and no signature."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from onward.errors import InvalidSourceError
from onward.formats.text import is_text, parse_file
from onward.formats.values import Pieces
from onward.formats.wire import map_file, parse
from onward.graph import Graph
from onward.options import Options
from onward.sources.fused import split_fused
from onward.sources.library import Library
from onward.sources.plain import read_plain
from onward.sources.tables import INITIALIZERS

_SAVED_MODEL = 0x08  # how that message begins, with its version


def read(source: Any, options: Options) -> Graph:
    """The graph in a GraphDef, which is a file (binary or text) or TensorFlow's message.

    :func:`onward.sources.plain.read_plain` says what the options mean.

    Raises:
        InvalidSourceError: the file is damaged, or is no frozen graph.
        InvalidArgumentError: it holds no such tensor.
    """
    if not isinstance(source, (str, os.PathLike)):
        data: Any = source.SerializeToString()
        graph_def, pieces = parse(data, "GraphDef", "the GraphDef")
        return _read(graph_def, pieces, "the GraphDef", options.name or "graph", lambda: source, options)
    data = map_file(source)
    if data[0] == _SAVED_MODEL:
        raise InvalidSourceError(f"{source} is not a GraphDef; if it is the file of a SavedModel, give its directory")
    graph_def, pieces = parse_file(source, "GraphDef")
    if not graph_def.node:
        raise InvalidSourceError(f"{source} holds no graph")
    return _read(graph_def, pieces, str(source), options.name or Path(source).stem, lambda: _message(data), options)


def _read(graph_def: Any, pieces: Pieces, label: str, name: str, message: Callable[[], Any], options: Options) -> Graph:
    split_fused(graph_def, label)
    library = Library(graph_def, pieces, label)

    def load(session: Any) -> None:
        import tensorflow as tf

        tf.compat.v1.import_graph_def(message(), name="")
        session.run([node.name for node in library.main.nodes.values() if node.op in INITIALIZERS])

    return read_plain(library, options, name=name, variables=lambda: _not_frozen(label), load=load)


def _message(data: memoryview) -> Any:
    """The file as TensorFlow's own message."""
    import tensorflow as tf

    message = tf.compat.v1.GraphDef()
    if is_text(data):
        from google.protobuf import text_format

        text_format.Parse(bytes(data), message)
    else:
        message.ParseFromString(bytes(data))
    return message


def _not_frozen(label: str) -> NoReturn:
    raise InvalidSourceError(
        f"{label} is not frozen: its variables have no values. Freeze it, or give a SavedModel or the checkpoint "
        "(.meta)"
    )
