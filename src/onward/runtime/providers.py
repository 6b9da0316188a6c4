"""ONNX Runtime's execution providers by plain names: where each comes from, and which of those asked for are here.

A provider is compiled into a build of ONNX Runtime (`wheel`, which replaces the package onnxruntime), or is a plugin
(`plugin`, a package beside any ONNX Runtime from 1.23 on). Names and options are those of ONNX Runtime 1.32's own list
and documentation; what the packages bring was read off the packages themselves.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onward.errors import InvalidArgumentError, MissingDependencyError
from onward.runtime.failures import RuntimeFailureError, failures

AUTO = "auto"


@dataclass(frozen=True)
class Provider:
    """One execution provider.

    Attributes:
        name: its plain name.
        full_name: ONNX Runtime's.
        runs_on: the processors that it serves, and the systems.
        wheel: the package with a build of ONNX Runtime that has it; empty where no registry has one.
        plugin: the package that adds it to any ONNX Runtime.
        behind: the providers that take the nodes it lacks, before the CPU does.
        device: what ONNX Runtime calls the memory it works in; cpu where values are handed over in the processor's.
        options: its options where the caller gives none.
        auto: whether ``auto`` may choose it: it computes any model in the model's own precision, without compiling it
            for minutes first.
        note: what else there is to know, to end a message with.
    """

    name: str
    full_name: str
    runs_on: str
    wheel: str = ""
    plugin: str = ""
    behind: tuple[str, ...] = ()
    device: str = "cpu"
    options: Mapping[str, str] = field(default_factory=dict)
    auto: bool = False
    note: str = ""

    @property
    def install(self) -> str:
        """How to get it."""
        if self.plugin:
            return f"pip install {self.plugin}"
        if self.wheel == "onnxruntime":
            return "pip install onnxruntime"
        if self.wheel:
            return (
                f"pip uninstall onnxruntime, then pip install {self.wheel} (two of them in one place break each other)"
            )
        return "no registry has a wheel: build ONNX Runtime with it"


# In the order in which `auto` tries them.
PROVIDERS = {
    provider.name: provider
    for provider in (
        Provider("cuda", "CUDAExecutionProvider", "NVIDIA GPUs; Linux, Windows", "onnxruntime-gpu", device="cuda",
                 auto=True),
        Provider("migraphx", "MIGraphXExecutionProvider", "AMD GPUs; Linux", "onnxruntime-migraphx",
                 auto=True),
        Provider("rocm", "ROCMExecutionProvider", "AMD GPUs; Linux", "onnxruntime-rocm", auto=True,
                 note="ONNX Runtime gave it up in 1.23: migraphx took its place"),
        Provider("directml", "DmlExecutionProvider", "GPUs of DirectX 12; Windows", "onnxruntime-directml",
                 device="dml", auto=True),
        Provider("cpu", "CPUExecutionProvider", "any processor and system", "onnxruntime", auto=True),
        Provider("tensorrt", "TensorrtExecutionProvider", "NVIDIA GPUs; Linux, Windows", "onnxruntime-gpu",
                 behind=("cuda",), device="cuda", note="TensorRT's own libraries come with pip install tensorrt"),
        Provider("tensorrt-rtx", "NvTensorRTRTXExecutionProvider", "NVIDIA RTX GPUs; Linux, Windows",
                 plugin="onnxruntime-ep-nv-tensorrt-rtx", device="cuda"),
        Provider("openvino", "OpenVINOExecutionProvider", "Intel CPUs, GPUs, NPUs; Linux, Windows",
                 "onnxruntime-openvino", "onnxruntime-ep-openvino"),
        Provider("coreml", "CoreMLExecutionProvider", "Apple's CPUs, GPUs, Neural Engine; macOS", "onnxruntime",
                 options={"ModelFormat": "MLProgram"}),
        Provider("qnn", "QNNExecutionProvider", "Qualcomm's NPUs; Windows, Linux", plugin="onnxruntime-qnn",
                 note="it runs quantised models: onward quantize"),
        Provider("webgpu", "WebGpuExecutionProvider", "GPUs of Vulkan, Direct3D 12, Metal; Linux, Windows, macOS",
                 plugin="onnxruntime-ep-webgpu"),
        Provider("xnnpack", "XnnpackExecutionProvider", "Arm and x86 CPUs; any system"),
        Provider("dnnl", "DnnlExecutionProvider", "Intel CPUs; Linux, Windows"),
        Provider("cann", "CANNExecutionProvider", "Huawei's Ascend NPUs; Linux", "onnxruntime-cann"),
        Provider("vitisai", "VitisAIExecutionProvider", "AMD's NPUs; Windows",
                 note="it comes with AMD's Ryzen AI software"),
    )
}  # fmt: skip
ALIASES = {"dml": "directml", "trt": "tensorrt", "ov": "openvino", "gpu": "cuda"}
_FULL = {provider.full_name.lower(): name for name, provider in PROVIDERS.items()}


@dataclass(frozen=True)
class Fallback:
    """A provider that was asked for and is not used, and why not."""

    name: str
    reason: str


@dataclass(frozen=True)
class Choice:
    """What a session is made with.

    Attributes:
        asked: the providers asked for, in order; ``auto`` asks for all that it may choose.
        usable: those that this ONNX Runtime has, in order, with those behind them.
        fallbacks: the others, with reasons; none for ``auto``, which asks for nothing in particular.
    """

    asked: tuple[Provider, ...]
    usable: tuple[Provider, ...]
    fallbacks: tuple[Fallback, ...] = ()


def parse(text: str | Sequence[str]) -> tuple[str, ...]:
    """Plain names, in order, from ``cuda,cpu``, from a list, or from ONNX Runtime's own names.

    Raises:
        InvalidArgumentError: a name that is none.
    """
    given = text.split(",") if isinstance(text, str) else list(text)
    names = []
    for one in given:
        name = one.strip().lower()
        name = _FULL.get(name, ALIASES.get(name, name))
        if name != AUTO and name not in PROVIDERS:
            raise InvalidArgumentError(
                f"no provider is called '{one.strip()}'; there are {AUTO}, {', '.join(PROVIDERS)}"
            )
        if name not in names:
            names.append(name)
    if not names or (AUTO in names and len(names) > 1):
        raise InvalidArgumentError(f"give {AUTO}, one provider, or several in order, separated by commas")
    return tuple(names)


def choose(text: str | Sequence[str]) -> Choice:
    """Which of the providers asked for are here.

    Raises:
        InvalidArgumentError: a name that is none.
        MissingDependencyError: none of them is here; the message says what to install.
    """
    names = parse(text)
    if names == (AUTO,):
        tried = tuple(p for p in PROVIDERS.values() if p.auto)
        return Choice(tried, tuple(p for p in tried if is_built_in(p) or devices(p)))
    asked = tuple(PROVIDERS[name] for name in names)
    usable: list[Provider] = []
    fallbacks: list[Fallback] = []
    for provider in asked:
        problem = missing(provider) or _conflict(provider, usable)
        if problem:
            fallbacks.append(Fallback(provider.name, problem))
        else:
            usable.append(provider)
    if not usable:
        raise MissingDependencyError("; ".join(f"{f.name}: {f.reason}" for f in fallbacks))
    behind = [PROVIDERS[name] for provider in usable for name in provider.behind if name not in names]
    place = len(usable) - (usable[-1].name == "cpu")
    usable[place:place] = [p for p in behind if is_built_in(p) and not _conflict(p, usable[:place])]
    return Choice(asked, tuple(usable), tuple(fallbacks))


def _conflict(provider: Provider, before: Sequence[Provider]) -> str:
    """Why a provider cannot follow those before it in one session; empty where it can."""
    if any(p.name == "cpu" for p in before):
        return "the CPU, which comes before it, takes every node"
    if provider.name != "cpu" and before and is_built_in(provider) != is_built_in(before[0]):
        return f"a session has either plugins or built-in providers, and '{before[0].name}' comes first"
    return ""


def missing(provider: Provider) -> str:
    """Why a provider is not here, and what to install; empty where it is."""
    import onnxruntime

    if is_built_in(provider) or devices(provider):
        return ""
    note = f"; {provider.note}" if provider.note else ""
    if provider.plugin and importlib.util.find_spec(_module(provider)) is not None:
        problem = _register(provider)
        return problem and problem + note
    return (
        f"ONNX Runtime {onnxruntime.__version__} has no {provider.full_name} here ({provider.runs_on}): "
        f"{provider.install}{note}"
    )


def is_built_in(provider: Provider) -> bool:
    """Whether a provider is compiled into this ONNX Runtime."""
    import onnxruntime

    loaded = any(device.ep_metadata.get("library_path") for device in devices(provider))
    return not loaded and provider.full_name in onnxruntime.get_available_providers()


def devices(provider: Provider | None = None) -> list[Any]:
    """The devices (``OrtEpDevice``) that ONNX Runtime offers to plugins, of one provider or of all."""
    import onnxruntime

    if not hasattr(onnxruntime, "get_ep_devices"):  # before 1.23
        return []
    return [d for d in onnxruntime.get_ep_devices() if provider is None or d.ep_name == provider.full_name]


def unstarted(provider: Provider) -> str:
    """Why a provider that this ONNX Runtime has did not start.

    ONNX Runtime goes on without such a provider and tells the reason to its log alone.
    """
    note = f"; {provider.note}" if provider.note else ""
    return (unloadable(provider) or f"it found no device that it can use ({provider.runs_on})") + note


def unloadable(provider: Provider) -> str:
    """What a built-in provider's library lacks, as the system's loader says it; empty where it lacks nothing."""
    import onnxruntime

    stem = provider.full_name.removesuffix("ExecutionProvider").lower()
    name = {"win32": "onnxruntime_providers_{}.dll", "darwin": "libonnxruntime_providers_{}.dylib"}
    pattern = name.get(sys.platform, "libonnxruntime_providers_{}.so")
    file = Path(onnxruntime.__file__).parent / "capi" / pattern.format(stem)
    if file.exists():
        try:
            ctypes.CDLL(str(file))
        except OSError as error:
            return f"its libraries do not load ({error})"
    return ""


def preload(providers: Sequence[Provider]) -> None:
    """Finds CUDA's libraries where NVIDIA's own packages put them, outside of the system loader's paths."""
    import onnxruntime

    wanted = any(provider.name in ("cuda", "tensorrt") for provider in providers)
    if wanted and importlib.util.find_spec("nvidia") is not None and hasattr(onnxruntime, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find
            onnxruntime.preload_dlls()


def _module(provider: Provider) -> str:
    return provider.plugin.replace("-", "_")


def _register(provider: Provider) -> str:
    """Loads a plugin into ONNX Runtime; what is wrong with it, or nothing."""
    import onnxruntime

    if not devices(provider):  # registering twice would list its devices twice
        if not hasattr(onnxruntime, "register_execution_provider_library"):
            return f"{provider.plugin} needs ONNX Runtime 1.23 or later; this is {onnxruntime.__version__}"
        module = importlib.import_module(_module(provider))
        try:
            with failures("refuses it"):
                onnxruntime.register_execution_provider_library(provider.full_name, module.get_library_path())
        except (OSError, RuntimeFailureError) as error:
            return f"{provider.plugin} does not load: {error}"
    if not devices(provider):
        return f"{provider.plugin} found no device that it can use ({provider.runs_on})"
    return ""
