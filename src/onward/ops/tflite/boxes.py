"""Non-maximum suppression as TFLite's kernel does it."""

from __future__ import annotations

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower
from onward.ops.boxes import padded_selection, soft_selection, suppression_v5


@lower("tfl.non_max_suppression_v5")
def non_max_suppression_v5(
    op: Builder, boxes: Value, scores: Value, limit: Value, overlap: Value, threshold: Value, sigma: Value
) -> tuple[Value, Value, Value]:
    """Where scores are weakened, boxes that overlap too much are dropped all the same; TensorFlow keeps those."""
    if sigma.array is not None and sigma.array == 0:
        return suppression_v5(op, boxes, scores, limit, overlap, threshold, sigma, pad_to_max_output_size=True)
    chosen, points = soft_selection(op, boxes, scores, limit, threshold, sigma, overlap, drops=True)
    return padded_selection(op, scores, limit, chosen, points)
