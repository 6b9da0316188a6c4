"""Reading the same bits as another dtype.

ONNX has BitCast from opset 26. Before, the bits of a float are computed from its sign, exponent and significand
(IEEE 754), in float64, where the exponents and significands of every narrower float are exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from onward.dtypes import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, INT64, is_complex, is_float, storage
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.composite import PART_DTYPES, Complex
from onward.lowering.registry import Unsupported, lower

UINT64 = np.dtype("uint64")


class Format(NamedTuple):
    """A binary floating-point format: bits of the significand after its leading one, and of the exponent."""

    fraction: int
    exponent: int

    @property
    def bias(self) -> int:
        return (1 << (self.exponent - 1)) - 1


FORMATS = {FLOAT16: Format(10, 5), BFLOAT16: Format(7, 8), FLOAT32: Format(23, 8), FLOAT64: Format(52, 11)}


@lower("Bitcast")
def bitcast(op: Builder, x: Value, *, type: np.dtype) -> Value | Complex:
    target = storage(type)
    if is_complex(target):
        return _to_complex(op, x, target)
    if x.array is not None:
        return op.constant(_view(x.array, target))
    source, old, new = x.dtype, x.dtype.itemsize, target.itemsize
    if old == new and not is_float(source) and not is_float(target):
        return op.Cast(x, to=target)
    if op.has("BitCast") and old == new:
        return op.BitCast(x, to=target)
    bits = to_bits(op, x)
    if old > new:
        places = np.arange(0, old * 8, new * 8, dtype=np.uint64)
        bits = op.BitShift(op.Unsqueeze(bits, axes=[-1]), places, direction="RIGHT")
        bits = op.Mod(bits, np.uint64(1 << (new * 8)))
    elif old < new:
        bits = op.MatMul(bits, np.uint64(1) << np.arange(0, new * 8, old * 8, dtype=np.uint64))
    return from_bits(op, bits, target)


@lower("Bitcast", complex=True)
def bitcast_complex(op: Builder, z: Complex, *, type: np.dtype) -> Value | Complex:
    if type == z.dtype:
        return z
    if type != z.real.dtype:
        raise Unsupported(f"from {z.dtype.name} to {type.name}")
    return op.Concat(op.Unsqueeze(z.real, axes=[-1]), op.Unsqueeze(z.imag, axes=[-1]), axis=-1)


def _to_complex(op: Builder, x: Value, target: np.dtype) -> Complex:
    if x.dtype != PART_DTYPES[target]:
        raise Unsupported(f"from {x.dtype.name} to {target.name}")
    real, imag = op.Split(x, split=[1, 1], axis=-1, outputs=2)
    return Complex(op.Squeeze(real, axes=[-1]), op.Squeeze(imag, axes=[-1]))


def _view(array: np.ndarray, target: np.dtype) -> np.ndarray:
    array = np.ascontiguousarray(array)
    old, new = array.dtype.itemsize, target.itemsize
    if old > new:
        return array[..., None].view(target)
    return array.view(target) if old == new else array.view(target)[..., 0]


def to_bits(op: Builder, x: Value) -> Value:
    """The bits of a number, as a uint64."""
    if not is_float(x.dtype):
        unsigned = np.dtype(f"uint{x.dtype.itemsize * 8}")
        return op.Cast(op.Cast(x, to=unsigned), to=UINT64)
    form = FORMATS[x.dtype]
    size = op.Abs(op.Cast(x, to=FLOAT64))
    least = 1 - form.bias
    exponent = op.Max(op.Floor(op.Log(size) / float(np.log(2))), least)  # may miss by one
    significand = size * op.Pow(op.constant(np.array(2, np.float64)), -exponent)
    exponent = op.Where(significand >= 2, exponent + 1, op.Where(significand < 1, exponent - 1, exponent))
    exponent = op.Max(exponent, least)
    significand = size * op.Pow(op.constant(np.array(2, np.float64)), -exponent)
    normal = op.Cast(significand >= 1, to=FLOAT64)
    fraction = (significand - normal) * float(1 << form.fraction)
    biased = normal * (exponent + form.bias)
    top = float((1 << form.exponent) - 1)
    biased = op.Where(op.Or(op.IsInf(size), op.IsNaN(size)), top, biased)
    fraction = op.Where(op.IsInf(size), 0, op.Where(op.IsNaN(size), float(1 << (form.fraction - 1)), fraction))
    bits = op.Cast(biased, to=INT64) * (1 << form.fraction) + op.Cast(fraction, to=INT64)
    negative = op.Or(x < 0, op.Reciprocal(op.Cast(x, to=FLOAT64)) < 0)  # the second for -0.0
    sign = op.Cast(negative, to=UINT64) * np.uint64(1 << (form.fraction + form.exponent))
    return op.Cast(bits, to=UINT64) + sign


def from_bits(op: Builder, bits: Value, target: np.dtype) -> Value:
    """The number of a dtype that has the bits given as uint64."""
    if not is_float(target):
        return op.Cast(op.Cast(bits, to=np.dtype(f"uint{target.itemsize * 8}")), to=target)
    form = FORMATS[target]
    width = form.fraction + form.exponent
    negative = bits >= np.uint64(1 << width)
    rest = op.Mod(bits, np.uint64(1 << width))
    biased = op.Cast(op.Cast(op.BitShift(rest, np.uint64(form.fraction), direction="RIGHT"), to=INT64), to=FLOAT64)
    fraction = op.Cast(op.Cast(op.Mod(rest, np.uint64(1 << form.fraction)), to=INT64), to=FLOAT64)
    fraction = fraction * float(2.0**-form.fraction)
    normal, top = op.Cast(biased > 0, to=FLOAT64), (1 << form.exponent) - 1
    power = op.Pow(op.constant(np.array(2, np.float64)), op.Max(biased, 1) - form.bias)
    size = (fraction + normal) * power
    special = op.Where(fraction > 0, np.nan, op.constant(np.array(np.inf)))
    size = op.Where(op.Equal(biased, top), special, size)
    return op.Cast(op.Where(negative, -size, size), to=target)
