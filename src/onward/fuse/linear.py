"""Values as linear maps of others: ``y = sum(atom @ matrix) + offset``, however the source spelt it out.

Products with constant matrices, sums, biases, concatenations, splits and slices all come down to one matrix an atom;
what is not linear is an atom itself. Two spellings of one computation have the same form.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import NamedTuple

import numpy as np

from onward.ir import Node, Value

Matrix = np.ndarray


class Linear(NamedTuple):
    """A value of shape (rows, width) as a linear map.

    Attributes:
        matrices: for each atom, a matrix of (the atom's width, width); None where it is the identity.
        offset: what is added, of shape (width,).
    """

    matrices: dict[Value, Matrix | None]
    offset: np.ndarray

    @property
    def width(self) -> int:
        return len(self.offset)

    def matrix(self, atom: Value) -> Matrix:
        """The matrix of an atom; zeros if the value does not depend on it."""
        width = _width(atom)
        assert width is not None
        if atom not in self.matrices:
            return np.zeros((width, self.width), self.offset.dtype)
        matrix = self.matrices[atom]
        return np.eye(width, dtype=self.offset.dtype) if matrix is None else matrix

    def times(self, matrix: Matrix) -> Linear:
        return self._map(lambda m: m @ matrix, matrix, self.offset @ matrix)

    def columns(self, part: slice) -> Linear:
        if range(self.width)[part] == range(self.width):
            return self
        return Linear({a: self.matrix(a)[:, part] for a in self.matrices}, self.offset[part])

    def scaled(self, by: np.ndarray) -> Linear:
        return Linear({a: self.matrix(a) * by for a in self.matrices}, self.offset * by)

    def shifted(self, by: np.ndarray) -> Linear:
        return Linear(self.matrices, self.offset + by)

    def plus(self, other: Linear) -> Linear:
        matrices = dict(self.matrices)
        for atom, matrix in other.matrices.items():
            matrices[atom] = self.matrix(atom) + other.matrix(atom) if atom in matrices else matrix
        return Linear(matrices, self.offset + other.offset)

    def beside(self, other: Linear) -> Linear:
        """The two side by side, as one value."""
        atoms = dict.fromkeys((*self.matrices, *other.matrices))
        matrices = {a: np.concatenate([self.matrix(a), other.matrix(a)], axis=1) for a in atoms}
        return Linear(dict(matrices), np.concatenate([self.offset, other.offset]))

    def _map(self, function: Callable[[Matrix], Matrix], of_identity: Matrix, offset: np.ndarray) -> Linear:
        return Linear({a: of_identity if m is None else function(m) for a, m in self.matrices.items()}, offset)


class Reader:
    """Reads linear forms, once for each value.

    Args:
        atoms: values that are never looked into.
    """

    def __init__(self, atoms: Container[Value]) -> None:
        self._atoms = atoms
        self._seen: dict[Value, Linear | None] = {}

    def read(self, value: Value) -> Linear | None:
        """The form of a value, None where it is no float32 matrix of known width."""
        if value not in self._seen:
            self._seen[value] = self._read(value)
        return self._seen[value]

    def _read(self, value: Value) -> Linear | None:
        width = _width(value)
        if width is None:
            return None
        node = value.producer
        if value not in self._atoms and node is not None and not node.domain and node.op in FORMS:
            form = FORMS[node.op](self, node, value)
            if form is not None and form.width == width:
                return form
        return Linear({value: None}, np.zeros(width, value.dtype))


def _width(value: Value) -> int | None:
    if value.shape is None or len(value.shape) != 2 or value.dtype != np.float32 or value.is_const:
        return None
    return value.shape[1] if isinstance(value.shape[1], int) else None


def row(value: Value | None, width: int) -> np.ndarray | None:
    """A constant that is the same for every row, as a vector."""
    if value is None or value.const is None or value.const.size not in (1, width):
        return None
    array = np.asarray(value.array)
    if array.ndim and array.shape[-1] != array.size:
        return None
    return np.broadcast_to(array.reshape(-1), (width,))


def _through(reader: Reader, node: Node, value: Value) -> Linear | None:
    assert node.inputs[0] is not None
    return reader.read(node.inputs[0])


def _and_row(reader: Reader, a: Value | None, b: Value | None, value: Value) -> tuple[Linear, np.ndarray] | None:
    """The form of one operand, and the other if it is a row that leaves the first one's shape."""
    form = None if a is None else reader.read(a)
    if a is None or b is None or form is None or not (b.is_const or value.shape == a.shape):
        return None
    while b.producer is not None and b.producer.op in ("Expand", "Identity") and b.producer.inputs[0] is not None:
        b = b.producer.inputs[0]
    constant = row(b, form.width)
    return None if constant is None else (form, constant)


def _add(reader: Reader, node: Node, value: Value) -> Linear | None:
    a, b = node.inputs
    found = _and_row(reader, a, b, value) or _and_row(reader, b, a, value)
    if found is not None:
        return found[0].shifted(found[1])
    assert a is not None
    assert b is not None
    first, second = (reader.read(_as_row(v, value)) for v in (a, b))
    return None if first is None or second is None or first.width != second.width else first.plus(second)


def _as_row(operand: Value, total: Value) -> Value:
    """Where a sum has one row, what an operand was before it lost the dimension of rows."""
    node = operand.producer
    if node is None or node.op not in ("Reshape", "Squeeze") or operand.rank != 1 or node.inputs[0] is None:
        return operand
    return node.inputs[0] if node.inputs[0].shape == total.shape else operand


def _subtract(reader: Reader, node: Node, value: Value) -> Linear | None:
    a, b = node.inputs
    found = _and_row(reader, a, b, value)
    return None if found is None else found[0].shifted(-found[1])


def _multiply(reader: Reader, node: Node, value: Value) -> Linear | None:
    a, b = node.inputs
    found = _and_row(reader, a, b, value) or _and_row(reader, b, a, value)
    return None if found is None else found[0].scaled(found[1])


def _product(reader: Reader, node: Node, value: Value) -> Linear | None:
    x, weights = node.inputs[:2]
    assert x is not None
    assert weights is not None
    form = reader.read(x)
    if form is None or not weights.is_const or weights.rank != 2:
        return None
    return form.times(np.asarray(weights.array))


def _gemm(reader: Reader, node: Node, value: Value) -> Linear | None:
    x, weights = node.inputs[:2]
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    assert x is not None
    assert weights is not None
    form = reader.read(x)
    if form is None or not weights.is_const or node.attrs.get("transA"):
        return None
    matrix = np.asarray(weights.array) * np.float32(node.attrs.get("alpha", 1.0))
    form = form.times(matrix.T if node.attrs.get("transB") else matrix)
    if bias is None:
        return form
    constant = row(bias, form.width)
    return None if constant is None else form.shifted(constant * np.float32(node.attrs.get("beta", 1.0)))


def _split(reader: Reader, node: Node, value: Value) -> Linear | None:
    if node.attrs.get("axis", 0) not in (1, -1):
        return None
    assert node.inputs[0] is not None
    form = reader.read(node.inputs[0])
    widths = [_width(v) for v in node.outputs]
    if form is None or None in widths:
        return None
    start = sum(w for w in widths[: value.index] if w is not None)
    return form.columns(slice(start, start + (widths[value.index] or 0)))


def _slice(reader: Reader, node: Node, value: Value) -> Linear | None:
    x, *bounds = node.inputs
    if len(bounds) < 3 or any(b is None or b.const is None or b.const.size != 1 for b in bounds):
        return None
    start, end, axis, *step = (int(np.asarray(b.array).reshape(())) for b in bounds if b is not None)
    assert x is not None
    form = reader.read(x)
    if form is None or axis not in (1, -1):
        return None
    return form.columns(slice(start, end, *step))


def _concat(reader: Reader, node: Node, value: Value) -> Linear | None:
    if node.attrs["axis"] not in (1, -1):
        return None
    parts = [None if v is None else reader.read(v) for v in node.inputs]
    whole = parts[0]
    for part in parts[1:]:
        whole = None if whole is None or part is None else whole.beside(part)
    return whole


FORMS: dict[str, Callable[[Reader, Node, Value], Linear | None]] = {
    "Add": _add,
    "Concat": _concat,
    "Gemm": _gemm,
    "Identity": _through,
    "MatMul": _product,
    "Mul": _multiply,
    "Slice": _slice,
    "Split": _split,
    "Sub": _subtract,
}
