"""Regular expressions in RE2's syntax, as trees.

The syntax is that of https://github.com/google/re2/wiki/Syntax, without ``\\C`` and names of scripts.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

from onward.lowering.registry import Unsupported

MOST_POINT = 0x10FFFF
Ranges = tuple[tuple[int, int], ...]


class Set(NamedTuple):
    """One character out of sorted, disjoint ranges of code points."""

    ranges: Ranges


class Sequence(NamedTuple):
    parts: tuple[Tree, ...]


class Choice(NamedTuple):
    """The first part that leads to a match."""

    parts: tuple[Tree, ...]


class Repeat(NamedTuple):
    part: Tree
    least: int
    most: int | None
    greedy: bool


class Group(NamedTuple):
    number: int
    part: Tree


class Anchor(NamedTuple):
    """A condition on the place: ``begin``, ``end``, ``line_begin``, ``line_end``, ``word``, ``no_word``."""

    kind: str


Tree = Set | Sequence | Choice | Repeat | Group | Anchor


def ranges(*given: tuple[int, int]) -> Ranges:
    """Sorted and merged."""
    merged: list[list[int]] = []
    for low, high in sorted(given):
        if merged and low <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], high)
        else:
            merged.append([low, high])
    return tuple((low, high) for low, high in merged)


def negated(given: Ranges) -> Ranges:
    """What the ranges leave out."""
    edges = [-1, *(edge for pair in given for edge in pair), MOST_POINT + 1]
    return tuple((a + 1, b - 1) for a, b in zip(edges[::2], edges[1::2], strict=True) if a + 1 <= b - 1)


def _text(spans: str) -> Ranges:
    return ranges(*((ord(s[0]), ord(s[-1])) for s in spans.split(" ")))


_DIGIT, _WORD = _text("0-9"), _text("0-9 A-Z _ a-z")
_SPACE = ranges((9, 10), (12, 13), (32, 32))
_PERL = {"d": _DIGIT, "s": _SPACE, "w": _WORD}
_POSIX = {
    "alnum": _text("0-9 A-Z a-z"), "alpha": _text("A-Z a-z"), "ascii": ((0, 127),), "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)), "digit": _DIGIT, "graph": _text("!-~"), "lower": _text("a-z"),
    "print": ((32, 126),), "punct": _text("!-/ :-@ [-` {-~"), "space": ((9, 13), (32, 32)), "upper": _text("A-Z"),
    "word": _WORD, "xdigit": _text("0-9 A-F a-f"),
}  # fmt: skip
_ESCAPES = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}


@cache
def _category(name: str) -> Ranges:
    """The characters of a general category (``L``, ``Lu``, ``P``, ...)."""
    found = [p for p in range(MOST_POINT + 1) if name == "Any" or unicodedata.category(chr(p)).startswith(name)]
    if not found:
        raise Unsupported(f"\\p{{{name}}} in a regular expression")
    return ranges(*((p, p) for p in found))


def _folded(given: Ranges) -> Ranges:
    """With the other case of every letter."""
    if sum(high - low for low, high in given) > 1 << 16:
        return given
    points = {p for low, high in given for p in range(low, high + 1)}
    cases = {ord(c) for p in points for c in (chr(p).lower(), chr(p).upper()) if len(c) == 1}
    return ranges(*((p, p) for p in points | cases))


def parse(pattern: str) -> tuple[Tree, int]:
    """The tree of a pattern, and how many groups it has.

    Raises:
        Unsupported: what RE2 has and this has not, or no regular expression.
    """
    reader = _Reader(pattern)
    tree = reader.choice()
    if reader.left():
        raise Unsupported(f"the regular expression {pattern!r}: unexpected {reader.rest[:1]!r}")
    return tree, reader.groups


class _Reader:
    def __init__(self, text: str) -> None:
        self.rest = text
        self.groups = 0
        self.flags: frozenset[str] = frozenset()

    def left(self) -> bool:
        return bool(self.rest)

    def take(self, text: str) -> bool:
        if self.rest.startswith(text):
            self.rest = self.rest[len(text) :]
            return True
        return False

    def next(self) -> str:
        if not self.rest:
            raise Unsupported("a regular expression that ends too early")
        first, self.rest = self.rest[0], self.rest[1:]
        return first

    def until(self, end: str) -> str:
        found, separator, self.rest = self.rest.partition(end)
        if not separator:
            raise Unsupported(f"a regular expression without a closing {end!r}")
        return found

    def choice(self) -> Tree:
        outer = self.flags
        parts = [self.sequence()]
        while self.take("|"):
            parts.append(self.sequence())
        self.flags = outer
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def sequence(self) -> Tree:
        parts: list[Tree] = []
        while self.rest and self.rest[0] not in "|)":
            if self.take("\\Q"):
                literal, _, self.rest = self.rest.partition("\\E")
                parts += [self.set(((ord(c), ord(c)),)) for c in literal]
                continue
            atom = self.atom()
            if atom is not None:
                parts.append(self.repeated(atom))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def set(self, given: Ranges) -> Set:
        return Set(_folded(given) if "i" in self.flags else given)

    def repeated(self, part: Tree) -> Tree:
        while self.rest:
            if self.rest[0] in "*+?":
                least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[self.next()]
            elif (counts := self._counts()) is not None:
                least, most = counts
            else:
                break
            lazy = self.take("?")
            part = Repeat(part, least, most, lazy == ("U" in self.flags))
        return part

    def _counts(self) -> tuple[int, int | None] | None:
        head, end, rest = self.rest.partition("}")
        low, comma, high = head[1:].partition(",")
        if not end or head[:1] != "{" or not low.isdigit() or (high and not high.isdigit()):
            return None
        self.rest = rest
        return int(low), (int(high) if high else None) if comma else int(low)

    def atom(self) -> Tree | None:
        """One atom; None where only flags were set."""
        first = self.next()
        if first == "(":
            return self.group()
        if first == "[":
            return self.bracket()
        if first == ".":
            return Set(((0, MOST_POINT),) if "s" in self.flags else negated(((10, 10),)))
        if first == "^":
            return Anchor("line_begin" if "m" in self.flags else "begin")
        if first == "$":
            return Anchor("line_end" if "m" in self.flags else "end")
        if first != "\\":
            return self.set(((ord(first), ord(first)),))
        anchor = {"A": "begin", "z": "end", "b": "word", "B": "no_word"}.get(self.rest[:1])
        if anchor:
            self.next()
            return Anchor(anchor)
        return self.set(self.escape())

    def group(self) -> Tree | None:
        if not self.take("?"):
            return self.captured()
        if self.take("P<") or self.take("<"):
            self.until(">")
            return self.captured()
        outer, flags = self.flags, self.until_flags()
        on, _, off = flags.rstrip(":)").partition("-")
        self.flags = (self.flags | set(on)) - set(off)
        if flags.endswith(")"):
            return None
        tree = self.closed()
        self.flags = outer
        return tree

    def captured(self) -> Tree:
        self.groups += 1
        return Group(self.groups, self.closed())

    def until_flags(self) -> str:
        for i, letter in enumerate(self.rest):
            if letter in ":)":
                text, self.rest = self.rest[: i + 1], self.rest[i + 1 :]
                return text
            if letter not in "imsU-":
                break
        raise Unsupported(f"(?{self.rest[:2]} in a regular expression")

    def closed(self) -> Tree:
        tree = self.choice()
        if not self.take(")"):
            raise Unsupported("a regular expression without a closing ')'")
        return tree

    def escape(self) -> Ranges:
        letter = self.next()
        if letter.lower() in _PERL:
            return _PERL[letter] if letter.islower() else negated(_PERL[letter.lower()])
        if letter in "pP":
            name = self.until("}") if self.take("{") else self.next()
            found = _category(name.removeprefix("^"))
            return negated(found) if (letter == "P") != name.startswith("^") else found
        if letter == "x":
            point = int(self.until("}") if self.take("{") else self.next() + self.next(), 16)
        elif letter in "01234567":
            digits = letter
            while len(digits) < 3 and self.rest[:1] in tuple("01234567"):
                digits += self.next()
            point = int(digits, 8)
        elif letter in _ESCAPES:
            point = _ESCAPES[letter]
        elif letter.isalnum():
            raise Unsupported(f"\\{letter} in a regular expression")
        else:
            point = ord(letter)
        return ((point, point),)

    def bracket(self) -> Tree:
        negative = self.take("^")
        found: list[tuple[int, int]] = []
        first = True
        while first or not self.take("]"):
            first = False
            if self.take("[:"):
                name = self.until(":]")
                if name.removeprefix("^") not in _POSIX:
                    raise Unsupported(f"[:{name}:] in a regular expression")
                members = _POSIX[name.removeprefix("^")]
                found += negated(members) if name.startswith("^") else members
                continue
            members = self.member()
            if len(members) == 1 and members[0][0] == members[0][1] and self.rest[:1] == "-" and self.rest[1:2] != "]":
                self.next()
                members = ((members[0][0], self.member()[0][0]),)
            found += members
        result = _folded(ranges(*found)) if "i" in self.flags else ranges(*found)
        return Set(negated(result) if negative else result)

    def member(self) -> Ranges:
        letter = self.next()
        return self.escape() if letter == "\\" else ((ord(letter), ord(letter)),)
