"""Shapes of ONNX's larger operators (layers, quantisation, rearrangements) in the table ``LAYER_SHAPES``;
:mod:`onward.lowering.shapes` has those of the common ones.

A function returns ``NotImplemented`` for a use that it leaves to ONNX's own inference, which takes importing onnx: as
long as converting a small network.
"""

from __future__ import annotations

from typing import Any

from onward.dims import Shape, Size, floordiv, unknown
from onward.lowering.shapes import SHAPES, Attrs, Inputs, ShapeFunction


def _same(x: Inputs, attrs: Attrs) -> Shape | None:
    return x[0].shape


def _layer_norm(x: Inputs, attrs: Attrs) -> Any:
    return x[0].shape if attrs["#outputs"] == 1 else NotImplemented


def _recurrent(x: Inputs, attrs: Attrs) -> list[Shape | None]:
    """All states (time, directions, batch, units), then the last ones without the time."""
    sequence, weights, recurrence = x[0].shape, x[1].shape, x[2].shape
    directions = weights[0] if weights is not None else 2 if attrs.get("direction") == "bidirectional" else 1
    units = attrs.get("hidden_size") or (recurrence[2] if recurrence is not None else unknown())
    time, batch = sequence[:2] if sequence is not None else (unknown(), unknown())
    if attrs.get("layout"):
        batch, time = time, batch
        return [(batch, time, directions, units), *[(batch, directions, units)] * 2]
    return [(time, directions, batch, units), *[(directions, batch, units)] * 2]


def _top_k(x: Inputs, attrs: Attrs) -> Any:
    shape, count = x[0].shape, x[1].elements
    if shape is None:
        return [None, None]
    axis = attrs.get("axis", -1) % len(shape)
    kept = tuple((unknown() if count is None else count.item()) if i == axis else d for i, d in enumerate(shape))
    return [kept, kept]


def _one_hot(x: Inputs, attrs: Attrs) -> Shape | None:
    shape, depth = x[0].shape, x[1].elements
    if shape is None:
        return None
    axis = attrs.get("axis", -1) % (len(shape) + 1)
    return (*shape[:axis], unknown() if depth is None else depth.item(), *shape[axis:])


def _einsum(x: Inputs, attrs: Attrs) -> Any:
    terms, arrow, result = attrs["equation"].replace(" ", "").partition("->")
    if not arrow or "." in terms or any(value.shape is None for value in x):
        return NotImplemented
    sizes: dict[str, Size] = {}
    for term, value in zip(terms.split(","), x, strict=True):
        for label, size in zip(term, value.shape, strict=True):
            known = sizes.get(label, 1)
            if isinstance(size, int) and isinstance(known, int) and 1 not in (size, known) and size != known:
                raise ValueError(f"'{label}' is {known} and {size} in {attrs['equation']}")
            if known == 1 or (isinstance(size, int) and size != 1):
                sizes[label] = size
    return tuple(sizes[label] for label in result)


def _depth_to_space(x: Inputs, attrs: Attrs) -> Shape | None:
    if x[0].shape is None:
        return None
    batch, channels, height, width = x[0].shape
    block = attrs["blocksize"]
    return (batch, floordiv(channels, block * block), height * block, width * block)


def _space_to_depth(x: Inputs, attrs: Attrs) -> Shape | None:
    if x[0].shape is None:
        return None
    batch, channels, height, width = x[0].shape
    block = attrs["blocksize"]
    return (batch, channels * block * block, floordiv(height, block), floordiv(width, block))


def _quantized(x: Inputs, attrs: Attrs) -> Any:
    """Its dtype is the zero point's."""
    return x[0].shape if len(x) > 2 and x[2] is not None else NotImplemented


def _non_zero(x: Inputs, attrs: Attrs) -> Shape | None:
    return (unknown() if x[0].shape is None else len(x[0].shape), unknown())


def _grid_sample(x: Inputs, attrs: Attrs) -> Shape | None:
    picture, grid = x[0].shape, x[1].shape
    return None if picture is None or grid is None else (*picture[:2], *grid[1:-1])


def _compress(x: Inputs, attrs: Attrs) -> Shape | None:
    shape, axis = x[0].shape, attrs.get("axis")
    if axis is None:
        return (unknown(),)
    return None if shape is None else tuple(unknown() if i == axis % len(shape) else d for i, d in enumerate(shape))


LAYER_SHAPES: dict[str, ShapeFunction] = {
    "Compress": _compress,
    "ConvInteger": SHAPES["Conv"],
    "CumProd": _same,
    "DepthToSpace": _depth_to_space,
    "DequantizeLinear": _same,
    "Einsum": _einsum,
    "GRU": _recurrent,
    "GridSample": _grid_sample,
    "LSTM": _recurrent,
    "LayerNormalization": _layer_norm,
    "MatMulInteger": SHAPES["MatMul"],
    "NonMaxSuppression": lambda x, attrs: (unknown(), 3),
    "NonZero": _non_zero,
    "OneHot": _one_hot,
    "QuantizeLinear": _quantized,
    "RNN": _recurrent,
    "RegexFullMatch": _same,
    "RotaryEmbedding": _same,
    "SpaceToDepth": _space_to_depth,
    "TopK": _top_k,
}
