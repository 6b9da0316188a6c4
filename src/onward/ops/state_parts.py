"""Variables of which parts are assigned: rows by index, coordinates, slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onward.graph import Node
from onward.ir import Value
from onward.lowering import Context
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.scatter import scatter
from onward.ops.slicing import strided_slice_update
from onward.ops.source import Resource
from onward.ops.state import current, put

REDUCTIONS = {"Update": "none", "Add": "add", "Sub": "add", "Mul": "mul", "Max": "max", "Min": "min"}


def _rows(name: str) -> Callable[..., Any]:
    def scatter_rows(context: Context, node: Node, resource: Resource, indices: Value, updates: Value) -> Any:
        """Rows along the first axis; one number serves them all."""
        op, x = context.op, current(context, resource)
        if x.shape is None or indices.shape is None:
            raise Unsupported("rows of a variable of unknown rank")
        updates = op.Expand(_signed(op, name, updates), op.sizes([*indices.shape, *x.shape[1:]]))
        return put(context, resource, scatter(op, x, op.Unsqueeze(indices, axes=[-1]), updates, REDUCTIONS[name]))

    return scatter_rows


def _coordinates(name: str) -> Callable[..., Any]:
    def scatter_nd(
        context: Context, node: Node, ref: Resource, indices: Value, updates: Value, *, bad_indices_policy: str = ""
    ) -> Any:  # fmt: skip
        op, x = context.op, current(context, ref)
        updates = _signed(op, name, updates)
        return put(context, ref, scatter(op, x, indices, updates, REDUCTIONS[name], bad_indices_policy))

    return scatter_nd


def _signed(op: Builder, name: str, updates: Value) -> Value:
    return 0 - updates if name == "Sub" else updates


for _name in REDUCTIONS:
    lower(f"ResourceScatter{_name}", context=True)(_rows(_name))
    if _name != "Mul":
        lower(f"ResourceScatterNd{_name}", context=True)(_coordinates(_name))


@lower("ResourceStridedSliceAssign", context=True)
def strided_slice_assign(
    context: Context, node: Node, ref: Resource, begin: Value, end: Value, strides: Value, value: Value, *,
    begin_mask: int, end_mask: int, ellipsis_mask: int, new_axis_mask: int, shrink_axis_mask: int,
) -> Any:  # fmt: skip
    held = current(context, ref)
    changed = strided_slice_update(
        context.op, held, begin, end, strides, value, begin_mask=begin_mask, end_mask=end_mask,
        ellipsis_mask=ellipsis_mask, new_axis_mask=new_axis_mask, shrink_axis_mask=shrink_axis_mask,
    )  # fmt: skip
    return put(context, ref, changed)
