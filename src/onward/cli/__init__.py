"""The command line. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from onward import console
from onward.cli import from_source, on_model
from onward.cli.app import app

__all__ = ["app", "from_source", "main", "on_model"]


def main() -> None:
    """Runs the command line and exits."""
    console.catch_signals()
    app(prog_name="onward")
