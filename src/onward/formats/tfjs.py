"""The files of TensorFlow.js: ``model.json`` and the shards with its weights.

The format is that of ``tfjs-core/src/io`` (``types.ts``, ``io_utils.ts``): a manifest lists groups of weights,
the bytes of a group's weights follow each other in its files, and a weight may be stored as 8-bit or 16-bit integers
(``value * scale + min``) or as half-precision floats.
"""

from __future__ import annotations

import json
import math
import os
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidSourceError
from onward.formats.wire import map_file

_DTYPES = {
    "float32": "<f4", "int32": "<i4", "bool": "?", "complex64": "<c8", "uint8": "u1", "int8": "i1", "uint16": "<u2",
    "int16": "<i2", "float16": "<f2", "string": "O",
}  # fmt: skip
_STORED = ("uint8", "uint16", "float16")  # what a weight may be quantised to


class ModelFile:
    """An open ``model.json``, given by its own path or by the folder's.

    `topology` is the graph or the layers' configuration, `content` the whole file.

    Raises:
        InvalidSourceError: the file cannot be read, or is no model of TensorFlow.js.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path) / "model.json" if os.path.isdir(path) else Path(path)
        try:
            content = json.loads(bytes(map_file(self.path)))
        except (ValueError, RecursionError) as error:
            raise InvalidSourceError(f"{self.path} is damaged or cut short: {error}") from error
        if not isinstance(content, dict) or not isinstance(content.get("modelTopology"), dict):
            raise InvalidSourceError(f"{self.path} is no model of TensorFlow.js: it has no 'modelTopology'")
        self.content: dict[str, Any] = content
        self.topology: dict[str, Any] = content["modelTopology"]

    def weights(self) -> dict[str, NDArray[Any]]:
        """Every weight by name: views of the files where they are stored as they are, strings as bytes.

        Raises:
            InvalidSourceError: the manifest makes no sense, or the files do not hold what it says.
        """
        manifest = self.content.get("weightsManifest", [])
        found: dict[str, NDArray[Any]] = {}
        for group in manifest if isinstance(manifest, list) else [manifest]:
            paths, entries = (group.get(key) if isinstance(group, Mapping) else None for key in ("paths", "weights"))
            if not isinstance(paths, list) or not isinstance(entries, list):
                raise InvalidSourceError(f"{self.path} is damaged: a group of weights lacks 'paths' or 'weights'")
            shards = _Shards([self._shard(path) for path in paths], f"{self.path} ({', '.join(map(str, paths))})")
            for entry in entries:
                name, array = shards.weight(entry)
                if name in found:
                    raise InvalidSourceError(f"{self.path} is damaged: it has two weights '{name}'")
                found[name] = array
            shards.finish()
        return found

    def _shard(self, path: Any) -> memoryview:
        """The bytes of a shard. It may be a link to anywhere; its name must not lead out of the folder."""
        plain = posixpath.normpath(path.replace("\\", "/")) if isinstance(path, str) and "\0" not in path else ".."
        if plain.startswith(("..", "/")) or ":" in plain.partition("/")[0]:
            raise InvalidSourceError(f"{self.path} asks for {path!r}, which is outside its folder")
        file = self.path.parent / plain
        return map_file(file) if not file.is_file() or file.stat().st_size else memoryview(b"")


class _Shards:
    """The bytes of a group, taken from the front."""

    def __init__(self, shards: Sequence[memoryview], name: str) -> None:
        self._shards = shards
        self._name = name
        self._starts = [0]
        for shard in shards:
            self._starts.append(self._starts[-1] + len(shard))
        self._at = 0

    def weight(self, entry: Any) -> tuple[str, NDArray[Any]]:
        """The next weight, described by its entry in the manifest."""
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if not isinstance(name, str):
            raise InvalidSourceError(f"{self._name}: a weight has no name")
        shape, dtype = entry.get("shape"), entry.get("dtype")
        if not isinstance(dtype, str) or dtype not in _DTYPES:
            raise InvalidSourceError(f"{self._name}: weight '{name}' has the unknown dtype {dtype!r}")
        if not isinstance(shape, list) or any(type(size) is not int or size < 0 for size in shape):
            raise InvalidSourceError(f"{self._name}: weight '{name}' has the shape {shape!r}, which is none")
        if dtype == "string":
            return name, self._strings(name, math.prod(shape)).reshape(shape)
        quantisation = entry.get("quantization")
        if quantisation is None:
            return name, self._numbers(name, dtype, shape)
        return name, self._quantised(name, dtype, shape, quantisation)

    def finish(self) -> None:
        """All bytes must have been asked for."""
        if self._at != self._starts[-1]:
            raise InvalidSourceError(f"{self._name}: {self._starts[-1] - self._at} bytes belong to no weight")

    def _numbers(self, name: str, dtype: str, shape: list[int]) -> NDArray[Any]:
        kind = np.dtype(_DTYPES[dtype])
        return np.frombuffer(self._take(name, math.prod(shape) * kind.itemsize), kind).reshape(shape)

    def _quantised(self, name: str, dtype: str, shape: list[int], quantisation: Any) -> NDArray[Any]:
        stored = quantisation.get("dtype") if isinstance(quantisation, Mapping) else None
        if not isinstance(stored, str) or stored not in _STORED or dtype not in ("float32", "int32"):
            raise InvalidSourceError(f"{self._name}: weight '{name}' is quantised from {dtype} to {stored!r}")
        values = self._numbers(name, stored, shape)
        if stored == "float16":
            return values.astype(dtype)
        scale, least = quantisation.get("scale"), quantisation.get("min")
        if not all(isinstance(number, (int, float)) and math.isfinite(number) for number in (scale, least)):
            raise InvalidSourceError(f"{self._name}: weight '{name}' is quantised without 'scale' and 'min'")
        real = values.astype(np.float64) * scale + least  # JavaScript's numbers are doubles
        return real.astype(np.float32) if dtype == "float32" else np.floor(real + 0.5).astype(np.int32)

    def _strings(self, name: str, count: int) -> NDArray[Any]:
        """Each string is its length in 4 bytes and its bytes."""
        if count > (self._starts[-1] - self._at) // 4:
            raise InvalidSourceError(f"{self._name}: weight '{name}' should have {count} strings, the files end before")
        found = np.empty(count, object)
        for i in range(count):
            length = int.from_bytes(self._take(name, 4), "little")
            found[i] = bytes(self._take(name, length))
        return found

    def _take(self, name: str, size: int) -> memoryview | bytes:
        start, end = self._at, self._at + size
        if end > self._starts[-1]:
            raise InvalidSourceError(
                f"{self._name}: weight '{name}' should have {size} bytes, {self._starts[-1] - start} are left"
            )
        self._at = end
        parts = [
            shard[max(start - first, 0) : end - first]
            for shard, first in zip(self._shards, self._starts, strict=False)
            if first < end and start < first + len(shard)
        ]
        return parts[0] if len(parts) == 1 else b"".join(parts)
