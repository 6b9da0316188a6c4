"""TFLite models: read without TensorFlow, one subgraph at a time, by tables from TFLite's operators to TensorFlow's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from onward.errors import InvalidArgumentError
from onward.formats.tflite import Model, Signature, Subgraph
from onward.graph import Graph, Input, Output
from onward.options import Options
from onward.sources.choose import stated_inputs
from onward.sources.inline import placeholder
from onward.sources.naming import unique
from onward.sources.tflite.flow import clean
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
    for spec, index in zip(stated_inputs(found, options.inputs), signature.inputs.values(), strict=True):
        made = placeholder(spec.name or "", spec.dtype, spec.shape)
        flow.put(index, flow.add(made.tensor.node, flow.form(index)))
        inputs.append(made)
    state.follow(flow)
    outputs = [Output(name, flow.stored(index)) for name, index in signature.outputs.items()]
    graph = state.lend(Graph(options.name or Path(path).stem, inputs, outputs, flow.effects))
    graph.reference = Interpreter(path, options, signature, flow)
    return graph


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
