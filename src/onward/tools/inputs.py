"""Inputs for a loaded model: read from files, or drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.graph import Graph, Input, Node, Output, Tensor
from onward.runtime import Port, RuntimeFailureError, Session
from onward.tools import golden, pictures, sample
from onward.tools.golden import Arrays
from onward.tools.reference import NoInputsError


def as_graph(
    session: Session, name: str = "model", sizes: Mapping[str, int] | None = None, reference: Any = None
) -> Graph:
    """A loaded model as a source's graph: its inputs and outputs, and nothing in between.

    Args:
        sizes: of dynamic dimensions, by name.
    """
    inputs = [
        Input(port.name, Tensor(Node(port.name, "Placeholder", attrs={"dtype": port.dtype}), 0), port.dtype, shape)
        for port, shape in _shapes(session, sizes or {})
    ]
    outputs = [Output(port.name, Tensor(Node(port.name, "Identity"), 0)) for port in session.outputs]
    return Graph(name, inputs, outputs, reference=reference)


def dynamic(port: Port) -> list[str]:
    """The names of an input's dynamic dimensions; one without a name is called after the input: ``x.0``."""
    return [dim or f"{port.name}.{axis}" for axis, dim in enumerate(port.shape) if not isinstance(dim, int)]


def batches(session: Session) -> list[str]:
    """The names of the dynamic dimensions that come first in an input."""
    firsts = [port for port in session.inputs if port.shape and not isinstance(port.shape[0], int)]
    return list(dict.fromkeys(dynamic(port)[0] for port in firsts))


def _shapes(session: Session, sizes: Mapping[str, int]) -> Iterator[tuple[Port, tuple[int | str | None, ...]]]:
    known = list(dict.fromkeys(name for port in session.inputs for name in dynamic(port)))
    unknown = [name for name in sizes if name not in known]
    if unknown:
        raise InvalidArgumentError(
            f"the model has no dynamic dimension '{unknown[0]}'; it has {', '.join(known) or 'none'}"
        )
    for port in session.inputs:
        named = [dim if isinstance(dim, int) else dim or f"{port.name}.{axis}" for axis, dim in enumerate(port.shape)]
        yield port, tuple(sizes.get(dim, port.shape[i]) if isinstance(dim, str) else dim for i, dim in enumerate(named))


def draw(
    session: Session,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    accepts: Callable[[Arrays], Any] | None = None,
) -> Arrays:
    """Inputs that the model runs on, drawn as ``onward.verify`` draws them.

    Args:
        sizes: of dynamic dimensions, by name; the others' are drawn too.
        accepts: tries inputs, and raises RuntimeFailureError for those that will not do; by default the model runs.

    Raises:
        NoInputsError: the model runs on none of those drawn.
        InvalidArgumentError: it has no such dimension.
    """
    graph = as_graph(session, sizes=sizes)
    refusal: RuntimeFailureError | None = None
    for arrays in sample.draws(graph, 0, seed):
        wanted = {name: array for name, array in arrays.items() if name not in session.initial}
        try:
            (accepts or session.run)(wanted)
            return wanted
        except RuntimeFailureError as error:
            refusal = refusal or error
    raise NoInputsError(f"the model runs on none of the inputs drawn for it ({refusal}): give some") from refusal


def read(files: Sequence[str], session: Session, preprocess: str | None = None) -> list[Arrays]:
    """Sets of inputs from files.

    Args:
        files: ``[NAME=]FILE`` each: an ``.npz`` file with arrays by name (several sets, if recorded so), an ``.npy``
            file or a picture for the named input, or for the only one.
        preprocess: what becomes of a picture's pixels: see :func:`onward.tools.pictures.preprocessing`.

    Raises:
        InvalidSourceError: a file cannot be read.
        InvalidArgumentError: it is not clear which input a file is for.
        MissingDependencyError: reading pictures needs Pillow.
    """
    sets: list[Arrays] = [{}]
    prepared = pictures.preprocessing(preprocess)
    for text in files:
        name, file = _named(text, session)
        suffix = Path(file).suffix.lower()
        if suffix == ".npz":
            found = golden.read_inputs(file)
        else:
            port = _port(name, file, session)
            found = [{port.name: _npy(file) if suffix == ".npy" else pictures.read(file, port, prepared)}]
        if len(found) > 1 and len(sets) > 1 and len(found) != len(sets):
            raise InvalidArgumentError(f"'{file}' holds {len(found)} sets of inputs, another file {len(sets)}")
        count = max(len(found), len(sets))
        sets = [{**sets[i % len(sets)], **found[i % len(found)]} for i in range(count)]
    return sets


def _named(text: str, session: Session) -> tuple[str, str]:
    """A name and a path; the path may have an equals sign in it where no input is called so."""
    name, equals, file = text.partition("=")
    known = [port.name for port in (*session.inputs, *session.optional)]
    if equals and (name in known or not Path(text).exists()):
        if name not in known:
            raise InvalidArgumentError(f"the model has no input '{name}'; it has {', '.join(known) or 'none'}")
        return name, file
    return "", text


def _port(name: str, file: str, session: Session) -> Port:
    ports = [*session.inputs, *session.optional]
    if name:
        return next(port for port in ports if port.name == name)
    wanted = [port for port in session.inputs if port.name not in session.initial]
    if len(wanted) != 1:
        raise InvalidArgumentError(
            f"say which input '{file}' is for: NAME={file}, of {', '.join(port.name for port in ports) or 'none'}"
        )
    return wanted[0]


def _npy(file: str) -> NDArray[Any]:
    try:
        array = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidSourceError(f"'{file}' is no readable .npy file: {str(error).splitlines()[0]}") from error
    return np.asarray(array)
