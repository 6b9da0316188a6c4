"""Writes small TFLite files operator by operator, for what no converter emits on demand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


class Writer:
    """A model under construction; subgraphs are filled one after the other, the first being the main one."""

    def __init__(self) -> None:
        from tensorflow.lite.python import schema_py_generated as schema

        self.schema = schema
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.operatorCodes, self.model.subgraphs = [], []
        self.model.buffers = [schema.BufferT()]
        self.subgraph()

    def subgraph(self) -> int:
        """Begins another subgraph; its index."""
        graph = self.schema.SubGraphT()
        graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [], []
        graph.name = f"subgraph{len(self.model.subgraphs)}"
        self.model.subgraphs.append(graph)
        self.graph = graph
        return len(self.model.subgraphs) - 1

    def tensor(
        self,
        dtype: str,
        shape: Sequence[int] = (),
        *,
        name: str = "",
        value: Any = None,
        scale: Any = None,
        zero_point: Any = 0,
        variable: bool = False,
    ) -> int:
        """A tensor: its index. A dtype is called as in the schema; -1 is a dynamic size."""
        tensor = self.schema.TensorT()
        tensor.type = getattr(self.schema.TensorType, dtype)
        tensor.name = (name or f"t{len(self.graph.tensors)}").encode()
        tensor.shape = [1 if d < 0 else d for d in shape]
        tensor.hasRank = True
        if any(d < 0 for d in shape):
            tensor.shapeSignature = list(shape)
        tensor.isVariable = variable
        if scale is not None:
            tensor.quantization = self.schema.QuantizationParametersT()
            tensor.quantization.scale = np.atleast_1d(np.asarray(scale, np.float32))
            tensor.quantization.zeroPoint = np.broadcast_to(
                np.asarray(zero_point, np.int64), tensor.quantization.scale.shape
            )
        tensor.buffer = 0
        if value is not None:
            tensor.buffer = len(self.model.buffers)
            buffer = self.schema.BufferT()
            buffer.data = np.frombuffer(_content(value, dtype), np.uint8)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def constant(self, value: Any, **quantization: Any) -> int:
        """A constant, its index."""
        array = np.asarray(value)
        dtype = "STRING" if array.dtype.kind in "OSU" else array.dtype.name.upper()
        return self.tensor(dtype, array.shape, value=array, **quantization)

    def input(self, dtype: str, shape: Sequence[int] = (), **more: Any) -> int:
        """An input of the current subgraph."""
        index = self.tensor(dtype, shape, **more)
        self.graph.inputs.append(index)
        return index

    def output(self, *indices: int) -> None:
        """Makes tensors outputs of the current subgraph."""
        self.graph.outputs += indices

    def operator(
        self,
        op: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: str = "",
        custom: bytes | None = None,
        intermediates: Sequence[int] = (),
        second: bool = False,
        **fields: Any,
    ) -> None:
        """An operator; `options` names the table of its options, whose fields follow in the schema's spelling.

        With `custom`, a custom operator of the code `op` with these options.
        """
        made = self.schema.OperatorT()
        made.opcodeIndex = self._code(op, custom is not None)
        made.inputs, made.outputs, made.intermediates = list(inputs), list(outputs), list(intermediates)
        if custom is not None:
            made.customOptions = np.frombuffer(custom, np.uint8)
        if options:
            table = getattr(self.schema, f"{options}T")()
            for name, value in fields.items():
                assert hasattr(table, name), name
                setattr(table, name, value)
            made.builtinOptionsType = getattr(self.schema.BuiltinOptions, options)
            made.builtinOptions = table
        self.graph.operators.append(made)

    def signature(self, key: str, subgraph: int, inputs: dict[str, int], outputs: dict[str, int]) -> None:
        """Names a subgraph, its inputs and outputs."""
        made = self.schema.SignatureDefT()
        made.signatureKey, made.subgraphIndex = key, subgraph
        made.inputs, made.outputs = self._map(inputs), self._map(outputs)
        self.model.signatureDefs = [*(self.model.signatureDefs or []), made]

    def bytes(self) -> bytes:
        """The file."""
        import flatbuffers

        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def save(self, path: Path) -> Path:
        path.write_bytes(self.bytes())
        return path

    def _map(self, names: dict[str, int]) -> list[Any]:
        made = []
        for name, index in names.items():
            entry = self.schema.TensorMapT()
            entry.name, entry.tensorIndex = name, index
            made.append(entry)
        return made

    def _code(self, op: str, is_custom: bool) -> int:
        number = self.schema.BuiltinOperator.CUSTOM if is_custom else getattr(self.schema.BuiltinOperator, op)
        for i, code in enumerate(self.model.operatorCodes):
            if code.builtinCode == number and (not is_custom or code.customCode == op):
                return i
        code = self.schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
        code.version = 1
        if is_custom:
            code.customCode = op
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1


def _content(value: Any, dtype: str) -> bytes:
    if dtype != "STRING":
        return np.ascontiguousarray(value).tobytes()
    strings = [s if isinstance(s, bytes) else str(s).encode() for s in np.asarray(value, object).ravel()]
    ends = np.cumsum([4 * (len(strings) + 2), *(len(s) for s in strings)])
    return np.array([len(strings), *ends], "<i4").tobytes() + b"".join(strings)
