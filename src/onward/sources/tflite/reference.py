"""The TFLite interpreter, which a converted model is compared with.

Its kernels for quantised tensors differ from set to set by steps that add up over a model, so a result is as right as
another when it is no further away than the sets are from each other.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.formats.tflite import Signature, Subgraph
from onward.sources.tflite.worker import Question, ask

_ROUNDINGS = (1e-6, -1e-6, 3e-6)
_SETS = ("AUTO", "BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES")


class Interpreter:
    """Runs a file's signature in ``tf.lite.Interpreter``: arrays by input name in, arrays in the outputs' order out."""

    def __init__(
        self, path: str | os.PathLike[str], subgraph: Subgraph, signature: Signature, is_rounded: bool
    ) -> None:
        self.path = str(path)
        self.signature = signature
        self.subgraph = subgraph
        self.is_rounded = is_rounded  # somewhere on the way, to the steps of quantised tensors

    def __call__(self, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The answers of the kernels that users get."""
        return self.run(arrays, _SETS[0])

    def slack(self, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """How far the sets of kernels are apart, and one step more, for each output.

        Where reals come in and are quantised, answers to inputs that differ by a few roundings count too: a step more
        or less at the entrance can grow on the way.
        """
        tries = [(arrays, kernels) for kernels in _SETS]
        if self.is_rounded and any(array.dtype.kind == "f" for array in arrays.values()):
            tries += [(_nudged(arrays, by), _SETS[0]) for by in _ROUNDINGS]
        answers = []
        for given, kernels in tries:
            try:
                answers.append(self.run(given, kernels))
            except RuntimeError:  # a set that lacks an operator, or a version of it, has no say
                continue
        return [
            np.asarray(_apart([answer[i] for answer in answers]) + self._step(index))
            for i, index in enumerate(self.signature.outputs.values())
        ]

    def run(self, arrays: Mapping[str, NDArray[Any]], kernels: str) -> list[NDArray[Any]]:
        """The answers of a set of kernels, by its name in ``tf.lite.experimental.OpResolverType``.

        Raises:
            RuntimeError: the interpreter refuses the file or the arrays, or crashes.
        """
        signature = self.signature
        inputs = [(name, index, np.ascontiguousarray(arrays[name])) for name, index in signature.inputs.items()]
        return ask(Question(self.path, signature.key, inputs, list(signature.outputs.items()), kernels))

    def _step(self, index: int) -> float:
        """The size of a step: one for a quantised output, its scale where it is dequantised at last."""
        tensor = self.subgraph.tensor(index)
        if tensor.quantization is not None and tensor.dtype.kind in "iu":
            return 1.0
        maker = next((o for o in self.subgraph.operators if index in o.outputs), None)
        if maker is None or maker.op != "DEQUANTIZE":
            return 0.0
        source = self.subgraph.tensor(maker.inputs[0]).quantization
        return 0.0 if source is None else float(source.scale.max()) * 1.001


def _nudged(arrays: Mapping[str, NDArray[Any]], by: float) -> dict[str, NDArray[Any]]:
    """The same inputs but for their last bits."""
    return {name: (a * (1 + by)).astype(a.dtype) if a.dtype.kind == "f" else a for name, a in arrays.items()}


def _apart(answers: list[NDArray[Any]]) -> float:
    """The largest difference between any two arrays."""
    if not answers or answers[0].dtype.kind not in "iuf" or not answers[0].size:
        return 0.0
    wide = np.stack([a.astype(np.float64) for a in answers])
    distance = np.nan_to_num(np.ptp(wide, axis=0), nan=0.0, posinf=0.0, neginf=0.0)
    return float(distance.max())
