"""Keras 2's model configurations as graphs, drawn without Keras from what :mod:`onward.sources.layer_ops` knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidSourceError
from onward.graph import Graph, Input, Output
from onward.sources.inline import placeholder
from onward.sources.layer_ops import LAYERS, Canvas, NotDrawn, Value, merge
from onward.sources.naming import unique
from onward.specs import Dim, Spec, as_dtype, name_batch, show

_MODELS = frozenset({"Functional", "Model", "Sequential"})
_LARGEST = 2**31 - 1
_DEEPEST = 20  # models within models


def input_specs(config: Mapping[str, Any]) -> list[Spec]:
    """The inputs of a model, as it states them.

    Raises:
        NotDrawn: it does not.
    """
    return [_spec(layer) for layer in _input_layers(config)]


def draw(config: Mapping[str, Any], weights: Mapping[str, NDArray[Any]], specs: Sequence[Spec], name: str) -> Graph:
    """The graph of a model.

    Args:
        config: ``{"class_name": "Sequential" or "Functional" (once "Model"), "config": ...}``.
        weights: the weights, by layer and name: ``dense_1/kernel``.
        specs: its inputs, completed by what the caller says of them.
        name: the graph's name.

    Raises:
        NotDrawn: it holds a layer that is not known, or a weight of another name; the text says which.
    """
    inputs: list[Input] = []
    values = []
    for spec in specs:
        made = placeholder(spec.name or "", spec.dtype or np.dtype(np.float32), spec.shape)
        inputs.append(made)
        values.append(Value(made.tensor, len(spec.shape or ())))
    try:
        found = _Model(weights).run(config, values)
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise NotDrawn(f"the configuration cannot be understood ({type(error).__name__}: {error})") from error
    names = unique(label for label, _ in found)
    outputs = [Output(label, value.tensor) for label, (_, value) in zip(names, found, strict=True)]
    return Graph(name, inputs, outputs)


def _input_layers(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    inner = config["config"]
    layers = inner["layers"] if isinstance(inner, Mapping) else inner
    if config["class_name"] == "Sequential":
        return [layers[0]]
    named = {layer.get("name") or layer["config"]["name"]: layer for layer in layers}
    return [named[name] for name, *_ in _references(inner["input_layers"])]


def _spec(layer: Mapping[str, Any]) -> Spec:
    settings = layer["config"]
    if layer["class_name"] in _MODELS:
        return _spec(_input_layers(layer)[0])
    shape = settings.get("batch_input_shape") or settings.get("batch_shape")
    if not isinstance(shape, list):
        raise NotDrawn(f"the layer '{settings.get('name')}' does not state the shape of its input")
    own = str(settings["name"])
    if not all(size is None or (type(size) is int and 0 <= size <= _LARGEST) for size in shape):
        raise InvalidSourceError(f"the layer '{own}' states {shape!r}, which is no shape")
    dims: list[Dim] = list(shape)
    dtype = settings.get("dtype")
    label = own if layer["class_name"] == "InputLayer" else f"{own}_input"
    return Spec(name_batch(tuple(dims)), as_dtype(dtype if isinstance(dtype, str) else "float32"), label)


class _Model:
    """Draws one model and those within it."""

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._weights = weights
        self._depth = 0

    def run(self, config: Mapping[str, Any], values: Sequence[Value], scope: str = "") -> list[tuple[str, Value]]:
        """The outputs, with the names of the layers that make them."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotDrawn("models are nested too deeply")
        inner = config["config"]
        if config["class_name"] == "Sequential":
            found = self._in_order(inner["layers"] if isinstance(inner, Mapping) else inner, values, scope)
        elif config["class_name"] in _MODELS:
            found = self._by_reference(inner, values, scope)
        else:
            raise NotDrawn(f"the model class {config['class_name']}")
        self._depth -= 1
        return found

    def _in_order(
        self, layers: Sequence[Mapping[str, Any]], values: Sequence[Value], scope: str
    ) -> list[tuple[str, Value]]:
        current, name = list(values), ""
        for layer in layers:
            name = str(layer["config"]["name"])
            current = self._layer(layer, current, scope)
        return [(name, value) for value in current]

    def _by_reference(self, inner: Mapping[str, Any], values: Sequence[Value], scope: str) -> list[tuple[str, Value]]:
        """A functional model: each call of a layer names the outputs of other layers' calls that it takes."""
        made: dict[tuple[str, int], list[Value]] = {}
        for (name, *_), value in zip(_references(inner["input_layers"]), values, strict=True):
            made[name, 0] = [value]
        calls = _calls(inner)
        while calls:
            ready = [call for call in calls if all((source, at) in made for source, at, _ in call[3])]
            if not ready:
                raise NotDrawn(f"the layer '{calls[0][1]}' depends on itself or on what is not there")
            for layer, name, number, sources in ready:
                taken = [made[source, at][index] for source, at, index in sources]
                made[name, number] = self._layer(layer, taken, scope)
            calls = [call for call in calls if (call[1], call[2]) not in made]
        return [(name, made[name, at][index]) for name, at, index in _references(inner["output_layers"])]

    def _layer(self, layer: Mapping[str, Any], values: Sequence[Value], scope: str) -> list[Value]:
        kind, settings = str(layer["class_name"]), layer["config"]
        if kind == "InputLayer":
            return list(values)
        if kind in _MODELS:
            name = str(settings["name"] if isinstance(settings, Mapping) else layer.get("name"))
            return [value for _, value in self.run(layer, values, f"{scope}{name}/")]
        own = str(settings["name"])
        canvas = Canvas(scope + own, lambda name, shape: self._weight(scope, own, name, shape))
        if kind == "TimeDistributed" and settings["layer"]["class_name"] in ("Activation", "Dense", "Dropout"):
            kind, settings = settings["layer"]["class_name"], settings["layer"]["config"]
        if len(values) > 1:
            return [merge(canvas, kind, settings, values)]
        if kind not in LAYERS:
            raise NotDrawn(f"the layer {kind} ('{own}')")
        return [LAYERS[kind](canvas, settings, values[0])]

    def _weight(self, scope: str, layer: str, name: str, shape: Sequence[int | None]) -> NDArray[Any]:
        for key in (f"{layer}/{name}", f"{scope}{layer}/{name}"):
            if key in self._weights:
                array = self._weights[key]
                fits = [size is None or size == own for size, own in zip(shape, array.shape, strict=False)]
                if len(shape) != array.ndim or not all(fits):
                    raise InvalidSourceError(
                        f"weight '{key}' has the shape {list(array.shape)}, its layer takes {show(shape)}"
                    )
                return array
        raise NotDrawn(f"there is no weight '{layer}/{name}'")


def _calls(inner: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], str, int, list[tuple[str, int, int]]]]:
    """Every call of a layer: the layer, its name, the call's number, and what it takes.

    Calls are numbered from 0; but a model within a model counts from 1, for it has called itself once before.
    """
    found = []
    for layer in inner["layers"]:
        name = str(layer.get("name") or layer["config"]["name"])
        found += [
            (layer, name, number, _references(call)) for number, call in enumerate(layer.get("inbound_nodes") or ())
        ]
    taken = [reference for _, _, _, sources in found for reference in sources]
    taken += _references(inner["output_layers"])
    counts = Counter(name for _, name, _, _ in found)
    from_one = {name for name, at, _ in taken if at >= counts[name]}
    return [(layer, name, number + (name in from_one), sources) for layer, name, number, sources in found]


def _references(value: Any) -> list[tuple[str, int, int]]:
    """Layer, number of its call, number of the output; written as one such list or as a list of them."""
    entries = [value] if value and isinstance(value[0], str) else list(value)
    found = []
    for entry in entries:
        name, call, index, *settings = entry
        if settings and settings[0]:
            raise NotDrawn(f"the settings {settings[0]!r} of a call")
        found.append((str(name), int(call), int(index)))
    return found
