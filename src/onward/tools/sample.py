"""Inputs to try a model on: seeded, of the right kind, at two sizes of every dynamic dimension.

What a model accepts is not written anywhere, so there are several ways to draw, from telling to tame; whoever draws
goes on to the next way when the source itself refuses what came out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import BOOL, STRING, is_float
from onward.graph import Graph, Input, Node, Tensor

RUNS = 2
WORDS = np.array(["apple", "Banana split", "", "zebra", "un known", "the quick, brown fox", "é", "12"], object)
CHANNELS = (1, 3, 4)  # what makes a tensor of rank 4 or 5 a picture or a video


@dataclass(frozen=True)
class Sizes:
    """A way of choosing sizes, for each run: of the first dimension, of pictures' sides, and of everything else."""

    batch: tuple[int, int]
    sides: tuple[tuple[int, ...], tuple[int, ...]]
    others: tuple[tuple[int, ...], tuple[int, ...]]


# From the most telling to the most likely to be accepted. All sides differ; sides and lengths are powers of two; every
# dynamic dimension is the same; pictures are large; everything is one.
SIZES = (
    Sizes((2, 3), ((64, 96), (96, 64)), ((5, 7, 11, 13), (8, 6, 9, 10))),
    Sizes((2, 3), ((64,), (96,)), ((32,), (64,))),
    Sizes((4, 8), ((4,), (8,)), ((4,), (8,))),
    Sizes((1, 2), ((224,), (256,)), ((224,), (256,))),
    Sizes((1, 1), ((1,), (1,)), ((1,), (1,))),
)
# Where the source knows no rank: one for each row above.
UNKNOWN_RANK: tuple[tuple[int | str | None, ...], ...] = (
    ("batch", None),
    ("batch",),
    ("batch", None, None),
    (),
    ("batch", None),
)


@dataclass(frozen=True)
class Values:
    """A way of choosing values: the bound of integers, how reals are drawn, and the strings."""

    integers: int
    reals: str
    strings: NDArray[Any]


VALUES = (
    Values(10, "normal", WORDS),
    Values(2, "uniform", np.array(["0", "1", "2"], object)),
    Values(1, "ones", np.array(["a"], object)),
)


def draws(graph: Graph, run: int, seed: int) -> Iterator[dict[str, NDArray[Any]]]:
    """Inputs for a graph, again and again, each drawn in another way; inputs with a default keep it.

    Args:
        run: 0 or 1, which of the two sizes.
    """
    inputs = [i for i in graph.inputs if i.default is None]
    dynamic = any(i.shape is None or not all(isinstance(d, int) for d in i.shape) for i in inputs)
    users = _users(graph)
    ranges = {i.name: _preprocessing(users, i.tensor) for i in inputs if is_float(i.dtype)}
    ways = itertools.product(range(len(VALUES)), range(len(SIZES) if dynamic else 1))
    for tameness, way in sorted(ways, key=lambda pair: (sum(pair), pair)):
        values, sizes = VALUES[tameness], SIZES[way]
        shapes = _shapes(inputs, sizes, UNKNOWN_RANK[way], run)
        rng = np.random.default_rng([seed, run])
        arrays = {}
        for source in inputs:
            array = _draw(rng, source.dtype, shapes[source.name], values, source.span)
            if source.name in ranges:
                array = _before(array, *ranges[source.name], source.dtype)
            arrays[source.name] = array
        yield arrays


def _shapes(
    inputs: Sequence[Input], sizes: Sizes, unknown: tuple[int | str | None, ...], run: int
) -> dict[str, tuple[int, ...]]:
    """A shape for every input. A dimension's name stands for one size wherever it occurs."""
    known: dict[str, int] = {}
    sides, others = itertools.cycle(sizes.sides[run]), itertools.cycle(sizes.others[run])
    shapes = {}
    for source in inputs:
        dims = unknown if source.shape is None else source.shape
        picture = _is_picture(dims)
        shape = []
        for axis, dim in enumerate(dims):
            if isinstance(dim, int):
                shape.append(dim)
                continue
            key = dim if isinstance(dim, str) else "batch" if axis == 0 else f"{source.name}:{axis}"
            if key not in known:
                known[key] = sizes.batch[run] if axis == 0 else next(sides) if picture else next(others)
            shape.append(known[key])
        shapes[source.name] = tuple(shape)
    return shapes


