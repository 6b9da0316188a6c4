"""Regular expressions: ONNX matches RE2 patterns as TensorFlow does, and replacing is done with tables.

Where single characters are deleted, the strings are split at them. Otherwise an automaton runs over the bytes from
every place of every string at once; a scan then chooses the matches from left to right.
"""

from __future__ import annotations

import re

import numpy as np

from onward import ir
from onward.dims import Size, unknown
from onward.dtypes import BOOL, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.automaton import Automaton, automaton
from onward.ops.characters import BYTES, EMPTY, begins, dense, explode, implode, join
from onward.ops.pattern import Choice, Repeat, Set, Tree, parse
from onward.ops.split import without

_MOST_DELETED = 64
_NONE = -1


@lower("StaticRegexFullMatch", since=20)
def static_regex_full_match(op: Builder, x: Value, *, pattern: str) -> Value:
    return op.RegexFullMatch(x, pattern=pattern)


@lower("RegexFullMatch", since=20)
def regex_full_match(op: Builder, x: Value, pattern: Static) -> Value:
    return op.RegexFullMatch(x, pattern=pattern.item())


@lower("StaticRegexReplace", since=20)
def static_regex_replace(op: Builder, x: Value, *, pattern: str, rewrite: str, replace_global: bool) -> Value:
    return replace(op, x, pattern, rewrite, replace_global)


@lower("RegexReplace", since=20)
def regex_replace(op: Builder, x: Value, pattern: Static, rewrite: Static, *, replace_global: bool) -> Value:
    return replace(op, x, pattern.item().decode(), rewrite.item().decode(), replace_global)


def replace(op: Builder, x: Value, pattern: str, rewrite: str, everywhere: bool = True) -> Value:
    """Puts ``rewrite`` in place of the first match or of all; ``\\1`` in it is a group, ``\\0`` the match."""
    literals, groups = _rewriting(rewrite)
    flat = op.Reshape(x, [-1])
    deleted = _deletable(parse(pattern)[0]) if everywhere and not rewrite else None
    if deleted is not None:
        return op.Reshape(without(op, flat, deleted), op.shape(x))
    table = automaton(pattern, tuple(dict.fromkeys(g for g in groups if g)))
    codes, length = explode(op, flat)
    text = _Text(op, codes, length)
    ends, captured = text.matches(table)
    taken, covered = text.chosen(ends, everywhere)
    written = _written(op, text, taken, ends, captured, table, literals, groups)
    kept = op.Where(covered, np.array(256), text.codes)  # at 256 there is no byte
    return op.Reshape(join(op, op.StringConcat(written, op.Gather(BYTES, kept))), op.shape(x))


def _rewriting(rewrite: str) -> tuple[list[bytes], list[int]]:
    """The literal texts of a rewrite, and the groups between them."""
    literals, groups = [""], []
    for escape, letter in re.findall(r"(\\?)(.)", rewrite, re.DOTALL):
        if escape and letter.isdigit():
            groups.append(int(letter))
            literals.append("")
        elif escape and letter != "\\":
            raise Unsupported(f"the rewrite {rewrite!r}")
        else:
            literals[-1] += letter
    return [text.encode() for text in literals], groups


def _deletable(tree: Tree) -> tuple[bytes, ...] | None:
    """The ASCII characters that a pattern stands for, one or more of them in a row; None for any other pattern."""
    if isinstance(tree, Repeat) and tree.least == 1 and tree.most is None and tree.greedy:
        return _deletable(tree.part)
    if isinstance(tree, Choice):
        found = [_deletable(part) for part in tree.parts]
        return None if None in found else tuple(sorted({c for part in found for c in part or ()}))
    if not isinstance(tree, Set) or tree.ranges[-1][1] > 127:
        return None
    points = [p for low, high in tree.ranges for p in range(low, high + 1)]
    return tuple(bytes([p]) for p in points) if len(points) <= _MOST_DELETED else None


