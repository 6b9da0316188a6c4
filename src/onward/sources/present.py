"""How inputs and outputs appear in the model: under other names, and with the channels first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError
from onward.graph import Graph, Input, Output, Reference
from onward.options import Options

_LAYOUTS = ("nchw",)
_IMAGE_RANK = 4


def present(graph: Graph, options: Options) -> Graph:
    """The graph with its inputs and outputs as `inputs_as`, `outputs_as` and `rename` say.

    Raises:
        InvalidArgumentError: a name or layout is unknown, or an input has no axes to move.
    """
    if options.inputs_as is None and options.outputs_as is None and not options.rename:
        return graph
    graph.inputs = [replace(made) for made in graph.inputs]  # the source runs itself by what its own are called
    for made in _inputs(graph, options.inputs_as):
        assert made.shape is not None
        made.channels_first, made.shape = True, (made.shape[0], made.shape[-1], *made.shape[1:-1])
    _mark_outputs(graph, options.outputs_as)
    names = _renamed(graph, options.rename(graph) if callable(options.rename) else options.rename or {})
    moved = {made.name for made in graph.inputs if made.channels_first}
    if graph.reference is not None:
        graph.reference = _giving(_taking(graph.reference, names, moved), list(graph.outputs))
    if graph.slack is not None:
        graph.slack = _taking(graph.slack, names, moved)
    return graph


def _inputs(graph: Graph, layouts: Any) -> list[Input]:
    """The inputs whose channels are to come first."""
    if layouts is None:
        return []
    if isinstance(layouts, str):
        _check(layouts)
        return [made for made in graph.inputs if made.shape is not None and len(made.shape) == _IMAGE_RANK]
    found = [_named(graph.inputs, name, "input") for name in _checked(layouts)]
    for made in found:
        if made.shape is None or len(made.shape) < 3:
            raise InvalidArgumentError(f"input '{made.name}' has no channels that could come before other axes")
    return found


def _mark_outputs(graph: Graph, layouts: Any) -> None:
    if isinstance(layouts, str):
        _check(layouts)
        for output in graph.outputs:
            output.channels_first = None
    elif layouts is not None:
        for name in _checked(layouts):
            _named(graph.outputs, name, "output").channels_first = True


def _checked(layouts: Any) -> list[str]:
    if not isinstance(layouts, Mapping):
        raise InvalidArgumentError(f"a layout is '{_LAYOUTS[0]}', or such a word for each name, not {layouts!r}")
    for layout in layouts.values():
        _check(layout)
    return list(layouts)


def _check(layout: Any) -> None:
    if layout not in _LAYOUTS:
        raise InvalidArgumentError(f"'{layout}' is no layout; there is: {', '.join(_LAYOUTS)}")


def _named(ports: Sequence[Any], name: str, what: str) -> Any:
    known = {port.name: port for port in ports}
    port = known.get(name) or known.get(name.removesuffix(":0"))
    if port is None:
        raise InvalidArgumentError(f"the source has no {what} '{name}'; it has: {', '.join(known) or 'none'}")
    return port


def _renamed(graph: Graph, names: Mapping[str, str]) -> dict[str, str]:
    """Gives inputs and outputs their new names; returns the source's input names by the new ones."""
    inputs, outputs = {made.name: made for made in graph.inputs}, {output.name: output for output in graph.outputs}
    before: dict[str, str] = {}
    for old, new in names.items():
        plain = old if old in inputs or old in outputs else old.removesuffix(":0")
        if plain not in inputs and plain not in outputs:
            known = ", ".join((*inputs, *outputs))
            raise InvalidArgumentError(f"the source has no input or output '{old}' to rename; it has: {known}")
        for ports in (inputs, outputs):
            if plain in ports:
                ports[plain].name = new
        if plain in inputs:
            before[new] = plain
    for found in ([made.name for made in graph.inputs], [output.name for output in graph.outputs]):
        double = [name for i, name in enumerate(found) if name in found[:i]]
        if double:
            raise InvalidArgumentError(f"two inputs or two outputs cannot both be called '{double[0]}'")
    return before


def _taking(reference: Reference, names: Mapping[str, str], moved: Collection[str]) -> Reference:
    """Takes what the graph takes now: arrays by new names, and some with the channels first."""

    def run(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        return reference(
            {
                names.get(name, name): np.moveaxis(np.asarray(array), 1, -1) if name in moved else array
                for name, array in arrays.items()
            }
        )

    return run


def _giving(reference: Reference, outputs: Sequence[Output]) -> Reference:
    """Gives what the graph gives now."""

    def run(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        return [
            np.ascontiguousarray(np.moveaxis(result, -1, 1)) if output.moves(result.ndim) else result
            for output, result in zip(outputs, reference(arrays), strict=True)
        ]

    return run
