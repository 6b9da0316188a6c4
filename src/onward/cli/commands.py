"""The application with every command in it; the modules named here register theirs."""

from __future__ import annotations

from onward.cli import beside, check, doctor, from_source, on_model, package, quantize, run
from onward.cli.app import app

__all__ = ["app", "beside", "check", "doctor", "from_source", "on_model", "package", "quantize", "run"]
