"""Glimpses: windows of one size cut out of each image at an offset of its own."""

from __future__ import annotations

from typing import Any

from onward.dtypes import FLOAT32, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower
from onward.ops import philox
from onward.ops.random import stateful
from onward.ops.resample import number, ramp, scalar
from onward.ops.warp import element, reader


@lower("ExtractGlimpse")
def glimpse(
    op: Builder, image: Value, size: Value, offsets: Value, *, centered: bool, normalized: bool, uniform_noise: bool,
    noise: str,
) -> Value:  # fmt: skip
    """The offset is always that of the window's middle; one from the image's middle counts double."""
    return _cut(op, image, size, offsets, normalized, centered, centered, True, noise)


@lower("ExtractGlimpseV2")
def glimpse_v2(
    op: Builder, image: Value, size: Value, offsets: Value, *, centered: bool, normalized: bool, uniform_noise: bool,
    noise: str,
) -> Value:  # fmt: skip
    """Only an offset from the middle in units of the image is that of the window's middle and counts double."""
    both = centered and normalized
    return _cut(op, image, size, offsets, normalized, centered, both, both, noise)


def _cut(
    op: Builder, image: Value, size: Value, offsets: Value, normalized: bool, centred: bool, halved: bool,
    of_middle: bool, noise: str,
) -> Value:  # fmt: skip
    lines, inside = [], []
    for axis in range(2):
        count, extent = element(op, size, axis), image.shape[1 + axis]
        start = op.Gather(offsets, [axis], axis=1)
        start = start * number(op, extent) if normalized else start
        start = start / 2 if halved else start
        start = start + number(op, extent) / 2 if centred else start
        start = start - number(op, count) / 2 if of_middle else start
        at = op.Cast(op.Cast(start, to=INT64), to=FLOAT32) + ramp(op, count)
        at = op.Unsqueeze(at, axes=[2 - axis])
        lines.append(at)
        inside.append(op.And(at >= 0, at < number(op, extent)))
    batch = op.Reshape(op.Range(0, op.size(image.shape[0]), 1), [-1, 1, 1])
    pixels = reader(op, image, batch)(*lines)
    return op.Where(op.Unsqueeze(op.And(*inside), axes=[3]), pixels, _around(op, image, size, noise))


def _around(op: Builder, image: Value, size: Value, noise: str) -> Any:
    """What stands outside of the image: nothing, or random numbers with the image's range or its moments."""
    if noise == "zero":
        return 0
    batch, *_, channels = image.shape
    shape = op.sizes([batch, *(scalar(op, element(op, size, axis)) for axis in range(2)), channels])
    draw = philox.uniform if noise == "uniform" else philox.normal
    drawn = draw(op, stateful(op, 0, 0), shape, FLOAT32)
    axes = [1, 2, 3]
    if noise == "uniform":
        low = op.ReduceMin(image, axes=axes)
        return drawn * (op.ReduceMax(image, axes=axes) - low) + low
    mean = op.ReduceMean(image, axes=axes)
    centred = image - mean
    return drawn * op.Sqrt(op.ReduceMean(centred * centred, axes=axes)) + mean
