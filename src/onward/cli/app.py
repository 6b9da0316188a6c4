"""The application that the commands belong to: errors become sentences and exit codes."""

from __future__ import annotations

from typing import Annotated, Any

import typer
import typer.core

from onward import console
from onward.version import __version__


class _Commands(typer.core.TyperGroup):
    """Turns every error into its sentence and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            outcome = console.outcome(error)
            if outcome is None or ctx.meta.get("debug"):
                raise
            console.show_error(error, *outcome, as_json=ctx.meta.get("as_json", False), report=ctx.meta.get("report"))
            raise typer.Exit(outcome[0]) from error


app = typer.Typer(
    cls=_Commands,
    help="TensorFlow and Keras models to ONNX, proven to compute the same.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        print(f"onward {__version__}")
        raise typer.Exit


@app.callback(epilog="Exit codes: docs/exit_codes.md. Each command explains itself: onward convert --help")
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Each command explains itself."""
