"""Windows of images as rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onward.dims import Size, product
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.layout import same_pads
from onward.lowering.registry import Unsupported, lower


@lower("ExtractImagePatches")
def image_patches(
    op: Builder, x: Value, *, ksizes: list[int], strides: list[int], rates: list[int], padding: str
) -> Value:
    return patches(op, x, ksizes[1:-1], strides[1:-1], rates[1:-1], padding)


@lower("ExtractVolumePatches")
def volume_patches(op: Builder, x: Value, *, ksizes: list[int], strides: list[int], padding: str) -> Value:
    return patches(op, x, ksizes[1:-1], strides[1:-1], [1] * (len(ksizes) - 2), padding)


def patches(
    op: Builder, x: Value, size: Sequence[int], steps: Sequence[int], gaps: Sequence[int], padding: str
) -> Value:
    """From (batch, spatial..., channels) to (batch, windows..., elements of a window, row-major, channels last)."""
    if x.rank is None:
        raise Unsupported("patches of a tensor of unknown rank")
    n = len(size)
    channels = x.shape[-1]
    if padding == "SAME":
        pads = [same_pads(*frame) for frame in zip(x.shape[1:-1], size, steps, gaps, strict=True)]
        widths = op.sizes([0, *(before for before, _ in pads), 0, 0, *(after for _, after in pads), 0])
        x = op.Pad(x, widths, mode="constant")
    for i, (k, step, gap) in enumerate(zip(size, steps, gaps, strict=True)):
        axis = 1 + 2 * i
        count: Size = (x.shape[axis] - (k - 1) * gap - 1) // step + 1
        x = _windows(op, x, axis, count, k, step, gap)
    x = op.Transpose(x, perm=[0, *range(1, 2 * n, 2), *range(2, 2 * n + 1, 2), 2 * n + 1])
    return op.Reshape(x, [*x.shape[: n + 1], product(size) * channels])


def _windows(op: Builder, x: Value, axis: int, count: Size, k: int, step: int, gap: int) -> Value:
    """Splits an axis into windows and the positions within one."""
    if k == step and gap == 1:
        whole = op.Slice(x, [0], op.sizes([count * k]), axes=[axis])
        return op.Reshape(whole, [*x.shape[:axis], count, k, *x.shape[axis + 1 :]])
    starts = op.Range(0, op.size(count * step), step)
    return op.Gather(x, op.Unsqueeze(starts, axes=[1]) + np.arange(k) * gap, axis=axis)
