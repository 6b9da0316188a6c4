"""The TensorFlow ops that can be converted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from onward.lowering.registry import COMPLEX, LOWERINGS
from onward.lowering.tables import ONE_TO_ONE
from onward.ops import load_all


@dataclass(frozen=True)
class SupportedOp:
    """One TensorFlow op.

    Attributes:
        opset: the lowest ONNX opset at which it converts; 0 for any.
        family: the module of its lowering, such as ``conv``.
        complex: whether it converts for complex tensors too.
        summary: its lowering in a sentence; empty where there is nothing to say.
    """

    name: str
    opset: int
    family: str
    complex: bool
    summary: str


@dataclass(frozen=True)
class OpList:
    """Ops, as text in columns or as data."""

    ops: Sequence[SupportedOp]

    def __str__(self) -> str:
        width = max((len(op.name) for op in self.ops), default=0)
        lines = []
        for op in self.ops:
            since = f"from opset {op.opset}" if op.opset else ""
            marks = ", ".join(mark for mark in (since, "also complex" if op.complex else "") if mark)
            lines.append(f"{op.name:<{width}}  {op.family:<12}  {marks}".rstrip())
        return "\n".join([*lines, f"{len(self.ops)} ops"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"ops": [asdict(op) for op in self.ops]}


def supported_ops() -> list[SupportedOp]:
    """Every op with a lowering, by name."""
    load_all()
    found = []
    for name, versions in sorted(LOWERINGS.items()):
        function = getattr(versions[-1].function, "func", versions[-1].function)  # of a partial application
        family = "one to one" if name in ONE_TO_ONE else function.__module__.rpartition(".")[2]
        summary = (function.__doc__ or "").strip().partition("\n")[0]
        found.append(SupportedOp(name, min(v.since for v in versions), family, name in COMPLEX, summary))
    return found
