"""ONNX Runtime on the CPU: the one place where models run."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import ONNX_NUMBERS, SCHEMA_DTYPES, STRING, is_float, label
from onward.errors import InvalidArgumentError, MissingDependencyError, VerificationError


class RuntimeFailureError(VerificationError):
    """ONNX Runtime refuses a model, or fails on it."""


@dataclass(frozen=True)
class Port:
    """An input or output; a dimension is a size, a name, or None. ONNX Runtime shows an unknown rank as a scalar."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str | None, ...]


class Session:
    """A model, loaded.

    Args:
        model: a path, or the serialised model.
        initial: arrays for inputs that need not be given: a state, before the first run.

    Raises:
        MissingDependencyError: onnxruntime is not installed.
        RuntimeFailureError: it does not load the model.
    """

    def __init__(self, model: str | os.PathLike[str] | bytes, initial: Mapping[str, Any] | None = None) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingDependencyError("running a model needs ONNX Runtime: pip install 'onward[runtime]'") from error
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        source = model if isinstance(model, bytes) else os.fspath(model)
        with _failures("does not load the model"):
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
            self.inputs = [_port(arg) for arg in self._session.get_inputs()]
            self.outputs = [_port(arg) for arg in self._session.get_outputs()]
            self.optional = [_port(arg) for arg in self._session.get_overridable_initializers()]
            described = self._session.get_modelmeta().custom_metadata_map.get("onward.state", "{}")
        self.initial = dict(initial or {})
        self.states: dict[str, str] = json.loads(described)  # the outputs that go on as inputs, by these

    def run(self, arrays: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        """The outputs by name.

        Args:
            arrays: an array per input name, or what becomes one of the input's dtype; inputs with a default need none.

        Raises:
            InvalidArgumentError: names or dtypes are not those of the model.
            RuntimeFailureError: the model fails on them.
        """
        arrays = {**self.initial, **arrays}
        ports = self.inputs + [port for port in self.optional if port.name in arrays]
        names = [port.name for port in ports]
        if set(arrays) != set(names):
            wrong = ", ".join(sorted(set(arrays) ^ set(names)))
            raise InvalidArgumentError(f"the inputs are {', '.join(names) or 'none'}; not given or not known: {wrong}")
        feeds = {port.name: _feed(port, arrays[port.name]) for port in ports}
        with _failures("fails on the model"):
            if all(_in_numpy(port.dtype) for port in (*ports, *self.outputs)):
                results = self._session.run(None, feeds)
            else:
                results = [_array(value) for value in self._run_values(ports, feeds)]
        return {port.name: array for port, array in zip(self.outputs, results, strict=True)}

    def _run_values(self, ports: Sequence[Port], feeds: Mapping[str, NDArray[Any]]) -> Sequence[Any]:
        from onnxruntime import OrtValue

        values = {
            port.name: OrtValue.ortvalue_from_numpy(feeds[port.name])
            if _in_numpy(port.dtype)
            else OrtValue.ortvalue_from_numpy_with_onnx_type(feeds[port.name], ONNX_NUMBERS[port.dtype])
            for port in ports
        }
        return self._session.run_with_ort_values(None, values)


_HALF_BYTES = ("int4", "uint4")


def _port(arg: Any) -> Port:
    if arg.type not in SCHEMA_DTYPES:
        raise InvalidArgumentError(f"'{arg.name}' is no tensor but {arg.type}")
    return Port(arg.name, SCHEMA_DTYPES[arg.type], tuple(arg.shape))


def _in_numpy(dtype: np.dtype[Any]) -> bool:
    """Whether numpy has the dtype itself, rather than ml_dtypes."""
    return dtype == STRING or dtype.isbuiltin == 1


def _feed(port: Port, value: Any) -> NDArray[Any]:
    given = np.asarray(value)
    if port.dtype == STRING:
        return texts(given)
    if port.dtype.name in _HALF_BYTES:
        raise InvalidArgumentError(f"input '{port.name}' is 4-bit, which ONNX Runtime takes from no array")
    same_kind = np.can_cast(given.dtype, port.dtype, "same_kind") or is_float(port.dtype)
    if not same_kind or (given.dtype.kind in "OSU"):
        raise InvalidArgumentError(f"input '{port.name}' is {label(port.dtype)}, not {label(given.dtype)}")
    return np.ascontiguousarray(given, port.dtype).reshape(given.shape)


def texts(array: NDArray[Any]) -> NDArray[Any]:
    """An array of str, whether bytes, str or numpy's fixed-width strings are given."""
    flat = [v.decode("utf-8", "surrogateescape") if isinstance(v, bytes) else str(v) for v in array.reshape(-1)]
    result = np.empty(len(flat), object)
    result[:] = flat
    return result.reshape(array.shape)


def _array(value: Any) -> NDArray[Any]:
    """The array of an OrtValue, of a dtype of ml_dtypes too, which ONNX Runtime does not hand over itself."""
    dtype = SCHEMA_DTYPES[value.data_type()]
    if _in_numpy(dtype):
        return value.numpy()
    shape = tuple(value.shape())
    count = int(np.prod(shape))
    half = dtype.name in _HALF_BYTES
    data = ctypes.string_at(value.data_ptr(), -(-count // 2) if half else count * dtype.itemsize)
    if not half:
        return np.frombuffer(data, dtype).reshape(shape)
    pairs = np.frombuffer(data, np.uint8)
    nibbles = np.stack([pairs & 15, pairs >> 4], axis=-1).reshape(-1)[:count]
    if dtype.name == "int4":
        nibbles = (nibbles.astype(np.int8) ^ 8) - 8
    return nibbles.astype(dtype).reshape(shape)


@contextmanager
def _failures(what: str) -> Iterator[None]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    named = (k for k in vars(state).values() if isinstance(k, type) and issubclass(k, Exception))
    kinds: tuple[type[Exception], ...] = (RuntimeError, *named)
    try:
        yield
    except kinds as error:
        text = " ".join(str(error).split())
        raise RuntimeFailureError(f"ONNX Runtime {what}: {text}") from error
