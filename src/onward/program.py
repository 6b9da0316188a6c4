"""What a conversion gives: the model, ready to save, run and look into."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onward import ir, serialize
from onward.dtypes import STRING
from onward.errors import InvalidArgumentError, MissingDependencyError
from onward.writing import replacing

if TYPE_CHECKING:
    import onnx
    import onnx_ir

    from onward.graph import Graph
    from onward.journal import Journal
    from onward.options import Options
    from onward.runtime import Session, Settings
    from onward.tools.report import Report
    from onward.tools.verify import Verification

STATE = ".state.npz"  # ends the name of the file with the state that a model begins with
LIMIT = 2**31 - 1  # bytes that one protobuf message can hold


class ONNXProgram:
    """A converted model.

    Attributes:
        source: what was converted, in a word or by its path.
        graph: the source as it was read, with its inputs, outputs and, where TensorFlow is at hand, its reference.
        verification: how it compared with its source; None where nothing was compared.
        seconds: how long each stage of the conversion took.
        notes: what else there is to know, a sentence each.
        path: where the conversion wrote it; None where it did not.
        options: what the conversion was asked for; None where there was none.
        journal: what became of every node, where somebody wanted to know.
    """

    def __init__(self, model: ir.Model, graph: Graph | None = None) -> None:
        self._ir = model
        self.source = ""
        self.graph = graph
        self.verification: Verification | None = None
        self.seconds: dict[str, float] = {}
        self.notes: list[str] = []
        self.path: Path | None = None
        self.options: Options | None = None
        self.journal: Journal | None = None
        self._carried: dict[str, np.ndarray] = {}

    def __repr__(self) -> str:
        return f"<ONNXProgram {self._ir.graph.name!r}: {len(self._ir.graph.nodes)} nodes, opset {self.opset}>"

    @property
    def opset(self) -> int:
        """The opset of the default domain."""
        return self._ir.opset

    @property
    def domains(self) -> dict[str, int]:
        """The other domains of its operators, with the versions it imports."""
        return self._ir.domains

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
        import onnx

        header, weights = serialize.header(self._ir)
        if serialize.size(header, weights) > LIMIT:
            raise InvalidArgumentError("the model exceeds the 2 GB that one protobuf holds: use program.save(path)")
        proto = onnx.ModelProto.FromString(header.SerializeToString(deterministic=True))
        for weight in weights:
            initializer = proto.graph.initializer.add(
                data_type=weight.data_type, dims=weight.array.shape, name=weight.name
            )
            initializer.raw_data = weight.data().tobytes()
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
        endings = (".data",) * external_data + (STATE,) * bool(self.states)
        beside = [path.with_name(path.name + ending) for ending in endings]
        with replacing(path, *beside) as [file, *others]:
            if external_data:
                file.write(serialize.write_external(proto, weights, beside[0].name, others[0].write))
            else:
                serialize.write_single(proto, weights, file.write)
            if self.states:
                archive = io.BytesIO()
                initial: dict[str, Any] = {state.input: _storable(state.initial) for state in self.states}
                np.savez(archive, **initial)
                others[-1].write(archive.getbuffer())
        return path

    @property
    def states(self) -> list[ir.State]:
        """The variables that the model carries: ``input`` and ``output`` by name, and the ``initial`` array."""
        return self._ir.states

    def run(self, inputs: Mapping[str, Any], *, carry_state: bool = False) -> dict[str, np.ndarray]:
        """Runs the model in ONNX Runtime on the CPU.

        Args:
            inputs: an array per input name. A state that is not given is what the source held.
            carry_state: begin with the state that the last such run ended with; ``reset_state`` begins anew.

        Returns:
            The outputs by name, states included.

        Raises:
            MissingDependencyError: onnxruntime is not installed.
            InvalidArgumentError: names or dtypes are not those of the model, or it carries no state.
        """
        if not carry_state:
            return self.session.run(inputs)
        if not self.states:
            raise InvalidArgumentError("the model carries no state: convert it with state='carried'")
        results = self.session.run({**self._carried, **inputs})
        self._carried = {state.input: results[state.output] for state in self.states}
        return results

    def reset_state(self) -> None:
        """Lets the next run that carries state begin as the source did."""
        self._carried = {}

    @cached_property
    def session(self) -> Session:
        """The program, loaded into ONNX Runtime on the CPU."""
        return self.open()

    def open(self, provider: str | Sequence[str] = "cpu", settings: Settings | None = None) -> Session:
        """Loads the program into ONNX Runtime: what ``onward.session`` does with it."""
        from onward.runtime import Session

        initial = {state.input: state.initial for state in self.states}
        proto, weights = serialize.header(self._ir)
        if serialize.size(proto, weights) <= LIMIT:
            chunks: list[Any] = []
            serialize.write_single(proto, weights, chunks.append)
            return Session(b"".join(chunks), initial, provider, settings)
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = self.save(Path(folder) / "model.onnx", external_data=True)
            return Session(path, initial, provider, settings)

    @property
    def report(self) -> Report:
        """What the conversion read and made, how long it took and how it was verified; text when printed."""
        from onward.tools.report import report

        return report(self)


def _storable(array: np.ndarray) -> np.ndarray:
    """An array that numpy reads again without pickle."""
    if array.dtype != STRING:
        return array
    from onward.runtime import texts

    return texts(array).astype(str)
