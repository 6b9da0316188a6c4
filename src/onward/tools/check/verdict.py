"""What a target makes of a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

SHOWN = 20  # nodes of each kind that the text lists


@dataclass(frozen=True)
class Shortfall:
    """A node that a target does not take as it is.

    Attributes:
        node: its name, or that of its first output where it has none.
        operator: its type, with the domain unless that is ONNX's own.
        dtypes: of its type variables.
        why: what is missing.
        kind: "operator", "version", "dtype", "size" or "limit".
        cure: what helps; "" if nothing is known to.
        remedy: what ``fix`` does about it: "opset", "sizes", "narrow", "float32", "decompose", "lift", "pairs" or "".
        layer, source: the Keras layer and TensorFlow node that it comes from, where the file says so.
    """

    node: str
    operator: str
    dtypes: tuple[str, ...]
    why: str = ""
    kind: str = "operator"
    cure: str = ""
    remedy: str = ""
    layer: str = ""
    source: str = ""

    def __str__(self) -> str:
        origin = f"  (layer '{self.layer}')" if self.layer else f"  (from '{self.source}')" if self.source else ""
        cure = f"; cure: {self.cure}" if self.cure else ""
        return f"{self.operator} '{self.node}': {self.why}{cure}{origin}"


@dataclass(frozen=True)
class Verdict:
    """What a target makes of a model.

    Attributes:
        target: its name; ``title`` and ``version`` say what the table describes, ``source`` where it is from and
            ``date`` when it was recorded.
        nodes: how many there are, and ``taken``: how many of them run there.
        sizes: how many more compute nothing but sizes, which ONNX Runtime does on its CPU in any case.
        compute: the share of multiplications that run there; None where there are none.
        partitions: into how many pieces those nodes fall.
        expanded: nodes that run as the operators of their definition.
        fallen: nodes that ONNX Runtime's CPU provider runs instead.
        missing: nodes that nothing runs; the model does not load.
        unknown: nodes of domains that the table says nothing of.
        caveats: what else there is to know, a sentence each.
    """

    target: str
    title: str
    version: str
    date: str
    source: str
    nodes: int
    taken: int
    sizes: int
    compute: float | None
    partitions: int
    expanded: tuple[Shortfall, ...]
    fallen: tuple[Shortfall, ...]
    missing: tuple[Shortfall, ...]
    unknown: tuple[Shortfall, ...]
    caveats: tuple[str, ...]

    @property
    def runs(self) -> bool:
        """Whether the model loads there, whoever runs its nodes."""
        return not self.missing

    @property
    def complete(self) -> bool:
        """Whether all of it runs on the target itself, and nothing of it is unknown."""
        return not (self.missing or self.fallen or self.unknown)

    @property
    def shortfalls(self) -> tuple[Shortfall, ...]:
        """The nodes that do not run on the target itself, or of which that is not known."""
        return (*self.missing, *self.fallen, *self.unknown)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    @property
    def word(self) -> str:
        """The verdict in a word or two."""
        if self.missing:
            return "does not run"
        return "runs" if self.complete else "not known" if self.unknown else "runs in part"

    def _lines(self) -> Iterator[str]:
        share = "" if self.compute is None else f", {self.compute:.0%} of the multiplications"
        pieces = f", in {self.partitions} piece{'s' * (self.partitions != 1)}" if self.taken else ""
        sizes = f" and {self.sizes} that compute sizes" if self.sizes else ""
        yield f"{self.title} {self.version}: {self.word}; {self.taken} of {self.nodes} nodes{sizes}{share}{pieces}"
        for heading, falls in (
            ("nothing runs", self.missing),
            ("the CPU runs instead", self.fallen),
            ("not known", self.unknown),
        ):
            if falls:
                yield f"  {heading}:"
                yield from (f"    {fall}" for fall in falls[:SHOWN])
                yield from [f"    and {len(falls) - SHOWN} more"] * (len(falls) > SHOWN)
        yield from (f"  note: {caveat}" for caveat in self.caveats)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"runs": self.runs, "complete": self.complete, **asdict(self)}
