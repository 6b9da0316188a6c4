"""Features of sound."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, f32, i32

raw = tf.raw_ops
CASES = {
    f"spectrogram/{window}-{'squared' if squared else 'plain'}": case(
        lambda x, w=window, q=squared: raw.AudioSpectrogram(input=x, window_size=w, stride=7, magnitude_squared=q),
        f32("t", 2), sizes={"t": (100, 131)}, tolerance=1e-4,
    )
    for window in (16, 21)
    for squared in (False, True)
} | {
    "mfcc": case(
        lambda x: raw.Mfcc(spectrogram=x, sample_rate=16000), f32(2, "t", 257, low=0, high=9), tolerance=1e-4
    ),
    "mfcc/rate": case(
        lambda x, rate: raw.Mfcc(spectrogram=x, sample_rate=rate),
        f32(2, "t", 257, low=0, high=9), i32(values=[8000, 16000, 44100]), tolerance=1e-4,
    ),
    "mfcc/narrow": case(
        lambda x: raw.Mfcc(
            spectrogram=x, sample_rate=8000, upper_frequency_limit=3000.0, lower_frequency_limit=200.0,
            filterbank_channel_count=20, dct_coefficient_count=8,
        ),
        f32(1, "t", 129, low=0, high=9), tolerance=1e-4,
    ),
}  # fmt: skip
