"""Blocks of channels as blocks of pixels and back, spelt as reshape, transpose, reshape: pixel shuffles and patches.

Axes are letters here: ``n`` pictures, ``h`` rows, ``w`` columns, ``c`` channels, ``r`` rows and ``q`` columns of a
block. Two axes side by side become one, or are one that was cut.
"""

from __future__ import annotations

from onward import ir
from onward.dims import product
from onward.dtypes import FLOAT32
from onward.fuse.engine import Rewrite, made_by, sole_user
from onward.ir import Node, Value
from onward.lowering.builder import Builder

CHANNELS_LAST, CHANNELS_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
DEEP = {"nhwrqc": "DCR", "nhwcrq": "CRD", "nrqchw": "DCR", "ncrqhw": "CRD"}  # channels cut into blocks
WIDE = ("nhrwqc", "nchrwq")  # rows and columns cut into blocks


def shuffle(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """DepthToSpace or SpaceToDepth, where a transpose beside it goes too: ONNX has them with the channels first."""
    moved = made_by(node.inputs[0], "Transpose")
    cut = made_by(moved.inputs[0], "Reshape") if moved is not None else None
    if moved is None or cut is None or not sole_user(graph, moved.output) or not sole_user(graph, cut.output):
        return None
    x, shape, wanted = cut.inputs[0], cut.output.shape, node.output.shape
    if x is None or x.shape is None or x.dtype != FLOAT32 or shape is None or len(shape) != 6 or wanted is None:
        return None
    perm = moved.attrs["perm"]
    for before, after in [(d, w) for d in DEEP for w in WIDE] + [(w, d) for d in DEEP for w in WIDE]:
        if [before.index(letter) for letter in after] != perm:
            continue
        sizes = dict(zip(before, shape, strict=True))
        if DEEP.get(after) == "CRD":
            continue  # ONNX has no such operator
        if not isinstance(sizes["r"], int) or sizes["r"] != sizes["q"] or not _kept(before, after, sizes, x, wanted):
            continue
        if not _saves(x, before) and not _spares(node, after):
            continue
        return _shuffled(op, x, before, after, sizes["r"])
    return None


def _joined(letters: str, sizes: dict) -> tuple:
    """The shape (four axes) that six axes come from or become."""
    if letters in WIDE:
        parts = ["n", "hr", "wq", "c"] if letters.endswith("c") else ["n", "c", "hr", "wq"]
    else:
        parts = ["n", "h", "w", "rqc"] if letters.startswith("nhw") else ["n", "rqc", "h", "w"]
    return tuple(product(sizes[letter] for letter in part) for part in parts)


def _kept(before: str, after: str, sizes: dict, x: Value, wanted: tuple) -> bool:
    """Whether what is cut and what is joined are the axes that the letters say."""
    assert x.shape is not None
    return tuple(x.shape) == _joined(before, sizes) and tuple(wanted) == _joined(after, sizes)


def _channels_last(letters: str) -> bool:
    return letters.startswith("nhw") or letters.endswith("c")


def _saves(x: Value, before: str) -> bool:
    """Whether the channels come first, or stood there until a transpose before it."""
    moved = made_by(x, "Transpose")
    return not _channels_last(before) or (moved is not None and moved.attrs["perm"] == CHANNELS_LAST)


def _spares(node: Node, after: str) -> bool:
    """Whether the channels are wanted first."""
    users = list(node.output.users)
    moved = bool(users) and all(u.op == "Transpose" and u.attrs["perm"] == CHANNELS_FIRST for u in users)
    return moved or not _channels_last(after)


def _shuffled(op: Builder, x: Value, before: str, after: str, block: int) -> Value:
    first = op.Transpose(x, perm=CHANNELS_FIRST) if _channels_last(before) else x
    if before in DEEP:
        y = op.DepthToSpace(first, blocksize=block, mode=DEEP[before])
    else:
        y = op.SpaceToDepth(first, blocksize=block)
    result: Value = op.Transpose(y, perm=CHANNELS_LAST) if _channels_last(after) else y
    return result


RULES: dict[str, list[Rewrite]] = {"Reshape": [shuffle]}
