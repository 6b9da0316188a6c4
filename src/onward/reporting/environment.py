"""What a report was made with: versions of what matters, the machine, and the command."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from onward.reporting import Code, Facts, Section
from onward.version import __version__

# The distributions that decide what a conversion gives and what it is compared with. Asking for their metadata imports
# none of them.
PACKAGES = (
    "tensorflow", "tensorflow-cpu", "keras", "tf_keras", "onnx", "onnxruntime", "onnxruntime-gpu", "openvino", "numpy",
    "ml_dtypes", "protobuf",
)  # fmt: skip
BESIDE = ("openvino",)  # what no result depends on


def versions() -> dict[str, str]:
    """The installed versions of the packages that matter."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def surroundings(command: str) -> list[Section]:
    """The last sections of every report: the environment, and how to repeat what was done."""
    found = versions()
    machine = {
        "Onward": __version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} CPUs",
    }
    sections = [Section("Environment", [Facts({**machine, **found})])]
    if command:
        pinned = " ".join(f"{name}=={found[name]}" for name in PACKAGES if name in found and name not in BESIDE)
        sections.append(Section("Repeat it", [Code(f"pip install onward=={__version__} {pinned}\n{command}", "bash")]))
    return sections
