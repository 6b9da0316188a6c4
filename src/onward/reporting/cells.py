"""How cells read: numbers, marks, and which columns are numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from onward.reporting import Bars, Cell, Mark, Table

# "2.31 ms", "1.2e-07", "-49 %", "25,636,712"; a tilde or sign may stand before it.
_NUMBER = re.compile(r"[<>~≈]? ?[-+−±]?[\d,]*\.?\d+(e[-+]?\d+)?( ?(%|[munµ]?s|[kMGT]?i?B|×|x|dB|/s))?")
_EMPTY = ("", "-")
SPREAD = 1e4  # between numbers whose digits are worth aligning


def text(cell: Cell) -> str:
    """A cell as people read it: thousands apart, floats at four digits."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def sentence(words: str) -> str:
    """With a capital, unless it begins with a name."""
    first = words.partition(" ")[0]
    return words[:1].upper() + words[1:] if first.isalpha() and first.islower() else words


def numeric(table: Table) -> list[bool]:
    """Which columns hold numbers only."""
    return [_all_numbers([row[i] for row in table.rows]) for i in range(len(table.columns))]


def bars(block: Bars) -> list[tuple[str, str, float]]:
    """Each bar's name, amount in words and share of the longest."""
    most = max(block.amounts.values(), default=0) or 1
    unit = f" {block.unit}" if block.unit else ""
    words = map(text, _to_one_place(list(block.amounts.values())))
    return [(n, f"{w}{unit}", amount / most) for (n, amount), w in zip(block.amounts.items(), words, strict=True)]


def aligned(table: Table) -> Table:
    """The table with the decimal points of each column below one another."""
    columns = [_to_one_place([row[i] for row in table.rows]) for i in range(len(table.columns))]
    return replace(table, rows=list(zip(*columns, strict=True)))


def _to_one_place(cells: Sequence[Cell]) -> Sequence[Cell]:
    """Numbers as texts with as many decimals each, unless they are of all sizes; anything else as it is."""
    numbers = [cell for cell in cells if isinstance(cell, float)]
    sizes = [abs(number) for number in numbers if number]
    if not sizes or max(sizes) > SPREAD * min(sizes) or any("e" in text(n) or "n" in text(n) for n in numbers):
        return cells
    places = max(len(text(number).partition(".")[2]) for number in numbers)
    return [f"{cell:,.{places}f}" if isinstance(cell, float) else cell for cell in cells]


def listed(cells: Cell | Sequence[Cell]) -> Sequence[Cell]:
    """One cell or several as several."""
    if isinstance(cells, (list, tuple)) and not isinstance(cells, Mark):
        return cells
    return [cells]  # type: ignore[list-item]


def _all_numbers(cells: Sequence[Cell]) -> bool:
    kept = [cell for cell in cells if cell is not None and cell not in _EMPTY]
    return bool(kept) and all(_is_number(cell) for cell in kept)


def _is_number(cell: Cell) -> bool:
    if isinstance(cell, str):
        return _NUMBER.fullmatch(cell) is not None
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)
