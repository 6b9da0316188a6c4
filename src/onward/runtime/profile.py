"""Which provider runs which node, and how long operators take."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onward.errors import InvalidSourceError
from onward.runtime.providers import PROVIDERS, Provider
from onward.writing import replacing

_PLAIN = {provider.full_name: name for name, provider in PROVIDERS.items()}


@dataclass(frozen=True)
class Placed:
    """A node: its name, its operator (with the domain, where it is not ONNX's own), and its provider's plain name."""

    node: str
    operator: str
    provider: str


@dataclass(frozen=True)
class Placement:
    """Where a model's nodes went, as the graph stood when ONNX Runtime gave them away.

    Attributes:
        providers: those that the session has, in order of preference.
        nodes: every node, in the order that ONNX Runtime tells.
    """

    providers: tuple[str, ...]
    nodes: tuple[Placed, ...]

    @property
    def elsewhere(self) -> tuple[Placed, ...]:
        """The nodes that the first provider did not take."""
        return tuple(node for node in self.nodes if node.provider != self.providers[0])

    def __str__(self) -> str:
        by: dict[str, Counter[str]] = {name: Counter() for name in self.providers}
        for node in self.nodes:
            by.setdefault(node.provider, Counter())[node.operator] += 1
        parts = []
        for name, operators in by.items():
            if operators or name == self.providers[0]:
                kinds = ", ".join(f"{op} {count}" for op, count in operators.most_common())
                text = f"{name} runs {operators.total()} of {len(self.nodes)} nodes"
                parts.append(text + f" ({kinds})" * (name != self.providers[0]))
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        nodes = [{"node": n.node, "operator": n.operator, "provider": n.provider} for n in self.nodes]
        return {"providers": list(self.providers), "nodes": nodes}


def placement(session: Any, providers: Sequence[Provider]) -> Placement | None:
    """What ONNX Runtime recorded of its giving nodes away; None where it is older than 1.24, the first that tells."""
    names = tuple(dict.fromkeys([*(provider.name for provider in providers), "cpu"]))
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return None
    nodes = [
        Placed(node.name, f"{node.domain}:{node.op_type}" if node.domain else node.op_type, _plain(part.ep_name))
        for part in session.get_provider_graph_assignment_info()
        for node in part.get_nodes()
    ]
    return Placement(names, tuple(nodes))


@dataclass(frozen=True)
class Timing:
    """An operator on a provider: how many times its kernels ran, and milliseconds altogether."""

    operator: str
    provider: str
    calls: int
    milliseconds: float


@dataclass(frozen=True)
class Profile:
    """What a profile says, by operator, the costliest first.

    Attributes:
        file: the file, in the trace format that Perfetto and Chrome's tracing page show.
        timings: of every operator on every provider.
    """

    file: Path
    timings: tuple[Timing, ...]

    def __str__(self) -> str:
        total = sum(timing.milliseconds for timing in self.timings) or 1.0
        width = max((len(timing.operator) for timing in self.timings), default=8)
        lines = [f"{'operator':<{max(width, 8)}}  {'provider':<9}  {'calls':>6}  {'ms':>10}  share"]
        for t in self.timings:
            share = t.milliseconds / total
            lines.append(
                f"{t.operator:<{max(width, 8)}}  {t.provider:<9}  {t.calls:6}  {t.milliseconds:10.3f}  {share:5.1%}"
            )
        return "\n".join([*lines, f"written to {self.file}"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"file": str(self.file), "timings": [vars(timing) for timing in self.timings]}


def read(made: Path, target: Path | None = None) -> Profile:
    """Reads ONNX Runtime's profile, moved to `target` if one is given.

    Raises:
        InvalidSourceError: it is no such file.
        OutputError: it cannot be moved there.
    """
    try:
        events = json.loads(made.read_text())
    except (OSError, ValueError) as error:
        raise InvalidSourceError(f"'{made}' is no readable profile: {error}") from error
    calls: Counter[tuple[str, str]] = Counter()
    micros: Counter[tuple[str, str]] = Counter()
    for event in events:
        if event.get("cat") == "Node" and event.get("name", "").endswith("_kernel_time"):
            arguments = event.get("args", {})
            key = arguments.get("op_name", "?"), _plain(arguments.get("provider", ""))
            calls[key] += 1
            micros[key] += int(event["dur"])
    if target is not None:
        with replacing(target) as [file], made.open("rb") as source:
            shutil.copyfileobj(source, file)
        made.unlink()
    timings = tuple(Timing(*key, calls[key], total / 1000) for key, total in micros.most_common())
    return Profile(target or made, timings)


def _plain(full_name: str) -> str:
    return _PLAIN.get(full_name, full_name)
