"""Layers models of TensorFlow.js: a Keras 2 configuration with weights beside it.

The usual layers are drawn without Keras (:mod:`onward.sources.layers`). A model with others is rebuilt by Keras, if
that is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError, InvalidSourceError, MissingDependencyError
from onward.formats.tfjs import ModelFile
from onward.graph import Graph, Reference
from onward.options import Options
from onward.sources.choose import stated_inputs
from onward.sources.layer_ops import NotDrawn
from onward.sources.layers import draw, input_specs


def read(file: ModelFile, options: Options) -> Graph:
    """The graph of a layers model.

    Raises:
        InvalidSourceError: the configuration cannot be understood, or the weights do not fit it.
        MissingDependencyError: it has layers that only Keras knows, and none is installed.
    """
    config = _config(file)
    weights = file.weights()
    try:
        specs = stated_inputs(input_specs(config), options.inputs)
        graph = draw(config, weights, specs, options.name or file.path.resolve().parent.name)
    except InvalidSourceError as error:
        raise InvalidSourceError(f"{file.path}: {error}") from error
    except (NotDrawn, KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        if isinstance(error, InvalidArgumentError):
            raise
        return _rebuilt(file, config, weights, options, error)
    names = [made.name for made in graph.inputs]
    graph.reference = _reference(file, config, weights, names)
    return graph


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


def _rebuilt(
    file: ModelFile,
    config: Mapping[str, Any],
    weights: Mapping[str, NDArray[Any]],
    options: Options,
    reason: Exception,
) -> Graph:
    """The graph of what Keras makes of the configuration."""
    from onward.sources import keras
    from onward.sources.keras_file import refuse_code

    if not options.allow_unsafe:
        refuse_code(config, file.path)
    return keras.read(_keras_model(file, config, weights, reason), options)


def _reference(
    file: ModelFile, config: Mapping[str, Any], weights: Mapping[str, NDArray[Any]], names: list[str]
) -> Reference | None:
    """The model in Keras, where tf_keras is installed: there is nothing else to run it with."""
    if importlib.util.find_spec("tf_keras") is None:
        return None
    models: list[Any] = []

    def run(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        if not models:
            models.append(_keras_model(file, config, weights, None))
        inputs = [arrays[name] for name in names]
        outputs = models[0](inputs[0] if len(inputs) == 1 else inputs, training=False)
        return [np.asarray(output) for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]

    return run


def _keras_model(
    file: ModelFile, config: Mapping[str, Any], weights: Mapping[str, NDArray[Any]], reason: Exception | None
) -> Any:
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
            model = library.models.model_from_json(text)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, NotImplementedError) as error:
            failure = failure or error
            continue
        _set_weights(file, model, weights)
        return model
    if failure is None:
        raise MissingDependencyError(
            f"{file.path} is rebuilt by Keras, because of {reason}, and none is installed: pip install tf_keras"
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
