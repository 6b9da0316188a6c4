"""Models of every form, loaded into ONNX Runtime on the provider that is asked for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.program import STATE, ONNXProgram
from onward.runtime import Session, Settings
from onward.runtime.providers import AUTO, parse
from onward.tools import golden

if TYPE_CHECKING:
    import onnx
    import onnx_ir

    Model = ONNXProgram | onnx.ModelProto | onnx_ir.Model | bytes | str | os.PathLike[str]


def session(
    model: Model,
    provider: str | Sequence[str] = AUTO,
    *,
    level: str = "all",
    threads: int | None = None,
    parallel: int = 1,
    arena: bool = True,
    memory_pattern: bool = True,
    options: Mapping[str, Any] | None = None,
    config: Mapping[str, str] | None = None,
    cpu_fallback: bool = True,
    profile: str | os.PathLike[str] | None = None,
) -> Session:
    """Loads a model, ready to run: ``session.run({"x": array})`` gives outputs by name.

    Args:
        model: a path, serialised bytes, an ``onnx.ModelProto``, an ``onnx_ir.Model``, or a program.
        provider: where it runs, by plain name: cpu, cuda, tensorrt, openvino, directml, coreml, migraphx, qnn, webgpu,
            ...; several, as a list or separated by commas, are tried in order; ``auto`` takes the first of cuda,
            migraphx, rocm, directml and cpu that is here. ``session.fallbacks`` says what was passed over, and why.
        level: how far ONNX Runtime optimises the graph: none, basic, extended, all.
        threads: that share the work of one operator; by default one for each physical core.
        parallel: how many operators may run at a time.
        arena, memory_pattern: keep memory for later runs; plan a run's memory by an earlier run of the same sizes.
        options: options of the provider, or of several by their names: ``{"device_id": 1}``,
            ``{"cuda": {"device_id": 1}}``.
        config: ONNX Runtime's session configuration entries.
        cpu_fallback: let the CPU take the nodes that the provider lacks; without, loading fails where there are any.
        profile: the start of the name of a file for operators' times, which ``session.end_profile()`` reads.

    Raises:
        InvalidSourceError: there is no such file.
        InvalidArgumentError: a setting that makes no sense.
        MissingDependencyError: ONNX Runtime, or a provider asked for, is not installed; the message says what to
            install.
        RuntimeFailureError: ONNX Runtime does not load the model, or no provider asked for starts.
    """
    settings = Settings(
        level=level,
        threads=threads,
        parallel=parallel,
        arena=arena,
        memory_pattern=memory_pattern,
        options=_by_provider(options or {}, provider),
        config=dict(config or {}),
        cpu_fallback=cpu_fallback,
        profile=None if profile is None else os.fspath(profile),
    )
    return opened(model, provider, settings)


def opened(model: Model, provider: str | Sequence[str] = "cpu", settings: Settings | None = None) -> Session:
    """Loads a model of any form; where a state is stored beside its file, runs begin with that.

    Raises:
        InvalidSourceError: there is no such file, or the model is too large for one message.
    """
    if isinstance(model, ONNXProgram):
        return model.open(provider, settings)
    if isinstance(model, bytes):
        return Session(model, None, provider, settings)
    if isinstance(model, (str, os.PathLike)):
        path = existing(model)
        beside = path.with_name(path.name + STATE)
        initial = golden.read_inputs(beside)[0] if beside.is_file() else None
        return Session(path, initial, provider, settings)
    with tempfile.TemporaryDirectory() as folder:
        return Session(written(model, Path(folder)), None, provider, settings)


def existing(model: str | os.PathLike[str]) -> Path:
    """The path of a file that is there.

    Raises:
        InvalidSourceError: it is not, or is no file.
    """
    path = Path(model)
    if not path.is_file():
        raise InvalidSourceError(f"'{path}' does not exist" if not path.exists() else f"'{path}' is no file")
    return path


def written(model: Model, folder: Path, name: str = "model.onnx") -> Path:
    """The file of a model: its own, or one called `name` in `folder` for models that have none.

    Raises:
        InvalidArgumentError: it is no model.
    """
    if isinstance(model, (str, os.PathLike)):
        return existing(model)
    path = folder / name
    if isinstance(model, ONNXProgram):
        return model.save(path)
    if isinstance(model, bytes):
        path.write_bytes(model)
    elif type(model).__module__.split(".")[0] == "onnx_ir":
        import onnx_ir

        onnx_ir.save(model, path, external_data=f"{path.name}.data")
    elif hasattr(model, "SerializeToString"):
        import onnx

        onnx.save(cast(onnx.ModelProto, model), path)
    else:
        raise InvalidArgumentError(f"{type(model).__name__} is no ONNX model: give a path, bytes, or a model")
    return path


def _by_provider(options: Mapping[str, Any], provider: str | Sequence[str]) -> dict[str, dict[str, str]]:
    """Options by providers' plain names; those that name no provider are the first one's."""
    if all(isinstance(value, Mapping) for value in options.values()):
        return {parse(name)[0]: dict(values) for name, values in options.items()}
    if any(isinstance(value, Mapping) for value in options.values()):
        raise InvalidArgumentError("give options of one provider, or of each by its name, not both")
    first = parse(provider)[0]
    if first == AUTO:
        raise InvalidArgumentError("options belong to a provider: name it, or give {'cuda': {...}}")
    return {first: dict(options)}
