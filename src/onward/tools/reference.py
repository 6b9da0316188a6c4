"""The source itself, run in TensorFlow: what a model is compared with."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import STRING
from onward.errors import InvalidArgumentError, MissingDependencyError
from onward.formats.opdefs import opdef
from onward.graph import FunctionRef, Graph
from onward.runtime import texts
from onward.tools import sample
from onward.tools.golden import Arrays, Example


class Refused(Exception):
    """The source does not run on these inputs; the text says why."""


class NoInputsError(InvalidArgumentError):
    """The source runs on none of the inputs that were drawn for it."""


class Source:
    """A graph's source, ready to be asked.

    Raises:
        InvalidArgumentError: the source is none that can be run.
        MissingDependencyError: TensorFlow is not installed.
    """

    in_tensorflow = True

    def __init__(self, graph: Graph) -> None:
        if graph.reference is None:
            raise InvalidArgumentError(f"'{graph.name}' cannot be run in TensorFlow: there is nothing to compare with")
        if self.in_tensorflow and importlib.util.find_spec("tensorflow") is None:
            raise MissingDependencyError(
                "running the source needs TensorFlow: pip install 'onward[keras]'; or compare with recorded answers "
                "(onward record, --golden)"
            )
        self.graph = graph
        self.output_names = [output.name for output in graph.outputs]
        self.notes: list[str] = []
        self._random = _draws_random(graph)

    def description(self) -> str:
        """The reference by name and version."""
        for package in ("tensorflow", "tensorflow-cpu"):
            try:
                return f"TensorFlow {importlib.metadata.version(package)}"
            except importlib.metadata.PackageNotFoundError:
                continue
        return "TensorFlow"

    def runs(self, given: Sequence[Arrays] | None) -> int:
        """How many examples there will be."""
        return len(given) if given is not None else sample.RUNS if self.graph.inputs else 1

    def examples(self, given: Sequence[Arrays] | None, seed: int) -> Iterator[Example]:
        """Inputs with the source's answers: the given ones, or drawn ones at two sizes of every dynamic dimension.

        Raises:
            NoInputsError: the source runs on none of those drawn.
            InvalidArgumentError: it does not run on those given.
        """
        if given is not None:
            for arrays in given:
                try:
                    yield self._example(arrays)
                except Refused as refusal:
                    raise InvalidArgumentError(f"the source does not run on the given inputs: {refusal}") from refusal
            return
        for run in range(self.runs(None)):
            example = self._drawn(run, seed)
            if example is None:
                return
            yield example

    def random_outputs(self, example: Example) -> frozenset[str]:
        """The outputs that differ when the source is asked again, in graphs that draw random numbers."""
        if not self._random:
            return frozenset()
        again = self(example.inputs, again=True)
        return frozenset(
            name
            for name, array in example.outputs.items()
            if array.shape != again[name].shape
            or not np.array_equal(array, again[name], equal_nan=array.dtype.kind in "fc")
        )

    def __call__(self, arrays: Mapping[str, NDArray[Any]], again: bool = False) -> Arrays:
        """The outputs by name, of a first call, or of one that follows another.

        Raises:
            Refused: the source does not run on these inputs.
            InvalidArgumentError: inputs are missing.
        """
        assert self.graph.reference is not None
        missing = [i.name for i in self.graph.inputs if i.name not in arrays and i.default is None]
        if missing:
            names = ", ".join(i.name for i in self.graph.inputs)
            raise InvalidArgumentError(f"no array for the input '{missing[0]}'; the inputs are {names}")
        try:
            ask = getattr(self.graph.reference, "again", self.graph.reference) if again else self.graph.reference
            with _as_written() if self.in_tensorflow else nullcontext():
                results = ask(arrays)
        except (ValueError, TypeError, IndexError, RuntimeError, AssertionError, _op_error()) as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise Refused(lines[0] if lines else type(error).__name__) from error
        arrays_out = [np.asarray(array) for array in results]
        return {
            name: texts(array) if array.dtype == STRING else array
            for name, array in zip(self.output_names, arrays_out, strict=True)
        }

    def _example(self, arrays: Arrays) -> Example:
        outputs = self(arrays)
        slack = [] if self.graph.slack is None else self.graph.slack(arrays)
        return Example(arrays, outputs, {name: s for name, s in zip(self.output_names, slack, strict=False) if s})

    def _drawn(self, run: int, seed: int) -> Example | None:
        refusal: Refused | None = None
        for arrays in sample.draws(self.graph, run, seed):
            try:
                return self._example(arrays)
            except Refused as error:
                refusal = refusal or error
        if run:
            self.notes.append(f"the source ran at one size only: {refusal}")
            return None
        raise NoInputsError(
            f"the source runs on none of the inputs drawn for it ({refusal}): give some with data= or --data"
        ) from refusal


@contextmanager
def _as_written() -> Iterator[None]:
    """Without Grappler's fusions, one of which computes something else where oneDNN serves it (TensorFlow 2.21)."""
    import tensorflow as tf

    before = tf.config.optimizer.get_experimental_options().get("remapping")
    tf.config.optimizer.set_experimental_options({"remapping": False})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"remapping": before})


def _op_error() -> type[Exception]:
    """What TensorFlow raises for its own; asked for only when something was raised, since it takes an import."""
    import tensorflow as tf

    found: type[Exception] = tf.errors.OpError
    return found


def _draws_random(graph: Graph) -> bool:
    """Whether any op of the graph, or of the functions it calls, keeps a random state."""
    graphs, seen = [graph], set()
    while graphs:
        current = graphs.pop()
        for node in current.nodes():
            if _RANDOM.search(node.op) and _stateful(node.op):
                return True
            for value in node.attrs.values():
                for ref in value if isinstance(value, list) else [value]:
                    if isinstance(ref, FunctionRef) and repr(ref) not in seen:
                        seen.add(repr(ref))
                        graphs.append(current.function(ref))
    return False


_RANDOM = re.compile("Random|Normal|Uniform|Multinomial|Binomial|Poisson|Gamma|Sampler|Rng")


def _stateful(op: str) -> bool:
    try:
        return opdef(op).is_stateful
    except KeyError:
        return False
