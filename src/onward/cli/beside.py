"""The command for repositories that keep models: verify-beside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onward import console
from onward.cli.app import app
from onward.cli.flags import Debug, Json, ReportFile
from onward.errors import VerificationError


@app.command(
    "verify-beside",
    epilog="""[bold]Examples[/]

    onward verify-beside models/*.onnx

    onward verify-beside models/digits.npz --require
    """,
)
def verify_beside(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Models, or their answers.", show_default=False)
    ],
    require: Annotated[bool, typer.Option("--require", help="Models without answers are an error.")] = False,
    tolerance: Annotated[
        float | None,
        typer.Option("--tolerance", help="Absolute and relative; by default by dtype, 1e-4 for float32."),
    ] = None,
    report: ReportFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare each model.onnx with the answers in model.npz beside it, as pre-commit does."""
    from onward.tools.beside import verify_beside as compare

    found = compare(files, tolerance=tolerance)
    console.show(found, as_json, report)
    if not found.passed or (require and found.alone):
        raise typer.Exit(VerificationError.exit_code)
