"""Non-maximum suppression."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, f32

J, raw = tf.image, tf.raw_ops
UNIT = {"low": 0, "high": 1}
BOXES, SCORES = f32("n", 4, **UNIT), f32("n", **UNIT)
SIZES = {"n": (20, 30)}


def _combined(**options: bool) -> object:
    return lambda b, s: J.combined_non_max_suppression(b, s, 4, 6, 0.3, 0.2, **options)


CASES = {
    "v1": case(lambda b, s: raw.NonMaxSuppression(boxes=b, scores=s, max_output_size=5), BOXES, SCORES, sizes=SIZES),
    "v2": case(
        lambda b, s: raw.NonMaxSuppressionV2(boxes=b, scores=s, max_output_size=5, iou_threshold=0.3), BOXES, SCORES,
        sizes=SIZES,
    ),
    "v3": case(lambda b, s: J.non_max_suppression(b, s, 5, 0.3), BOXES, SCORES, sizes=SIZES),
    "v3/threshold": case(lambda b, s: J.non_max_suppression(b, s, 30, 0.5, 0.4), BOXES, SCORES, sizes=SIZES),
    "v3/ties": case(
        lambda b, s: J.non_max_suppression(b, s, 9, 0.1), BOXES, f32("n", values=[0.25, 0.5, 1.0]), sizes=SIZES
    ),
    "overlaps/one-sided": case(
        lambda o, s: raw.NonMaxSuppressionWithOverlaps(
            overlaps=o, scores=s, max_output_size=5, overlap_threshold=0.5, score_threshold=0.1
        ),
        f32("n", "n", **UNIT), SCORES,
        why="how much one overlaps the other need not be how much the other overlaps the one",
    ),
    "v3/none": case(lambda b, s: J.non_max_suppression(b, s, 5, 0.3, 2.0), BOXES, SCORES, sizes=SIZES),
    "v4/padded": case(
        lambda b, s: raw.NonMaxSuppressionV4(
            boxes=b, scores=s, max_output_size=25, iou_threshold=0.2, score_threshold=0.3, pad_to_max_output_size=True
        ),
        BOXES, SCORES, sizes=SIZES,
    ),
    "v5/hard": case(lambda b, s: J.non_max_suppression_with_scores(b, s, 5, 0.4), BOXES, SCORES, sizes=SIZES),
    "v5/soft": case(
        lambda b, s: J.non_max_suppression_with_scores(b, s, 12, 1.0, 0.1, 0.5), BOXES, SCORES, sizes=SIZES
    ),
    "v5/soft-and-hard": case(
        lambda b, s: J.non_max_suppression_with_scores(b, s, 12, 0.3, soft_nms_sigma=0.5), BOXES, SCORES, sizes=SIZES
    ),
    "v5/padded": case(
        lambda b, s: raw.NonMaxSuppressionV5(
            boxes=b, scores=s, max_output_size=25, iou_threshold=0.2, score_threshold=0.3, soft_nms_sigma=0.0,
            pad_to_max_output_size=True,
        ),
        BOXES, SCORES, sizes=SIZES,
    ),
    "overlaps": case(
        lambda o, s: J.non_max_suppression_overlaps(tf.maximum(o, tf.transpose(o)), s, 5, 0.6), f32("n", "n", **UNIT),
        SCORES, sizes=SIZES,
    ),
    "combined/shared": case(_combined(), f32("b", 12, 1, 4, **UNIT), f32("b", 12, 3, **UNIT)),
    "combined/per-class": case(
        _combined(pad_per_class=True, clip_boxes=False), f32("b", 12, 3, 4, **UNIT), f32("b", 12, 3, **UNIT)
    ),
    "combined/few": case(_combined(), f32("b", "k", 1, 4, **UNIT), f32("b", "k", 1, **UNIT)),
    "combined/outside": case(_combined(), f32("b", 12, 1, 4, low=-0.5, high=1.5), f32("b", 12, 3, **UNIT)),
}  # fmt: skip
