"""Making and joining tensors."""

from __future__ import annotations

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, lower


@lower("ConcatV2")
def concat(op: Builder, values: list[Value], axis: Static) -> Value:
    return op.Concat(*values, axis=int(axis))


@lower("Pack")
def pack(op: Builder, values: list[Value], *, axis: int) -> Value:
    return op.Concat(*(op.Unsqueeze(v, axes=[axis]) for v in values), axis=axis)


@lower("Unpack")
def unpack(op: Builder, x: Value, *, num: int, axis: int) -> tuple[Value, ...]:
    if num == 1:
        return (op.Squeeze(x, axes=[axis]),)
    return tuple(op.Squeeze(part, axes=[axis]) for part in op.Split(x, split=[1] * num, axis=axis, outputs=num))


@lower("Split")
def split(op: Builder, axis: Static, x: Value, *, num_split: int) -> tuple[Value, ...]:
    if num_split == 1:
        return (x,)
    assert x.shape is not None
    part = x.shape[int(axis)] // num_split
    return op.Split(x, split=[part] * num_split, axis=int(axis), outputs=num_split)


@lower("Fill")
def fill(op: Builder, target: Value, value: Value) -> Value:
    return op.Expand(value, target)


@lower("ZerosLike")
def zeros_like(op: Builder, x: Value) -> Value:
    return op.Expand(op.constant(np.zeros((), x.dtype)), op.shape(x))


@lower("OnesLike")
def ones_like(op: Builder, x: Value) -> Value:
    return op.Expand(op.constant(np.ones((), x.dtype)), op.shape(x))


@lower("Tile")
def tile(op: Builder, x: Value, multiples: Value) -> Value:
    return op.Tile(x, multiples)


@lower("Pad")
def pad(op: Builder, x: Value, paddings: Value) -> Value:
    return op.Pad(x, op.Reshape(op.Transpose(paddings, perm=[1, 0]), [-1]), mode="constant")


@lower("PadV2")
def pad_v2(op: Builder, x: Value, paddings: Value, value: Value) -> Value:
    return op.Pad(x, op.Reshape(op.Transpose(paddings, perm=[1, 0]), [-1]), value, mode="constant")


@lower("MirrorPad")
def mirror_pad(op: Builder, x: Value, paddings: Value, *, mode: str) -> Value:
    pads = op.Reshape(op.Transpose(paddings, perm=[1, 0]), [-1])
    if mode == "REFLECT":
        return op.Pad(x, pads, mode="reflect")
    return op.Pad(x, pads, mode="reflect")
