"""Gradients of normalisation."""

from __future__ import annotations

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import is_channels_last
from onward.lowering.registry import lower


@lower("FusedBatchNormGrad", "FusedBatchNormGradV2", "FusedBatchNormGradV3")
def batch_norm_grad(
    op: Builder, gradient: Value, x: Value, scale: Value, mean: Value, variance: Value, *rest: Value, epsilon: float,
    data_format: str, is_training: bool,
) -> tuple[Value, ...]:  # fmt: skip
    """By the input, the scale and the offset. In training mean and variance are the batch's and depend on the input."""
    channel = x.rank - 1 if is_channels_last(data_format) else 1
    axes = [axis for axis in range(x.rank) if axis != channel]
    along = [-1] + [1] * (x.rank - 1 - channel)
    dy = op.Cast(gradient, to=scale.dtype)
    inverse = 1 / op.Sqrt(variance + epsilon)
    normal = (op.Cast(x, to=scale.dtype) - op.Reshape(mean, along)) * op.Reshape(inverse, along)
    weighted = dy * normal
    by_scale = op.ReduceSum(weighted, axes=axes, keepdims=0)
    by_offset = op.ReduceSum(dy, axes=axes, keepdims=0)
    if is_training:
        dy = dy - op.ReduceMean(dy, axes=axes) - normal * op.ReduceMean(weighted, axes=axes)
    by_x = dy * op.Reshape(scale * inverse, along)
    nothing = op.constant(np.zeros(0, scale.dtype))
    return op.Cast(by_x, to=x.dtype), by_scale, by_offset, nothing, nothing


@lower("LRNGrad")
def local_response_norm_grad(
    op: Builder, gradient: Value, x: Value, y: Value, *, depth_radius: int, bias: float, alpha: float, beta: float
) -> Value:
    """``dy / n ** beta - 2 alpha beta x * (the sum over neighbours of dy * y / n)``, n what each was divided by."""
    divisor = _around(op, x * x, depth_radius) * alpha + bias
    return gradient * divisor**-beta - x * _around(op, gradient * y / divisor, depth_radius) * (2 * alpha * beta)


def _around(op: Builder, x: Value, radius: int) -> Value:
    """For each channel, the last axis, the sum over those at most ``radius`` away."""
    rows = op.Reshape(x, [-1, 1, x.shape[-1]])
    size = 2 * radius + 1
    mean = op.AveragePool(rows, kernel_shape=[size], pads=[radius, radius], strides=[1], count_include_pad=1)
    return op.Reshape(mean, list(x.shape)) * float(size)
