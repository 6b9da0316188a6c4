"""Gathers, scatters and einsums over drawn shapes, axes and indices, against TensorFlow."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import Arg, case, check, f32, i32

checked = settings(max_examples=20, deadline=None, derandomize=True)
_OPSETS = st.sampled_from([13, 16, 18, 21])
_LETTERS = {"a": "b", "b": 2, "c": 3, "d": "k"}


@checked
@given(st.integers(1, 3), st.integers(0, 2), st.integers(0, 2), st.booleans(), _OPSETS)
def test_gather(rank: int, batch: int, own: int, last: bool, opset: int) -> None:
    """Any axis behind any number of shared ones, and indices of any rank."""
    batch = min(batch, rank - 1)
    sizes: list[Any] = ["b", "t", 4][:rank]
    axis = -1 if last else batch
    limit = {"b": 2, "t": 4, 4: 4}[sizes[axis]]
    indices = i32(*sizes[:batch], *[3, 2][:own], low=0, high=limit)
    function = lambda x, i: tf.gather(x, i, axis=axis, batch_dims=batch)  # noqa: E731
    check("gather", case(function, f32(*sizes), indices, sizes={"b": (2, 3), "t": (4, 5)}, opset=opset))


@checked
@given(st.integers(1, 3), st.integers(0, 3), st.integers(0, 1), st.booleans(), _OPSETS)
def test_gather_nd(rank: int, depth: int, batch: int, many: bool, opset: int) -> None:
    batch = min(batch, rank - 1)
    depth = min(depth, rank - batch)
    sizes: list[Any] = ["b", 3, 4][:rank]
    indices = i32(*sizes[:batch], *(["n"] if many else []), depth, low=0, high=2)
    function = lambda x, i: tf.gather_nd(x, i, batch_dims=batch)  # noqa: E731
    check("gather-nd", case(function, f32(*sizes), indices, opset=opset))


@checked
@given(
    st.sampled_from(["add", "sub", "max", "min", "new"]), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2),
    st.sampled_from(["float32", "int32", "float16", "int64"]), _OPSETS,
)  # fmt: skip
def test_scatter(kind: str, rank: int, depth: int, own: int, dtype: str, opset: int) -> None:
    """Indices of any depth and rank, many of them twice."""
    depth = min(depth, rank)
    sizes: list[Any] = ["b", 3, "t"][:rank]
    lead: list[Any] = ["n", 2][:own]
    indices = i32(*lead, depth, low=0, high=2)
    data, updates = Arg(dtype, tuple(sizes), -5, 6), Arg(dtype, (*lead, *sizes[depth:]), -5, 6)
    if kind == "new":
        function: Any = lambda x, i, u: tf.scatter_nd(i, u, tf.shape(x))  # noqa: E731
    else:
        function = getattr(tf, f"tensor_scatter_nd_{kind}")
    check(
        "scatter", case(function, data, indices, updates, opset=opset, tolerance=2e-2 if dtype == "float16" else 1e-4)
    )


@checked
@given(st.data())
def test_einsum(data: st.DataObject) -> None:
    """Products of one to three operands: letters shared, summed, repeated in an operand, with and without ellipsis."""
    letters = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)
    terms = data.draw(st.lists(letters, min_size=1, max_size=3))
    wide = data.draw(st.booleans())
    used = sorted({letter for term in terms for letter in term})
    kept = data.draw(st.lists(st.sampled_from(used), max_size=len(used), unique=True))
    operands = ["".join(term) + ("..." if wide and i == 0 else "") for i, term in enumerate(terms)]
    equation = ",".join(operands) + "->" + "".join(kept) + ("..." if wide else "")
    args = [
        f32(*(_LETTERS[letter] for letter in term), *([2, "t"] if wide and i == 0 else []), low=-1, high=1)
        for i, term in enumerate(terms)
    ]
    check(equation, case(lambda *x: tf.einsum(equation, *x), *args, opset=data.draw(_OPSETS), tolerance=1e-4))