def _is_picture(dims: Sequence[int | str | None]) -> bool:
    return len(dims) in (4, 5) and (dims[-1] in CHANNELS or dims[1] in CHANNELS)


def _draw(
    rng: np.random.Generator, dtype: np.dtype[Any], shape: tuple[int, ...], values: Values,
    span: tuple[int, int] | None,
) -> NDArray[Any]:  # fmt: skip
    if dtype == STRING:
        return np.asarray(rng.choice(values.strings, size=shape), object).reshape(shape)
    if dtype == BOOL:
        return rng.uniform(size=shape) < 0.5
    if dtype.kind == "c":
        return (_reals(rng, shape, values) + 1j * _reals(rng, shape, values)).astype(dtype)
    if is_float(dtype):
        return _reals(rng, shape, values)
    if span is not None:
        return rng.integers(*span, shape, dtype, endpoint=True)
    bytes_of_picture = dtype == np.uint8 and _is_picture(shape)
    return rng.integers(0, 256 if bytes_of_picture else values.integers, shape).astype(dtype)


def _reals(rng: np.random.Generator, shape: tuple[int, ...], values: Values) -> NDArray[Any]:
    if values.reals == "normal":
        return rng.standard_normal(shape)
    return rng.uniform(size=shape) if values.reals == "uniform" else np.ones(shape)


# --- the range that a model expects --------------------------------------------------------------------------------


def _before(array: NDArray[Any], scale: NDArray[Any], shift: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """What becomes `array` by the model's own preprocessing, ``x * scale + shift``."""
    with np.errstate(over="ignore"):
        found = ((array - shift) / scale).astype(dtype)
    return found if found.shape == array.shape and np.isfinite(found).all() else array.astype(dtype)


def _users(graph: Graph) -> dict[Tensor, list[Node]]:
    users: dict[Tensor, list[Node]] = {}
    for node in graph.nodes():
        for used in set(node.inputs):
            users.setdefault(used, []).append(node)
    return users


def _preprocessing(users: dict[Tensor, list[Node]], tensor: Tensor) -> tuple[NDArray[Any], NDArray[Any]]:
    """The scale and shift that a model begins with (rescaled pixels, normalised columns): 1 and 0 without any."""
    scale, shift = np.ones(()), np.zeros(())
    while len(users.get(tensor, ())) == 1:
        node = users[tensor][0]
        if node.op not in _PASSING and node.op not in _AFFINE:
            break
        if node.op in _AFFINE:
            constant = _constant(node.inputs[1]) if node.inputs[0] == tensor else None
            if constant is None and node.op in _COMMUTATIVE:
                constant = _constant(node.inputs[0])
            if constant is None:
                break
            factor, offset = _AFFINE[node.op](constant)
            scale, shift = scale * factor, shift * factor + offset
        tensor = Tensor(node, 0)
    sound = np.isfinite(scale).all() and np.isfinite(shift).all() and np.all(scale != 0)
    return (scale, shift) if sound else (np.ones(()), np.zeros(()))


_PASSING = frozenset({"Cast", "Identity"})
_COMMUTATIVE = frozenset({"Mul", "Add", "AddV2"})
_AFFINE: dict[str, Any] = {
    "Mul": lambda c: (c, 0.0),
    "RealDiv": lambda c: (1.0 / c, 0.0),
    "Add": lambda c: (1.0, c),
    "AddV2": lambda c: (1.0, c),
    "Sub": lambda c: (1.0, -c),
}


def _constant(tensor: Tensor) -> NDArray[Any] | None:
    """A small constant's or variable's value."""
    node = tensor.node
    while node.op in ("Cast", "Identity", "ReadVariableOp"):
        node = node.inputs[0].node
    size = getattr(node.value, "size", None)
    if not isinstance(size, int) or size > 4096 or np.dtype(node.value.dtype).kind not in "fiu":
        return None
    return np.asarray(node.value).astype(np.float64)
