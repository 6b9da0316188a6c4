"""The list of models to convert: TOML, checked from end to end before any work begins."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import onward
from onward import arguments
from onward.batch.job import STEPS, Job, Step
from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.options import Options
from onward.tools.package import KINDS

OWN = ("source", "steps")  # a model's keys besides the fields of Options
OUTPUT = "{name}.onnx"


def read(config: str | os.PathLike[str] | Mapping[str, Any], only: Sequence[str] | None = None) -> list[Job]:
    """The jobs that a list asks for.

    Raises:
        InvalidSourceError: the file cannot be read, or is no TOML.
        InvalidArgumentError: something in it cannot be honoured.
    """
    content, folder = (config, Path.cwd()) if isinstance(config, Mapping) else _load(Path(config))
    _known(content, ("defaults", "models", "model"), "the list")
    defaults = content.get("defaults", {})
    _known(defaults, _keys(), "[defaults]")
    named = [(f"[models.{name}]", name, table) for name, table in content.get("models", {}).items()]
    listed = [(f"[[model]] number {i}", None, table) for i, table in enumerate(content.get("model", ()), 1)]
    jobs = [job for entry in (*named, *listed) for job in _jobs(*entry, defaults=defaults, folder=folder)]
    if not jobs:
        raise InvalidArgumentError("the list names no models: write [models.NAME] with a source for each")
    _unique((job.name for job in jobs), "two models are called '{}': give them names")
    _unique((path for job in jobs for path in job.writes()), "two models write '{}'")
    if only is None:
        return jobs
    for name in only:
        _known({name: None}, [job.name for job in jobs], "the list")
    return [job for job in jobs if job.name in only]


def _load(path: Path) -> tuple[Mapping[str, Any], Path]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with path.open("rb") as file:
            return tomllib.load(file), path.resolve().parent
    except OSError as error:
        raise InvalidSourceError(f"cannot read '{path}': {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSourceError(f"'{path}' is no TOML: {error}") from error


def _keys() -> list[str]:
    return [*OWN, *(field.name for field in fields(Options))]


def _jobs(
    where: str, name: str | None, table: Mapping[str, Any], *, defaults: Mapping[str, Any], folder: Path
) -> Iterator[Job]:
    """The jobs of one table: one, or one for each match of its source."""
    if not isinstance(table, Mapping):
        raise InvalidArgumentError(f"{where} is a table of options, not {table!r}")
    _known(table, _keys(), where)
    table = {"output": OUTPUT, **defaults, **table}
    source = table.pop("source", None)
    if not isinstance(source, str):
        raise InvalidArgumentError(f"{where} says no source to convert")
    steps = table.pop("steps", [])
    label = name or table.get("name")
    matches = list(_matches(folder, source, where))
    for found, part in matches:
        called = "-".join(filter(None, (label, part))) or Path(str(table["output"])).stem
        place = Place(folder, called)
        options = {key: _option(key, value, place, where) for key, value in table.items()}
        yield Job(called, str(found), options, tuple(_steps(steps, place, where)))


class Place:
    """What paths in a list are relative to, and what ``{name}`` in them stands for."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    def path(self, text: str) -> str:
        """The path that a text means."""
        return os.path.normpath(self.folder / os.path.expanduser(text.replace("{name}", self.name)))


def _matches(folder: Path, source: str, where: str) -> Iterator[tuple[Path, str]]:
    """The sources that a pattern matches, each with what its wildcards stand for."""
    pattern = Path(os.path.normpath(folder / os.path.expanduser(source)))
    wild = [i for i, part in enumerate(pattern.parts) if any(c in part for c in "*?[")]
    if not wild or pattern.exists():
        yield pattern, ""
        return
    fixed = Path(*pattern.parts[: wild[0]])
    behind = len(pattern.parts) - 1 - wild[-1]
    found = sorted(fixed.glob(str(Path(*pattern.parts[wild[0] :]))))
    if not found:
        raise InvalidArgumentError(f"{where}: nothing matches the source '{source}' in '{folder}'")
    for path in found:
        parts = path.relative_to(fixed).parts
        parts = parts[: len(parts) - behind]
        last = Path(parts[-1]).stem if not behind and path.is_file() else parts[-1]
        yield path, "-".join([*parts[:-1], last])


