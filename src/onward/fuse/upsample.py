"""Pictures whose rows and columns are repeated, which Keras does one axis after the other, as one Resize.

reshape(tile(unsqueeze(x, axis + 1), k))
"""

from __future__ import annotations

import numpy as np

from onward import ir
from onward.dtypes import FLOAT32
from onward.fuse.engine import Rewrite, made_by, sole_user
from onward.ir import Node, Value
from onward.lowering.builder import Builder

PICTURES = {(1, 2): "NHWC", (2, 3): "NCHW", (1, 2, 3): "NDHWC", (2, 3, 4): "NCDHW"}


def enlarge(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """Repeats along all spatial axes are an enlargement to the nearest pixel; along one axis they stay."""
    found = _repeat(node)
    factors: dict[int, int] = {}
    x = node.output
    while found is not None and (found[1] not in factors):
        x, axis, factors[axis] = found
        inner = made_by(x, "Reshape")
        found = _repeat(inner) if inner is not None and sole_user(graph, x) else None
    layout = PICTURES.get(tuple(sorted(factors)))
    if layout is None or x.rank != len(layout) or x.dtype != FLOAT32:
        return None
    if any(user.op == "Unsqueeze" and _continues(user, factors) for user in node.output.users):
        return None  # there is more to come
    scales = np.array([1, 1, *(factors[axis] for axis in sorted(factors))], np.float32)
    last, rank = layout.endswith("C"), len(layout)
    first = op.Transpose(x, perm=[0, rank - 1, *range(1, rank - 1)]) if last else x
    y: Value = op.Resize(
        first,
        None,
        scales,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return op.Transpose(y, perm=[0, *range(2, rank), 1]) if last else y


def _repeat(node: Node) -> tuple[Value, int, int] | None:
    """What a Reshape repeats, along which axis, and how often."""
    tiled = made_by(node.inputs[0], "Tile", "Expand")
    added = made_by(tiled.inputs[0], "Unsqueeze") if tiled is not None else None
    if tiled is None or added is None or added.inputs[0] is None or len(tiled.output.users) > 1:
        return None
    x, few, many, shape = added.inputs[0], added.output.shape, tiled.output.shape, node.output.shape
    axes = added.inputs[1].array if added.inputs[1] is not None else None
    if x.shape is None or few is None or many is None or shape is None or axes is None or axes.size != 1:
        return None
    at = int(axes[0]) % len(few)
    times = many[at]
    if at < 2 or not isinstance(times, int) or (*few[:at], *few[at + 1 :]) != (*many[:at], *many[at + 1 :]):
        return None
    wanted = (*x.shape[: at - 1], x.shape[at - 1] * times, *x.shape[at:])
    return (x, at - 1, times) if tuple(shape) == wanted else None


def _continues(added: Node, factors: dict[int, int]) -> bool:
    """Whether a repeat along another axis follows, which will take this one in."""
    for tiled in added.output.users:
        for joined in tiled.output.users:
            found = _repeat(joined) if joined.op == "Reshape" else None
            if found is not None and found[1] not in factors:
                return True
    return False


RULES: dict[str, list[Rewrite]] = {"Reshape": [enlarge]}
