"""The page of a conversion."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from onward.program import ONNXProgram
from onward.reporting import Bars, Facts, Notes, Page, Section
from onward.tools.fates import sections
from onward.tools.report import Report, ports_section, size_text


def page(report: Report) -> Page:
    """What was read and made, how it was verified, and what became of every op."""
    checked, program = report.verification, report.program
    summary = checked.summary() if checked is not None else "nothing was compared"
    work = {stage: round(seconds, 3) for stage, seconds in report.seconds.items() if stage != "verify"}
    caption = f"Comparing took {report.seconds['verify']:.2f} s besides" if "verify" in report.seconds else ""
    return Page(
        f"{report.source} to ONNX",
        summary,
        checked.verdict if checked is not None else None,
        {
            "opset": report.opset,
            "nodes": f"{sum(report.source_ops.values()):,} → {sum(report.ops.values()):,}",
            "parameters": report.parameters,
            "weights": size_text(report.weight_bytes),
            "converted in": f"{sum(work.values()):.2f} s",
        },
        [
            *([Section("Notes", [Notes(list(report.notes))])] if report.notes else ()),
            *([_files(report, program)] if program is not None else ()),
            ports_section(report.inputs, report.outputs),
            *(checked.sections() if checked is not None else ()),
            Section("Operators", [Bars(report.ops, caption="Nodes of each ONNX operator, subgraphs included")]),
            *(sections(program) if program is not None else ()),
            Section("Stages", [Bars(work, "s", caption)]),
        ],
    )


def _files(report: Report, program: ONNXProgram) -> Section:
    """What was converted, and what was written."""
    output = program.path
    facts: dict[str, Any] = {"source": program.source, "model": report.source}
    if program.options is not None and program.options.signature:
        facts["signature"] = program.options.signature
    facts["opsets"] = [f"ai.onnx {report.opset}", *(f"{name} {version}" for name, version in report.domains.items())]
    if output is not None and output.is_file():
        written = [path for path in (output, Path(f"{output}.data")) if path.is_file()]
        facts["written to"] = [str(path) for path in written]
        facts["size"] = [size_text(path.stat().st_size) for path in written]
        facts["SHA-256"] = sha256(output.read_bytes()).hexdigest()
    return Section("From and to", [Facts(facts)])