def _inputs(value: Any, place: Place) -> Any:
    """Sizes by name in a table; or texts as the command line takes them."""
    if isinstance(value, Mapping):
        value = [
            f"{name}={dims if isinstance(dims, str) else ','.join(map(str, dims))}" for name, dims in value.items()
        ]
    return arguments.specs(_texts(value))


def _texts(value: Any, _: Place | None = None) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(text, str) for text in value):
        raise InvalidArgumentError(f"takes a list of texts, not {value!r}")
    return list(value)


def _pairs(value: Any, _: Place) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        raise InvalidArgumentError(f"takes a table of texts, not {value!r}")
    return dict(value)


def _layouts(value: Any, place: Place) -> Any:
    return value if isinstance(value, str) else _pairs(value, place)


def _chosen(value: Any, _: Place) -> Any:
    return value if isinstance(value, bool) else _texts(value)


def _verify(value: Any, place: Place) -> Any:
    return value if isinstance(value, bool) or value == "auto" else _path(value, place)


def _path(value: Any, place: Place) -> str:
    if not isinstance(value, str):
        raise InvalidArgumentError(f"takes a path, not {value!r}")
    return place.path(value)


def _custom_ops(value: Any, place: Place) -> Any:
    return arguments.custom_ops([f"{op}={domain}" for op, domain in _pairs(value, place).items()])


# What a field of Options is written as, where that is not simply its value.
WRITTEN: dict[str, Callable[[Any, Place], Any]] = {
    "inputs": _inputs,
    "outputs": _texts,
    "output": _path,
    "verify": _verify,
    "checkpoint": _path,
    "custom_ops": _custom_ops,
    "rename": _pairs,
    "inputs_as": _layouts,
    "outputs_as": _layouts,
    "use_default": _chosen,
    "ignore_default": _chosen,
}
PLAIN = {"str": str, "bool": bool, "int": int}


def _option(key: str, value: Any, place: Place, where: str) -> Any:
    """The value of a field of Options."""
    if key in WRITTEN:
        try:
            return WRITTEN[key](value, place)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"{where}: {key}: {error}") from error
    annotation = next(str(field.type) for field in fields(Options) if field.name == key).removesuffix(" | None")
    kind = PLAIN.get(annotation, object)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InvalidArgumentError(f"{where}: {key} is of type {annotation}, not {value!r}")
    return value


def _steps(steps: Any, place: Place, where: str) -> Iterator[Step]:
    """What follows the conversion: functions of Onward's with their keyword arguments."""
    if not isinstance(steps, Sequence) or not all(isinstance(step, Mapping) for step in steps):
        raise InvalidArgumentError(f"{where}: steps are tables, [[models.NAME.steps]], each with the function to run")
    for number, step in enumerate(steps, 1):
        at = f"{where}, step {number}"
        given = dict(step)
        name = given.pop("run", None)
        if name is None:
            raise InvalidArgumentError(f"{at}: run says which function: {', '.join(STEPS)}")
        _known({name: None}, STEPS, at)
        parameters = keywords(name, given)
        _known(given, parameters, f"{at} ({name})")
        for key, value in given.items():
            if isinstance(value, str) and (key == "model" or "PathLike" in parameters[key]):
                given[key] = place.path(value)
        yield Step(name, given)


def keywords(name: str, given: Mapping[str, Any]) -> dict[str, str]:
    """What a step takes: its function's keyword arguments with their annotations, and ``model``."""
    parameters = list(inspect.signature(getattr(onward, name)).parameters.values())
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = {p.name: str(p.annotation) for p in parameters if p.kind in named}
    if name == "package" and given.get("kind") in KINDS:  # each kind has options of its own
        options = importlib.import_module(f"onward.tools.package.{given['kind']}").Options
        known.update((field.name, str(field.type)) for field in fields(options))
    known.pop("progress", None)
    return known


def _known(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuses a key that is not among those known."""
    known = list(known)
    for key in given:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, 1)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            raise InvalidArgumentError(f"{where} knows no '{key}'{hint}; it knows {', '.join(sorted(known))}")


def _unique(things: Iterable[str], text: str) -> None:
    seen = set()
    for thing in things:
        if thing in seen:
            raise InvalidArgumentError(text.format(thing))
        seen.add(thing)
