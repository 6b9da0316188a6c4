"""What a conversion read and made, how long each stage took, and how it was verified."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from onward import serialize
from onward.dims import Size
from onward.dtypes import label
from onward.program import ONNXProgram
from onward.reported import Reported
from onward.specs import show

if TYPE_CHECKING:
    from onward.reporting import Page, Section
    from onward.tools.fates import Fate
    from onward.tools.verify import Verification


class Port(NamedTuple):
    """An input or output; dynamic dimensions carry names."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype} {show(self.shape)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"name": self.name, "dtype": self.dtype, "shape": None if self.shape is None else list(self.shape)}


@dataclass(frozen=True)
class Report(Reported):
    """A conversion in figures; its text is for people, ``to_dict`` for machines.

    Attributes:
        source_ops: TensorFlow's ops and how many nodes of each were read.
        ops: ONNX's operators and how many nodes of each were made, subgraphs included.
        parameters, weight_bytes: of the weights.
        seconds: for each stage.
        verification: None where nothing was compared.
        program: the program it is about, for what only a page tells.
    """

    source: str
    opset: int
    domains: Mapping[str, int]
    inputs: Sequence[Port]
    outputs: Sequence[Port]
    source_ops: Mapping[str, int]
    ops: Mapping[str, int]
    parameters: int
    weight_bytes: int
    seconds: Mapping[str, float]
    verification: Verification | None
    notes: Sequence[str] = ()
    program: ONNXProgram | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        took = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in self.seconds.items())
        lines = [
            f"{self.source}: {sum(self.source_ops.values())} TensorFlow nodes became {sum(self.ops.values())} of ONNX, "
            f"opset {self.opset}",
            f"  inputs   {'; '.join(map(str, self.inputs)) or 'none'}",
            f"  outputs  {'; '.join(map(str, self.outputs)) or 'none'}",
            f"  weights  {self.parameters:,} parameters, {size_text(self.weight_bytes)}",
            f"  nodes    {histogram_text(self.ops)}",
        ]
        if self.domains:
            lines.append(f"  domains  {', '.join(f'{name} {version}' for name, version in self.domains.items())}")
        if took:
            lines.append(f"  took     {took}")
        notes = (*self.notes, *(self.verification.notes if self.verification is not None else ()))
        lines.extend(f"  note     {note}" for note in notes)
        checked = self.verification.summary() if self.verification is not None else "nothing was compared"
        return "\n".join([*lines, f"  verified {checked}"])

    def fates(self) -> list[Fate]:
        """What became of every TensorFlow node."""
        from onward.tools.fates import fates

        return fates(self.program) if self.program is not None else []

    def page(self) -> Page:
        """The conversion on a page."""
        from onward.tools.report_page import page

        return page(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "source": self.source,
            "opset": self.opset,
            "domains": dict(self.domains),
            "inputs": [port.to_dict() for port in self.inputs],
            "outputs": [port.to_dict() for port in self.outputs],
            "source_nodes": sum(self.source_ops.values()),
            "source_ops": dict(self.source_ops),
            "nodes": sum(self.ops.values()),
            "ops": dict(self.ops),
            "parameters": self.parameters,
            "weight_bytes": self.weight_bytes,
            "seconds": {stage: round(seconds, 4) for stage, seconds in self.seconds.items()},
            "notes": list(self.notes),
            "verification": self.verification.to_dict() if self.verification is not None else None,
        }


def report(program: ONNXProgram) -> Report:
    """The report on a program."""
    model, graph = program._ir, program.graph
    weights = [value.const for value in serialize.constants(model.graph) if value.const is not None]
    return Report(
        source=graph.name if graph is not None else model.graph.name,
        opset=model.opset,
        domains=dict(model.domains),
        inputs=[_port(value) for value in model.graph.inputs],
        outputs=[_port(value) for value in model.graph.outputs],
        source_ops=count([node.op for node in graph.nodes()] if graph is not None else []),
        ops=count([f"{n.domain}.{n.op}" if n.domain else n.op for n in model.graph.all_nodes()]),
        parameters=sum(weight.size for weight in weights),
        weight_bytes=sum(weight.nbytes for weight in weights),
        seconds=dict(program.seconds),
        verification=program.verification,
        notes=tuple(program.notes),
        program=program,
    )


def ports_section(inputs: Sequence[Port], outputs: Sequence[Port], title: str = "Inputs and outputs") -> Section:
    """What a model takes and gives, as tables."""
    from onward.reporting import Section, Table

    sides = (("Inputs", inputs), ("Outputs", outputs))
    columns = ("name", "dtype", "shape")
    rows = [(side, [(p.name, p.dtype, show(p.shape)) for p in ports]) for side, ports in sides if ports]
    return Section(title, [Table(columns, each, caption=side) for side, each in rows])


def count(ops: Sequence[str]) -> dict[str, int]:
    """How often each occurs, the most frequent first."""
    return dict(sorted(Counter(ops).items(), key=lambda item: (-item[1], item[0])))


def histogram_text(ops: Mapping[str, int]) -> str:
    """``Conv 53, Relu 49, Add 16``"""
    return ", ".join(f"{op} {number}" for op, number in ops.items()) or "none"


def size_text(number: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"


def readable(size: Size) -> int | str | None:
    """A size as its number or name; None where it has no name that the file would keep."""
    return size if isinstance(size, int) else str(size) if size.named else None


def _port(value: Any) -> Port:
    shape = None if value.shape is None else tuple(map(readable, value.shape))
    return Port(value.name, label(value.dtype), shape)
