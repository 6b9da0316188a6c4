"""What a conversion gives: the model, ready to save, run and look into."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onward import ir, serialize
from onward.errors import InvalidArgumentError, MissingDependencyError, OutputError

if TYPE_CHECKING:
    import onnx
    import onnx_ir

    from onward.graph import Graph

LIMIT = 2**31 - 1  # bytes that one protobuf message can hold


class ONNXProgram:
    """A converted model.

    Attributes:
        graph: the source as it was read, with its inputs, outputs and, where TensorFlow is at hand, its reference.
        report: what happened on the way, as text.
    """

    def __init__(self, model: ir.Model, graph: Graph | None = None) -> None:
        self._ir = model
        self.graph = graph
        self.report: Any = None
        self._session: Any = None

    def __repr__(self) -> str:
        return f"<ONNXProgram {self._ir.graph.name!r}: {len(self._ir.graph.nodes)} nodes, opset {self.opset}>"

    @property
    def opset(self) -> int:
        """The opset of the default domain."""
        return self._ir.opset

    @property
    def input_names(self) -> list[str]:
        return [v.name for v in self._ir.graph.inputs]

    @property
    def output_names(self) -> list[str]:
        return [v.name for v in self._ir.graph.outputs]

    @cached_property
    def model_proto(self) -> onnx.ModelProto:
        """The model as an ``onnx.ModelProto``, weights included.

        Raises:
            InvalidArgumentError: the model exceeds protobuf's 2 GB; ``save`` it instead.
        """
        proto, weights = serialize.header(self._ir)
        if serialize.size(proto, weights) > LIMIT:
            raise InvalidArgumentError("the model exceeds the 2 GB that one protobuf holds: use program.save(path)")
        for weight in weights:
            proto.graph.initializer.append(serialize.tensor_proto(np.asarray(weight.array), weight.name))
        return proto

    @property
    def model(self) -> onnx_ir.Model:
        """The model as an ``onnx_ir.Model``.

        Raises:
            MissingDependencyError: onnx_ir is not installed.
        """
        try:
            import onnx_ir
        except ImportError as error:
            raise MissingDependencyError("program.model needs onnx_ir: pip install 'onward[ir]'") from error
        return onnx_ir.from_proto(self.model_proto)

    def save(self, path: str | os.PathLike[str], *, external_data: bool | None = None) -> Path:
        """Writes the model.

        Args:
            path: the file; a file already there is replaced only once the new one is whole.
            external_data: keep the weights in ``<path>.data``; by default only for models above 2 GB.

        Raises:
            OutputError: it cannot be written. Nothing is left behind, and what stood there before still does.
        """
        path = Path(path)
        proto, weights = serialize.header(self._ir)
        if external_data is None:
            external_data = serialize.size(proto, weights) > LIMIT
        data = path.with_name(path.name + ".data")
        try:
            with _Replacing(path) as model_file:
                if not external_data:
                    serialize.write_single(proto, weights, model_file.write)
                else:
                    with _Replacing(data) as data_file:
                        model_file.write(serialize.write_external(proto, weights, data.name, data_file.write))
        except OSError as error:
            raise OutputError(f"cannot write '{path}': {error.strerror or error}") from error
        return path

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Runs the model in ONNX Runtime on the CPU.

        Args:
            inputs: an array per input name.

        Raises:
            MissingDependencyError: onnxruntime is not installed.
        """
        if self._session is None:
            self._session = session(self)
        arrays = {name: np.asarray(array) for name, array in inputs.items()}
        return dict(zip(self.output_names, self._session.run(None, arrays), strict=True))


def session(program: ONNXProgram) -> Any:
    """An ``onnxruntime.InferenceSession`` of the program, on the CPU.

    Raises:
        MissingDependencyError: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError("running a model needs ONNX Runtime: pip install 'onward[runtime]'") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    proto, weights = serialize.header(program._ir)
    if serialize.size(proto, weights) <= LIMIT:
        source: Any = program.model_proto.SerializeToString()
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    with tempfile.TemporaryDirectory() as folder:
        path = program.save(Path(folder) / "model.onnx", external_data=True)
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class _Replacing:
    """A file written under a temporary name beside its target and renamed onto it when all went well."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.write: Callable[[Any], Any]

    def __enter__(self) -> _Replacing:
        handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")
        self.write = self._file.write
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._file.close()
            if kind is None:
                umask = os.umask(0)
                os.umask(umask)
                self._temporary.chmod(0o666 & ~umask)
                self._temporary.replace(self._path)
        finally:
            self._temporary.unlink(missing_ok=True)
