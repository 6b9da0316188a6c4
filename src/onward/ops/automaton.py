"""Regular expressions as tables: a deterministic automaton over bytes that matches as RE2 does.

A backtracking matcher prefers the first alternative that leads to a match. Thompson's simulation keeps that by
ordering its threads; here the ordered threads are the states of the automaton (Cox, "Regular Expression Matching: the
Virtual Machine Approach"), and where groups are captured each transition also says from which of its predecessors every
thread takes its positions (Laurikari's tagged automata).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from onward.lowering.registry import Unsupported
from onward.ops.pattern import Anchor, Choice, Group, Repeat, Sequence, Set, Tree, parse

MOST_STATES, MOST_STEPS = 1000, 5000
_WORD = sum(1 << ord(c) for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
_NEWLINE = 1 << ord("\n")
_END = -1  # the symbol behind the last byte


class Automaton(NamedTuple):
    """Tables by state and symbol; state 0 is dead, symbols are classes of bytes and lastly the end of the text.

    Attributes:
        classes: the symbol of each byte, and at 256 that of the end.
        start: the first state by the byte before, and at 256 that of the beginning of the text.
        following: ``[states, symbols]``, the next state.
        matches: ``[states, symbols]``, whether a match ends before the symbol.
        moves: ``[states, symbols, registers]``, the register whose value each takes; ``registers`` means the place.
        found: ``[states, symbols, slots]``, the same for the begin and end of each captured group.
    """

    classes: np.ndarray
    start: np.ndarray
    following: np.ndarray
    matches: np.ndarray
    moves: np.ndarray
    found: np.ndarray


def automaton(pattern: str, groups: tuple[int, ...] = ()) -> Automaton:
    """The automaton of a pattern that captures these groups.

    Raises:
        Unsupported: the pattern cannot be read, or needs too many states.
    """
    tree, count = parse(pattern)
    if max(groups, default=0) > count:
        raise Unsupported(f"the rewrite refers to group {max(groups)}, and {pattern!r} has {count}")
    return _Determiniser(_Program(tree, groups), len(groups)).tables()


# --- the program: steps that a thread takes ------------------------------------------------------------------------


class _Step(NamedTuple):
    """``byte`` with the mask of those it takes, ``split``, ``save`` and a slot, ``anchor`` and a kind, ``match``."""

    kind: str
    operand: object = None
    targets: tuple[int, ...] = ()


class _Program:
    """The steps of a tree; built from the end, so that each step knows where it goes on."""

    def __init__(self, tree: Tree, groups: tuple[int, ...]) -> None:
        self.steps: list[_Step] = [_Step("match")]
        self.slots = {group: 2 * i for i, group in enumerate(groups)}
        self.entry = self._emit(tree, 0)

    def _add(self, step: _Step) -> int:
        if len(self.steps) >= MOST_STEPS:
            raise Unsupported("a regular expression that unfolds too far")
        self.steps.append(step)
        return len(self.steps) - 1

    def _emit(self, tree: Tree, then: int) -> int:
        if isinstance(tree, Set):
            return self._characters(tree, then)
        if isinstance(tree, Sequence):
            for part in reversed(tree.parts):
                then = self._emit(part, then)
            return then
        if isinstance(tree, Choice):
            return self._add(_Step("split", None, tuple(self._emit(part, then) for part in tree.parts)))
        if isinstance(tree, Repeat):
            return self._repeated(tree, then)
        if isinstance(tree, Anchor):
            return self._add(_Step("anchor", tree.kind, (then,)))
        assert isinstance(tree, Group)
        if tree.number not in self.slots:
            return self._emit(tree.part, then)
        slot = self.slots[tree.number]
        end = self._add(_Step("save", slot + 1, (then,)))
        return self._add(_Step("save", slot, (self._emit(tree.part, end),)))

    def _repeated(self, tree: Repeat, then: int) -> int:
        if tree.most is None:
            loop = self._add(_Step("split"))
            body = self._emit(tree.part, loop)
            self.steps[loop] = _Step("split", None, (body, then) if tree.greedy else (then, body))
            then = loop
        else:
            beyond = then
            for _ in range(tree.most - tree.least):
                body = self._emit(tree.part, then)
                then = self._add(_Step("split", None, (body, beyond) if tree.greedy else (beyond, body)))
        for _ in range(tree.least):
            then = self._emit(tree.part, then)
        return then

    def _characters(self, tree: Set, then: int) -> int:
        branches: dict[tuple[int, ...], int] = {}  # masks of the bytes before the last -> mask of the last
        for low, high in tree.ranges:
            for sequence in _encoded(low, high):
                *head, last = (_mask(*pair) for pair in sequence)
                branches[tuple(head)] = branches.get(tuple(head), 0) | last
        entries = []
        for heads, last in branches.items():
            entry = self._add(_Step("byte", last, (then,)))
            for mask in reversed(heads):
                entry = self._add(_Step("byte", mask, (entry,)))
            entries.append(entry)
        return entries[0] if len(entries) == 1 else self._add(_Step("split", None, tuple(entries)))


def _mask(low: int, high: int) -> int:
    return (1 << high + 1) - (1 << low)


def _encoded(low: int, high: int) -> Iterator[list[tuple[int, int]]]:
    """Code points from low to high as sequences of byte ranges in UTF-8."""
    for edge in (0x7F, 0x7FF, 0xFFFF):
        if low <= edge < high:
            yield from _encoded(low, edge)
            yield from _encoded(edge + 1, high)
            return
    for i in range(1, _bytes(high)):
        tail = (1 << 6 * i) - 1
        if low & ~tail == high & ~tail:
            continue
        if low & tail:
            yield from _encoded(low, low | tail)
            yield from _encoded((low | tail) + 1, high)
            return
        if high & tail != tail:
            yield from _encoded(low, (high & ~tail) - 1)
            yield from _encoded(high & ~tail, high)
            return
    first, last = (chr(p).encode("utf-8", "surrogatepass") for p in (low, high))
    yield list(zip(first, last, strict=True))


def _bytes(point: int) -> int:
    return 1 + (point > 0x7F) + (point > 0x7FF) + (point > 0xFFFF)


# --- the states: ordered threads --------------------------------------------------------------------------------


class _Thread(NamedTuple):
    """A step with where its registers come from: a thread of the state before, and the slots that take the place."""

    step: int
    source: int
    saved: frozenset[int]


class _Kind(NamedTuple):
    """What anchors ask about a byte, or about there being none."""

    text: bool
    newline: bool
    word: bool


_OUTSIDE = _Kind(False, False, False)
_State = tuple[tuple[int, ...], _Kind]


@dataclass
class _Determiniser:
    program: _Program
    groups: int
    states: dict[_State, int] = field(default_factory=dict)
    rows: list[list[tuple[int, bool, list[_Thread], _Thread | None]]] = field(default_factory=list)

    def tables(self) -> Automaton:
        masks = {s.operand for s in self.program.steps if s.kind == "byte"}
        anchored = any(s.kind == "anchor" for s in self.program.steps)
        self.anchored = anchored
        if anchored:
            masks |= {_WORD, _NEWLINE}
        signatures = [tuple(bool(m >> b & 1) for m in masks) for b in range(256)]  # type: ignore[operator]
        order = {s: i for i, s in enumerate(dict.fromkeys(signatures))}
        symbols = [signatures.index(s) for s in order]  # one byte that stands for each class
        classes = np.array([order[s] for s in signatures] + [len(order)])
        dead: _State = ((), _OUTSIDE)
        self.states[dead] = 0
        start = np.array([self._state((self.program.entry,), k) for k in [*map(_kind, range(256)), _OUTSIDE]])
        done = 0
        while done < len(self.states):
            threads, before = list(self.states)[done]
            self.rows.append([self._advance(threads, before, symbol) for symbol in [*symbols, _END]])
            done += 1
        return self._tabulated(classes, start, len(symbols) + 1)

    def _state(self, threads: tuple[int, ...], before: _Kind) -> int:
        if not threads:
            return 0
        key = (threads, before if self.anchored else _OUTSIDE)
        if key not in self.states:
            if len(self.states) > MOST_STATES:
                raise Unsupported(f"a regular expression with more than {MOST_STATES} states")
            self.states[key] = len(self.states)
        return self.states[key]

    def _advance(
        self, threads: tuple[int, ...], before: _Kind, symbol: int
    ) -> tuple[int, bool, list[_Thread], _Thread | None]:
        after = _OUTSIDE if symbol == _END else _kind(symbol)
        following: dict[int, _Thread] = {}
        for thread in self._closure(threads, before, after):
            step = self.program.steps[thread.step]
            if step.kind == "match":
                return self._state(tuple(following), after), True, list(following.values()), thread
            if symbol != _END and step.operand >> symbol & 1:  # type: ignore[operator]
                following.setdefault(step.targets[0], thread)
        return self._state(tuple(following), after), False, list(following.values()), None

    def _closure(self, threads: tuple[int, ...], before: _Kind, after: _Kind) -> Iterator[_Thread]:
        """The byte and match steps that the threads reach here, in order of preference."""
        seen: set[int] = set()
        stack = [_Thread(step, i, frozenset()) for i, step in reversed(list(enumerate(threads)))]
        while stack:
            thread = stack.pop()
            if thread.step in seen:
                continue
            seen.add(thread.step)
            step = self.program.steps[thread.step]
            if step.kind in ("byte", "match"):
                yield thread
                continue
            if step.kind == "anchor" and not _holds(str(step.operand), before, after):
                continue
            saved = thread.saved | {step.operand} if step.kind == "save" else thread.saved
            stack += [_Thread(target, thread.source, saved) for target in reversed(step.targets)]  # type: ignore[arg-type]

    def _tabulated(self, classes: np.ndarray, start: np.ndarray, symbols: int) -> Automaton:
        slots = 2 * self.groups
        registers = slots * max(len(threads) for threads, _ in self.states)
        shape = (len(self.rows), symbols)
        following, matches = np.zeros(shape, np.int64), np.zeros(shape, bool)
        moves = np.zeros((*shape, registers), np.int64)
        found = np.zeros((*shape, slots), np.int64)

        def origins(thread: _Thread) -> list[int]:
            return [registers if s in thread.saved else thread.source * slots + s for s in range(slots)]

        for i, row in enumerate(self.rows):
            for j, (target, matched, threads, match) in enumerate(row):
                following[i, j], matches[i, j] = target, matched
                for k, thread in enumerate(threads):
                    moves[i, j, k * slots : (k + 1) * slots] = origins(thread)
                if match is not None:
                    found[i, j] = origins(match)
        return Automaton(classes, start, following, matches, moves, found)


def _kind(byte: int) -> _Kind:
    return _Kind(True, byte == 10, bool(_WORD >> byte & 1))


def _holds(anchor: str, before: _Kind, after: _Kind) -> bool:
    return {
        "begin": not before.text,
        "end": not after.text,
        "line_begin": not before.text or before.newline,
        "line_end": not after.text or after.newline,
        "word": before.word != after.word,
        "no_word": before.word == after.word,
    }[anchor]
