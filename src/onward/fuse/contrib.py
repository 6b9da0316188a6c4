"""Operators of ONNX Runtime's own domain, where they are asked for (``target="onnxruntime"``) and measured faster."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder

DOMAIN = "com.microsoft"
ONNXRUNTIME = "onnxruntime"


def wanted(op: Builder) -> bool:
    """Whether the graph is for ONNX Runtime alone."""
    return op.target == ONNXRUNTIME


def multi_head_attention(
    op: Builder, q: Value, k: Value, v: Value, added: Value | None, *, heads: int, scale: float
) -> Value:
    """Attention of (batch, steps, heads * units) each; `added` broadcasts over batches and heads."""
    assert q.shape is not None
    assert v.shape is not None
    attrs: dict[str, Any] = {"num_heads": heads, "scale": scale}
    inputs = [q, k, v] if added is None else [q, k, v, None, None, added]
    return op.node("MultiHeadAttention", inputs, attrs, [(q.dtype, (*q.shape[:2], v.shape[2]))], DOMAIN)[0]


def rotary_embedding(op: Builder, x: Value, cosine: Value, sine: Value, *, heads: int) -> Value:
    """Rotation of (batch, steps, heads * units) by angles of shape (steps, units / 2)."""
    first = op.constant(np.zeros(1, np.int64))
    inputs = [x, first, cosine, sine]
    return op.node("RotaryEmbedding", inputs, {"num_heads": heads}, [(x.dtype, x.shape)], DOMAIN)[0]
