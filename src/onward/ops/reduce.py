"""Reductions."""

from __future__ import annotations

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower

_REDUCTIONS = {"Max": "ReduceMax", "Mean": "ReduceMean", "Min": "ReduceMin", "Prod": "ReduceProd", "Sum": "ReduceSum"}


def _reduction(onnx_name: str):  # noqa: ANN202
    def reduction(op: Builder, x: Value, axes: Value, *, keep_dims: bool) -> Value:
        if axes.array is not None:
            axes = np.atleast_1d(axes.array).astype(np.int64)
        return op.emit(onnx_name, x, axes=axes, keepdims=int(keep_dims))

    return reduction


for _name, _onnx_name in _REDUCTIONS.items():
    lower(_name)(_reduction(_onnx_name))


@lower("ArgMax")
def arg_max(op: Builder, x: Value, axis: Value, *, output_type: np.dtype) -> Value:
    return op.Cast(op.ArgMax(x, axis=int(axis.array), keepdims=0), to=output_type)


@lower("ArgMin")
def arg_min(op: Builder, x: Value, axis: Value, *, output_type: np.dtype) -> Value:
    return op.Cast(op.ArgMin(x, axis=int(axis.array), keepdims=0), to=output_type)
