"""Reductions."""

from __future__ import annotations

from functools import partial

import numpy as np

from onward.dtypes import BOOL
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower

_REDUCTIONS = {
    "All": "ReduceMin",
    "Any": "ReduceMax",
    "EuclideanNorm": "ReduceL2",
    "Max": "ReduceMax",
    "Mean": "ReduceMean",
    "Min": "ReduceMin",
    "Prod": "ReduceProd",
    "Sum": "ReduceSum",
}


UINT8 = np.dtype("uint8")


def reduction(onnx_name: str, op: Builder, x: Value, axes: Value, *, keep_dims: bool) -> Value:
    """Reduces over axes that may be computed; no axes at all reduce nothing, TensorFlow's way."""
    if axes.array is not None:
        return op.emit(onnx_name, x, axes=np.atleast_1d(axes.array).tolist(), keepdims=int(keep_dims))
    if op.opset < 18 and onnx_name != "ReduceSum":
        raise Unsupported("axes computed at run time need opset 18 or higher")
    return op.emit(onnx_name, x, axes=op.Reshape(axes, [-1]), keepdims=int(keep_dims), noop_with_empty_axes=1)


def _logical(onnx_name: str, op: Builder, x: Value, axes: Value, *, keep_dims: bool) -> Value:
    """ONNX Runtime reduces bool only where there is something to reduce, so the rest counts in uint8."""
    if x.shape is not None and all(isinstance(size, int) and size > 0 for size in x.shape):
        return reduction(onnx_name, op, x, axes, keep_dims=keep_dims)
    return op.Cast(reduction(onnx_name, op, op.Cast(x, to=UINT8), axes, keep_dims=keep_dims), to=BOOL)


for _name, _onnx_name in _REDUCTIONS.items():
    lower(_name)(partial(_logical if _name in ("All", "Any") else reduction, _onnx_name))
