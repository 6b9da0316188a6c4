"""Gradients of sparse tensors, sparse segments and ragged rows."""

from __future__ import annotations

from typing import Any

from onward.dtypes import BOOL, INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower
from onward.ops.gather import indexed
from onward.ops.ragged import extent
from onward.ops.scatter import scatter
from onward.ops.segment import column, combined, counted, highest


def _segment_grad(kind: str) -> Any:
    def weighted(op: Builder, gradient: Value, ids: Value) -> Value:
        """What each entry of a segment takes of the segment's gradient."""
        rows = op.Gather(gradient, indexed(op, ids), axis=0)
        if kind == "sum":
            return rows
        many = counted(op, ids, highest(op, ids), gradient.dtype)
        many = op.Gather(op.Sqrt(many) if kind == "sqrtn" else many, indexed(op, ids), axis=0)
        return rows / column(op, many, rows)

    def dense(op: Builder, gradient: Value, indices: Value, ids: Value, output_dim0: Value) -> Value:
        known = output_dim0.elements
        count = op.Cast(output_dim0, to=INT64) if known is None else known.item()
        return combined(op, weighted(op, gradient, ids), indices, count, "add", 0)

    def compact(
        op: Builder, gradient: Value, indices: Value, ids: Value, dense_output_dim0: Value
    ) -> tuple[Value, Value]:
        """The rows that are not zero, and which they are."""
        places, _, where, _ = op.Unique(indices, sorted=1, outputs=4)
        return combined(op, weighted(op, gradient, ids), where, extent(op, places), "add", 0), places

    return dense, compact


for _kind, _name in {"sum": "Sum", "mean": "Mean", "sqrtn": "SqrtN"}.items():
    _dense, _compact = _segment_grad(_kind)
    lower(f"SparseSegment{_name}Grad")(_dense)
    lower(f"SparseSegment{_name}GradV2")(_compact)


@lower("SparseFillEmptyRowsGrad", "RaggedFillEmptyRowsGrad")
def fill_empty_rows_grad(op: Builder, went: Value, gradient: Value) -> tuple[Value, Value]:
    """By the values and by the default, which took every place where no value went."""
    taken = op.Expand(op.constant(False, BOOL), op.shape(gradient))
    taken = scatter(op, taken, op.Unsqueeze(went, axes=[1]), op.Expand(op.constant(True, BOOL), op.shape(went)))
    return op.Gather(gradient, went, axis=0), op.ReduceSum(op.Where(taken, 0, gradient), keepdims=0)


@lower("SparseAddGrad")
def sparse_add_grad(
    op: Builder, gradient: Value, a_indices: Value, b_indices: Value, sum_indices: Value
) -> tuple[Value, Value]:
    return _looked_up(op, gradient, sum_indices, a_indices), _looked_up(op, gradient, sum_indices, b_indices)


@lower("SparseSliceGrad")
def sparse_slice_grad(
    op: Builder, gradient: Value, input_indices: Value, input_start: Value, output_indices: Value
) -> Value:
    return _looked_up(op, gradient, output_indices, input_indices - input_start)


def _looked_up(op: Builder, values: Value, places: Value, wanted: Value) -> Value:
    """The value of each place that is wanted, 0 where it is not there: by comparing all with all."""
    same = op.Equal(op.Unsqueeze(wanted, axes=[1]), op.Unsqueeze(places, axes=[0]))
    found = op.ReduceMin(op.Cast(same, to=values.dtype), axes=[2], keepdims=0)
    return op.Squeeze(found @ op.Unsqueeze(values, axes=[1]), axes=[1])
