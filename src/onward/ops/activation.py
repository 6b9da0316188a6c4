"""Activation functions that are not one ONNX operator of the same name and meaning."""

from __future__ import annotations

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower


@lower("Relu6")
def relu6(op: Builder, x: Value) -> Value:
    """``min(max(x, 0), 6)``."""
    return op.Clip(x, min=0, max=6)


@lower("LeakyRelu")
def leaky_relu(op: Builder, x: Value, *, alpha: float) -> Value:
    """``x`` where positive, else ``alpha * x``."""
    return op.LeakyRelu(x, alpha=alpha)


@lower("Softmax")
def softmax(op: Builder, x: Value) -> Value:
    return op.Softmax(x, axis=-1)


@lower("LogSoftmax")
def log_softmax(op: Builder, x: Value) -> Value:
    return op.LogSoftmax(x, axis=-1)
