"""Normalisation of every channel, or group of channels, over the picture.

ONNX Runtime has a kernel for InstanceNormalization and none for GroupNormalization, which is the former with groups in
place of channels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from onward.dtypes import FLOAT32
from onward.fuse.engine import made_by
from onward.fuse.rule import Rule, table
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last


class Picture(NamedTuple):
    """What is normalised: a picture (or sequence), in how many groups of channels of which size, in which layout.

    ``axes`` are where the groups and the channels of a group are in the value that is normalised.
    """

    value: Value
    groups: int
    each: int
    layout: str
    axes: tuple[int, ...]


def picture(x: Value, axes: Value) -> Picture | None:
    """The picture that a value is, as such or with its channels reshaped to groups; None if it is none."""
    if axes.array is None or x.shape is None or len(x.shape) < 3:
        return None
    rank = len(x.shape)
    reduced = {int(a) % rank for a in axes.array}
    whole = made_by(x, "Reshape")
    source = whole.inputs[0] if whole is not None else None
    for layout, at in (("NHWC", rank - 2), ("NCHW", 1)):
        groups, each = x.shape[at], x.shape[at + 1]
        if source is None or source.shape is None or not isinstance(groups, int) or not isinstance(each, int):
            continue
        joined = (*x.shape[:at], groups * each, *x.shape[at + 2 :])
        if source.shape == joined and rank > 3 and reduced == set(range(1, rank)) - {at}:
            return Picture(source, groups, each, layout, (at, at + 1))
    for layout, at in (("NHWC", rank - 1), ("NCHW", 1)):
        channels = x.shape[at]
        if isinstance(channels, int) and reduced == set(range(1, rank)) - {at}:
            return Picture(x, channels, 1, layout, (at,))
    return None


def per_channel(value: Value, x: Value, found: Picture) -> np.ndarray | None:
    """A constant as one number a channel; None where it varies over anything else."""
    if value.array is None or x.rank is None or value.array.ndim > x.rank:
        return None
    array = value.array.reshape((1,) * (x.rank - value.array.ndim) + value.array.shape)
    if any(size != 1 for axis, size in enumerate(array.shape) if axis not in found.axes):
        return None
    few = array.reshape([array.shape[axis] for axis in found.axes])
    return np.broadcast_to(few if few.ndim == 2 else few[:, None], (found.groups, found.each)).ravel()


class _ChannelNorm(Rule):
    def check(self, x: Value, axes: Value, epsilon: Value, gamma: Value | None, beta: Value | None) -> bool:
        found = picture(x, axes)
        if found is None or x.dtype != FLOAT32 or epsilon.const is None or epsilon.const.size != 1:
            return False
        return all(v is None or per_channel(v, x, found) is not None for v in (gamma, beta))

    def rewrite(
        self, op: Builder, x: Value, axes: Value, epsilon: Value, gamma: Value | None, beta: Value | None
    ) -> Value:
        found = picture(x, axes)
        assert found is not None
        assert epsilon.array is not None
        value, groups, each, layout, _ = found
        channels = groups * each
        scale = np.ones(channels) if gamma is None else per_channel(gamma, x, found)
        offset = np.zeros(channels) if beta is None else per_channel(beta, x, found)
        assert scale is not None
        assert offset is not None
        scale, offset = scale.astype(x.dtype), offset.astype(x.dtype)
        small = float(epsilon.array.reshape(()))
        y = channels_first(op, value, layout)
        assert y.shape is not None
        if each == 1:
            y = op.InstanceNormalization(y, scale, offset, epsilon=small)
        else:
            shape, ones, zeros = y.shape, np.ones(groups, x.dtype), np.zeros(groups, x.dtype)
            flat = op.Reshape(y, (shape[0], groups, -1))
            y = op.Reshape(op.InstanceNormalization(flat, ones, zeros, epsilon=small), shape)
            column = (channels, *[1] * (len(shape) - 2))
            y = y * scale.reshape(column) if gamma is not None else y
            y = y + offset.reshape(column) if beta is not None else y
        y = channels_last(op, y, layout)
        return y if value is x else op.Reshape(y, x.shape)


class ChannelNorm(_ChannelNorm):
    """Keras: x * s - mean * s (+ offset), with s = (scale) / sqrt(variance + epsilon)."""

    def __init__(self, *, scale: bool, offset: bool) -> None:
        self._scale = scale
        self._offset = offset

    def pattern(self, op: Any, x: Any, axes: Any, epsilon: Any, gamma: Any, beta: Any) -> Any:
        mean = op.ReduceMean(x, axes)
        centred = x - mean
        inverse = op.Reciprocal(op.Sqrt(op.ReduceMean(centred * centred, axes) + epsilon))
        inverse = inverse * gamma if self._scale else inverse
        shift = -mean * inverse
        return x * inverse + (shift + beta if self._offset else shift)


class ChannelNormCentred(_ChannelNorm):
    """(x - mean) / sqrt(variance + epsilon); scale and offset stay behind it."""

    def __init__(self, *, reciprocal: bool) -> None:
        self._reciprocal = reciprocal

    def pattern(self, op: Any, x: Any, axes: Any, epsilon: Any, gamma: Any, beta: Any) -> Any:
        centred = x - op.ReduceMean(x, axes)
        deviation = op.Sqrt(op.ReduceMean(centred * centred, axes) + epsilon)
        return centred * op.Reciprocal(deviation) if self._reciprocal else centred / deviation


RULES = table(
    *(ChannelNorm(scale=scale, offset=offset) for scale in (True, False) for offset in (True, False)),
    *(ChannelNormCentred(reciprocal=reciprocal) for reciprocal in (True, False)),
)
