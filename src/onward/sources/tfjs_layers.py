"""Layers models of TensorFlow.js: a Keras 2 configuration with weights beside it, rebuilt by Keras."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidSourceError, MissingDependencyError
from onward.formats.tfjs import ModelFile
from onward.graph import Graph
from onward.options import Options
from onward.sources import keras
from onward.sources.keras_file import refuse_code


def read(file: ModelFile, options: Options) -> Graph:
    """The graph of a layers model.

    Raises:
        InvalidSourceError: Keras does not understand the configuration, or the weights do not fit it.
        MissingDependencyError: no Keras is installed.
    """
    config = _config(file)
    if not options.allow_unsafe:
        refuse_code(config, file.path)
    model = _built(file, config)
    _set_weights(file, model, file.weights())
    return keras.read(model, options)


def _config(file: ModelFile) -> Mapping[str, Any]:
    """``{"class_name": ..., "config": ...}``: the topology itself, or what it keeps as ``model_config``."""
    config = file.topology.get("model_config", file.topology)
    if isinstance(config, str):
        try:
            config = json.loads(config)
        except ValueError as error:
            raise InvalidSourceError(f"{file.path} is damaged: {error}") from error
    if not isinstance(config, Mapping) or not {"class_name", "config"} <= config.keys():
        raise InvalidSourceError(f"{file.path} holds neither a graph nor a configuration of layers")
    return config


def _built(file: ModelFile, config: Mapping[str, Any]) -> Any:
    text = json.dumps({"class_name": config["class_name"], "config": _sequential(config)})
    failure: Exception | None = None
    for name in ("tf_keras", "keras"):
        if name not in sys.modules:
            os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        try:
            library = importlib.import_module(name)
        except ImportError:
            continue
        try:
            return library.models.model_from_json(text)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, NotImplementedError) as error:
            failure = failure or error
    if failure is None:
        raise MissingDependencyError(
            "a layers model of TensorFlow.js is rebuilt by Keras, and none is installed: pip install tf_keras"
        )
    lines = [line.strip() for line in str(failure).splitlines() if line.strip()]
    raise InvalidSourceError(f"Keras cannot build {file.path}: {lines[0] if lines else failure}") from failure


def _sequential(config: Mapping[str, Any]) -> Any:
    """The inner configuration; old writers gave that of a Sequential model as a bare list of layers."""
    inner = config["config"]
    return {"name": "sequential", "layers": inner} if isinstance(inner, list) else inner


def _set_weights(file: ModelFile, model: Any, weights: Mapping[str, NDArray[Any]]) -> None:
    """Gives every variable its weight, by name; by order where the names are of another convention."""
    variables = list(model.weights)
    names = [_name(variable) for variable in variables]
    if not set(names) <= set(weights):
        if len(weights) != len(variables):
            lacking = next(name for name in names if name not in weights)
            raise InvalidSourceError(
                f"{file.path} has {len(weights)} weights for the {len(variables)} of its layers; '{lacking}' is missing"
            )
        names = list(weights)
    for variable, name in zip(variables, names, strict=True):
        array = weights[name]
        if tuple(array.shape) != tuple(variable.shape):
            raise InvalidSourceError(
                f"{file.path}: weight '{name}' has the shape {list(array.shape)}, its layer {list(variable.shape)}"
            )
        variable.assign(np.asarray(array))


def _name(variable: Any) -> str:
    return str(getattr(variable, "path", None) or variable.name).removesuffix(":0")
