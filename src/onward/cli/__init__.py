"""The command line. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import sys

from onward import console
from onward.cli import plain

__all__ = ["main"]


def main() -> None:
    """Runs the command line and exits."""
    console.catch_signals()
    code = plain.run(sys.argv[1:])
    if code is None:
        from onward.cli.commands import app

        app(prog_name="onward")
        return
    console.leave(code)
