"""Checkpoints of TensorFlow 1: a graph in ``<prefix>.meta``, its variables in the files beside it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from onward.errors import InvalidSourceError
from onward.formats.checkpoint import open_checkpoint
from onward.formats.text import parse_file
from onward.graph import Graph
from onward.options import Options
from onward.sources.library import Library
from onward.sources.plain import read_plain
from onward.sources.tables import INITIALIZERS

STATE = "checkpoint"  # the file in which a directory's checkpoints are listed
_SUFFIXES = (".meta", ".index")


def read(path: str | os.PathLike[str], options: Options) -> Graph:
    """The graph of a checkpoint; see :func:`onward.sources.plain.read_plain` for the options.

    Args:
        path: ``<prefix>.meta``, ``<prefix>.index``, the prefix itself, or a directory, whose latest is taken.

    Raises:
        InvalidSourceError: the graph or the variables are missing or damaged.
        InvalidArgumentError: the graph holds no such tensor.
    """
    path = _latest(path) if os.path.isdir(path) else os.fspath(path)
    prefix = next((path.removesuffix(suffix) for suffix in _SUFFIXES if path.endswith(suffix)), path)
    meta = f"{prefix}.meta"
    if not os.path.exists(meta):
        raise InvalidSourceError(
            f"{meta} is missing: a checkpoint without its graph holds variables only. Give the model, and "
            f"checkpoint='{prefix}' beside it"
        )
    proto, pieces = parse_file(meta, "MetaGraphDef")
    if not proto.graph_def.node:
        raise InvalidSourceError(f"{meta} holds no graph")
    library = Library(proto.graph_def, pieces, meta)

    def load(session: Any) -> None:
        import tensorflow as tf

        saver = tf.compat.v1.train.import_meta_graph(meta, clear_devices=True)
        nodes = library.main.nodes.values()
        if saver is not None:
            saver.restore(session, prefix)
        session.run([node.name for node in nodes if node.op in INITIALIZERS])

    name = options.name or Path(prefix).name
    return read_plain(library, options, name=name, variables=lambda: open_checkpoint(prefix), load=load)


def _latest(folder: str | os.PathLike[str]) -> str:
    """The prefix that a directory's file ``checkpoint`` says is the latest; it lies in the directory."""
    file = Path(folder) / STATE
    try:
        found = re.search(r'^model_checkpoint_path:\s*"([^"]+)"', file.read_text("utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSourceError(f"{file} cannot be read: {error}") from error
    if found is None:
        raise InvalidSourceError(f"{file} does not say which checkpoint is the latest")
    return str(Path(folder) / Path(found.group(1)).name)
