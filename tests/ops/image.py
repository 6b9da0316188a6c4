"""Drawing."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, f32

BOXES = f32("b", 3, 4, low=-0.2, high=1.2)
CASES = {
    "boxes/coloured": case(
        lambda x, b: tf.image.draw_bounding_boxes(x, b, [[1.0, 0, 0], [0, 1.0, 0]]), f32("b", "h", "w", 3), BOXES
    ),
    "boxes/in-turn": case(
        lambda x, b: tf.raw_ops.DrawBoundingBoxes(images=x, boxes=b),
        f32("b", "h", "w", 3),
        f32("b", 12, 4, low=0, high=1),
    ),
    "boxes/grey": case(lambda x, b: tf.raw_ops.DrawBoundingBoxes(images=x, boxes=b), f32("b", "h", "w", 1), BOXES),
}
