"""What the caller says about inputs and outputs, applied to what a source has."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from onward.errors import InvalidArgumentError
from onward.graph import Graph, Reference
from onward.specs import Spec, as_spec, flatten, is_shape, is_spec, merge


def stated_inputs(found: Sequence[Spec], given: Any) -> list[Spec]:
    """The source's inputs, completed or overridden by `given`; in the source's order.

    Args:
        found: the source's inputs, all named.
        given: None; a mapping of input names to specs or bare shapes; nested specs, as many as there are inputs and
            in their order; or a list of names, which says nothing about shapes.

    Raises:
        InvalidArgumentError: a name is unknown, the number is wrong, or ranks or sizes contradict each other.
    """
    names = [spec.name or "" for spec in found]
    if given is None or is_names(given):
        check_names(names, given or (), "input")
        return list(found)
    if isinstance(given, Mapping) and (set(given) <= set(names) or not all(map(is_nested, given.values()))):
        check_names(names, list(given), "input")
        return [
            merge(_stated(given[name]), spec, name) if name in given else spec
            for name, spec in zip(names, found, strict=True)
        ]
    leaves = [_stated(given)] if is_shape(given) else [_stated(leaf) for _, leaf in flatten(given)]
    if len(leaves) != len(found):
        raise InvalidArgumentError(
            f"the source has {count(len(found), 'input')} ({', '.join(names)}), and {len(leaves)} are given"
        )
    return [merge(leaf, spec, name) for leaf, spec, name in zip(leaves, found, names, strict=True)]


def is_names(given: Any) -> bool:
    """Whether `given` is a list of names rather than of specs."""
    return isinstance(given, (list, tuple)) and bool(given) and all(isinstance(name, str) for name in given)


def check_names(known: Sequence[str], wanted: Sequence[str], what: str) -> None:
    """Every wanted name must be known.

    Raises:
        InvalidArgumentError: one is not; the message lists those that are.
    """
    for name in wanted:
        if name not in known:
            raise InvalidArgumentError(f"the source has no {what} '{name}'; it has: {', '.join(known) or 'none'}")


def select(graph: Graph, inputs: Any, outputs: Any) -> Graph:
    """The graph with its inputs in the order of a list of names, and of its outputs only those named.

    A tensor's ``:0`` may be said or not.
    """
    if is_names(inputs):
        places = {made.name: i for i, made in enumerate(graph.inputs)}
        inputs = [_as_known(name, places) for name in inputs]
        check_names(list(places), inputs, "input")
        rest = [made for made in graph.inputs if made.name not in inputs]
        graph.inputs = [graph.inputs[places[name]] for name in inputs] + rest
    if outputs is None:
        return graph
    wanted = [outputs] if isinstance(outputs, str) else list(outputs)
    places = {output.name: i for i, output in enumerate(graph.outputs)}
    wanted = [_as_known(name, places) for name in wanted]
    check_names(list(places), wanted, "output")
    if not wanted:
        raise InvalidArgumentError("outputs is empty: name at least one, or leave it out for all")
    kept = [places[name] for name in wanted]
    graph.outputs = [graph.outputs[i] for i in kept]
    if graph.reference is not None:
        graph.reference = _some(graph.reference, kept)
    if graph.slack is not None:
        graph.slack = _some(graph.slack, kept)
    return graph


def _as_known(name: str, known: Container[str]) -> str:
    return name if name in known else name.removesuffix(":0")


def count(number: int, noun: str) -> str:
    """A number of things in words: ``1 input``, ``2 inputs``."""
    return f"{number} {noun}{'s' * (number != 1)}"


def _some(reference: Reference, kept: Sequence[int]) -> Reference:
    def run(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        results = reference(arrays)
        return [results[i] for i in kept]

    return run


def _stated(value: Any) -> Spec:
    if _is_shape(value):
        return Spec(tuple(value))
    leaves = list(flatten(value))
    return as_spec(leaves[0][1] if len(leaves) == 1 else value)


def is_nested(value: Any) -> bool:
    """Whether a value holds specs of several tensors, rather than being one spec or a bare shape."""
    return isinstance(value, (Mapping, list, tuple)) and not is_spec(value) and not _is_shape(value)


def _is_shape(value: Any) -> bool:
    return is_shape(value) or (isinstance(value, (list, tuple)) and not value)
