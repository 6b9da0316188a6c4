"""How a session is set up, and the same as Python code for those who leave Onward behind."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onward.errors import InvalidArgumentError
from onward.runtime.providers import PROVIDERS, Provider, devices, is_built_in

LEVELS = {
    "none": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
_RECORDING = "session.record_ep_graph_assignment_info"  # of which node went where; read by ``Session.placement``


@dataclass(frozen=True)
class Settings:
    """What a session is made with, besides its model and its providers.

    Attributes:
        level: how far ONNX Runtime optimises the graph: none, basic, extended, all.
        threads: that share the work of one operator; None leaves it to ONNX Runtime (one for each physical core).
        parallel: how many operators may run at a time; 1 runs them one after the other.
        arena: keep freed memory for the next allocation, on the CPU.
        memory_pattern: lay out a run's memory at once when sizes are those of an earlier run.
        options: providers' own options, by plain name; they come before the table's.
        config: ONNX Runtime's session configuration entries, as they are (``session.intra_op.allow_spinning``).
        cpu_fallback: let the CPU take the nodes that no other provider has; without, loading fails where there are any.
        profile: the start of the name of a file that operators' times are written to.

    Raises:
        InvalidArgumentError: a level or number that makes no sense.
    """

    level: str = "all"
    threads: int | None = None
    parallel: int = 1
    arena: bool = True
    memory_pattern: bool = True
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    cpu_fallback: bool = True
    profile: str | None = None

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise InvalidArgumentError(
                f"no level of optimisation is called '{self.level}'; there are {', '.join(LEVELS)}"
            )
        if (self.threads is not None and self.threads < 1) or self.parallel < 1:
            raise InvalidArgumentError("give a number of threads from 1 on")

    def session_options(self, providers: tuple[Provider, ...]) -> Any:
        """ONNX Runtime's ``SessionOptions`` for a session on these providers, plugins already chosen in it."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        for name, value in self._attributes(providers).items():
            setattr(options, name, _enumerated(value))
        for key, value in {_RECORDING: "1", **self._entries()}.items():
            options.add_session_config_entry(key, value)
        if self.profile is not None:
            options.enable_profiling, options.profile_file_prefix = True, self.profile
        for provider in providers:
            if provider.name != "cpu" and not is_built_in(provider):
                options.add_provider_for_devices(*self._for_devices(provider))
        return options

    def provider_options(self, provider: Provider) -> dict[str, str]:
        """The options that a provider gets."""
        found = dict(provider.options)
        if provider.name == "openvino":
            found |= self._openvino(is_built_in(provider))
        if self.threads is not None and provider.name == "xnnpack":
            found["intra_op_num_threads"] = str(self.threads)
        return found | {key: str(value) for key, value in self.options.get(provider.name, {}).items()}

    def _openvino(self, built_in: bool) -> dict[str, str]:
        """Its threads are not the session's; and left to itself it computes in bfloat16 or float16 where it can."""
        if built_in:
            return {"precision": "ACCURACY", **({} if self.threads is None else {"num_of_threads": str(self.threads)})}
        cpu = {"INFERENCE_PRECISION_HINT": "f32"}
        if self.threads is not None:
            cpu["INFERENCE_NUM_THREADS"] = str(self.threads)
        return {"load_config": json.dumps({"CPU": cpu, "GPU": {"INFERENCE_PRECISION_HINT": "f32"}})}

    def code(self, model: str, providers: tuple[Provider, ...]) -> str:
        """Python code that makes the same session of a file with ONNX Runtime alone."""
        plugins = [p for p in providers if p.name != "cpu" and not is_built_in(p)]
        lines = ["import onnxruntime", *(f"import {p.plugin.replace('-', '_')}" for p in plugins), ""]
        lines.append("options = onnxruntime.SessionOptions()")
        for name, value in self._attributes(providers).items():
            shown = f"onnxruntime.{value[0]}.{value[1]}" if isinstance(value, tuple) else repr(value)
            lines.append(f"options.{name} = {shown}")
        for key, value in self._entries().items():
            lines.append(f"options.add_session_config_entry({key!r}, {value!r})")
        for p in plugins:
            lines.append(
                f"onnxruntime.register_execution_provider_library({p.full_name!r}, "
                f"{p.plugin.replace('-', '_')}.get_library_path())"
            )
            chosen, given = self._for_devices(p)
            kind = f" and d.device.type.name == {chosen[0].device.type.name!r}"
            lines.append(f"devices = [d for d in onnxruntime.get_ep_devices() if d.ep_name == {p.full_name!r}{kind}]")
            lines.append(f"options.add_provider_for_devices(devices[:1], {given!r})")
        listed = "" if plugins else f", providers={self.listed(providers)!r}"
        lines.append(f"session = onnxruntime.InferenceSession({model!r}, options{listed})")
        return "\n".join(lines)

    def listed(self, providers: tuple[Provider, ...]) -> list[Any]:
        """Built-in providers as ``InferenceSession`` takes them; the CPU, always there, only where it is alone."""
        found: list[Any] = []
        for provider in providers:
            if provider.name != "cpu" and is_built_in(provider):
                options = self.provider_options(provider)
                found.append((provider.full_name, options) if options else provider.full_name)
        return found or [PROVIDERS["cpu"].full_name]

    def _attributes(self, providers: tuple[Provider, ...]) -> dict[str, Any]:
        """What is set on ``SessionOptions``, where it is not ONNX Runtime's own default."""
        found: dict[str, Any] = {}
        if self.level != "all":
            found["graph_optimization_level"] = ("GraphOptimizationLevel", LEVELS[self.level])
        if self.threads is not None:
            found["intra_op_num_threads"] = self.threads
        alone = any(provider.name == "directml" for provider in providers)  # knows neither of these two
        if self.parallel > 1 and not alone:
            found["execution_mode"] = ("ExecutionMode", "ORT_PARALLEL")
            found["inter_op_num_threads"] = self.parallel
        if not self.memory_pattern or alone:
            found["enable_mem_pattern"] = False
        if not self.arena:
            found["enable_cpu_mem_arena"] = False
        return found

    def _entries(self) -> dict[str, str]:
        found = dict(self.config)
        if not self.cpu_fallback:
            found.setdefault("session.disable_cpu_ep_fallback", "1")
        return found

    def _for_devices(self, provider: Provider) -> tuple[list[Any], dict[str, str]]:
        """The device and the options of a plugin; its option ``device`` (cpu, gpu, npu) says which device."""
        options = self.provider_options(provider)
        kind = options.pop("device", "").upper()
        found = [d for d in devices(provider) if not kind or d.device.type.name == kind]
        if not found:
            there = ", ".join(sorted({d.device.type.name.lower() for d in devices(provider)}))
            raise InvalidArgumentError(f"{provider.name} has no device '{kind.lower()}' here; it has {there}")
        return found[:1], options


def _enumerated(value: Any) -> Any:
    import onnxruntime

    return getattr(getattr(onnxruntime, value[0]), value[1]) if isinstance(value, tuple) else value


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
