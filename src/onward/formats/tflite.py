"""TFLite models (``.tflite``), read without TensorFlow: a FlatBuffer of subgraphs, operators, tensors and buffers.

Field names are those of TensorFlow's schema (tensorflow/compiler/mlir/lite/schema/schema.fbs); ``tflite.tsv`` holds it.
Weights stay in the mapped file.
"""

from __future__ import annotations

import itertools
import math
import os
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onward.arrays import LazyArray
from onward.dtypes import STRING
from onward.errors import InvalidSourceError
from onward.formats.dtypes import BY_NAME, RESOURCE, VARIANT
from onward.formats.flatbuffer import File, Schema, Table, schema
from onward.formats.sparsity import densified
from onward.formats.wire import map_file

MAGIC = b"TFL3"
MOST_ELEMENTS = 1 << 33  # of a constant that a few bytes describe (a sparse one)
_DTYPES = {"RESOURCE": RESOURCE, "VARIANT": VARIANT, "STRING": STRING}
_PACKED = {"INT4": ("int4", 4), "UINT4": ("uint4", 4), "INT2": ("int2", 2)}
# Kept as bytes, two or four to one: numpy has no type for them, and 2-bit ones ONNX has none for either.
_UNPACKED = {"INT4": np.dtype(np.int8), "UINT4": np.dtype(np.uint8), "INT2": np.dtype(np.int8)}


class Quantization(NamedTuple):
    """How integers stand for reals: ``(q - zero_point) * scale``, per tensor or one entry for each place on `axis`."""

    scale: NDArray[np.float32]
    zero_point: NDArray[np.int64]
    axis: int

    @property
    def per_tensor(self) -> bool:
        return self.scale.size == 1

    def same(self, other: Quantization | None) -> bool:
        """Whether equal integers stand for equal reals."""
        return (
            other is not None
            and np.array_equal(self.scale, other.scale)
            and np.array_equal(self.zero_point, other.zero_point)
            and (self.per_tensor or self.axis == other.axis)
        )


class Tensor(NamedTuple):
    """A tensor of a subgraph.

    Attributes:
        shape: sizes with None for dynamic ones; None where the file does not say the rank.
        dtype: of its elements; packed integers (int4) count as bytes.
        bits: how many of a byte they fill.
        quantization: None where it holds what it says.
        value: of a constant, else None.
        is_variable: it keeps its value from run to run.
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: np.dtype[Any]
    bits: int
    quantization: Quantization | None
    value: NDArray[Any] | LazyArray | None
    is_variable: bool


class Options:
    """The options of an operator by their names in the schema; where the file has none, each has its default."""

    def __init__(self, table: Table | None, schema: Schema) -> None:
        self._table = table
        self._schema = schema

    def __contains__(self, name: str) -> bool:
        return self._table is not None and name in self._table

    def __getitem__(self, name: str) -> Any:
        if self._table is not None:
            return self._table[name]
        return _defaults(self._schema).get(name)

    def enum(self, name: str, enum: str) -> str:
        """An option by its name in `enum`."""
        return self._table.enum(name, enum) if self._table is not None else self._schema.enums[enum][0]


@cache
def _defaults(schema: Schema) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for fields in schema.tables.values():
        for name, field in fields.items():
            found.setdefault(name, field.default)
    return found


class Operator(NamedTuple):
    """One operator.

    Attributes:
        op: its name in the schema (``CONV_2D``), or the code of a custom one.
        inputs, outputs: indices of tensors; -1 for an input left out.
        custom: the options of a custom operator, as bytes.
    """

    op: str
    is_custom: bool
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    intermediates: tuple[int, ...]
    options: Options
    custom: bytes


class Signature(NamedTuple):
    """A named entry: a subgraph, and names for its inputs and outputs by index of their tensor."""

    key: str
    subgraph: int
    inputs: dict[str, int]
    outputs: dict[str, int]


class Subgraph:
    """A subgraph: ``inputs`` and ``outputs`` are indices of ``tensors``."""

    def __init__(self, model: Model, table: Table) -> None:
        self.model = model
        self.name: str = table["name"] or ""
        self._tensors: list[Table] = table["tensors"] or []
        self._operators: list[Table] = table["operators"] or []
        self._read: dict[int, Tensor] = {}
        self.inputs = self._indices(table, "inputs")
        self.outputs = self._indices(table, "outputs")

    @property
    def count(self) -> int:
        """How many tensors there are."""
        return len(self._tensors)

    def tensor(self, index: int) -> Tensor:
        """A tensor by its index, which must be one of the subgraph's."""
        if index not in self._read:
            self._read[index] = self.model.tensor(self._tensors[index])
        return self._read[index]

    @cached_property
    def operators(self) -> list[Operator]:
        """The operators in the order in which they run."""
        return [self._operator(table) for table in self._operators]

    def _operator(self, table: Table) -> Operator:
        name, is_custom, version = self.model.code(table["opcode_index"])
        chosen = table.union("builtin_options", "BuiltinOptions") or table.union("builtin_options2", "BuiltinOptions2")
        start, size = table.extent("custom_options")
        file = self.model.file
        if not size and table["large_custom_options_size"]:
            start, size = table["large_custom_options_offset"], table["large_custom_options_size"]
        return Operator(
            name,
            is_custom,
            version,
            self._indices(table, "inputs", optional=True),
            self._indices(table, "outputs", optional=True),
            self._indices(table, "intermediates", optional=True),
            Options(chosen, file.schema),
            bytes(file.bytes(start, size)),
        )

    def _indices(self, table: Table, field: str, optional: bool = False) -> tuple[int, ...]:
        found = table[field]
        indices = () if found is None else tuple(found.tolist())
        for index in indices:
            if not (-1 if optional else 0) <= index < len(self._tensors):
                raise self.model.file.damaged(f"a tensor {index} of {len(self._tensors)} is referred to")
        return indices


