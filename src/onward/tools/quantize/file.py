"""A quantised model on disk: whole or not at all, its weights beside it where one message cannot hold them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

from onward.program import LIMIT
from onward.tools.quantize.message import weight_bytes
from onward.writing import replacing

if TYPE_CHECKING:
    import onnx

SMALL = 1024  # bytes of a constant that stays in the model's file


def write(proto: onnx.ModelProto, path: Path) -> None:
    """Writes a model.

    Raises:
        OutputError: it cannot be written. Nothing is left behind, and what stood there before still does.
    """
    if weight_bytes(proto) < LIMIT // 2:
        with replacing(path) as [file]:
            file.write(proto.SerializeToString())
        return
    beside, proto = path.with_name(path.name + ".data"), copy.deepcopy(proto)
    with replacing(path, beside) as [file, data]:
        offset = 0
        for tensor in proto.graph.initializer:
            if len(tensor.raw_data) < SMALL:
                continue
            data.write(tensor.raw_data)
            for key, value in (("location", beside.name), ("offset", offset), ("length", len(tensor.raw_data))):
                tensor.external_data.add(key=key, value=str(value))
            offset += len(tensor.raw_data)
            tensor.data_location = 1  # TensorProto.EXTERNAL
            tensor.ClearField("raw_data")
        file.write(proto.SerializeToString())


def size_of(path: Path) -> int:
    """Bytes of a model's file and of those that hold its weights."""
    import onnx

    tensors = onnx.load(path, load_external_data=False).graph.initializer
    places = {entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location"}
    return path.stat().st_size + sum((path.parent / place).stat().st_size for place in places)
