"""Weights beside the model, as tf2onnx keeps them: in a mapping of names to bytes, or together in a zip archive."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from onward import serialize
from onward.program import ONNXProgram
from onward.writing import replacing

if TYPE_CHECKING:
    import onnx

MODEL = "__MODEL_PROTO.onnx"  # what tf2onnx calls the model in its archive
THRESHOLD = 1024  # elements; smaller weights stay in the model


class ExternalTensorStorage:
    """The large weights of a model.

    Attributes:
        name_to_tensor_data: the bytes of each, by the file name that the model refers to; made when asked for.
        external_tensor_size_threshold: how many elements a weight has at least to be here.
    """

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self.name_to_tensor_data: Mapping[str, bytes] = _Bytes(weights)
        self.external_tensor_size_threshold = THRESHOLD


class _Bytes(Mapping[str, bytes]):
    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._weights = weights

    def __getitem__(self, name: str) -> bytes:
        data: bytes = self._weights[name].data().tobytes()
        return data

    def __iter__(self) -> Iterator[str]:
        return iter(self._weights)

    def __len__(self) -> int:
        return len(self._weights)


def split(program: ONNXProgram) -> tuple[onnx.ModelProto, ExternalTensorStorage]:
    """The model without its large weights, which it refers to by name, and these."""
    import onnx

    header, weights = serialize.header(program._ir)
    proto = onnx.ModelProto.FromString(header.SerializeToString(deterministic=True))
    stored: dict[str, Any] = {}
    for number, weight in enumerate(weights):
        tensor = proto.graph.initializer.add(data_type=weight.data_type, dims=weight.array.shape, name=weight.name)
        if weight.array.size <= THRESHOLD:
            tensor.raw_data = weight.data().tobytes()
            continue
        name = f"{re.sub(r'[^A-Za-z0-9_.-]', '_', weight.name)}_{number}"
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=name)
        stored[name] = weight
    return proto, ExternalTensorStorage(stored)


def write_zip(path: str | os.PathLike[str], proto: onnx.ModelProto, storage: ExternalTensorStorage) -> None:
    """Writes the archive; holds one weight at a time.

    Raises:
        OutputError: it cannot be written. Nothing is left behind.
    """
    with replacing(Path(path)) as [file], zipfile.ZipFile(cast(Any, _Stream(file)), "w") as archive:
        archive.writestr(MODEL, proto.SerializeToString(deterministic=True))
        for name, data in storage.name_to_tensor_data.items():
            archive.writestr(name, data)


class _Stream:
    """What a ZipFile needs of a file that can only be appended to."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: Any) -> int:
        self._file.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""
