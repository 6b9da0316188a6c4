"""Normalisation."""

from __future__ import annotations

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last
from onward.lowering.registry import lower, Unsupported


@lower("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def batch_norm(
    op: Builder, x: Value, scale: Value, offset: Value, mean: Value, variance: Value, *, epsilon: float,
    data_format: str, is_training: bool,
) -> tuple[Value, ...]:  # fmt: skip
    if is_training:
        raise Unsupported("batch statistics (is_training) are computed in training only")
    factor = scale / op.Sqrt(variance + epsilon)
    y = op.BatchNormalization(channels_first(op, x, data_format), scale, offset, mean, variance, epsilon=epsilon)
    return channels_last(op, y, data_format), mean, variance, mean, variance, factor
