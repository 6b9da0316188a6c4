"""``onward convert --config``: many models at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from onward import arguments, console
from onward.cli import plain
from onward.errors import InvalidArgumentError

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="LIST.toml", help="Convert the models of a list instead.", show_default=False),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        help="Of a list: how many models at once; by default as many as there are cores, and memory for.",
        show_default=False,
    ),
]
On = Annotated[
    str,
    typer.Option(
        "--on", metavar="processes|dask[=ADDRESS]|ray[=ADDRESS]", help="Of a list: what runs its conversions."
    ),
]
Only = Annotated[
    str | None, typer.Option("--only", metavar="NAME,...", help="Of a list: these models alone.", show_default=False)
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Of a list: stop at the first failure.")]

# The command's parameters that belong to a list, and their defaults.
PARAMETERS: dict[str, Any] = {
    "config": None,
    "jobs": None,
    "on": "processes",
    "only": None,
    "fail_fast": False,
}
SHARED = ("as_json", "debug", "report", "junit")


def check_unused(of_list: Mapping[str, Any]) -> None:
    """Refuses what belongs to a list where there is none."""
    for name, value in of_list.items():
        if value != PARAMETERS[name]:
            raise InvalidArgumentError(f"--{name.replace('_', '-')} goes with --config LIST.toml")


def convert(of_list: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Converts a list as the command line asks.

    Args:
        of_list: what it gave to each of `PARAMETERS`.
        others: what it gave to the other parameters of the command; of these a list says most itself.
    """
    from onward.batch import convert_all
    from onward.writing import check_writable

    if others["verbose"] or others["log_file"]:
        raise InvalidArgumentError("--verbose and --log-file tell of one conversion, not of a list")
    for name, value in others.items():
        if name not in SHARED and value != plain.PARAMETERS.get(name, ("", None, None))[2]:
            raise InvalidArgumentError(f"with --config, the list says '{name}': of a model, or of all in [defaults]")
    junit = others["junit"]
    if junit is not None:
        check_writable(junit)
    with console.progress("convert") as progress:
        summary = convert_all(
            of_list["config"],
            only=arguments.names(of_list["only"]),
            jobs=of_list["jobs"],
            on=of_list["on"],
            fail_fast=of_list["fail_fast"],
            progress=progress,
        )
    if junit is not None:
        summary.write_junit(junit)
    console.show(summary, others["as_json"], others["report"])
    if summary.exit_code:
        raise typer.Exit(summary.exit_code)
