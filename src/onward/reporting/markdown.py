"""A report as Markdown, for the logs and summaries of CI."""

from __future__ import annotations

from functools import singledispatch

from onward.reporting import Bars, Block, Cell, Code, Facts, Lines, Mark, Notes, Page, Table, Text
from onward.reporting.cells import aligned, bars, listed, numeric, sentence, text

_SIGN = {"ok": "✓", "warn": "!", "fail": "✗"}
LONGEST = 40  # rows of a table with search that are shown


def markdown(page: Page) -> str:
    """The page, in GitHub's dialect: it has tables."""
    sign = f"{_SIGN[page.verdict]} " if page.verdict else ""
    parts = [f"# {_plain(page.title)}"]
    if page.summary:
        parts.append(f"**{sign}{_plain(sentence(page.summary))}**")
    if page.facts:
        parts.append(_block(Facts(page.facts)))
    for section in page.sections:
        parts += [f"## {_plain(section.title)}", *(_block(block) for block in section.blocks)]
    return "\n\n".join(parts) + "\n"


@singledispatch
def _block(block: Block) -> str:
    raise TypeError(type(block).__name__)


@_block.register
def _(block: Facts) -> str:
    rows = [(name, "<br>".join(map(_cell, listed(cells)))) for name, cells in block.facts.items()]
    return "\n".join(["| | |", "|---|---|", *(f"| {_plain(name)} | {cells} |" for name, cells in rows)])


@_block.register
def _(block: Table) -> str:
    block = aligned(block)
    shown = block.rows[:LONGEST] if block.search else block.rows
    lines = [
        f"| {' | '.join(map(_plain, block.columns))} |",
        f"|{'|'.join('---:' if number else '---' for number in numeric(block))}|",
        *(f"| {' | '.join(map(_cell, row))} |" for row in shown),
    ]
    if len(shown) < len(block.rows):
        lines += ["", f"{len(block.rows) - len(shown):,} more rows are in the HTML report."]
    return _captioned(block.caption, lines)


@_block.register
def _(block: Bars) -> str:
    lines = ["| | | |", "|---|---:|---|"]
    lines += [f"| {_plain(name)} | {amount} | {'█' * round(20 * share)} |" for name, amount, share in bars(block)]
    return _captioned(block.caption, lines)


@_block.register
def _(block: Lines) -> str:
    places = sorted({x for points in block.series.values() for x, _ in points})
    known = [dict(points) for points in block.series.values()]
    rows = [[x, *(points.get(x) for points in known)] for x in places]
    return _block(
        Table([block.x, *block.series], rows, caption=" ".join(filter(None, (block.caption, f"({block.y})"))))
    )


@_block.register
def _(block: Text) -> str:
    return _plain(block.text)


@_block.register
def _(block: Notes) -> str:
    return "\n".join(f"> {_plain(note)}  " for note in block.notes)


@_block.register
def _(block: Code) -> str:
    fence = "````" if "```" in block.code else "```"
    return f"{fence}{block.language}\n{block.code}\n{fence}"


def _captioned(caption: str, lines: list[str]) -> str:
    return "\n".join([_plain(caption), "", *lines] if caption else lines)


def _cell(cell: Cell) -> str:
    shown = _plain(text(cell))
    return f"{_SIGN[cell.verdict]} {shown}" if isinstance(cell, Mark) else shown


def _plain(words: str) -> str:
    """Text that Markdown does not take for its own signs."""
    for sign in "\\`*_<>[]|":
        words = words.replace(sign, f"\\{sign}")
    return words.replace("\n", " ")
