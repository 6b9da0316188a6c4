"""What is installed, from its metadata alone: nothing of it is imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

# The distributions that bring a module. Each wheel writes the same files, so that only one can be installed; the one
# named last is what someone who installed two of them most likely wanted.
WHEELS = {
    "tensorflow": "tensorflow tensorflow-cpu tensorflow-intel tensorflow-macos tensorflow-rocm tf-nightly",
    "keras": "keras keras-nightly",
    "tf-keras": "tf-keras tf-keras-nightly",
    "onnx": "onnx onnx-weekly",
    "onnxruntime": "onnxruntime ort-nightly onnxruntime-openvino onnxruntime-qnn onnxruntime-directml "
    "onnxruntime-migraphx onnxruntime-rocm onnxruntime-training onnxruntime-gpu",
    "openvino": "openvino openvino-nightly",
}
MODULES = {wheel: module for module, wheels in WHEELS.items() for wheel in wheels.split()}

# What decides whether conversions work, in the order shown.
MATTERS = (
    "onward", "numpy", "ml-dtypes", "protobuf", "onnx", "onnx-ir", "typer", "rich", "tensorflow", "keras", "tf-keras",
    "keras-hub", "tensorflow-text", "h5py", "onnxruntime", "onnxruntime-extensions", "openvino", "tf2onnx",
)  # fmt: skip


@dataclass(frozen=True)
class Package:
    """An installed distribution: its name as its metadata spells it, its version and what it asks for."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()

    def needs(self, extra: str = "") -> Iterator[Requirement]:
        """What it asks for here, with an extra or without any."""
        for requirement in filter(None, map(_requirement, self.requires)):
            if requirement.marker is None:
                if not extra:
                    yield requirement
            elif requirement.marker.evaluate({"extra": extra}) and (
                not extra or not requirement.marker.evaluate({"extra": ""})
            ):
                yield requirement


class Unmet(NamedTuple):
    """A requirement that what is installed does not meet; `version` is None where nothing is."""

    package: str
    requirement: Requirement
    version: str | None


class Installed(Mapping[str, Package]):
    """The installed distributions by canonical name; a module's wheels stand for each other.

    Args:
        path: the folders to look in; those that Python imports from if not given.
    """

    def __init__(self, path: Sequence[str] | None = None) -> None:
        found = metadata.distributions() if path is None else metadata.distributions(path=list(path))
        self._packages: dict[str, Package] = {}
        for package in filter(None, map(_package, found)):
            self._packages.setdefault(canonicalize_name(package.name), package)

    def __getitem__(self, name: str) -> Package:
        return self._packages[canonicalize_name(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packages)

    def __len__(self) -> int:
        return len(self._packages)

    def wheels(self, module: str) -> list[Package]:
        """The installed distributions that bring a module, without those that another of them asks for."""
        names = [name for name in WHEELS.get(module, module).split() if name in self]
        asked = {canonicalize_name(need.name) for name in names for need in self[name].needs()}
        return [self[name] for name in names if name not in asked]

    def meets(self, requirement: Requirement) -> str | bool | None:
        """True where a requirement is met, else the version that is installed instead, or None."""
        name = canonicalize_name(requirement.name)
        found = self.wheels(MODULES.get(name, name))
        if not found:
            return None
        version = found[-1].version
        return True if holds(version, requirement) else version

    def unmet(self, packages: Iterable[str], extra: str = "") -> Iterator[Unmet]:
        """What installed packages ask for and do not get; an extra's asking for other extras is followed."""
        for name in packages:
            for requirement in self[name].needs(extra):
                if canonicalize_name(requirement.name) == canonicalize_name(name):
                    for other in sorted(requirement.extras):
                        yield from self.unmet([name], other)
                    continue
                met = self.meets(requirement)
                if met is not True:
                    yield Unmet(self[name].name, requirement, met or None)


def _package(distribution: metadata.Distribution) -> Package | None:
    """What a distribution says of itself; None for what an interrupted installation left behind."""
    try:
        about = distribution.metadata
    except (
        FileNotFoundError
    ):  # from importlib_metadata 8 on, which takes the place of Python's own where it is installed
        return None
    if not about["Name"]:
        return None
    extras = tuple(about.get_all("Provides-Extra") or ())
    return Package(about["Name"], distribution.version, tuple(distribution.requires or ()), extras)


def _requirement(text: str) -> Requirement | None:
    """A requirement; None for one in a spelling of old that no installer reads any more."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def holds(version: str, requirement: Requirement) -> bool:
    """Whether a version is one that a requirement allows, pre-releases and nightly builds too."""
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return not str(requirement.specifier)
