"""The application with every command in it; the modules named here register theirs."""

from __future__ import annotations

from onward.cli import from_source, on_model, package
from onward.cli.app import app

__all__ = ["app", "from_source", "on_model", "package"]
