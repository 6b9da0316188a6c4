"""Colour spaces and adjustments of colour."""

from __future__ import annotations

from onward.dtypes import FLOAT32
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower


@lower("RGBToHSV")
def rgb_to_hsv(op: Builder, x: Value) -> Value:
    """Hue, saturation and value, each from 0 to 1 for an image from 0 to 1."""
    red, green, blue = _channels(op, x)
    value, spread = _value_and_spread(op, x)
    hue = _hue(op, red, green, blue, value, spread) / 6
    return op.Concat(hue, _saturation(op, value, spread), value, axis=-1)


@lower("HSVToRGB")
def hsv_to_rgb(op: Builder, x: Value) -> Value:
    hue, saturation, value = _channels(op, x)
    return op.Concat(*(((1 - saturation) + saturation * part) * value for part in _wheel(op, hue * 6)), axis=-1)


@lower("AdjustHue")
def adjust_hue(op: Builder, x: Value, delta: Value) -> Value:
    """Turns the colour wheel by ``delta`` of a full turn."""
    wide = op.Cast(x, to=FLOAT32)
    red, green, blue = _channels(op, wide)
    value, spread = _value_and_spread(op, wide)
    hue = _hue(op, red, green, blue, value, spread) + delta * 6
    turned = hue - op.Floor(hue / 6) * 6
    parts = [value - spread + spread * part for part in _wheel(op, turned)]
    return op.Cast(op.Concat(*parts, axis=-1), to=x.dtype)


@lower("AdjustSaturation")
def adjust_saturation(op: Builder, x: Value, scale: Value) -> Value:
    wide = op.Cast(x, to=FLOAT32)
    red, green, blue = _channels(op, wide)
    value, spread = _value_and_spread(op, wide)
    hue = _hue(op, red, green, blue, value, spread)
    saturation = op.Clip(_saturation(op, value, spread) * scale, min=0.0, max=1.0)
    parts = [((1 - saturation) + saturation * part) * value for part in _wheel(op, hue)]
    return op.Cast(op.Concat(*parts, axis=-1), to=x.dtype)


@lower("AdjustContrastv2")
def adjust_contrast(op: Builder, x: Value, factor: Value) -> Value:
    """``(x - mean) * factor + mean``, the mean taken for every image and channel."""
    wide = op.Cast(x, to=FLOAT32)
    mean = op.ReduceMean(wide, axes=[-3, -2])
    return op.Cast((wide - mean) * factor + mean, to=x.dtype)


def _channels(op: Builder, x: Value) -> tuple[Value, Value, Value]:
    return op.Split(x, split=[1, 1, 1], axis=-1, outputs=3)


def _value_and_spread(op: Builder, x: Value) -> tuple[Value, Value]:
    value = op.ReduceMax(x, axes=[-1])
    return value, value - op.ReduceMin(x, axes=[-1])


def _saturation(op: Builder, value: Value, spread: Value) -> Value:
    return op.Where(value > 0, spread / value, 0)


def _hue(op: Builder, red: Value, green: Value, blue: Value, value: Value, spread: Value) -> Value:
    """Sixths of a turn, 0 to 6; 0 for grey."""
    sixth = op.Where(
        op.Equal(red, value),
        green - blue,
        op.Where(op.Equal(green, value), (blue - red) + 2 * spread, (red - green) + 4 * spread),
    )
    hue = op.Where(spread > 0, sixth / spread, 0)
    return op.Where(hue < 0, hue + 6, hue)


def _wheel(op: Builder, hue: Value) -> tuple[Value, Value, Value]:
    """Red, green and blue of the pure colour at so many sixths of a turn."""
    red = op.Clip(op.Abs(hue - 3) - 1, min=0, max=1)
    green = op.Clip(2 - op.Abs(hue - 2), min=0, max=1)
    blue = op.Clip(2 - op.Abs(hue - 4), min=0, max=1)
    return red, green, blue
