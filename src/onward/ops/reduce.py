"""Reductions."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from onward.dims import unknown
from onward.dtypes import BOOL, INT64
from onward.ir import Graph, Value, is_static
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
        return _axis_by_axis(onnx_name, op, x, axes, keep_dims)
    return op.emit(onnx_name, x, axes=op.Reshape(axes, [-1]), keepdims=int(keep_dims), noop_with_empty_axes=1)


def _axis_by_axis(onnx_name: str, op: Builder, x: Value, axes: Value, keep_dims: bool) -> Value:
    """Before opset 18 axes are attributes: each is reduced where it is among those computed."""
    if x.shape is None or (axes.shape is None and not keep_dims):
        raise Unsupported("axes computed at run time, of a tensor of unknown rank, need opset 18 or higher")
    rank = len(x.shape)
    wanted = op.Mod(op.Cast(op.Reshape(axes, [-1]), to=INT64), max(rank, 1))
    for axis in range(rank):
        among = op.ReduceMax(op.Cast(op.Equal(wanted, axis), to=np.dtype("int32")), keepdims=0)
        branches = {}
        for name in ("then_branch", "else_branch"):
            branches[name] = Graph(name)
            with op.scope(branches[name]):
                same = name == "else_branch"
                value = op.append("Identity", [x], {}) if same else op.emit(onnx_name, x, axes=[axis], keepdims=1)
                branches[name].outputs = [op.real(value)]
        shape = tuple(unknown() if i == axis else size for i, size in enumerate(x.shape))
        (x,) = op.node("If", [op.Cast(among, to=BOOL)], branches, [(x.dtype, shape)])
        assert x.shape is not None
    if keep_dims:
        return x
    count = math.prod(axes.shape) if axes.shape is not None and is_static(axes.shape) else None
    squeezed = op.Squeeze(x, wanted)
    if count is not None:
        squeezed.shape = tuple(unknown() for _ in range(rank - count))
    return squeezed


def _logical(onnx_name: str, op: Builder, x: Value, axes: Value, *, keep_dims: bool) -> Value:
    """ONNX Runtime reduces bool only where there is something to reduce, so the rest counts in uint8."""
    if x.shape is not None and all(isinstance(size, int) and size > 0 for size in x.shape):
        return reduction(onnx_name, op, x, axes, keep_dims=keep_dims)
    return op.Cast(reduction(onnx_name, op, op.Cast(x, to=UINT8), axes, keep_dims=keep_dims), to=BOOL)


for _name, _onnx_name in _REDUCTIONS.items():
    lower(_name)(partial(_logical if _name in ("All", "Any") else reduction, _onnx_name))
