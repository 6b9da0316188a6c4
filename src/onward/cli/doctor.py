"""The command that looks at the installation: doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onward import console
from onward.cli.app import app
from onward.cli.flags import Debug, Json, ReportFile
from onward.errors import MissingDependencyError


@app.command(
    epilog="""[bold]Examples[/]

    onward doctor

    onward doctor --json

    onward doctor --path venv/lib/python3.12/site-packages
    """
)
def doctor(
    path: Annotated[
        list[Path] | None,
        typer.Option(
            "--path", help="Look at another environment's site-packages instead, importing nothing.", show_default=False
        ),
    ] = None,
    report: ReportFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the versions of all that matters, what the processor is good for, and conflicts with their cures."""
    from onward.tools.doctor import doctor as examine

    found = examine([str(folder) for folder in path] if path else None)
    console.show(found, as_json, report)
    if not found.healthy:
        raise typer.Exit(MissingDependencyError.exit_code)
