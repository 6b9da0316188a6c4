"""Non-maximum suppression."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onward.dims import minimum
from onward.dtypes import FLOAT32, INT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.loop import loop
from onward.lowering.registry import Unsupported, lower


@lower("NonMaxSuppression")
def suppression(op: Builder, boxes: Value, scores: Value, limit: Value, *, iou_threshold: float) -> Value:
    return op.Cast(_select(op, boxes, scores, limit, op.constant(np.float32(iou_threshold))), to=INT32)


@lower("NonMaxSuppressionV2")
def suppression_v2(op: Builder, boxes: Value, scores: Value, limit: Value, overlap: Value) -> Value:
    return op.Cast(_select(op, boxes, scores, limit, overlap), to=INT32)


@lower("NonMaxSuppressionV3")
def suppression_v3(op: Builder, boxes: Value, scores: Value, limit: Value, overlap: Value, threshold: Value) -> Value:
    return op.Cast(_select(op, boxes, scores, limit, overlap, threshold), to=INT32)


@lower("NonMaxSuppressionV4")
def suppression_v4(
    op: Builder, boxes: Value, scores: Value, limit: Value, overlap: Value, threshold: Value, *,
    pad_to_max_output_size: bool,
) -> tuple[Value, Value]:  # fmt: skip
    chosen = _select(op, boxes, scores, limit, overlap, threshold)
    count = op.size(chosen.shape[0], INT32)
    if pad_to_max_output_size:
        chosen = _lengthened(op, chosen, limit)
    return op.Cast(chosen, to=INT32), count


@lower("NonMaxSuppressionV5")
def suppression_v5(
    op: Builder, boxes: Value, scores: Value, limit: Value, overlap: Value, threshold: Value, sigma: Value, *,
    pad_to_max_output_size: bool,
) -> tuple[Value, Value, Value]:  # fmt: skip
    """With a sigma, overlapping boxes lose score instead of being dropped (Bodla et al. 2017)."""
    if sigma.array is not None and sigma.array == 0:
        chosen = _select(op, boxes, scores, limit, overlap, threshold)
        points = op.Gather(scores, chosen, axis=0)
    else:
        chosen, points = soft_selection(op, boxes, scores, limit, threshold, sigma, overlap)
    if pad_to_max_output_size:
        return padded_selection(op, scores, limit, chosen, points)
    return op.Cast(chosen, to=INT32), op.Cast(points, to=scores.dtype), op.size(chosen.shape[0], INT32)


def padded_selection(
    op: Builder, scores: Value, limit: Value, chosen: Value, points: Value
) -> tuple[Value, Value, Value]:
    """Indices and scores with zeros up to the limit, and how many are real."""
    count = op.size(chosen.shape[0], INT32)
    chosen, points = _lengthened(op, chosen, limit), _lengthened(op, points, limit)
    return op.Cast(chosen, to=INT32), op.Cast(points, to=scores.dtype), count


@lower("NonMaxSuppressionWithOverlaps")
def suppression_by_overlaps(
    op: Builder, overlaps: Value, scores: Value, limit: Value, overlap: Value, threshold: Value
) -> Value:
    """The overlaps are given as a matrix: how much the row's box overlaps the column's, which was chosen before."""

    def weaken(now: Value, best: Value) -> Value:
        return op.Where(op.Gather(overlaps, best, axis=1) > overlap, -np.inf, now)

    return op.Cast(_greedy(op, scores, limit, threshold, weaken)[0], to=INT32)


@lower("CombinedNonMaxSuppression")
def combined_suppression(
    op: Builder, boxes: Value, scores: Value, limit_per_class: Value, limit: Value, overlap: Value, threshold: Value,
    *, pad_per_class: bool, clip_boxes: bool,
) -> tuple[Value, ...]:  # fmt: skip
    """Per image the best boxes of all classes.

    Boxes are (batch, boxes, 1 or classes, 4), scores (batch, boxes, classes).
    """
    if boxes.shape is None or scores.shape is None or limit.array is None or limit_per_class.array is None:
        raise Unsupported("limits that are not constants, or tensors of unknown rank")
    batch, count, own, _ = boxes.shape
    classes = scores.shape[2]
    places = op.Transpose(boxes, perm=[0, 2, 1, 3])
    points = op.Transpose(scores, perm=[0, 2, 1])
    shared = own == 1
    if shared:
        candidates, by_class = op.Squeeze(places, axes=[1]), points
    else:
        candidates = op.Reshape(places, [batch * own, count, 4])
        by_class = op.Reshape(points, [batch * classes, 1, count])
    chosen = op.NonMaxSuppression(
        candidates, by_class, np.atleast_1d(limit_per_class.array).astype(np.int64), overlap, threshold
    )
    nothing = op.Expand(op.constant(np.float32(-np.inf)), op.shape(by_class))
    kept = op.ScatterND(nothing, chosen, op.GatherND(by_class, chosen))
    total = int(limit.array)
    if pad_per_class:
        if not isinstance(classes, int):
            raise Unsupported("padding per class of an unknown number of classes")
        total = min(total, int(limit_per_class.array) * classes)
    taken = minimum(classes * count, total)
    best, at = op.TopK(op.Reshape(kept, [batch, classes * count]), op.sizes([taken]), outputs=2)
    best, at = (op.Pad(v, op.sizes([0, 0, 0, total - taken]), fill, mode="constant")
                for v, fill in ((best, op.constant(np.float32(-np.inf))), (at, None)))  # fmt: skip
    valid = op.Not(op.IsInf(best))
    label = op.Div(at, op.size(count))
    where = op.Mod(at, op.size(count)) if shared else at
    pool = candidates if shared else op.Reshape(places, [batch, own * count, 4])
    found = op.GatherND(pool, op.Unsqueeze(where, axes=[2]), batch_dims=1)
    if clip_boxes:
        found = op.Clip(found, min=0.0, max=1.0)
    return (
        op.Where(op.Unsqueeze(valid, axes=[2]), found, 0),
        op.Where(valid, best, 0),
        op.Where(valid, op.Cast(label, to=FLOAT32), 0),
        op.ReduceSum(op.Cast(valid, to=INT32), axes=[1], keepdims=0),
    )


def _select(
    op: Builder, boxes: Value, scores: Value, limit: Value, overlap: Value, threshold: Value | None = None
) -> Value:
    """Indices of the boxes that stay, best first, int64."""
    chosen = op.NonMaxSuppression(
        op.Unsqueeze(op.Cast(boxes, to=FLOAT32), axes=[0]),
        op.Unsqueeze(op.Cast(scores, to=FLOAT32), axes=[0, 1]),
        op.Reshape(op.Cast(limit, to=INT64), [1]),
        op.Reshape(op.Cast(overlap, to=FLOAT32), [1]),
        None if threshold is None else op.Reshape(op.Cast(threshold, to=FLOAT32), [1]),
    )
    return op.Gather(chosen, 2, axis=1)


def _lengthened(op: Builder, x: Value, limit: Value) -> Value:
    """Zeros up to the limit."""
    missing = op.Cast(limit, to=INT64) - op.size(x.shape[0])
    return op.Pad(x, op.Concat(np.array([0]), op.Reshape(missing, [1]), axis=0), mode="constant")


def soft_selection(
    op: Builder, boxes: Value, scores: Value, limit: Value, threshold: Value, sigma: Value, overlap: Value, *,
    drops: bool = False,
) -> tuple[Value, Value]:  # fmt: skip
    """Indices and scores of the boxes that stay; `drops` those that overlap by `overlap`, whatever sigma is."""
    corners = [op.Cast(op.Gather(boxes, i, axis=1), to=FLOAT32) for i in range(4)]
    top, bottom = op.Min(corners[0], corners[2]), op.Max(corners[0], corners[2])
    left, right = op.Min(corners[1], corners[3]), op.Max(corners[1], corners[3])
    area = (bottom - top) * (right - left)
    sigma, overlap = op.Cast(sigma, to=FLOAT32), op.Cast(overlap, to=FLOAT32)

    def weaken(now: Value, best: Value) -> Value:
        def own(x: Value) -> Value:
            return op.Gather(x, best, axis=0)

        height = op.Max(op.Min(bottom, own(bottom)) - op.Max(top, own(top)), 0)
        width = op.Max(op.Min(right, own(right)) - op.Max(left, own(left)), 0)
        both = area + own(area) - height * width
        real = op.And(area > 0, own(area) > 0)
        similar = op.Where(real, height * width / op.Where(real, both, 1), 0)
        soft = op.Exp(similar * similar * -0.5 / op.Where(sigma > 0, sigma, 1))
        if drops:
            return op.Where(similar >= overlap, -np.inf, op.Where(sigma > 0, now * soft, now))
        hard = op.And(sigma <= 0, similar > overlap)
        return op.Where(sigma > 0, now * soft, op.Where(hard, -np.inf, now))

    return _greedy(op, op.Cast(scores, to=FLOAT32), limit, op.Cast(threshold, to=FLOAT32), weaken)


def _greedy(
    op: Builder, scores: Value, limit: Value, threshold: Value, weaken: Callable[[Value, Value], Value]
) -> tuple[Value, Value]:
    """Takes the best score again and again, and weakens what resembles it; indices and scores."""

    def step(i: Value, now: Value) -> tuple[Value, list[Value], list[Value]]:
        best = op.ArgMax(now, axis=0, keepdims=0)
        taken = op.Equal(op.Range(0, op.size(scores.shape[0]), 1), best)
        rest = op.Where(op.Or(taken, op.IsInf(now)), -np.inf, weaken(now, best))
        return op.ReduceMax(rest, keepdims=0) > threshold, [rest], [best, op.Gather(now, best, axis=0)]

    going = op.ReduceMax(op.Concat(scores, np.array([-np.inf], np.float32), axis=0), keepdims=0) > threshold
    _, chosen, points = loop(op, limit, going, [scores], step, [(INT64, ()), (FLOAT32, ())])
    return chosen, points