class Model:
    """A file, its parts read when asked for.

    Raises:
        InvalidSourceError: it is no TFLite model, or it is damaged. So may every access.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        data = map_file(path)
        self.path = str(path)
        if bytes(data[4:8]) != MAGIC:
            raise InvalidSourceError(f"{path} is no TFLite model: the mark TFL3 is missing")
        self.file = File(data, _schema(), str(path))
        root = self.file.root("Model")
        if root["version"] != 3:
            raise InvalidSourceError(f"{path} is a TFLite model of version {root['version']}; only 3 can be read")
        self._codes: list[Table] = root["operator_codes"] or []
        self._buffers: list[Table] = root["buffers"] or []
        self._signatures: list[Table] = root["signature_defs"] or []
        self._external: list[Table] = root["external_buffers"] or []
        self.description: str = root["description"] or ""
        self.subgraphs = [Subgraph(self, table) for table in root["subgraphs"] or []]
        if not self.subgraphs:
            raise InvalidSourceError(f"{path} holds no subgraph")

    @cached_property
    def signatures(self) -> list[Signature]:
        """The signatures; none in files of older converters."""
        found = []
        for table in self._signatures:
            index = table["subgraph_index"]
            if index >= len(self.subgraphs):
                raise self.file.damaged(f"a signature is for subgraph {index} of {len(self.subgraphs)}")
            parts = [{m["name"] or "": int(m["tensor_index"]) for m in table[f] or []} for f in ("inputs", "outputs")]
            count = self.subgraphs[index].count
            if any(not 0 <= i < count for part in parts for i in part.values()):
                raise self.file.damaged(f"a signature names a tensor outside of the {count} there are")
            found.append(Signature(table["signature_key"] or "", index, *parts))
        return found

    def code(self, index: int) -> tuple[str, bool, int]:
        """An operator's name, whether it is a custom one, and its version."""
        if index >= len(self._codes):
            raise self.file.damaged(f"operator code {index} of {len(self._codes)} is referred to")
        table = self._codes[index]
        number = max(table["deprecated_builtin_code"], table["builtin_code"])
        name = self.file.schema.enums["BuiltinOperator"].get(number)
        if name == "CUSTOM":
            return table["custom_code"] or "CUSTOM", True, table["version"]
        return name or f"BUILTIN_{number}", False, table["version"]

    def tensor(self, table: Table) -> Tensor:
        """What a ``Tensor`` table describes."""
        kind = table.enum("type", "TensorType")
        bits = _PACKED[kind][1] if kind in _PACKED else 8
        dtype = _UNPACKED.get(kind) or _DTYPES.get(kind) or BY_NAME[kind.lower()]
        sizes = _sizes(table["shape"])
        dynamic = _sizes(table["shape_signature"])
        shape: tuple[int | None, ...] | None = sizes
        if dynamic is not None and (sizes is None or len(dynamic) == len(sizes)):
            shape = tuple(None if d < 0 else d for d in dynamic)
        elif sizes is not None and any(d < 0 for d in sizes):
            shape = tuple(None if d < 0 else d for d in sizes)
        value = self._value(table, sizes or (), dtype, kind)
        if not shape and not table["has_rank"] and value is None:
            shape = None
        quantization = _quantization(table, self.file)
        if quantization is not None and not quantization.per_tensor and not _fits(quantization, shape):
            raise self.file.damaged(f"'{table['name']}' has {quantization.scale.size} scales for the shape {shape}")
        return Tensor(table["name"] or "", shape, dtype, bits, quantization, value, table["is_variable"])

    def _value(
        self, table: Table, shape: tuple[int, ...], dtype: np.dtype[Any], kind: str
    ) -> NDArray[Any] | LazyArray | None:
        data = self._content(table)
        if data is None or any(d < 0 for d in shape) or dtype in (RESOURCE, VARIANT):
            return None
        size = math.prod(shape)
        sparsity = table["sparsity"]
        if sparsity is not None:
            if size > MOST_ELEMENTS:
                raise self.file.damaged(f"a tensor of shape {list(shape)} is stored sparsely")
            return LazyArray(shape, dtype, lambda: densified(sparsity, self._plain(data, dtype, kind, None), shape))
        if dtype == STRING:
            return self._strings(data, shape)
        if kind in _PACKED:
            if len(data) < -(-size * _PACKED[kind][1] // 8):
                raise self._misfit(table, data, shape)
            return LazyArray(shape, dtype, lambda: self._plain(data, dtype, kind, size).reshape(shape))
        if len(data) != size * dtype.itemsize:
            raise self._misfit(table, data, shape)
        return np.frombuffer(data, dtype.newbyteorder("<") if dtype.kind in "iuf" else dtype).reshape(shape)

    def _content(self, table: Table) -> memoryview | None:
        index = table["buffer"]
        if index >= len(self._buffers):
            if index == 0:
                return None
            raise self.file.damaged(f"buffer {index} of {len(self._buffers)} is referred to")
        if table["external_buffer"]:
            raise InvalidSourceError(
                f"{self.path} keeps the weights of '{table['name']}' in another file, which is not read"
            )
        buffer = self._buffers[index]
        start, size = buffer.extent("data")
        if not size and buffer["offset"] > 1:  # beyond the 2 GB that a FlatBuffer can hold
            start, size = buffer["offset"], buffer["size"]
        return self.file.bytes(start, size) if size else None

    def _plain(self, data: memoryview, dtype: np.dtype[Any], kind: str, size: int | None) -> NDArray[Any]:
        if kind not in _PACKED:
            if len(data) % dtype.itemsize:
                raise self.file.damaged(f"{len(data)} bytes hold no whole number of {dtype.name}")
            return np.frombuffer(data, dtype)
        bits = _PACKED[kind][1]
        packed = np.frombuffer(data, np.uint8)
        places = np.arange(0, 8, bits, dtype=np.uint8)
        values = (packed[:, None] >> places & (2**bits - 1)).astype(np.uint8).ravel()[:size]
        if dtype.kind == "u":
            return values
        return ((values ^ 2 ** (bits - 1)).astype(np.int8) - 2 ** (bits - 1)).astype(np.int8)

    def _strings(self, data: memoryview, shape: tuple[int, ...]) -> NDArray[Any]:
        """A count, the offsets of the strings and of their end, and the bytes."""
        count = int(np.frombuffer(data[:4], "<i4")[0]) if len(data) >= 4 else -1
        if count != math.prod(shape) or len(data) < 4 * (count + 2):
            raise self.file.damaged(f"{count} strings are stored for the shape {list(shape)}")
        offsets = np.frombuffer(data[4 : 4 * (count + 2)], "<i4").tolist()
        strings = np.empty(count, object)
        for i, (start, end) in enumerate(itertools.pairwise(offsets)):
            if not 0 <= start <= end <= len(data):
                raise self.file.damaged("a string lies outside its buffer")
            strings[i] = bytes(data[start:end])
        return strings.reshape(shape)

    def _misfit(self, table: Table, data: memoryview, shape: tuple[int, ...]) -> InvalidSourceError:
        return self.file.damaged(f"'{table['name']}' has {len(data)} bytes for the shape {list(shape)}")


@cache
def _schema() -> Schema:
    return schema("tflite")


def _sizes(numbers: NDArray[np.int32] | None) -> tuple[int, ...] | None:
    return None if numbers is None else tuple(numbers.tolist())


def _fits(quantization: Quantization, shape: tuple[int | None, ...] | None) -> bool:
    """Whether there is a scale for every place on its axis."""
    if shape is None:
        return True
    axis = quantization.axis
    return 0 <= axis < len(shape) and shape[axis] in (None, quantization.scale.size)


def _quantization(table: Table, file: File) -> Quantization | None:
    found = table["quantization"]
    if found is None or found["scale"] is None or not found["scale"].size:
        return None
    if found["details_type"]:
        raise InvalidSourceError(f"{file.name}: the quantisation of '{table['name']}' is of a kind that is not read")
    scale = found["scale"].astype(np.float32)
    if not np.isfinite(scale).all() or (scale < 0).any():
        raise file.damaged(f"a scale of '{table['name']}' is no positive number")
    zero_point = found["zero_point"]
    zero_point = np.zeros(1, np.int64) if zero_point is None or not zero_point.size else zero_point.astype(np.int64)
    if zero_point.size == 1:
        zero_point = np.full(scale.size, zero_point[0], np.int64)
    if zero_point.size != scale.size:
        raise file.damaged(f"'{table['name']}' has {scale.size} scales and {zero_point.size} zero points")
    return Quantization(scale, zero_point, found["quantized_dimension"])
