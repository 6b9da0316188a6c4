"""What a model is calibrated and measured on, batch by batch."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.runtime import Port
from onward.tools import golden
from onward.tools.golden import Arrays
from onward.tools.optimize import Original
from onward.tools.pictures import Pictures, preprocessing

BATCH = 8  # samples at once, where the model leaves it open
FOLDERS = "folders"  # labels that are the names of the folders that pictures lie in


class Samples:
    """Inputs in batches, as often as they are asked for; what the caller does not hold is in memory a batch at a time.

    Attributes:
        labels: one for each sample, where they are known.
        expected: how many there will be, where that is known; the limit otherwise.
        description: what they are, for the report.
    """

    def __init__(
        self,
        ports: Sequence[Port],
        source: Callable[[], Iterable[Mapping[str, Any]]],
        limit: int,
        labels: NDArray[Any] | None = None,
        description: str = "",
        expected: int | None = None,
    ) -> None:
        self._ports, self._source, self._limit = ports, source, limit
        self.labels = None if labels is None else labels[:limit]
        self.description = description
        self.expected = limit if expected is None else min(limit, expected)

    def __iter__(self) -> Iterator[Arrays]:
        """Batches, of ``limit`` samples altogether.

        Raises:
            InvalidArgumentError: the arrays are not what the model takes, or there are none.
        """
        left, pending = self._limit, []
        for given in self._source():
            for batch in self._split(given):
                size = _size(batch)
                if size > left:
                    batch, size = {name: array[:left] for name, array in batch.items()}, left
                left -= size
                if size == 1 and self._batch() > 1:
                    pending.append(batch)
                    if len(pending) == self._batch():
                        yield from _joined(pending)
                        pending = []
                else:
                    yield batch
                if left <= 0:
                    break
            if left <= 0:
                break
        if self._fixed() is None:
            yield from _joined(pending)
        if left == self._limit:
            raise InvalidArgumentError("there are no samples, or fewer than the batch that the model is fixed to")

    def first(self, count: int) -> list[Arrays]:
        """The first batches, of about this many samples, kept in memory."""
        found: list[Arrays] = []
        for batch in self:
            found.append(batch)
            count -= _size(batch)
            if count <= 0:
                break
        return found

    def one(self) -> Arrays:
        """The first sample as a batch of its own, or the first batch of a model that is fixed to more."""
        [batch] = self.first(1)
        sizes = {array.shape[0] if array.ndim else 0 for array in batch.values()}
        alone = self._fixed() is None and len(sizes) == 1
        return {name: array[:1] for name, array in batch.items()} if alone else batch

    def _fixed(self) -> int | None:
        """The size of a batch that the model insists on."""
        sizes = {port.shape[0] for port in self._ports if port.shape}
        return next((size for size in sizes if isinstance(size, int)), None)

    def _batch(self) -> int:
        return self._fixed() or BATCH

    def _split(self, given: Mapping[str, Any]) -> Iterator[Arrays]:
        """One set of arrays in batches: along the axis before the model's, or along its first."""
        names = {port.name for port in self._ports}
        if set(given) != names:
            wrong = ", ".join(sorted(set(given) ^ names))
            raise InvalidArgumentError(f"the inputs are {', '.join(sorted(names))}; not given or not known: {wrong}")
        arrays = {port.name: np.asarray(given[port.name]) for port in self._ports}
        ranks = {arrays[port.name].ndim - len(port.shape) for port in self._ports}
        counts = {array.shape[0] if array.ndim else None for array in arrays.values()}
        if ranks == {1} and len(counts) == 1:
            for i in range(counts.pop() or 0):
                yield {name: array[i] for name, array in arrays.items()}
        elif ranks == {0} and len(counts) == 1 and None not in counts:
            step, count = self._batch(), counts.pop() or 0
            whole = count if self._fixed() is None else count - count % step
            for i in range(0, whole, step):
                yield {name: array[i : i + step] for name, array in arrays.items()}
        elif ranks == {0}:
            yield arrays
        else:
            shapes = ", ".join(f"'{p.name}' {arrays[p.name].shape} for {p.shape}" for p in self._ports)
            raise InvalidArgumentError(f"samples need the model's axes, or one more in front: {shapes}")