class _Text:
    """Strings as rows of bytes with one place more, for what matches at the end.

    Attributes:
        codes: ``[strings, places]``, -1 behind the last byte.
        first: whether a match may begin at a place.
    """

    def __init__(self, op: Builder, codes: Value, length: Value) -> None:
        self.op = op
        self.codes = op.Pad(codes, np.array([0, 0, 0, 1]), np.array(-1, np.int64))
        self.shape = op.append("Shape", [self.codes], {})
        self.places = op.Range(np.array(0), op.Gather(self.shape, 1), np.array(1))
        self.first = op.Or(begins(op, self.codes), op.Equal(self.places, op.Unsqueeze(length, axes=[1])))

    def matches(self, table: Automaton) -> tuple[Value, Value | None]:
        """Where the match that begins at each place ends (-1: there is none), and for each place its groups' bounds.

        Both are ``[strings * places]``, the bounds with a column for each; they count from the place.
        """
        op = self.op
        symbols = op.Reshape(op.Gather(table.classes, self.codes), [-1])
        before = op.Pad(self.codes, np.array([0, 1, 0, -1]), np.array(-1, np.int64))
        state = op.Reshape(op.Gather(table.start, before), [-1])
        lane = op.Range(np.array(0), op.Size(symbols), np.array(1))
        slots, registers = table.found.shape[2], table.moves.shape[2]
        nowhere = op.Expand(np.array(_NONE), op.append("Shape", [lane], {}))
        begin = [state, nowhere]
        if slots:
            begin += [op.Expand(np.array([_NONE] * n), op.sizes([lane.shape[0], n])) for n in (registers, slots)]
        count = table.following.shape[1]
        body = ir.Graph("match")
        with op.scope(body):
            step = op.input("", INT64, ())
            op.input("", BOOL, ())
            state, ends, *marks = [op.input("", v.dtype, v.shape) for v in begin]
            symbol = op.Gather(symbols, op.Min(lane + step, op.Size(symbols) - 1))
            row = state * count + symbol
            matched = op.Gather(table.matches.reshape(-1), row)
            if slots:
                kept, bounds = marks
                known = op.Concat(kept, op.Expand(step, op.sizes([lane.shape[0], 1])), axis=1)
                now = op.GatherElements(known, op.Gather(table.found.reshape(-1, slots), row), axis=1)
                bounds = op.Where(op.Unsqueeze(matched, axes=[1]), now, bounds)
                kept = op.GatherElements(known, op.Gather(table.moves.reshape(-1, registers), row), axis=1)
                marks = [kept, bounds]
            state = op.Gather(table.following.reshape(-1), row)
            alive = op.Greater(op.ReduceSum(state, keepdims=0), 0)
            body.outputs = [alive, state, op.Where(matched, step, ends), *marks]
        types = [(v.dtype, v.shape) for v in begin]
        results = op.node("Loop", [None, op.constant(np.array(True)), *begin], {"body": body}, types)
        return results[1], results[3] if slots else None

    def chosen(self, lengths: Value, everywhere: bool) -> tuple[Value, Value]:
        """Matches from left to right that do not overlap: where one begins, and which places they cover.

        After a match another may follow at once, but no empty one.
        """
        op = self.op
        rows: Size = self.codes.shape[0] if self.codes.shape is not None else unknown()
        ends = op.Where(op.Reshape(op.GreaterOrEqual(lengths, 0), self.shape, allowzero=1), 0, _NONE)
        ends = op.Where(op.And(op.Equal(ends, 0), self.first), op.Reshape(lengths, self.shape, allowzero=1), _NONE)
        zero = op.Expand(np.array(0), op.sizes([rows]))
        body = ir.Graph("choose")
        with op.scope(body):
            free = op.input("", INT64, (rows,))  # the first place not covered
            last = op.input("", INT64, (rows,))  # where the last match ended
            place, size = op.input("", INT64, ()), op.input("", INT64, (rows,))
            fresh = op.Not(op.And(op.Equal(size, 0), op.Equal(place, last)))
            taken = op.And(op.And(op.GreaterOrEqual(size, 0), op.GreaterOrEqual(place, free)), fresh)
            if not everywhere:
                taken = op.And(taken, last < 0)
            end = op.Where(taken, place + size, last)
            free = op.Where(taken, end, free)
            body.outputs = [free, end, taken, op.Less(place, free)]
        bools = (BOOL, (unknown(), rows))
        _, _, taken, covered = op.node(
            "Scan", [zero, zero - 1, self.places, op.Transpose(ends, perm=[1, 0])],
            {"body": body, "num_scan_inputs": 2}, [(INT64, (rows,)), (INT64, (rows,)), bools, bools],
        )  # fmt: skip
        return op.Transpose(taken, perm=[1, 0]), op.Transpose(covered, perm=[1, 0])


def _written(
    op: Builder, text: _Text, taken: Value, lengths: Value, captured: Value | None, table: Automaton,
    literals: list[bytes], groups: list[int],
) -> Value:  # fmt: skip
    """What is written at each place: the rewrite where a match begins, else nothing."""
    if not groups:
        return op.Where(taken, np.array(literals[0], object), EMPTY)
    where = op.Squeeze(op.NonZero(op.Reshape(taken, [-1])), axes=[0])
    stream = op.Reshape(text.codes, [-1])
    numbers = list(dict.fromkeys(g for g in groups if g))
    total = op.constant(np.array(literals[0], object))
    for group, literal in zip(groups, literals[1:], strict=True):
        if group:
            assert captured is not None
            bounds = op.Gather(captured, where)
            slot = 2 * numbers.index(group)
            begin, end = (op.Gather(bounds, np.array(slot + i), axis=1) for i in (0, 1))
            part = dense(op, stream, where + begin, op.Where(begin < 0, 0, end - begin))
        else:
            part = dense(op, stream, where, op.Gather(lengths, where))
        total = op.StringConcat(total, implode(op, part))
        if literal:
            total = op.StringConcat(total, np.array(literal, object))
    nothing = op.Expand(EMPTY, op.append("Shape", [stream], {}))
    return op.Reshape(op.ScatterElements(nothing, where, total, axis=0), text.shape, allowzero=1)
