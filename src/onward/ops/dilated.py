"""Dilated convolutions that TensorFlow spells SpaceToBatchND, convolution, BatchToSpaceND."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.graph import Node
from onward.ir import Value
from onward.lowering import Context
from onward.lowering.registry import attribute
from onward.ops.conv import conv, depthwise_conv

_CONVOLUTIONS = {"Conv2D": conv, "Conv3D": conv, "DepthwiseConv2dNative": depthwise_conv}


def dilated(context: Context, end: Node, crops: Value) -> Value | None:
    """The convolution that ends in a BatchToSpaceND, as one; None where that is something else.

    A 1-D convolution stands between ExpandDims and Squeeze. The blocks' padding and the crops leave the padding of the
    dilated convolution.
    """
    op, squeeze = context.op, end.inputs[0].node
    node = squeeze.inputs[0].node if squeeze.op == "Squeeze" else squeeze
    if node.op not in _CONVOLUTIONS:
        return None
    expand = node.inputs[0].node
    flat = expand.op == "ExpandDims" and squeeze is not node
    start = expand.inputs[0].node if flat else expand
    if start.op != "SpaceToBatchND" or flat != (squeeze is not node):
        return None
    x, block, paddings = (context.value(tensor) for tensor in start.inputs)
    closing = context.value(end.inputs[1])
    known = [v.elements for v in (block, closing, paddings, crops)]
    if any(v is None for v in known) or x.rank is None or not np.array_equal(known[0], known[1]):
        return None
    data_format = attribute(node, "data_format")
    plain = all(step == 1 for step in attribute(node, "strides")) and attribute(node, "padding") == "VALID"
    if not plain or not data_format.endswith("C"):
        return None
    rest = [0, 0] * (x.rank - 1 - len(block.elements))
    pads = [0, 0, *(paddings.elements - crops.elements).ravel().tolist(), *rest]
    gaps = [1, *(int(b) for b in block.elements), *(1 for _ in rest[::2])]
    kernel = context.value(node.inputs[1])
    if flat:
        axis = int(context.value(expand.inputs[1]).array) % (x.rank + 1)
        x = op.Unsqueeze(x, axes=[axis])
        gaps.insert(axis, 1)
        pads[2 * axis : 2 * axis] = [0, 0]
    frame: dict[str, Any] = {
        "strides": [1] * x.rank, "padding": "EXPLICIT", "dilations": gaps, "data_format": data_format,
        "explicit_paddings": pads,
    }  # fmt: skip
    y = _CONVOLUTIONS[node.op](op, x, kernel, **frame)
    return op.Squeeze(y, axes=[axis]) if flat else y
