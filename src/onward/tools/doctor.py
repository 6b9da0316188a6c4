"""Whether what is installed here can convert, verify and run models, and what mends it where it cannot."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from onward.reporting import Facts, Mark, Page, Reported, Section, Table
from onward.tools import conflicts, probes
from onward.tools.conflicts import Conflict
from onward.tools.machine import Machine, machine
from onward.tools.packages import MATTERS, WHEELS, Installed
from onward.tools.report import size_text

# The variables that change what models compute, or how fast.
VARIABLES = (
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "KERAS_BACKEND", "TF_USE_LEGACY_KERAS", "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    "XLA_FLAGS", "CUDA_VISIBLE_DEVICES",
)  # fmt: skip


@dataclass(frozen=True)
class Checkup(Reported):
    """What was found.

    Attributes:
        python: the interpreter's version and place.
        machine: cores, memory, and what the processor computes int8 with; None where another place was looked at.
        packages: the version of each package that matters, by the distribution that brings it; None where it is absent.
        details: what packages said of themselves: protobuf's backend, ONNX Runtime's providers, ...
        extras: of Onward's, what each still lacks.
        variables: of the environment, those that are set and change what models compute, or how fast.
        conflicts: what does not work together, with the command that mends it.
    """

    python: str
    machine: Machine | None
    packages: Mapping[str, str | None]
    details: Mapping[str, Mapping[str, Any]]
    extras: Mapping[str, tuple[str, ...]]
    variables: Mapping[str, str]
    conflicts: tuple[Conflict, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is broken."""
        return not any(conflict.breaks for conflict in self.conflicts)

    def rows(self) -> list[tuple[str, str]]:
        """What was found, by name, as people read it."""
        rows = [("python", self.python)]
        if self.machine is not None:
            rows += _machine_rows(self.machine)
        for name, version in self.packages.items():
            told = ", ".join(f"{key} {_shown(value)}" for key, value in self.details.get(name, {}).items() if value)
            rows.append((name, "-" if version is None else f"{version}  ({told})" if told else version))
        rows += [(name, value) for name, value in self.variables.items()]
        for extra, lacks in self.extras.items():
            needs = f"lacks {', '.join(lacks)}: pip install 'onward[{extra}]'"
            rows.append((f"onward[{extra}]", needs if lacks else "complete"))
        return rows

    def __str__(self) -> str:
        rows = self.rows()
        width = max(len(name) for name, _ in rows)
        lines = [f"{name:<{width}}  {value}" for name, value in rows]
        return "\n".join([*lines, "", *map(str, self.conflicts), self.summary()])

    def summary(self) -> str:
        """The verdict in one sentence."""
        broken = sum(conflict.breaks for conflict in self.conflicts)
        if broken:
            return f"{broken} thing{'s are' if broken != 1 else ' is'} broken"
        return "nothing is broken"

    def page(self) -> Page:
        """The findings first, then everything else."""
        found = [(Mark("fail", "broken") if c.breaks else Mark("warn", "note"), c.text, c.mend) for c in self.conflicts]
        sections = [Section("Findings", [Table(("", "what", "mended by"), found)])] if found else []
        sections.append(Section("Installed", [Facts(dict(self.rows()))]))
        return Page("Doctor", self.summary(), "ok" if self.healthy else "fail", sections=sections)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "healthy": self.healthy,
            "python": self.python,
            "machine": None if self.machine is None else self.machine.to_dict(),
            "packages": dict(self.packages),
            "details": {name: dict(said) for name, said in self.details.items()},
            "extras": {name: list(lacks) for name, lacks in self.extras.items()},
            "variables": dict(self.variables),
            "conflicts": [conflict.to_dict() for conflict in self.conflicts],
        }


def doctor(path: Sequence[str] | None = None) -> Checkup:
    """Looks at the versions of everything that matters, the processor and memory, and known conflicts among them.

    Versions come from the packages' metadata. TensorFlow is not imported; ONNX Runtime, onnx, protobuf, h5py and
    OpenVINO are, each in a process of its own, and asked what they can do: which opsets and IR versions ONNX Runtime
    loads, and which of its providers start, is found by trying.

    Args:
        path: folders of another environment (its ``site-packages``) to look at instead. Nothing is imported from there.
    """
    packages = Installed(path)
    answers: dict[str, probes.Answer] = {}
    if path is None:
        present = [module for module in probes.QUESTIONS if packages.wheels(module)]
        answers = probes.ask([m for m in present if m != "onnxruntime" or "onnx" in present], sys.path, os.environ)
    facts = conflicts.Facts(packages, answers, os.environ)
    return Checkup(
        f"{platform.python_version()} ({platform.python_implementation()}) at {sys.executable}",
        machine() if path is None else None,
        _versions(packages),
        _details(packages, answers),
        _extras(packages),
        {name: os.environ[name] for name in VARIABLES if name in os.environ},
        tuple(conflicts.find(facts)),
    )


def _versions(packages: Installed) -> dict[str, str | None]:
    """Of several wheels of one module the one named last, as in the conflict that names them all."""
    wheels = {name: packages.wheels(name) for name in MATTERS}
    return {name: found[-1].version if found else None for name, found in wheels.items()}


def _details(packages: Installed, answers: Mapping[str, probes.Answer]) -> dict[str, dict[str, Any]]:
    """The wheels that bring modules of other names, and what was said."""
    details: dict[str, dict[str, Any]] = {}
    for name in WHEELS:
        wheels = [wheel.name for wheel in packages.wheels(name)]
        if [canonicalize_name(wheel) for wheel in wheels] not in ([], [name]):
            details[name] = {"wheel": wheels}
    for name, answer in answers.items():
        if answer.said:
            details.setdefault(name, {}).update(answer.said)
    return details


def _extras(packages: Installed) -> dict[str, tuple[str, ...]]:
    """What each of Onward's extras lacks; the project's own (tests and the like) are left out."""
    if "onward" not in packages:
        return {}
    extras = [extra for extra in packages["onward"].extras if extra not in ("test", "dev", "bench", "all")]
    return {
        extra: tuple(dict.fromkeys(str(unmet.requirement.name) for unmet in packages.unmet(["onward"], extra)))
        for extra in extras
    }


def _machine_rows(found: Machine) -> list[tuple[str, str]]:
    free = "" if found.available is None else f", {size_text(found.available)} not in use"
    return [
        ("system", found.system),
        ("processor", f"{found.processor}, {found.cores} core{'s' * (found.cores != 1)}"),
        ("features", ", ".join(found.features) or "none that matter"),
        ("int8", found.int8),
        ("memory", "unknown" if found.memory is None else size_text(found.memory) + free),
    ]


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
