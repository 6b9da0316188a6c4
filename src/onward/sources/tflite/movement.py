"""Operators that move elements and have something of their own: what they pad with, shapes in options, offsets."""

from __future__ import annotations

import numpy as np

from onward.graph import Tensor
from onward.sources.tflite.rules import Call, Rule, alike


def pad(call: Call) -> None:
    """With the integer that stands for zero. A convolution that follows takes up padded reals."""
    flow, x, y = call.flow, call.index(0), call.outputs[0]
    if not flow.is_quantized(x) or flow.dequantize or not alike(call, [x]):
        call.put_real(call.node("Pad", call.real(0), call.stored(1)))
        return
    call.put(call.node("PadV2", call.stored(0), call.stored(1), _zero(call, x)))
    flow.offer_real(y, call.node("Pad", call.real(0), call.stored(1)))


def _zero(call: Call, index: int) -> Tensor:
    tensor = call.flow.tensor(index)
    assert tensor.quantization is not None
    return call.flow.const(tensor.quantization.zero_point[0].astype(tensor.dtype))


def space_to_batch(call: Call) -> None:
    """As ``pad``: what is padded with is zero."""
    x = call.index(0)
    quantization = call.flow.tensor(x).quantization
    zero_is_zero = quantization is None or not quantization.zero_point.any()
    if alike(call, [x]) and zero_is_zero:
        call.put(call.node("SpaceToBatchND", *(call.stored(i) for i in range(3))))
    else:
        call.put_real(call.node("SpaceToBatchND", call.real(0), call.stored(1), call.stored(2)))


def batch_to_space(call: Call) -> None:
    stored = alike(call, [call.index(0)])
    y = call.node("BatchToSpaceND", call.stored(0) if stored else call.real(0), call.stored(1), call.stored(2))
    call.put(y) if stored else call.put_real(y)


def reshape(call: Call) -> None:
    """The shape is an input, or in older files an option; constants of any rank are read as a list."""
    shape = call.value(1)
    option = call.option("new_shape")
    if shape is None and call.has(1):
        target = call.stored(1)
    else:
        if option is not None and (shape is None or not shape.size):
            shape = option
        target = call.ints(*([] if shape is None else shape.ravel().tolist()))
    stored = alike(call, [call.index(0)])
    y = call.node("Reshape", call.stored(0) if stored else call.real(0), target)
    call.put(y) if stored else call.put_real(y)


def strided_slice(call: Call) -> None:
    """With ``offset``, an end is so far behind its begin."""
    end = call.stored(2)
    if call.option("offset"):
        end = call.node("AddV2", call.stored(1), end)
    masks = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    stored = alike(call, [call.index(0)])
    x = call.stored(0) if stored else call.real(0)
    y = call.node("StridedSlice", x, call.stored(1), end, call.stored(3), **{m: int(call.option(m)) for m in masks})
    call.put(y) if stored else call.put_real(y)


def scatter_nd(call: Call) -> None:
    """Sums what goes to the same place, and leaves zeros elsewhere."""
    call.put_real(call.node("ScatterNd", call.stored(0), call.real(1), call.stored(2)))


def embedding_lookup(call: Call) -> None:
    """Rows of a table; those of a quantised one become reals."""
    flow, table = call.flow, call.index(1)
    quantization = flow.tensor(table).quantization
    rows = call.node("GatherV2", call.stored(1), call.stored(0), call.scalar(0), batch_dims=0)
    if not flow.is_quantized(table) or flow.is_quantized(call.outputs[0]) or flow.dequantize or quantization is None:
        call.put(rows)
    elif quantization.per_tensor:
        call.put(flow.dequantized(rows, quantization))
    else:
        scales = call.node("GatherV2", flow.const(quantization.scale), call.stored(0), call.scalar(0), batch_dims=0)
        rank = len(flow.tensor(table).shape or ())
        wide = call.node("Reshape", scales, call.ints(-1, *[1] * (rank - 1)))
        call.put(call.node("Mul", call.node("Cast", rows, DstT=np.dtype(np.float32)), wide))


RULES: dict[str, Rule] = {
    "BATCH_TO_SPACE_ND": batch_to_space,
    "EMBEDDING_LOOKUP": embedding_lookup,
    "PAD": pad,
    "RESHAPE": reshape,
    "SCATTER_ND": scatter_nd,
    "SPACE_TO_BATCH_ND": space_to_batch,
    "STRIDED_SLICE": strided_slice,
}
