"""The Open Inference Protocol (version 2), which Triton, KServe and the container's server speak: tensors as JSON.

Source: the protocol's specification, "Inference Protocol / Data Plane v2": datatypes and requests.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import STRING
from onward.runtime import Port
from onward.tools.golden import Arrays, Example
from onward.tools.package.contents import Contents
from onward.tools.package.selftest import as_dtype

DATATYPES = {
    "bool": "BOOL",
    **{f"uint{bits}": f"UINT{bits}" for bits in (8, 16, 32, 64)},
    **{f"int{bits}": f"INT{bits}" for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"FP{bits}" for bits in (16, 32, 64)},
    STRING.name: "BYTES",
}


def first_row(contents: Contents, example: Example) -> Example:
    """The example with one element of the batch only, where every input and output has one; else as it is."""
    ports = [*contents.inputs, *contents.outputs]
    if not all(port.shape and not isinstance(port.shape[0], int) for port in ports):
        return example
    if len({array.shape[0] for array in (*example.inputs.values(), *example.outputs.values()) if array.ndim}) != 1:
        return example

    def cut(arrays: Arrays) -> Arrays:
        return {name: array[:1] for name, array in arrays.items()}

    return Example(cut(example.inputs), cut(example.outputs), example.slack)


def request(contents: Contents, example: Example) -> dict[str, Any]:
    """What is posted to ``/v2/models/NAME/infer``."""
    return {"inputs": _tensors(contents.inputs, example.inputs)}


def response(contents: Contents, example: Example) -> dict[str, Any]:
    """What comes back, without the server's own additions."""
    return {"model_name": contents.name, "outputs": _tensors(contents.outputs, example.outputs)}


def _tensors(ports: list[Port], arrays: Arrays) -> list[dict[str, Any]]:
    return [
        {
            "name": port.name,
            "shape": list(arrays[port.name].shape),
            "datatype": DATATYPES[port.dtype.name],
            "data": _plain(as_dtype(port, arrays[port.name])),
        }
        for port in ports
        if port.name in arrays
    ]


def _plain(array: NDArray[Any]) -> list[Any]:
    """Elements row by row; JSON has no word for what is not finite, so that becomes null."""
    elements: list[Any] = array.reshape(-1).tolist()
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return elements
    return [element if math.isfinite(element) else None for element in elements]
