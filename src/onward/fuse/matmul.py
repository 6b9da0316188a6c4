"""Matrix products without the reshapes around them."""

from __future__ import annotations

from onward import dims, ir
from onward.fuse.engine import Rewrite, made_by, sole_user
from onward.ir import Node, Value
from onward.lowering.builder import Builder


def unflatten(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """reshape(reshape(x, [-1, c]) @ w, [..., n]) = x @ w, which ONNX multiplies over the last axis.

    Of x with its last axes apart, as heads are, these are joined first.
    """
    flat = node.inputs[0]
    product = made_by(flat, "MatMul")
    if product is None or flat is None or not sole_user(graph, flat):
        return None
    rows, weights = product.inputs
    inner = made_by(rows, "Reshape")
    x = inner.inputs[0] if inner is not None else None
    if x is None or x.shape is None or rows is None or rows.shape is None or weights is None or not node.output.shape:
        return None
    lead = node.output.shape[:-1]
    if weights.rank != 2 or len(rows.shape) != 2 or x.shape[: len(lead)] != lead:
        return None
    if node.output.shape[-1] != weights.shape[-1] or dims.product(x.shape[len(lead) :]) != rows.shape[-1]:  # type: ignore[index]
        return None
    op.origin = product.origin
    result: Value = op.Reshape(x, (*lead, rows.shape[-1])) @ weights
    return result


def transposed_product(op: Builder, graph: ir.Graph, node: Node) -> Value | None:
    """transpose(a @ b) = transpose(b) @ transpose(a), where both are transposed already."""
    flat, perm = node.inputs[0], node.attrs["perm"]
    product = made_by(flat, "MatMul")
    last = len(perm) - 2
    if product is None or flat is None or last < 0 or perm != [*range(last), last + 1, last]:
        return None
    if not sole_user(graph, flat):
        return None
    factors = [made_by(v, "Transpose") for v in product.inputs]
    if any(f is None or f.output.rank != len(perm) or not sole_user(graph, f.output) for f in factors):
        return None
    op.origin = product.origin
    first, second = (op.Transpose(v, perm=perm) for v in product.inputs)
    result: Value = second @ first
    return result


RULES: dict[str, list[Rewrite]] = {"Reshape": [unflatten], "Transpose": [transposed_product]}
