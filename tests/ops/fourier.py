"""Fourier transforms."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f32, f64, prefixed

S = tf.signal
LOOSE = {"tolerance": 1e-4}


def parts(z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.math.real(z), tf.math.imag(z)


def _whole(name: str) -> object:
    return lambda r, i: parts(getattr(S, name)(tf.complex(r, i)))


def _half(name: str, length: list[int] | None = None) -> object:
    return lambda x: parts(getattr(S, name)(x, length))


def _back(name: str, length: list[int] | None = None) -> object:
    return lambda r, i: getattr(S, name)(tf.complex(r, i), length)


CASES = {
    **{
        f"{inverse}fft{n}d/{kind}": case(
            _whole(f"{inverse}fft{n}d" if n > 1 else f"{inverse}fft"), f32(*shape), f32(*shape), **LOOSE
        )
        for inverse in ("", "i")
        for n in (1, 2, 3)
        for kind, shape in (("static", (2, 4, 3, 6)[3 - n:]), ("odd", (2, 5, 3, 7)[3 - n:]))
    },
    "fft1d/dynamic": case(_whole("fft"), f32(2, "t"), f32(2, "t"), **LOOSE),
    "fft1d/long": case(_whole("fft"), f32(2, 600), f32(2, 600), tolerance=1e-3),
    "ifft1d/long": case(_whole("ifft"), f32(2, 600), f32(2, 600), tolerance=1e-3),
    "fft1d/power": case(_whole("fft"), f32(2, 1024), f32(2, 1024), tolerance=2e-3),
    "fft1d/prime": case(_whole("fft"), f32(2, 521), f32(2, 521), tolerance=1e-3),
    "rfft/composite": case(_half("rfft"), f32("b", 1000), tolerance=1e-3),
    "irfft/composite": case(_back("irfft"), f32("b", 501), f32("b", 501), tolerance=1e-3),
    "fft1d/float64": case(_whole("fft"), f64("b", 8), f64("b", 8)),
    "rfft/plain": case(_half("rfft"), f32("b", 16), **LOOSE),
    "rfft/odd": case(_half("rfft"), f32("b", 15), **LOOSE),
    "rfft/longer": case(_half("rfft", [20]), f32("b", 15), **LOOSE),
    "rfft/shorter": case(_half("rfft", [10]), f32("b", 15), **LOOSE),
    "rfft/dynamic-to-static": case(_half("rfft", [8]), f32("b", "t"), **LOOSE),
    "rfft/long": case(_half("rfft"), f32("b", 1024), tolerance=2e-3),
    "rfft2d": case(_half("rfft2d"), f32("b", 4, 6), **LOOSE),
    "rfft2d/length": case(_half("rfft2d", [5, 5]), f32("b", 4, 6), **LOOSE),
    "rfft3d": case(_half("rfft3d"), f32(2, 4, 3, 6), **LOOSE),
    "irfft/plain": case(_back("irfft"), f32("b", 9), f32("b", 9), **LOOSE),
    "irfft/odd": case(_back("irfft", [15]), f32("b", 8), f32("b", 8), **LOOSE),
    "irfft/longer": case(_back("irfft", [20]), f32("b", 8), f32("b", 8), **LOOSE),
    "irfft/shorter": case(_back("irfft", [10]), f32("b", 9), f32("b", 9), **LOOSE),
    "irfft/long": case(_back("irfft"), f32("b", 513), f32("b", 513), tolerance=2e-3),
    "irfft2d": case(_back("irfft2d"), f32(2, 4, 4), f32(2, 4, 4), **LOOSE),
    "irfft3d": case(_back("irfft3d"), f32(2, 4, 3, 4), f32(2, 4, 3, 4), **LOOSE),
    **prefixed("opset", at_opsets({
        "rfft": case(_half("rfft"), f32("b", 16), **LOOSE),
        "fft-long": case(_whole("fft"), f32(2, 600), f32(2, 600), tolerance=1e-3),
    }, 13, 18, 23)),
}  # fmt: skip
