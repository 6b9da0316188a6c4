"""Training checkpoints and weight files, loaded into the live model that they belong to."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.formats.bundle import Bundle
from onward.formats.protos import message

_WEIGHT_FILES = (".h5", ".hdf5", ".keras")


def load_weights(model: Any, path: str | os.PathLike[str]) -> None:
    """Gives the variables of a model the values in a file.

    Args:
        model: a Keras model or a ``tf.Module``.
        path: a weights file of Keras, the prefix of a ``tf.train.Checkpoint``, or a directory, whose latest is taken.
            In a checkpoint the model may be the root or any child of it, whatever it is called.

    Raises:
        InvalidArgumentError: the object holds no variables that could be loaded.
        InvalidSourceError: the file is missing or damaged, or is of another model.
    """
    path = os.fspath(path)
    if path.endswith(_WEIGHT_FILES):
        _load_keras(model, path)
        return
    import tensorflow as tf

    prefix = tf.train.latest_checkpoint(path) if os.path.isdir(path) else path.removesuffix(".index")
    if prefix is None:
        raise InvalidSourceError(f"{path} is a directory without a checkpoint")
    children = _children(Bundle(prefix), prefix)
    for child in children:
        try:
            holder = tf.train.Checkpoint(model) if child is None else tf.train.Checkpoint(**{child: model})
            holder.read(prefix).assert_existing_objects_matched().expect_partial()
        except AssertionError:  # some variable has no value there
            continue
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise InvalidSourceError(f"{prefix} does not fit the model: {_first_line(error)}") from error
        else:
            return
    places = ", ".join(child or "the root" for child in children)
    raise InvalidSourceError(f"{prefix} does not hold values for all of the model's variables, neither at {places}")


def _load_keras(model: Any, path: str) -> None:
    if not hasattr(model, "load_weights"):
        raise InvalidArgumentError(f"{type(model).__name__} takes no weights file of Keras; give a tf.train.Checkpoint")
    if not os.path.exists(path):
        raise InvalidSourceError(f"{path} does not exist")
    try:
        model.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise InvalidSourceError(f"{path} does not fit the model: {_first_line(error)}") from error


def _children(bundle: Bundle, prefix: str) -> list[str | None]:
    """Where in a checkpoint the model may be: the root (None), then its children, the likeliest first."""
    from google.protobuf.message import DecodeError

    if "_CHECKPOINTABLE_OBJECT_GRAPH" not in bundle:
        raise InvalidSourceError(f"{prefix} is no checkpoint of objects: give its graph, {prefix}.meta")
    graph = message("TrackableObjectGraph")()
    try:
        graph.ParseFromString(np.asarray(bundle["_CHECKPOINTABLE_OBJECT_GRAPH"]).item())
    except DecodeError as error:
        raise InvalidSourceError(f"{prefix}: the object graph of the checkpoint is damaged") from error
    if not graph.nodes:
        raise InvalidSourceError(f"{prefix} holds no objects")
    names = [child.local_name for child in graph.nodes[0].children if child.local_name != "save_counter"]
    names.sort(key=lambda name: (name != "model", name))
    return [*names[:1], None, *names[1:]] if names[:1] == ["model"] else [None, *names]


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
