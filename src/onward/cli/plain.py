"""A command line of ``onward convert`` that needs no help, read without typer.

Importing typer, and preparing what it checks values with, takes longer than converting a small model. What is read here
means the same there; whatever is not plain (help, a mistake, another command, a value that begins with a dash) is left
to typer, which knows what to say.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onward import console
from onward.options import DEFAULT_OPSET
from onward.version import __version__

# By parameter of the command in `from_source`: its flags, the type of its values, and its default. A test compares.
PARAMETERS: dict[str, tuple[str, type, Any]] = {
    "output": ("-o --output", Path, None),
    "inputs": ("--input", list, None),
    "outputs": ("--outputs", str, None),
    "signature": ("--signature", str, None),
    "opset": ("--opset", int, DEFAULT_OPSET),
    "verify": ("--verify/--no-verify", bool, None),
    "golden": ("--golden", Path, None),
    "external_data": ("--external-data/--single-file", bool, None),
    "allow_unsafe": ("--allow-unsafe", bool, False),
    "name": ("--name", str, None),
    "tag": ("--tag", str, None),
    "rename": ("--rename", list, None),
    "inputs_as": ("--inputs-as", list, None),
    "outputs_as": ("--outputs-as", list, None),
    "custom_ops": ("--custom-op", list, None),
    "dequantize": ("--dequantize", bool, False),
    "use_default": ("--use-default", str, None),
    "ignore_default": ("--ignore-default", str, None),
    "checkpoint": ("--checkpoint", Path, None),
    "target": ("--for", str, None),
    "state": ("--state", str, "stored"),
    "junit": ("--junit", Path, None),
    "report": ("", Path, None),  # typer calls what checks the path, and what listens
    "verbose": ("", bool, False),
    "log_file": ("", Path, None),
    "as_json": ("--json", bool, False),
    "debug": ("--debug", bool, False),
}


def run(words: Sequence[str]) -> int | None:
    """Does what a plain command line asks for and returns the exit code; None where it is not plain."""
    if list(words) == ["--version"]:
        print(f"onward {__version__}")
        return 0
    given = read(words)
    if given is None:
        return None
    if not given["debug"]:
        console.mute_native_code()
    gc.disable()  # modules and graphs are all alive to the end
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy multiplies little here: no threads to start for it
    from onward.cli import conversion

    try:
        conversion.convert(given)
    except BrokenPipeError:  # whoever was to read the report is gone; what is still to be said goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Exception, KeyboardInterrupt) as error:
        outcome = console.outcome(error)
        if outcome is None or given["debug"]:
            raise
        console.show_error(error, *outcome, as_json=given["as_json"])
        return outcome[0]
    return 0


def read(words: Sequence[str]) -> dict[str, Any] | None:
    """What a plain ``convert ...`` gives to each parameter; None where it is not plain."""
    if list(words[:1]) != ["convert"] or os.name == "nt":  # on Windows patterns are the program's to expand
        return None
    given: dict[str, Any] = {name: default for name, (_, _, default) in PARAMETERS.items()}
    flags = _flags()
    rest = iter(words[1:])
    for word in rest:
        if not word.startswith("-"):
            if not word or "source" in given:
                return None
            given["source"] = Path(word)
            continue
        flag, equals, value = word.partition("=")
        name, kind, switched = flags.get(flag, ("", None, None))
        if kind is bool and not equals:
            given[name] = switched
            continue
        if not equals:
            value = next(rest, "")
        elif not flag.startswith("--"):
            return None
        if kind in (None, bool) or not value or value.startswith("-"):
            return None
        if kind is list:
            given[name] = [*(given[name] or ()), value]
        elif kind is not int:
            given[name] = kind(value)
        elif value.isascii() and value.isdigit():
            given[name] = int(value)
        else:
            return None
    return given if "source" in given and given["output"] is not None else None


def _flags() -> dict[str, tuple[str, type, bool]]:
    """The parameter of each flag, the type of its values, and what it switches to where it takes none."""
    found: dict[str, tuple[str, type, bool]] = {}
    for name, (spelled, kind, _) in PARAMETERS.items():
        on, _, off = spelled.partition("/")
        found.update((flag, (name, kind, True)) for flag in on.split())
        if off:
            found[off] = name, kind, False
    return found
