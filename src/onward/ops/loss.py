"""Losses."""

from __future__ import annotations

from onward.dtypes import INT64
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower


@lower("SoftmaxCrossEntropyWithLogits")
def softmax_cross_entropy(op: Builder, logits: Value, labels: Value) -> tuple[Value, Value]:
    """The loss of each row, and its gradient with respect to the logits."""
    shifted = op.LogSoftmax(logits, axis=-1) * labels
    return -op.ReduceSum(shifted, axes=[-1], keepdims=0), op.Softmax(logits, axis=-1) - labels


@lower("SparseSoftmaxCrossEntropyWithLogits")
def sparse_softmax_cross_entropy(op: Builder, logits: Value, labels: Value) -> tuple[Value, Value]:
    labels = op.Unsqueeze(op.Cast(labels, to=INT64), axes=[-1])
    chosen = op.GatherElements(op.LogSoftmax(logits, axis=-1), labels, axis=-1)
    classes = op.size(logits.shape[-1]) if logits.shape is not None else op.Gather(op.Shape(logits), -1)
    hot = op.Equal(labels, op.Range(op.size(0), classes, op.size(1)))
    return -op.Squeeze(chosen, axes=[-1]), op.Softmax(logits, axis=-1) - op.Cast(hot, to=logits.dtype)