def _size(batch: Arrays) -> int:
    return max((array.shape[0] for array in batch.values() if array.ndim), default=1)


def _joined(batches: list[Arrays]) -> Iterator[Arrays]:
    """Batches of one as one batch, where their other sizes are the same."""
    for _, group in itertools.groupby(batches, lambda batch: [array.shape for array in batch.values()]):
        members = list(group)
        yield {name: np.concatenate([member[name] for member in members]) for name in members[0]}


def open_samples(data: Any, ports: Sequence[Port], labels: Any, preprocess: str | None, limit: int) -> Samples:
    """The samples that are meant.

    Args:
        data: an ``.npz`` file, a folder of pictures, arrays by name, or an iterable of arrays by name (or a function
            that gives one). What can be iterated only once is kept in memory as far as `limit` reaches.
        ports: the model's inputs.
        labels: the name of an array in the ``.npz`` file, ``"folders"``, an ``.npy`` or text file, or an array.
        preprocess: of pictures: ``onward.tools.pictures.preprocessing``.

    Raises:
        InvalidArgumentError, InvalidSourceError: it cannot be understood or read.
    """
    if isinstance(data, (str, os.PathLike)):
        path = Path(data)
        if path.is_dir():
            pictures = Pictures(path, list(ports), preprocessing(preprocess))
            classes = pictures.classes() if labels == FOLDERS else _labels(labels)
            return Samples(
                ports,
                lambda: pictures,
                limit,
                classes,
                f"{len(pictures.files)} pictures in '{path.name}'",
                len(pictures.files),
            )
        sets = [example.inputs for example in golden.read(path)]
        found = None
        if isinstance(labels, str) and all(labels in arrays for arrays in sets):
            found = np.concatenate([np.ravel(arrays.pop(labels)) for arrays in sets])
        elif labels is not None:
            found = _labels(labels)
        return Samples(ports, lambda: sets, limit, found, f"'{path.name}'")
    if isinstance(data, Mapping):
        inputs = {name: array for name, array in data.items() if not (isinstance(labels, str) and name == labels)}
        found = np.ravel(data[labels]) if len(inputs) < len(data) else _labels(labels)
        return Samples(ports, lambda: [inputs], limit, found, "the arrays given")
    found = _labels(labels)
    if callable(data):
        return Samples(ports, data, limit, found, "the inputs given")
    if not isinstance(data, Iterable):
        raise InvalidArgumentError(f"data is a file, a folder, arrays by name or an iterable of those, not {data!r}")
    if iter(data) is data:
        once = list(itertools.islice(data, limit))
        return Samples(ports, lambda: once, limit, found, "the inputs given")
    return Samples(ports, lambda: data, limit, found, "the inputs given")


def drawn(path: Path, seed: int) -> Samples:
    """Inputs drawn at two sizes of every dynamic dimension, for want of others."""
    original = Original(path)
    ports = [Port(i.name, i.dtype, i.shape or ()) for i in original.graph.inputs]
    sets = [example.inputs for example in original.examples(None, seed)]
    return Samples(ports, lambda: sets, sum(map(_size, sets)), None, "drawn inputs")


def _labels(labels: Any) -> NDArray[Any] | None:
    """An array of class numbers, from wherever it comes."""
    if labels is None:
        return None
    if not isinstance(labels, (str, os.PathLike)):
        return np.ravel(np.asarray(labels))
    path = Path(labels)
    if not path.is_file():
        raise InvalidArgumentError(f"labels: '{labels}' is no array of the data and no file")
    try:
        loaded = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path, delimiter=",")
    except (ValueError, EOFError) as error:
        raise InvalidSourceError(f"'{path}' holds no labels: one number a line, or an .npy file ({error})") from error
    return np.ravel(loaded)
