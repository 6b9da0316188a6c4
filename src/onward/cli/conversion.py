"""What ``onward convert`` does, once its command line is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onward import arguments, console
from onward.errors import InvalidArgumentError
from onward.options import Options

if TYPE_CHECKING:
    from onward.journal import Journal
    from onward.program import ONNXProgram

# What the words of an option mean; the values of the others are taken as they are.
MEANINGS: dict[str, Callable[[Any], Any]] = {
    "inputs": arguments.specs,
    "outputs": arguments.names,
    "rename": partial(arguments.pairs, what="--rename"),
    "inputs_as": partial(arguments.layouts, what="--inputs-as"),
    "outputs_as": partial(arguments.layouts, what="--outputs-as"),
    "custom_ops": arguments.custom_ops,
    "use_default": arguments.chosen,
    "ignore_default": arguments.chosen,
}


def convert(given: Mapping[str, Any]) -> None:
    """Converts as the command line asks; `given` holds what it gave to each parameter of the command."""
    from onward.pipeline import run

    values = dict(given)
    source, golden, verify = (values.pop(name) for name in ("source", "golden", "verify"))
    junit, report, as_json = (values.pop(name) for name in ("junit", "report", "as_json"))
    for name in ("verbose", "log_file", "debug"):  # in force already
        del values[name]
    if golden is not None and verify is False:
        raise InvalidArgumentError("--golden and --no-verify contradict each other")
    values = {name: MEANINGS[name](value) if name in MEANINGS else value for name, value in values.items()}
    options = Options(verify=golden if golden is not None else "auto" if verify is None else verify, **values)
    with console.progress("read", "lower", "simplify", "verify", "write") as progress:
        convert = partial(run, source, options, progress, _journal() if report is not None else None)
        program = convert() if junit is None else _recorded(convert, junit, source.name)
    console.show(program.report, as_json, report)


def _journal() -> Journal:
    """What a report tells of every op is taken down from the beginning."""
    from onward.journal import Journal

    return Journal()


def _recorded(convert: Callable[[], ONNXProgram], junit: Path, name: str) -> ONNXProgram:
    """Converts, and writes how source and result compare, or what kept them from being compared, for CI systems."""
    from onward.tools.junit import recording

    with recording(junit, name) as record:
        program = convert()
        if program.verification is not None:
            record.append(program.verification)
    return program
