"""The end of TFLite's object detectors: boxes from their offsets to anchors, and the best of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onward.dims import Size, minimum
from onward.dtypes import FLOAT32
from onward.ir import Value
from onward.lowering.registry import Unsupported, lower

if TYPE_CHECKING:
    from onward.lowering.builder import Builder


@lower("tfl.detection_postprocess")
def detection_postprocess(
    op: Builder, offsets: Value, scores: Value, anchors: Value, *, scales: list[float], classes: int, limit: int,
    classes_each: int, threshold: float, overlap: float, regular: bool, limit_per_class: int,
) -> tuple[Value, ...]:  # fmt: skip
    """Boxes (1, n, 4), classes and scores (1, n), and how many count (1); what is left over is zero.

    Args:
        offsets: (1, boxes, 4 or more): centre and logarithmic size, y before x, as in Ren et al. 2015.
        scores: (1, boxes, classes), with or without the background in front.
        anchors: (boxes, 4): centre and size.
        scales: what the offsets are divided by.
        classes: without the background.
        classes_each: the most classes that a box is reported with, unless `regular`.
        regular: suppress overlaps class by class, instead of among the boxes by their best score.
    """
    given = scores.shape[2] if scores.rank == 3 else None
    if not isinstance(given, int) or not classes <= given <= classes + 1:
        raise Unsupported("scores for another number of classes")
    boxes = _decoded(op, op.Squeeze(offsets, axes=[0]), anchors, scales)
    scores = op.Slice(op.Squeeze(scores, axes=[0]), [given - classes], [given], [1])
    lowest = np.nextafter(np.float32(threshold), np.float32(-np.inf))  # a score equal to the threshold counts
    if regular:
        found = _regular(op, boxes, scores, limit, limit_per_class, overlap, lowest)
    else:
        found = _fast(op, boxes, scores, limit, classes_each, overlap, lowest)
    *tensors, count = found
    rows = limit * classes_each
    filled = (op.Unsqueeze(_filled(op, tensor, rows), axes=[0]) for tensor in tensors)
    return (*filled, op.Cast(op.sizes([count]), to=FLOAT32))


def _decoded(op: Builder, offsets: Value, anchors: Value, scales: list[float]) -> Value:
    """Corners: (boxes, 4), top, left, bottom, right."""

    def columns(x: Value, first: int) -> Value:
        return op.Slice(x, [first], [first + 2], [1])

    sizes = columns(anchors, 2)
    centre = columns(offsets, 0) / np.array(scales[:2], np.float32) * sizes + columns(anchors, 0)
    half = op.Exp(columns(offsets, 2) / np.array(scales[2:], np.float32)) * sizes * 0.5
    return op.Concat(centre - half, centre + half, axis=1)


def _fast(
    op: Builder, boxes: Value, scores: Value, limit: int, classes_each: int, overlap: float, lowest: np.float32
) -> tuple[Value, Value, Value, Size]:
    """Boxes compete by their best score; each that stays is reported with its best classes."""
    best = op.ReduceMax(scores, axes=[1], keepdims=0)
    chosen = op.Gather(_suppressed(op, boxes, op.Unsqueeze(best, axes=[0]), limit, overlap, lowest), 2, axis=1)
    count = chosen.shape[0]
    taken = min(classes_each, scores.shape[1])
    points, labels = op.TopK(op.Gather(scores, chosen, axis=0), [taken], axis=1, outputs=2)
    gap = classes_each - taken

    def row(x: Value) -> Value:
        behind = [0] * (x.rank - 2)
        wide = op.Pad(x, np.array([0, 0, *behind, 0, gap, *behind], np.int64))
        return op.Reshape(wide, [count * classes_each, *wide.shape[2:]])

    each = op.Expand(op.Unsqueeze(op.Gather(boxes, chosen, axis=0), axes=[1]), [count, taken, 4])
    return row(each), row(op.Cast(labels, to=FLOAT32)), row(points), count


def _regular(
    op: Builder, boxes: Value, scores: Value, limit: int, limit_per_class: int, overlap: float, lowest: np.float32
) -> tuple[Value, Value, Value, Size]:
    """Boxes compete class by class; the best of all classes stay."""
    by_class = op.Transpose(scores, perm=[1, 0])
    found = _suppressed(op, boxes, by_class, limit_per_class, overlap, lowest)
    points = op.GatherND(by_class, op.Slice(found, [1], [3], [1]))
    count = minimum(found.shape[0], limit)
    points, order = op.TopK(points, op.sizes([count]), axis=0, outputs=2)
    found = op.Gather(found, order, axis=0)
    labels = op.Cast(op.Gather(found, 1, axis=1), to=FLOAT32)
    return op.Gather(boxes, op.Gather(found, 2, axis=1), axis=0), labels, points, count


def _suppressed(op: Builder, boxes: Value, scores: Value, limit: int, overlap: float, lowest: np.float32) -> Value:
    """(chosen, 3): batch, class and box."""
    return op.NonMaxSuppression(
        op.Unsqueeze(boxes, axes=[0]), op.Unsqueeze(scores, axes=[0]), np.array([limit], np.int64),
        np.array([overlap], np.float32), np.array([lowest], np.float32),
    )  # fmt: skip


def _filled(op: Builder, x: Value, rows: int) -> Value:
    """Zeros up to a number of rows."""
    behind = [0] * (x.rank - 1)
    return op.Pad(x, op.sizes([0, *behind, rows - x.shape[0], *behind]))
