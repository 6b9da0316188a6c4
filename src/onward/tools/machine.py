"""The machine that this process may use: cores, memory, and what its processor computes int8 with."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


class Feature(NamedTuple):
    """An extension of a processor, as each source of knowledge spells it."""

    name: str
    linux: str = ""  # in /proc/cpuinfo; several words mean any of them
    mac: str = ""  # of sysctl: a word of machdep.cpu.*features, or a key that is 1
    numpy: str = ""  # among numpy's groups, where the system says nothing


FEATURES = (
    Feature("AVX2", "avx2", "AVX2", "AVX2 X86_V3"),
    Feature("AVX512", "avx512f", "AVX512F", "AVX512F AVX512_SKX X86_V4"),
    Feature("VNNI", "avx512_vnni avx_vnni", "AVX512VNNI", "AVX512_CLX AVX512_ICL"),
    Feature("AMX-INT8", "amx_int8"),
    Feature("AMX-BF16", "amx_bf16"),
    Feature("AVX512-FP16", "avx512_fp16", "", "AVX512_SPR"),
    Feature("dotprod", "asimddp", "hw.optional.arm.FEAT_DotProd", "ASIMDDP"),
    Feature("i8mm", "i8mm", "hw.optional.arm.FEAT_I8MM"),
    Feature("fp16", "asimdhp", "hw.optional.arm.FEAT_FP16", "ASIMDHP"),
    Feature("bf16", "bf16", "hw.optional.arm.FEAT_BF16"),
    Feature("SVE", "sve", "", "SVE"),
)

SATURATES = "sums of two u8 x s8 products saturate at 16 bits: quantise with reduce_range, or both sides as uint8"

# What int8 models can expect, by the first feature that is there.
INT8 = {
    "AMX-INT8": "fast: whole tiles of int8 products at once",
    "i8mm": "fast: small matrices of int8 products at once",
    "VNNI": "fast: four int8 products and their sum at once, in 32 bits",
    "dotprod": "fast: four int8 products and their sum at once, in 32 bits",
    "AVX512": f"fair; {SATURATES}",
    "AVX2": f"fair; {SATURATES}",
}


@dataclass(frozen=True)
class Machine:
    """A machine, as far as this process may use it.

    Attributes:
        system: operating system, its version and architecture.
        processor: its name.
        features: its extensions that decide the speed of int8 and half precision.
        cores: that this process may run on at once, by affinity and container.
        memory, available: bytes, in all (a container's limit counts) and not in use; None where nothing says.
    """

    system: str
    processor: str
    features: tuple[str, ...]
    cores: int
    memory: int | None
    available: int | None

    @property
    def int8(self) -> str:
        """What int8 models can expect of this processor."""
        return next(
            (text for name, text in INT8.items() if name in self.features), "slow: no instruction for it is known"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        about = {"system": self.system, "processor": self.processor, "features": list(self.features), "int8": self.int8}
        return {**about, "cores": self.cores, "memory": self.memory, "available": self.available}


def machine() -> Machine:
    """This machine."""
    about = _cpuinfo()
    processor = about.get("model name") or _sysctl("machdep.cpu.brand_string") or platform.processor() or "unknown"
    return Machine(
        f"{platform.system()} {platform.release()} {platform.machine()}",
        processor,
        _features(about),
        cores(),
        memory(),
        available_memory(),
    )


def cores() -> int:
    """Cores that this process may run on at once: those of its affinity, and of these its container's share."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = re.match(r"(\d+) (\d+)", _read("/sys/fs/cgroup/cpu.max"))
    return max(1, min(count, int(quota[1]) // int(quota[2]))) if quota else count


def memory() -> int | None:
    """Bytes of memory, of which a container may grant a part; None where the system does not say."""
    if not hasattr(os, "sysconf"):
        return None
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_limits()])


def available_memory() -> int | None:
    """Bytes of memory that are not in use; None where the system does not say."""
    free = re.search(r"^MemAvailable:\s+(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    if free is None:
        return memory()
    used = _number("/sys/fs/cgroup/memory.current") or 0
    return max(0, min([int(free[1]) * 1024, *(limit - used for limit in _limits())]))


def _limits() -> list[int]:
    """What the container allows, in either version of control groups."""
    files = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
    return [limit for limit in map(_number, files) if limit is not None]


def _number(file: str) -> int | None:
    text = _read(file).strip()
    return int(text) if text.isdigit() else None


def _read(file: str) -> str:
    """A file of the system's; empty where it has none such, or keeps it from us."""
    path = Path(file)
    return path.read_text(errors="replace") if os.access(path, os.R_OK) and path.is_file() else ""


def _cpuinfo() -> dict[str, str]:
    """The first processor of /proc/cpuinfo."""
    first = _read("/proc/cpuinfo").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _features(cpuinfo: dict[str, str]) -> tuple[str, ...]:
    words = set((cpuinfo.get("flags") or cpuinfo.get("Features") or "").split())
    if words:
        return tuple(feature.name for feature in FEATURES if words & set(feature.linux.split()))
    if platform.system() == "Darwin":
        words = set(_sysctl("machdep.cpu.features", "machdep.cpu.leaf7_features").split())
        return tuple(f.name for f in FEATURES if f.mac in words or (f.mac.startswith("hw.") and _sysctl(f.mac) == "1"))
    groups = _numpy_groups()
    return tuple(feature.name for feature in FEATURES if groups & set(feature.numpy.split()))


def _numpy_groups() -> set[str]:
    """The extensions that numpy found, as it calls them."""
    import numpy as np

    if np.lib.NumpyVersion(np.__version__) < "1.26.0":  # it prints them, and returns nothing
        return set()
    found: Any = np.show_config(mode="dicts")
    extensions = found.get("SIMD Extensions", {})
    return {*extensions.get("baseline", ()), *extensions.get("found", ())}


def _sysctl(*keys: str) -> str:
    """What macOS says of itself; empty elsewhere."""
    if platform.system() != "Darwin":
        return ""
    return subprocess.run(["sysctl", "-n", *keys], capture_output=True, text=True, check=False).stdout.strip()
