"""Recorded inputs and answers as files that JavaScript, Kotlin and Swift read as easily as Python does.

``selftest.json`` lists the examples; of each array it says name, dtype and shape, and where its bytes lie in
``selftest.bin`` (row by row, little-endian, each array at a multiple of eight bytes). Strings stand in the JSON itself.
An output passes where ``|got - expected| <= max(tolerance * (1 + |expected|), slack)``; a tolerance of zero means
equal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import STRING, label
from onward.runtime import Port, texts
from onward.tools.compare import TOLERANCES
from onward.tools.package.contents import Contents, Examples
from onward.tools.package.folder import write_json

LIMIT = 64 * 2**20  # bytes of examples beyond the first; a page should not have to load more
ALIGNMENT = 8


def write(folder: Path, contents: Contents, examples: Examples, tolerance: float | None) -> None:
    """Writes ``selftest.json`` and ``selftest.bin``; examples after the first only while they are small."""
    blob = bytearray()
    inputs = {port.name: port for port in [*contents.inputs, *contents.session.optional]}
    outputs = {port.name: port for port in contents.outputs}
    sets: list[dict[str, Any]] = []
    for example in examples.sets:
        size = sum(array.nbytes for array in (*example.inputs.values(), *example.outputs.values()))
        if sets and len(blob) + size > LIMIT:
            break
        answers = {name: array for name, array in example.outputs.items() if name in outputs}
        sets.append(
            {
                "inputs": [_entry(inputs[name], array, blob) for name, array in example.inputs.items()],
                "outputs": [
                    {
                        **_entry(outputs[name], array, blob),
                        "tolerance": tolerance_of(outputs[name], tolerance),
                        "slack": float(example.slack.get(name, 0)),
                        "random": name in examples.random,
                    }
                    for name, array in answers.items()
                ],
            }
        )
    (folder / "selftest.bin").write_bytes(blob)
    write_json(folder / "selftest.json", {"origin": examples.origin, "examples": sets})


def tolerance_of(port: Port, tolerance: float | None) -> float:
    """How far an output may be off: as given, or by its dtype; zero for what must be equal."""
    own = TOLERANCES.get(port.dtype.name, 0.0)
    return own if tolerance is None or not own else tolerance


def as_dtype(port: Port, array: NDArray[Any]) -> NDArray[Any]:
    """An array in a port's dtype, as the model takes or gives it."""
    if port.dtype == STRING:
        return texts(array)
    if array.dtype.kind == "V":  # an .npz file keeps the bits of ml_dtypes' types, not their names
        return array.view(port.dtype)
    return np.ascontiguousarray(array, port.dtype).reshape(array.shape)


def _entry(port: Port, array: NDArray[Any], blob: bytearray) -> dict[str, Any]:
    array = as_dtype(port, array)
    about: dict[str, Any] = {"name": port.name, "dtype": label(port.dtype), "shape": list(array.shape)}
    if port.dtype == STRING:
        return {**about, "values": array.reshape(-1).tolist()}
    blob.extend(b"\0" * (-len(blob) % ALIGNMENT))
    data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    about |= {"offset": len(blob), "bytes": len(data)}
    blob.extend(data)
    return about
