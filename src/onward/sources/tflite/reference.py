"""The TFLite interpreter, which a converted model is compared with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.formats.tflite import Signature
from onward.options import Options
from onward.sources.tflite.flow import Flow


class Interpreter:
    """Runs a file's signature in ``tf.lite.Interpreter``: arrays by input name in, arrays in the outputs' order out."""

    def __init__(self, path: str | os.PathLike[str], options: Options, signature: Signature, flow: Flow) -> None:
        self.path = str(path)
        self.signature = signature
        self._flow = flow

    def __call__(self, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        import tensorflow as tf

        return self.run(arrays, tf.lite.experimental.OpResolverType.AUTO)

    def run(self, arrays: Mapping[str, NDArray[Any]], kernels: Any) -> list[NDArray[Any]]:
        """With a given set of kernels."""
        import tensorflow as tf

        interpreter = tf.lite.Interpreter(model_path=self.path, experimental_op_resolver_type=kernels, num_threads=1)
        if self.signature.subgraph:  # the interpreter's own tensors are those of the first
            results = interpreter.get_signature_runner(self.signature.key)(**arrays)
            return [results[name] for name in self.signature.outputs]
        for name, index in self.signature.inputs.items():
            interpreter.resize_tensor_input(index, np.shape(arrays[name]))
        interpreter.allocate_tensors()
        for name, index in self.signature.inputs.items():
            interpreter.set_tensor(index, arrays[name])
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in self.signature.outputs.values()]
