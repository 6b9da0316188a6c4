"""The application with every command in it; the modules named here register theirs."""

from __future__ import annotations

from typer.models import CommandInfo

from onward.cli import beside, check, doctor, from_source, on_model, package, quantize, run
from onward.cli.app import app

__all__ = ["app", "beside", "check", "doctor", "from_source", "on_model", "package", "quantize", "run"]

# The order of the help, by what the commands work on.
PANELS = {
    "From TensorFlow and Keras": ("convert", "inspect", "ops", "record", "verify", "verify-beside"),
    "Any ONNX model": ("optimize", "quantize", "run", "bench", "check", "package"),
    "The installation": ("doctor",),
}


def _arrange() -> None:
    places = {name: (panel, place) for panel, names in PANELS.items() for place, name in enumerate(names)}
    for command in app.registered_commands:
        command.rich_help_panel = places[_name(command)][0]
    order = list(places)
    app.registered_commands.sort(key=lambda command: order.index(_name(command)))


def _name(command: CommandInfo) -> str:
    return command.name or str(getattr(command.callback, "__name__", ""))


_arrange()
