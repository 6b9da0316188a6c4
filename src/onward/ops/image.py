"""Drawing on images."""

from __future__ import annotations

import numpy as np

from onward.dtypes import FLOAT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower
from onward.ops.resample import number

# The colours (RGBA) that boxes take in turn where none are given.
_COLOURS = np.array(
    [
        [1, 1, 0, 1], [0, 0, 1, 1], [1, 0, 0, 1], [0, 1, 0, 1], [0.5, 0, 0.5, 1],
        [0.5, 0.5, 0, 1], [0.5, 0, 0, 1], [0, 0, 0.5, 1], [0, 1, 1, 1], [1, 0, 1, 1],
    ],
    np.float32,
)  # fmt: skip


@lower("DrawBoundingBoxes")
def draw_boxes_in_turn(op: Builder, images: Value, boxes: Value) -> Value:
    return draw_boxes(op, images, boxes, op.constant(_COLOURS))


@lower("DrawBoundingBoxesV2")
def draw_boxes(op: Builder, images: Value, boxes: Value, colours: Value) -> Value:
    """Outlines one pixel wide; where boxes meet, the later one covers the earlier."""
    if colours.shape == (0, 0) or (colours.shape is not None and colours.shape[0] == 0):
        colours = op.constant(_COLOURS)
    _, height, width, depth = images.shape
    wide = op.Cast(boxes, to=FLOAT32)
    top, left, bottom, right = (
        op.Unsqueeze(op.Cast(op.Gather(wide, i, axis=2) * (number(op, extent) - 1), to=INT64), axes=[2, 3])
        for i, extent in enumerate((height, width, height, width))
    )
    row = op.Reshape(op.Range(0, op.size(height), 1), [1, 1, -1, 1])
    column = op.Reshape(op.Range(0, op.size(width), 1), [1, 1, 1, -1])
    in_rows, in_columns = op.And(row >= top, row <= bottom), op.And(column >= left, column <= right)
    on_rows = op.Or(op.Equal(row, top), op.Equal(row, bottom))
    on_columns = op.Or(op.Equal(column, left), op.Equal(column, right))
    drawn = op.And(op.And(in_rows, in_columns), op.Or(on_rows, on_columns))
    count = boxes.shape[1]
    order = op.Reshape(op.Range(1, op.size(count) + 1, 1), [1, -1, 1, 1])
    last = op.ReduceMax(op.Where(drawn, order, 0), axes=[1], keepdims=0)
    palette = op.Cast(colours, to=images.dtype)
    if depth == 1:
        palette = op.Expand(op.constant(np.ones((), images.dtype)), [colours.shape[0], 1])
    palette = op.Slice(palette, [0], op.sizes([depth]), axes=[1])
    paint = op.Gather(palette, op.Mod(op.Max(last - 1, 0), op.size(colours.shape[0])), axis=0)
    return op.Where(op.Unsqueeze(last > 0, axes=[3]), paint, images)
