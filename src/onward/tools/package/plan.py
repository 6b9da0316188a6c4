"""What every kind of package is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from onward.errors import InvalidArgumentError
from onward.progress import Progress
from onward.runtime import Port
from onward.tools.package.contents import Contents, Examples


@dataclass(frozen=True)
class Plan:
    """The model, what it must answer, and where the package is built.

    Attributes:
        output: where the package will lie; an earlier one may lie there still.
        folder: the empty folder that becomes it.
        tolerance: how far outputs may be off; None for their dtypes' own.
    """

    contents: Contents
    examples: Examples
    output: Path
    folder: Path
    tolerance: float | None
    progress: Progress


@dataclass(frozen=True)
class Outcome:
    """What a kind adds to the result: what was tested, the command that comes next, and notes."""

    checked: str
    next: str
    notes: tuple[str, ...] = ()


def refuse_dtypes(ports: list[Port], known: frozenset[str], who: str) -> None:
    """Says which input or output has a dtype that a runtime cannot hand over.

    Raises:
        InvalidArgumentError: there is one.
    """
    for port in ports:
        if port.dtype.name not in known:
            raise InvalidArgumentError(f"{who} takes and gives no {port.dtype.name}, which '{port.name}' is")
