"""The loss of connectionist temporal classification, and its gradient (Graves et al. 2006)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from onward import ir
from onward.dims import Shape, unknown
from onward.dtypes import BOOL, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.scatter import scatter

_LAST = np.iinfo(np.int64).max


@lower("CTCLoss")
def ctc_loss(
    op: Builder, x: Value, indices: Value, values: Value, lengths: Value, *, preprocess_collapse_repeated: bool,
    ctc_merge_repeated: bool,
) -> tuple[Value, Value]:  # fmt: skip
    """The negated log probability of sparse labels, and its gradient by the inputs (time, batch, labels).

    Between, before and behind the labels stand blanks, the last class; paths go through these places, (batch, places).
    """
    if preprocess_collapse_repeated or not ctc_merge_repeated:
        raise Unsupported("other ways to treat repeated labels than the usual one")
    if x.shape is None or not isinstance(x.shape[2], int):
        raise Unsupported("an unknown number of labels")
    steps, batch, classes = x.shape
    rows = op.Slice(indices, [0], [1], [1])
    zeros = op.Expand(op.constant(0, INT64), op.sizes([batch]))
    count = scatter(op, zeros, rows, op.Expand(op.constant(1, INT64), op.shape(values)), "add")
    longest = op.ReduceMax(op.Concat(count, op.constant([0], INT64), axis=0), axes=[0], keepdims=0)
    size = longest * 2 + 1
    places = op.Expand(op.constant(classes - 1, INT64), op.sizes([batch, size]))
    odd = op.Concat(rows, op.Slice(indices, [1], [2], [1]) * 2 + 1, axis=1)
    places = op.ScatterND(places, odd, op.Cast(values, to=INT64))
    two_before = op.Slice(op.Pad(places, [0, 2, 0, 0], op.constant(classes - 1, INT64)), [0], [-2], [1])
    leaps = op.And(op.Not(op.Equal(places, classes - 1)), op.Not(op.Equal(places, two_before)))

    logs = op.LogSoftmax(x, axis=2)
    wide = op.Expand(op.Unsqueeze(places, axes=[0]), op.sizes([steps, batch, size]))
    scores = op.GatherElements(logs, wide, axis=2)
    time = op.Reshape(op.Range(0, op.size(steps), 1), [-1, 1, 1])
    ends = op.Unsqueeze(op.Cast(lengths, to=INT64), axes=[0, 2])
    place = op.Unsqueeze(op.Range(0, size, 1), axes=[0])
    target = op.Unsqueeze(count * 2, axes=[1])
    final = _log(op, op.Or(op.Equal(place, target), op.Equal(place, target - 1)), x.dtype)

    def forth(before: Value, score: Value, going: Value) -> tuple[Value, Value]:
        leapt = op.Where(leaps, _moved(op, before, 2), -np.inf)
        after = op.Where(going, _total(op, before, _moved(op, before, 1), leapt) + score, before)
        return after, after

    def back(after: Value, score: Value, going: Value) -> tuple[Value, Value]:
        leapt = _moved(op, op.Where(leaps, after, -np.inf), -2)
        now = op.Where(going, _total(op, after, _moved(op, after, -1), leapt), final)
        return now + score, now

    start = op.Expand(_log(op, op.Equal(place, 0), x.dtype), op.shape(places))
    arrived, ahead = _scan(op, forth, start, [scores, time < ends])
    total = op.ReduceLogSumExp(op.Where(final >= 0, arrived, -np.inf), axes=[1])
    _, behind = _scan(op, back, start, [scores, time < ends - 1], reverse=True)
    share = op.Exp(ahead + behind - op.Unsqueeze(total, axes=[0]))
    share = op.Transpose(op.Where(op.IsNaN(share), 0, share), perm=[1, 0, 2])
    one_hot = op.Cast(op.Equal(op.Unsqueeze(places, axes=[2]), np.arange(classes)), to=x.dtype)
    gradient = op.Exp(logs) - op.Transpose(share @ one_hot, perm=[1, 0, 2])
    return op.Squeeze(-total, axes=[1]), op.Where(time < ends, gradient, 0)


def _scan(
    op: Builder, step: Callable[..., tuple[Value, Value]], start: Value, along: Sequence[Value], reverse: bool = False
) -> tuple[Any, Any]:
    """The last state, and what each step gives: ``step(state, *elements) -> state, given``."""
    shape: Shape = start.shape or (unknown(), unknown())
    body = ir.Graph("ctc")
    with op.scope(body):
        state = op.input("", start.dtype, shape)
        elements = [op.input("", v.dtype, (v.shape or ())[1:] if v.dtype != BOOL else (shape[0], 1)) for v in along]
        after, given = step(state, *elements)
        body.outputs = [op.append("Identity", [v], {}) for v in (after, given)]
    attrs: dict[str, Any] = {"body": body, "num_scan_inputs": len(along)}
    if reverse:
        attrs |= {"scan_input_directions": [1] * len(along), "scan_output_directions": [1]}
    many = along[0].shape[0] if along[0].shape else unknown()
    types = [(start.dtype, shape), (start.dtype, (many, *shape))]
    last, all_ = op.node("Scan", [start, *along], attrs, types)
    return last, all_


def _moved(op: Builder, x: Value, by: int) -> Value:
    """The places shifted up or down, minus infinity where none was."""
    nothing = op.constant(-np.inf, x.dtype)
    if by > 0:
        return op.Slice(op.Pad(x, [0, by, 0, 0], nothing), [0], [-by], [1])
    return op.Slice(op.Pad(x, [0, 0, 0, -by], nothing), [-by], [_LAST], [1])


def _log(op: Builder, sure: Value, dtype: np.dtype) -> Value:
    """0 where it is sure, minus infinity elsewhere."""
    return op.Where(sure, op.constant(0, dtype), op.constant(-np.inf, dtype))


def _total(op: Builder, *parts: Value) -> Value:
    """The logarithm of the sum of probabilities."""
    largest = op.Max(*parts)
    powers = [op.Exp(part - largest) for part in parts]
    total = powers[0]
    for power in powers[1:]:
        total = total + power
    return op.Where(op.IsInf(largest), largest, largest + op.Log(total))
