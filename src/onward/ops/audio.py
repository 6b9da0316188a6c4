"""Features of sound: spectrograms and mel-frequency cepstral coefficients, as TensorFlow's audio ops have them."""

from __future__ import annotations

import math

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
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
    op: Builder, x: Value, sample_rate: Static, *, upper_frequency_limit: float, lower_frequency_limit: float,
    filterbank_channel_count: int, dct_coefficient_count: int,
) -> Value:  # fmt: skip
    """From squared magnitudes (channels, windows, frequencies): mel filters, logarithm, cosine transform."""
    bins = x.shape[-1] if x.shape is not None else None
    if not isinstance(bins, int):
        raise Unsupported("an unknown number of frequencies")
    filters = _mel_filters(
        bins, float(sample_rate), lower_frequency_limit, upper_frequency_limit, filterbank_channel_count
    )
    energy = op.Log(op.Max(op.Sqrt(x) @ filters.astype(np.float32), _FLOOR))
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


def _mel(frequency: np.ndarray) -> np.ndarray:
    return 1127.0 * np.log1p(frequency / 700.0)
