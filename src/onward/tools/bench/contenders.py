"""What is timed: a model in ONNX Runtime or OpenVINO, or its source in TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidArgumentError, MissingDependencyError
from onward.tools.golden import Arrays

OPENVINO = "openvino-runtime"  # OpenVINO itself, where "openvino" is ONNX Runtime's provider
TENSORFLOW = "tensorflow"


@dataclass(frozen=True)
class Contender:
    """One way of running a model.

    Attributes:
        file: the ONNX file, or the source.
        engine: a provider of ONNX Runtime by plain name, ``openvino-runtime`` or ``tensorflow``.
        level, threads: as for ``onward.session``; TensorFlow knows no level.
        bind: keep inputs and outputs on the device.
        source: how to read a source: its signature, tag and whether its code may run.
        label: what it is called among the others.
    """

    file: str
    engine: str
    level: str = "all"
    threads: int | None = None
    bind: bool = False
    source: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    @property
    def in_onnxruntime(self) -> bool:
        return self.engine not in (OPENVINO, TENSORFLOW)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


class Loaded(Protocol):
    """A contender, loaded.

    Attributes:
        engine: what it really runs on.
        notes: what a reader should know of it: a fallback, nodes that went elsewhere.
        code: Python code that sets it up; empty where there is nothing to tell.
    """

    engine: str
    notes: list[str]
    code: str

    def prepare(self, arrays: Arrays) -> Callable[[], Any]:
        """A call that runs it on these inputs; two calls may run at once."""

    def answers(self, arrays: Arrays) -> Arrays:
        """Its outputs by name."""


def load(contender: Contender) -> Loaded:
    """Loads a contender into this process.

    Raises:
        OnwardError: a package is missing, or the file cannot be read or loaded.
    """
    if contender.engine == TENSORFLOW:
        return _Source(contender)
    return _OpenVINO(contender) if contender.engine == OPENVINO else _Session(contender)


def imports(contender: Contender) -> None:
    """Imports what a contender needs, which counts as nobody's loading time."""
    if contender.engine == TENSORFLOW:
        import tensorflow as tf

        if contender.threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(contender.threads)
            tf.config.threading.set_inter_op_parallelism_threads(contender.threads)
    elif contender.engine == OPENVINO:
        try:
            import openvino  # noqa: F401
        except ImportError as error:
            raise MissingDependencyError(f"{OPENVINO} needs OpenVINO: pip install openvino") from error
    else:
        import onward.tools.session  # noqa: F401


class _Session:
    def __init__(self, contender: Contender) -> None:
        from onward.tools.session import session

        self._session = session(contender.file, contender.engine, level=contender.level, threads=contender.threads)
        self._bind = contender.bind
        self.engine = self._session.provider
        self.notes = [f"not on {fallback.name}: {fallback.reason}" for fallback in self._session.fallbacks]
        placement = None if self.engine == "cpu" else self._session.placement()
        if placement is not None and placement.elsewhere:
            self.notes.append(str(placement))
        name = os.path.basename(contender.file)
        self.code = self._session.settings.code(name, self._session.providers)

    def prepare(self, arrays: Arrays) -> Callable[[], Any]:
        return self._session.bind(arrays).run if self._bind else self._session.prepared(arrays)

    def answers(self, arrays: Arrays) -> Arrays:
        return self._session.run(arrays)


class _OpenVINO:
    def __init__(self, contender: Contender) -> None:
        import openvino

        # Its own default is bfloat16 where the processor has it: another precision than the model's.
        config: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if contender.threads is not None:
            config["INFERENCE_NUM_THREADS"] = contender.threads
        try:
            self._model = openvino.Core().compile_model(contender.file, "CPU", config)
        except RuntimeError as error:
            raise InvalidArgumentError(f"OpenVINO does not load the model: {' '.join(str(error).split())}") from error
        self.engine = OPENVINO
        self.notes: list[str] = []
        lines = ["import openvino", ""]
        self.code = "\n".join([*lines, f"model = openvino.Core().compile_model({contender.file!r}, 'CPU', {config!r})"])

    def prepare(self, arrays: Arrays) -> Callable[[], Any]:
        request = self._model.create_infer_request()
        given = {port: arrays[name] for port in self._model.inputs for name in port.get_names() if name in arrays}
        return lambda: request.infer(given, share_inputs=True, share_outputs=True)

    def answers(self, arrays: Arrays) -> Arrays:
        results = self.prepare(arrays)()
        return {port.get_any_name(): np.array(results[port]) for port in self._model.outputs}


class _Source:
    def __init__(self, contender: Contender) -> None:
        from onward.options import Options
        from onward.sources import open_source
        from onward.tools.reference import Source

        self._source = Source(open_source(contender.file, Options(**contender.source, verify=False)))
        self.engine, self.code = TENSORFLOW, ""
        self.notes: list[str] = []

    def prepare(self, arrays: Arrays) -> Callable[[], Any]:
        reference = self._source.graph.reference
        assert reference is not None
        given = self._named(arrays)
        return lambda: reference(given)

    def answers(self, arrays: Arrays) -> Arrays:
        return self._source(self._named(arrays))

    def _named(self, arrays: Arrays) -> Mapping[str, NDArray[Any]]:
        """Arrays under the source's names: by name; by place where there are as many and no name is shared."""
        names = [made.name for made in self._source.graph.inputs if made.default is None]
        if len(names) == len(arrays) and not set(names) & set(arrays):
            return dict(zip(names, arrays.values(), strict=True))
        return arrays
