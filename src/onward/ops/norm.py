"""Normalisation."""

from __future__ import annotations

from onward.dims import product
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last, is_channels_last
from onward.lowering.registry import lower


@lower("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def batch_norm(
    op: Builder, x: Value, scale: Value, offset: Value, mean: Value, variance: Value, *, epsilon: float,
    data_format: str, is_training: bool, exponential_avg_factor: float = 1.0,
) -> tuple[Value, ...]:  # fmt: skip
    """Batch normalisation in the dtype of its statistics, as TensorFlow computes it.

    With ``is_training`` the batch's own mean and variance are used, and the running ones given back are moved
    towards them (the variance without bias).
    """
    wide = op.Cast(x, to=scale.dtype)
    if not is_training:
        first = channels_first(op, wide, data_format)
        y = op.BatchNormalization(first, scale, offset, mean, variance, epsilon=epsilon)
        return op.Cast(channels_last(op, y, data_format), to=x.dtype), mean, variance, mean, variance, variance
    channel = wide.rank - 1 if is_channels_last(data_format) else 1
    axes = [axis for axis in range(wide.rank) if axis != channel]
    along = [-1] + [1] * (wide.rank - 1 - channel)
    mean_along = op.ReduceMean(wide, axes=axes, keepdims=1)
    centred = wide - mean_along
    variance_along = op.ReduceMean(centred * centred, axes=axes, keepdims=1)
    factor = op.Reshape(scale, along) / op.Sqrt(variance_along + epsilon)
    y = centred * factor + op.Reshape(offset, along)
    batch_mean, batch_variance = op.Reshape(mean_along, [-1]), op.Reshape(variance_along, [-1])
    count = op.Cast(op.size(product(wide.shape[axis] for axis in axes)), to=scale.dtype)
    unbiased = batch_variance * (count / op.Max(count - 1, 1))
    moved_mean, moved_variance = batch_mean, unbiased
    if exponential_avg_factor != 1:
        keep = 1 - exponential_avg_factor
        moved_mean = mean * keep + batch_mean * exponential_avg_factor
        moved_variance = variance * keep + unbiased * exponential_avg_factor
    return op.Cast(y, to=x.dtype), moved_mean, moved_variance, batch_mean, batch_variance, batch_variance


@lower("BatchNormWithGlobalNormalization")
def batch_norm_with_global(
    op: Builder, x: Value, mean: Value, variance: Value, beta: Value, gamma: Value, *, variance_epsilon: float,
    scale_after_normalization: bool,
) -> Value:  # fmt: skip
    if not scale_after_normalization:
        return (x - mean) / op.Sqrt(variance + variance_epsilon) + beta
    first = channels_first(op, x, "NHWC")
    y = op.BatchNormalization(first, gamma, beta, mean, variance, epsilon=variance_epsilon)
    return channels_last(op, y, "NHWC")


@lower("LRN")
def local_response_norm(op: Builder, x: Value, *, depth_radius: int, bias: float, alpha: float, beta: float) -> Value:
    """``x / (bias + alpha * sum of squares over 2 * depth_radius + 1 channels) ** beta``; ONNX's alpha is a mean's."""
    size = 2 * depth_radius + 1
    y = op.LRN(channels_first(op, x, "NHWC"), size=size, bias=bias, alpha=alpha * size, beta=beta)
    return channels_last(op, y, "NHWC")


@lower("L2Loss")
def l2_loss(op: Builder, x: Value) -> Value:
    """Half the sum of squares."""
    return op.ReduceSumSquare(x, keepdims=0) * 0.5
