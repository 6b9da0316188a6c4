"""Einsum as transposes, reshapes and matrix products, which runtimes do best and every dtype has."""

from __future__ import annotations

from collections.abc import Sequence

from onward.dims import product
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower

Labels = tuple[str, ...]


@lower("Einsum")
def einsum(op: Builder, inputs: list[Value], *, equation: str) -> Value:
    """The equation has one letter an axis; ``...`` stands for axes that broadcast."""
    left, _, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if any(x.rank is None for x in inputs):
        return op.Einsum(*inputs, equation=equation)
    spread = max(x.rank - len(t.replace("...", "")) if "..." in t else 0 for x, t in zip(inputs, terms, strict=True))
    output = _labels(right, spread)
    if len(set(output)) != len(output):
        raise Unsupported(f"a repeated label in the output of '{equation}'")
    operands = [
        _diagonal(op, x, _labels(t, x.rank - len(t.replace("...", "")) if "..." in t else 0))
        for x, t in zip(inputs, terms, strict=True)
    ]
    while len(operands) > 1:
        (a, la), (b, lb), *rest = operands
        needed = set(output).union(*(labels for _, labels in rest))
        order = [label for label in output if label in needed]
        order += [label for label in (*la, *lb) if label in needed and label not in order]
        operands = [_contract(op, a, la, b, lb, tuple(dict.fromkeys(order))), *rest]
    x, labels = _summed(op, *operands[0], set(output))
    return _ordered(op, x, labels, output)


def _labels(term: str, spread: int) -> Labels:
    """One label an axis; the axes of an ellipsis are numbered from the right, as broadcasting aligns them."""
    before, dots, after = term.partition("...")
    return (*before, *(f".{i}" for i in range(spread, 0, -1)), *after) if dots else tuple(term)


def _diagonal(op: Builder, x: Value, labels: Labels) -> tuple[Value, Labels]:
    distinct = tuple(dict.fromkeys(labels))
    if distinct == labels:
        return x, labels
    letters = {label: chr(ord("a") + i) for i, label in enumerate(distinct)}
    terms = ("".join(letters[label] for label in some) for some in (labels, distinct))
    return op.Einsum(x, equation="->".join(terms)), distinct


def _summed(op: Builder, x: Value, labels: Labels, keep: set[str]) -> tuple[Value, Labels]:
    axes = [i for i, label in enumerate(labels) if label not in keep]
    if not axes:
        return x, labels
    return op.ReduceSum(x, axes=axes, keepdims=0), tuple(label for label in labels if label in keep)


def _ordered(op: Builder, x: Value, labels: Labels, wanted: Sequence[str]) -> Value:
    return op.Transpose(x, perm=[labels.index(label) for label in wanted]) if tuple(wanted) != labels else x


def _alone(order: Labels, labels: Labels, others: Labels) -> Labels:
    """What only one operand has of the labels that stay."""
    return tuple(label for label in order if label in labels and label not in others)


def _contract(op: Builder, a: Value, la: Labels, b: Value, lb: Labels, order: Labels) -> tuple[Value, Labels]:
    """The product of two operands, summed over the labels that ``order`` has not."""
    a, la = _summed(op, a, la, {*lb, *order})
    b, lb = _summed(op, b, lb, {*la, *order})
    batch = tuple(label for label in order if label in la and label in lb)
    inner = tuple(label for label in la if label in lb and label not in order)
    free_a, free_b = sum(label not in lb for label in la), sum(label not in la for label in lb)
    if not batch and (a.is_const > b.is_const or (a.is_const == b.is_const and free_b > free_a)):
        # Weights go right, where runtimes pack them; else the side with more free axes goes left, without flattening.
        a, la, b, lb = b, lb, a, la
    if batch and order == (*batch, *_alone(order, lb, la), *_alone(order, la, lb)):
        a, la, b, lb = b, lb, a, la  # the product comes out in the order that is asked for
    only_a, only_b = _alone(order, la, lb), _alone(order, lb, la)
    left = _ordered(op, a, la, (*batch, *only_a, *inner))
    if not inner:
        right = _ordered(op, b, lb, (*batch, *only_b))
        if only_a and only_b:
            left = op.Unsqueeze(left, axes=[len(batch) + len(only_a) + i for i in range(len(only_b))])
        if only_a:
            right = op.Unsqueeze(right, axes=[len(batch) + i for i in range(len(only_a))])
        elif only_b:
            left = op.Unsqueeze(left, axes=[len(batch) + i for i in range(len(only_b))])
        return left * right, (*batch, *only_a, *only_b)
    right = _ordered(op, b, lb, (*batch, *inner, *only_b))
    at, free = len(batch), len(batch) + len(only_a)
    sizes_a, sizes_b = left.shape[at:free], right.shape[at + len(inner) :]
    if len(inner) > 1:
        depth = product(left.shape[free:])
        left = op.Reshape(left, [*left.shape[:free], depth])
        right = op.Reshape(right, [*right.shape[:at], depth, *sizes_b])
    # A vector becomes a matrix: ONNX Runtime fuses Transpose into MatMul wrongly where one side has one axis.
    flat_a, flat_b = not only_a or (bool(batch) and len(only_a) > 1), len(only_b) != 1
    if flat_a:
        left = op.Reshape(left, [*left.shape[:at], product(sizes_a), left.shape[-1]])
    if flat_b:
        right = op.Reshape(right, [*right.shape[: at + 1], product(sizes_b)])
    y = left @ right
    if flat_a or flat_b:
        y = op.Reshape(y, [*y.shape[:at], *sizes_a, *sizes_b])
    return y, (*batch, *only_a, *only_b)
