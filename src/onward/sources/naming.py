"""Names for the leaves of nested structures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def unique(names: Iterable[str]) -> list[str]:
    """The names, with ``_1``, ``_2``, ... behind those that were there before."""
    taken: set[str] = set()
    found = []
    for name in names:
        candidate, number = name, 0
        while candidate in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate)
        found.append(candidate)
    return found


def leaf_names(paths: Sequence[Sequence[Any]], prefix: str) -> list[str]:
    """Names for leaves by their paths: keys joined by ``_``; `prefix` where a path begins with a number or is empty.

    A single tensor is ``output_0``, a list gives ``output_0``, ``output_1``, ..., ``{"a": x, "b": [y, z]}`` gives
    ``a``, ``b_0``, ``b_1``.
    """
    names = []
    for path in paths:
        parts = [str(part) for part in path] or ["0"]
        if not path or not isinstance(path[0], str):
            parts.insert(0, prefix)
        names.append("_".join(parts))
    return unique(names)
