"""Nearest neighbours."""

from __future__ import annotations

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower


@lower("NearestNeighbors")
def nearest_neighbors(op: Builder, points: Value, centers: Value, k: Value) -> tuple[Value, Value]:
    """The ``k`` centres closest to each point, all where there are fewer, and their squared distances."""
    gap = op.Unsqueeze(points, axes=[1]) - op.Unsqueeze(centers, axes=[0])
    distances = op.ReduceSumSquare(gap, axes=[2], keepdims=0)
    count = op.Reshape(op.Min(k, op.Gather(op.shape(centers), 0, axis=0)), [1])
    values, indices = op.TopK(distances, count, axis=1, largest=0, sorted=1, outputs=2)
    return indices, values
