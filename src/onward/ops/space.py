"""Moving blocks between space, batch and channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dims import Size, product
from onward.graph import Node
from onward.ir import Value
from onward.lowering import Context
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops.dilated import dilated


@lower("SpaceToBatchND")
def space_to_batch(op: Builder, x: Value, block_shape: Static, paddings: Value) -> Value:
    """Pads, and moves the positions within blocks to the front of the batch."""
    if x.shape is None:
        raise Unsupported("a tensor of unknown rank")
    blocks = [int(b) for b in block_shape]
    n, rest = len(blocks), len(x.shape) - len(blocks) - 1
    turned = op.Reshape(op.Transpose(paddings, perm=[1, 0]), [2, n])
    edges = op.Pad(turned, [0, 1, 0, rest], mode="constant")
    x = op.Pad(x, op.Reshape(edges, [-1]), mode="constant")
    assert x.shape is not None
    batch, spatial, tail = x.shape[0], x.shape[1 : n + 1], x.shape[n + 1 :]
    split = [part for size, b in zip(spatial, blocks, strict=True) for part in (size // b, b)]
    grid = op.Reshape(x, [batch, *split, *tail])
    within, across = range(2, 2 * n + 1, 2), range(1, 2 * n + 1, 2)
    turned = op.Transpose(grid, perm=[*within, 0, *across, *range(2 * n + 1, 2 * n + 1 + rest)])
    return op.Reshape(turned, [batch * int(np.prod(blocks)), *split[::2], *tail])


@lower("BatchToSpaceND", context=True)
def batch_to_space(context: Context, node: Node, x: Value, block_shape: Any, crops: Value) -> Value:
    """The inverse; around a convolution the two are one dilated convolution."""
    whole = dilated(context, node, crops)
    if whole is not None:
        return whole
    if x.shape is None or block_shape.array is None:
        raise Unsupported("a tensor of unknown rank, or blocks that are not constant")
    return _unblocked(context.op, x, [int(b) for b in block_shape.array], crops)


@lower("SpaceToBatch")
def space_to_batch_2d(op: Builder, x: Value, paddings: Value, *, block_size: int) -> Value:
    return space_to_batch(op, x, np.array([block_size] * 2), paddings)


@lower("BatchToSpace")
def batch_to_space_2d(op: Builder, x: Value, crops: Value, *, block_size: int) -> Value:
    return _unblocked(op, x, [block_size] * 2, crops)


@lower("SpaceToDepth")
def space_to_depth(op: Builder, x: Value, *, block_size: int, data_format: str) -> Value:
    y = op.SpaceToDepth(channels_first(op, x, data_format), blocksize=block_size)
    return channels_last(op, y, data_format)


@lower("DepthToSpace")
def depth_to_space(op: Builder, x: Value, *, block_size: int, data_format: str) -> Value:
    y = op.DepthToSpace(channels_first(op, x, data_format), blocksize=block_size, mode="DCR")
    return channels_last(op, y, data_format)


def _unblocked(op: Builder, x: Value, blocks: list[int], crops: Value) -> Value:
    assert x.shape is not None
    n, rest = len(blocks), len(x.shape) - len(blocks) - 1
    batch: Size = x.shape[0] // int(np.prod(blocks))
    spatial, tail = x.shape[1 : n + 1], x.shape[n + 1 :]
    grid = op.Reshape(x, [*blocks, batch, *spatial, *tail])
    pairs = [axis for i in range(n) for axis in (n + 1 + i, i)]
    turned = op.Transpose(grid, perm=[n, *pairs, *range(2 * n + 1, 2 * n + 1 + rest)])
    sizes = [product(pair) for pair in zip(spatial, blocks, strict=True)]
    y = op.Reshape(turned, [batch, *sizes, *tail])
    if crops.array is not None and not crops.array.any():
        return y
    starts = op.Gather(crops, 0, axis=1)
    ends = op.known(sizes, crops.dtype) - op.Gather(crops, 1, axis=1)
    return op.Slice(y, starts, ends, axes=op.constant(np.arange(1, n + 1), crops.dtype))
