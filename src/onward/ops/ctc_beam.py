"""Decoding connectionist temporal classification by prefix beam search (Graves 2012, Hannun et al. 2014)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from onward.dims import Size
from onward.dtypes import BOOL, FLOAT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.loop import loop, repeat
from onward.lowering.registry import Unsupported, lower
from onward.ops.ctc import sparse_labels


class Beams(NamedTuple):
    """The likeliest prefixes of each sequence, best first.

    Attributes:
        labels: (batch, beams, time), -1 behind a prefix's end.
        length: (batch, beams).
        last: the last label, -1 of an empty prefix.
        blank, label: log probabilities of the prefix with a blank, or its last label, at the current step; both are
            minus infinity for beams that are not in use.
        shared: (batch, beams, beams), how many labels two prefixes have in common at their beginnings.
    """

    labels: Value
    length: Value
    last: Value
    blank: Value
    label: Value
    shared: Value


@lower("CTCBeamSearchDecoder")
def beam_search_decoder(
    op: Builder, x: Value, lengths: Value, *, beam_width: int, top_paths: int, merge_repeated: bool
) -> tuple[Value, ...]:
    """The likeliest label sequences as sparse matrices by batch, and their log probabilities.

    The input is (time, batch, labels), the last label the blank. Among equally likely prefixes the order is not
    TensorFlow's.
    """
    if x.shape is None or not isinstance(x.shape[2], int):
        raise Unsupported("an unknown number of labels")
    steps, batch, _ = x.shape
    scores = op.LogSoftmax(x, axis=2)
    lengths = op.Unsqueeze(op.Cast(lengths, to=INT64), axes=[1])

    def step(i: Value, *states: Value) -> list[Value]:
        now = Beams(*states)
        going = i < lengths  # (batch, 1)
        after = _extended(op, now, op.Gather(scores, i, axis=0), beam_width)
        wide = op.Unsqueeze(going, axes=[2])
        pairs = zip(after, now, strict=True)
        return [op.Where(wide if old.rank == 3 else going, new, old) for new, old in pairs]

    found = Beams(*repeat(op, steps, list(_empty(op, batch, steps, beam_width, x.dtype)), step))
    paths = []
    for path in range(top_paths):
        labels = op.Gather(found.labels, path, axis=1)
        kept = labels >= 0
        if merge_repeated:
            before = op.Pad(op.Slice(labels, [0], [-1], [1]), [0, 1, 0, 0], op.constant(-1, INT64), mode="constant")
            kept = op.And(kept, op.Not(op.Equal(labels, before)))
        paths.append(sparse_labels(op, kept, labels, batch))
    indices, values, shapes = zip(*paths, strict=True)
    total = _either(op, found.blank, found.label)
    return *indices, *values, *shapes, op.Slice(total, [0], [top_paths], [1])


def _empty(op: Builder, batch: Size, steps: Size, width: int, dtype: np.dtype) -> Beams:
    """One empty prefix, certain."""

    def full(number: float, kind: np.dtype, *sizes: Size) -> Value:
        return op.Expand(op.constant(number, kind), op.sizes([batch, *sizes]))

    certain = np.full((1, width), -np.inf, dtype)
    certain[0, 0] = 0
    return Beams(
        full(-1, INT64, width, steps), full(0, INT64, width), full(-1, INT64, width),
        op.Expand(op.constant(certain), op.sizes([batch, width])), full(-np.inf, dtype, width),
        full(0, INT64, width, width),
    )  # fmt: skip


def _extended(op: Builder, now: Beams, scores: Value, width: int) -> Beams:
    """One step: each prefix stays as it is or grows by a label; the likeliest of all remain."""
    count = scores.shape[1] - 1  # type: ignore[index]
    total = _either(op, now.blank, now.label)
    used = op.Not(op.IsInf(total))
    parent = _parents(op, now, used)
    own = op.Unsqueeze(now.last, axes=[2])  # (batch, beams, 1)

    # Staying: with a blank, or the last label once more, or grown into from the prefix without it.
    doubled = op.Equal(own, op.Unsqueeze(now.last, axes=[1]))
    source = op.Where(doubled, op.Unsqueeze(now.blank, axes=[1]), op.Unsqueeze(total, axes=[1]))
    grown = op.ReduceMax(op.Where(parent, source, -np.inf), axes=[2], keepdims=0)
    ends = op.GatherElements(scores, op.Max(now.last, 0), axis=1)
    label = op.Where(now.last >= 0, _either(op, now.label, grown) + ends, -np.inf)
    blank = total + op.Slice(scores, [count], [count + 1], [1])

    # Growing, but not into a prefix that is there already.
    labels = np.arange(count).reshape(1, 1, count)
    last_is = op.Equal(own, labels)
    before = op.Where(last_is, op.Unsqueeze(now.blank, axes=[2]), op.Unsqueeze(total, axes=[2]))
    taken = op.Cast(op.Transpose(parent, perm=[0, 2, 1]), to=scores.dtype) @ op.Cast(last_is, to=scores.dtype)
    grows = before + op.Unsqueeze(op.Slice(scores, [0], [count], [1]), axes=[1])
    grows = op.Where(taken > 0, -np.inf, grows)

    whole = _either(op, blank, label)
    grows = op.Where(op.Unsqueeze(_growing(op, now, parent, whole, grows), axes=[2]), grows, -np.inf)
    every = op.Concat(whole, op.Reshape(grows, [0, width * count]), axis=1)
    best, chosen = op.TopK(every, np.array([width]), axis=1, outputs=2)
    stays = chosen < width
    origin = op.Where(stays, chosen, op.Div(chosen - width, count))
    added = op.Where(stays, -1, op.Mod(op.Max(chosen - width, 0), count))

    def kept(values: Value) -> Value:
        return op.GatherElements(values, origin, axis=1)

    length = kept(now.length)
    place = op.Range(0, op.size(now.labels.shape[2]), 1)  # type: ignore[index]
    new_place = op.And(op.Equal(place, op.Unsqueeze(length, axes=[2])), op.Unsqueeze(op.Not(stays), axes=[2]))
    rows = op.Unsqueeze(origin, axes=[2])
    labels_kept = op.GatherND(now.labels, rows, batch_dims=1)
    return Beams(
        op.Where(new_place, op.Unsqueeze(added, axes=[2]), labels_kept),
        op.Where(stays, length, length + 1),
        op.Where(stays, kept(now.last), added),
        op.Where(stays, kept(blank), -np.inf),
        op.Where(stays, kept(label), best),
        _shared(op, op.GatherND(now.shared, rows, batch_dims=1), origin, length, added, labels_kept),
    )


def _growing(op: Builder, now: Beams, parent: Value, stays: Value, grows: Value) -> Value:
    """Which prefixes grow, (batch, beams).

    TensorFlow lets them grow one after the other, best first. One that has been pushed out of the beam when its turn
    comes still grows, unless the prefix it came from has had its turn in between and was reminded of it in vain.
    """
    width, count = grows.shape[1:]  # type: ignore[misc]
    mine = np.arange(width).reshape(1, width, 1)
    theirs = mine.reshape(1, 1, width)
    turn = theirs * count + op.Unsqueeze(now.last, axes=[2])  # when the parent considers this prefix
    turn = op.ReduceMax(op.Where(op.And(parent, op.constant(theirs < mine)), turn, -1), axes=[2])
    turns = np.arange(width * count).reshape(1, 1, width, count)
    better = op.And(
        op.Unsqueeze(grows, axes=[1]) > op.Unsqueeze(stays, axes=[2, 3]), op.Unsqueeze(turn, axes=[3]) > turns
    )
    better = op.ReduceSum(op.Cast(better, to=FLOAT32), axes=[3], keepdims=0)
    above = op.Cast(op.Unsqueeze(stays, axes=[1]) > op.Unsqueeze(stays, axes=[2]), to=FLOAT32)
    ahead = op.ReduceSum(above, axes=[2])

    def again(i: Value, growing: Value) -> tuple[Value, list[Value], list[Value]]:
        beaten = better @ op.Cast(op.Unsqueeze(growing, axes=[2]), to=FLOAT32) + ahead
        lost = op.And(op.Squeeze(beaten, axes=[2]) >= width, op.Squeeze(turn, axes=[2]) >= 0)
        after = op.Not(lost)
        changed = op.ReduceMax(op.Cast(op.Xor(after, growing), to=INT64), keepdims=0)
        return op.Equal(changed, 1), [after], []

    everyone = op.Expand(op.constant(True, BOOL), op.shape(stays))
    return loop(op, op.size(width), None, [everyone], again)[0]


def _shared(op: Builder, rows: Value, origin: Value, length: Value, added: Value, labels: Value) -> Value:
    """How many labels two of the new prefixes share: one more than those they come from, where one that was the
    beginning of the other has grown by the other's next label, and where both are the same one, grown."""
    width = origin.shape[1]  # type: ignore[index]
    square = op.sizes([origin.shape[0], width, width])  # type: ignore[index]
    mine, other = (op.Unsqueeze(length, axes=[axis]) for axis in (2, 1))
    before = op.GatherElements(rows, op.Expand(op.Unsqueeze(origin, axes=[1]), square), axis=2)
    places = op.Max(op.Min(other, op.size(labels.shape[2]) - 1), 0)  # type: ignore[index]
    going_on = op.Transpose(op.GatherElements(labels, op.Expand(places, square), axis=2), perm=[0, 2, 1])
    reaches = op.And(op.Equal(before, mine), mine < other)
    grows = op.Unsqueeze(added, axes=[2])
    meets = op.And(op.And(reaches, grows >= 0), op.Equal(going_on, grows))
    alike = [op.Equal(op.Unsqueeze(v, axes=[2]), op.Unsqueeze(v, axes=[1])) for v in (origin, added)]
    same = op.And(op.And(*alike), grows >= 0)
    either = op.Or(op.Or(meets, op.Transpose(meets, perm=[0, 2, 1])), same)
    return before + op.Cast(either, to=INT64)


def _parents(op: Builder, now: Beams, used: Value) -> Value:
    """Whether the second beam is the first without its last label, (batch, beams, beams)."""
    length = op.Unsqueeze(now.length, axes=[1])
    shorter = op.Equal(op.Unsqueeze(now.length, axes=[2]) - 1, length)
    both = op.And(op.Unsqueeze(used, axes=[2]), op.Unsqueeze(used, axes=[1]))
    return op.And(op.And(shorter, op.Equal(now.shared, length)), both)


def _either(op: Builder, a: Value, b: Value) -> Value:
    """The logarithm of the sum of two probabilities."""
    larger = op.Max(a, b)
    sum_ = larger + op.Log(1 + op.Exp(op.Min(a, b) - larger))
    return op.Where(op.IsInf(larger), larger, sum_)
