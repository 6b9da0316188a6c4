"""Features of sound: spectrograms and mel-frequency cepstral coefficients, as TensorFlow's audio ops have them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onward.dtypes import FLOAT32, FLOAT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.fourier import forward

_FLOOR = 1e-12  # below this a filter's output counts as silence


@lower("AudioSpectrogram")
def spectrogram(op: Builder, x: Value, *, window_size: int, stride: int, magnitude_squared: bool) -> Value:
    """From (samples, channels) to (channels, windows, frequencies), with a periodic Hann window."""
    if x.shape is None:
        raise Unsupported("sound of unknown rank")
    count = (x.shape[0] - window_size) // stride + 1
    starts = op.Range(0, op.size(count * stride), stride)
    index = op.Unsqueeze(starts, axes=[1]) + np.arange(window_size)
    frames = op.Gather(op.Transpose(x, perm=[1, 0]), index, axis=1)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window_size) / window_size)
    z = forward(op, frames * hann.astype(np.float32), 1 << (window_size - 1).bit_length())
    power = z.norm
    return power if magnitude_squared else op.Sqrt(power)


@lower("Mfcc")
def mfcc(
    op: Builder, x: Value, sample_rate: Value, *, upper_frequency_limit: float, lower_frequency_limit: float,
    filterbank_channel_count: int, dct_coefficient_count: int,
) -> Value:  # fmt: skip
    """From squared magnitudes (channels, windows, frequencies): mel filters, logarithm, cosine transform."""
    bins = x.shape[-1] if x.shape is not None else None
    if not isinstance(bins, int):
        raise Unsupported("an unknown number of frequencies")
    limits = (lower_frequency_limit, upper_frequency_limit, filterbank_channel_count)
    if sample_rate.array is not None:
        filters: Any = _mel_filters(bins, float(sample_rate.array), *limits).astype(np.float32)
    else:
        filters = _mel_filters_at(op, bins, sample_rate, *limits)
    energy = op.Log(op.Max(op.Sqrt(x) @ filters, _FLOOR))
    place = np.arange(filterbank_channel_count)[:, None] + 0.5
    cosines = np.cos(place * np.arange(dct_coefficient_count) * math.pi / filterbank_channel_count)
    return energy @ (cosines * math.sqrt(2 / filterbank_channel_count)).astype(np.float32)


def _mel_filters(bins: int, rate: float, low: float, high: float, channels: int) -> np.ndarray:
    """Triangles that overlap by half, spaced evenly in mel, (bins, channels); the constant part is left out."""
    step = 0.5 * rate / (bins - 1)
    bottom, top = _mel(np.array([low, high]))
    centres = bottom + (top - bottom) / (channels + 1) * np.arange(1, channels + 2)
    first, last = int(1.5 + low / step), int(high / step)
    weights = np.zeros((bins, channels))
    for i in range(first, min(last, bins - 1) + 1):
        mel = _mel(np.float64(i * step))
        band = int(np.searchsorted(centres[:channels], mel)) - 1
        below = centres[band] if band >= 0 else bottom
        share = (centres[band + 1] - mel) / (centres[band + 1] - below)
        if band >= 0:
            weights[i, band] += share
        if band + 1 < channels:
            weights[i, band + 1] += 1 - share
    return weights


def _mel_filters_at(op: Builder, bins: int, rate: Value, low: float, high: float, channels: int) -> Value:
    """The same triangles for a rate that is known only when the graph runs."""
    place = np.arange(bins, dtype=np.float64)
    step = op.Cast(rate, to=FLOAT64) * (0.5 / (bins - 1))
    mel = op.Unsqueeze(1127.0 * op.Log(step * place / 700.0 + 1.0), axes=[1])
    bottom, top = _mel(np.array([low, high]))
    centres = bottom + (top - bottom) / (channels + 1) * np.arange(0, channels + 2)
    below, at, above = centres[:-2], centres[1:-1], centres[2:]
    weights = op.Max(op.Min((mel - below) / (at - below), (above - mel) / (above - at)), 0.0)
    first, last = op.Floor(low / step + 1.5), op.Floor(high / step)
    inside = op.And(op.LessOrEqual(first, place), op.GreaterOrEqual(last, place))
    return op.Cast(op.Where(op.Unsqueeze(inside, axes=[1]), weights, 0.0), to=FLOAT32)


def _mel(frequency: np.ndarray) -> np.ndarray:
    return 1127.0 * np.log1p(frequency / 700.0)
