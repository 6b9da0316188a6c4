"""TFLite models: read without TensorFlow, one subgraph at a time, by tables from TFLite's operators to TensorFlow's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from onward.errors import InvalidArgumentError
from onward.formats.tflite import Model, Signature, Subgraph, Tensor
from onward.graph import Graph, Input, Output
from onward.options import Options
from onward.sources.choose import stated_inputs
from onward.sources.inline import placeholder
from onward.sources.naming import unique
from onward.sources.tflite.flow import Flow, clean
from onward.sources.tflite.operators import follow
from onward.sources.tflite.reference import Interpreter
from onward.sources.tflite.state import State
from onward.specs import Spec

_DEFAULT = "serving_default"


def read(path: str | os.PathLike[str], options: Options) -> Graph:
    """The graph of a TFLite file.

    Args:
        path: the file.
        options: `signature` by its key; if not given ``serving_default``, or what the first subgraph computes.
            `dequantize` gives a float model for a quantised one.

    Raises:
        InvalidSourceError: the file is damaged.
        InvalidArgumentError: it holds no such signature or input.
    """
    model = Model(path)
    signature = _signature(model, options.signature)
    state = State(model, options.dequantize, follow)
    flow = state.flow(signature.subgraph)
    subgraph = flow.subgraph
    found = [Spec(subgraph.tensor(i).shape, flow.form(i), name) for name, i in signature.inputs.items()]
    inputs: list[Input] = []
    for spec, index in zip(_stated(found, options.inputs), signature.inputs.values(), strict=True):
        made = placeholder(spec.name or "", spec.dtype, spec.shape, span=_span(flow, index))
        flow.put(index, flow.add(made.tensor.node, flow.form(index)))
        inputs.append(made)
    state.follow(flow)
    outputs = [Output(name, flow.stored(index)) for name, index in signature.outputs.items()]
    graph = state.lend(Graph(options.name or Path(path).stem, inputs, outputs, flow.effects))
    if not (options.dequantize and any(map(flow.is_quantized, _computed(subgraph)))):
        interpreter = Interpreter(path, subgraph, signature, is_rounded=any(map(_is_rounded, model.subgraphs)))
        graph.reference, graph.slack = interpreter, interpreter.slack
    return graph


def _stated(found: list[Spec], given: Any) -> list[Spec]:
    """The inputs as the caller wants them: sizes in the file do not bind, the interpreter resizes inputs too."""
    free = [replace(spec, shape=None if spec.shape is None else (None,) * len(spec.shape)) for spec in found]
    return [
        replace(stated, shape=spec.shape if stated.shape is None else _filled(stated.shape, spec.shape))
        for stated, spec in zip(stated_inputs(free, given), found, strict=True)
    ]


def _filled(stated: tuple[Any, ...], known: tuple[Any, ...] | None) -> tuple[Any, ...]:
    if known is None:
        return stated
    return tuple(size if own is None else own for own, size in zip(stated, known, strict=True))


def _span(flow: Flow, index: int) -> tuple[int, int] | None:
    """What to draw for a quantised input; any integer of up to 16 bits may come."""
    dtype = flow.form(index)
    if not flow.is_quantized(index) or dtype.kind not in "iu" or dtype.itemsize > 2:
        return None
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def _computed(subgraph: Subgraph) -> Iterator[int]:
    """The tensors that operators make."""
    return (index for operator in subgraph.operators for index in operator.outputs)


def _is_rounded(subgraph: Subgraph) -> bool:
    """Whether any operator reads quantised numbers, for which kernels round each in its own way."""
    read = {index for operator in subgraph.operators for index in operator.inputs if index >= 0}
    return any(subgraph.tensor(index).quantization is not None for index in read)


def describe(path: str | os.PathLike[str]) -> dict[str, tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """The signatures of a file by key, each with its inputs and outputs by name; without any, the first subgraph."""
    model = Model(path)
    found = {}
    for signature in model.signatures or [_signature(model, None)]:
        tensor = model.subgraphs[signature.subgraph].tensor
        inputs, outputs = (
            {name: tensor(i) for name, i in part.items()} for part in (signature.inputs, signature.outputs)
        )
        found[signature.key or "main"] = (inputs, outputs)
    return found


def tensor_names(path: str | os.PathLike[str], signature: str | None = None) -> dict[str, str]:
    """The names that the file's own tensors have, by those that a signature gives them."""
    model = Model(path)
    chosen = _signature(model, signature)
    subgraph = model.subgraphs[chosen.subgraph]
    return {name: subgraph.tensor(index).name for name, index in (*chosen.inputs.items(), *chosen.outputs.items())}


def _signature(model: Model, wanted: str | None) -> Signature:
    """The signature to read; files of older converters have none, and are called by their tensors' names."""
    known = {signature.key: signature for signature in model.signatures}
    if wanted is not None:
        if wanted not in known:
            names = ", ".join(known) or "none"
            raise InvalidArgumentError(f"{model.path} has no signature '{wanted}'; it has: {names}")
        return known[wanted]
    first = next((signature for signature in model.signatures if signature.subgraph == 0), None)
    chosen = known.get(_DEFAULT) or first
    if chosen is not None:
        return chosen
    subgraph = model.subgraphs[0]
    inputs, outputs = (
        dict(zip(_names(subgraph, indices, kind), indices, strict=True))
        for kind, indices in (("input", subgraph.inputs), ("output", subgraph.outputs))
    )
    return Signature("", 0, inputs, outputs)


def _names(subgraph: Subgraph, indices: Sequence[int], kind: str) -> list[str]:
    return unique(clean(subgraph.tensor(index).name) or f"{kind}_{i}" for i, index in enumerate(indices))
