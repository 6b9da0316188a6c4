"""Activations and normalisations in TFLite's forms."""

from __future__ import annotations

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import lower


@lower("tfl.relu_n1_to_1")
def relu_n1_to_1(op: Builder, x: Value) -> Value:
    return op.Clip(x, -1, 1)


@lower("tfl.relu_0_to_1")
def relu_0_to_1(op: Builder, x: Value) -> Value:
    return op.Clip(x, 0, 1)


@lower("tfl.sign_bit")
def sign_bit(op: Builder, x: Value) -> Value:
    return op.Cast(x < 0, to=x.dtype)


@lower("tfl.hard_swish")
def hard_swish(op: Builder, x: Value) -> Value:
    return op.HardSwish(x)


@lower("tfl.gelu")
def gelu(op: Builder, x: Value, *, approximate: bool) -> Value:
    return op.Gelu(x, approximate="tanh" if approximate else "none")


@lower("tfl.prelu")
def prelu(op: Builder, x: Value, alpha: Value) -> Value:
    return op.PRelu(x, alpha)


@lower("tfl.softmax")
def softmax(op: Builder, x: Value, *, beta: float) -> Value:
    return op.Softmax(x * beta if beta != 1 else x, axis=-1)


@lower("tfl.l2_normalization")
def l2_normalization(op: Builder, x: Value) -> Value:
    """Over the last axis; a norm below 1e-6 counts as that."""
    norm = op.ReduceL2(x, axes=[-1], keepdims=1)
    return x / op.Max(norm, op.constant(np.asarray(1e-6, x.dtype)))
