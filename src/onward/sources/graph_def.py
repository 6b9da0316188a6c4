"""Frozen GraphDef files (.pb, .pbtxt): a graph with its weights as constants, and no signature."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

from onward.errors import InvalidSourceError
from onward.formats.text import is_text, parse_file
from onward.formats.wire import map_file
from onward.graph import Graph
from onward.options import Options
from onward.sources.fused import split_fused
from onward.sources.library import Library
from onward.sources.plain import read_plain
from onward.sources.tables import INITIALIZERS

_SAVED_MODEL = 0x08  # how that message begins, with its version


def read(path: str | os.PathLike[str], options: Options) -> Graph:
    """The graph in a GraphDef file, binary or text; see :func:`onward.sources.plain.read_plain` for the options.

    Raises:
        InvalidSourceError: the file is damaged, or is no frozen graph.
        InvalidArgumentError: it holds no such tensor.
    """
    data = map_file(path)
    if data[0] == _SAVED_MODEL:
        raise InvalidSourceError(f"{path} is not a GraphDef; if it is the file of a SavedModel, give its directory")
    graph_def, pieces = parse_file(path, "GraphDef")
    if not graph_def.node:
        raise InvalidSourceError(f"{path} holds no graph")
    split_fused(graph_def, str(path))
    library = Library(graph_def, pieces, str(path))

    def load(session: Any) -> None:
        import tensorflow as tf

        message = tf.compat.v1.GraphDef()
        if is_text(data):
            from google.protobuf import text_format

            text_format.Parse(bytes(data), message)
        else:
            message.ParseFromString(bytes(data))
        tf.compat.v1.import_graph_def(message, name="")
        session.run([node.name for node in library.main.nodes.values() if node.op in INITIALIZERS])

    return read_plain(
        library, options, name=options.name or Path(path).stem, variables=lambda: _not_frozen(path), load=load
    )


def _not_frozen(path: str | os.PathLike[str]) -> NoReturn:
    raise InvalidSourceError(
        f"{path} is not frozen: its variables have no values. Freeze it, or give a SavedModel or the checkpoint (.meta)"
    )
