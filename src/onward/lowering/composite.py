"""Complex tensors, for which ONNX Runtime has no type: they travel through lowering as their two real parts.

Most ops need to know nothing about it. Those that move elements about or are linear over the reals work on both parts
alike (``BY_PARTS``), products of two operands on the four pairs of parts (``BILINEAR``), and some ask for the shape
alone (``SHAPE_ONLY``). Only what really computes with complex numbers has a lowering of its own, registered with
``@lower(..., complex=True)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.dims import Shape
from onward.ir import Value
from onward.lowering.registry import COMPLEX, Lowering, Unsupported
from onward.lowering.tables import BILINEAR, BY_PARTS, SHAPE_ONLY

PART_DTYPES: dict[np.dtype, np.dtype] = {
    np.dtype("complex64"): np.dtype("float32"),
    np.dtype("complex128"): np.dtype("float64"),
}
_WHOLE_DTYPES: dict[np.dtype, np.dtype] = {part: whole for whole, part in PART_DTYPES.items()}


class Complex:
    """A complex tensor: its real and imaginary parts, two values of one dtype and shape.

    The arithmetic operators work between complex values, and with values and numbers, which count as real.
    """

    __slots__ = ("imag", "real")

    def __init__(self, real: Value, imag: Value) -> None:
        assert real.dtype == imag.dtype, f"{real.dtype} and {imag.dtype}"
        self.real, self.imag = real, imag

    @classmethod
    def constant(cls, op: Any, array: np.ndarray) -> Complex:
        """A constant from a complex array."""
        return cls(op.constant(array.real.copy()), op.constant(array.imag.copy()))

    @property
    def dtype(self) -> np.dtype:
        return _WHOLE_DTYPES[self.real.dtype]

    @property
    def shape(self) -> Shape | None:
        return self.real.shape

    @property
    def rank(self) -> int | None:
        return self.real.rank

    @property
    def array(self) -> np.ndarray | None:
        real, imag = self.real.array, self.imag.array
        return None if real is None or imag is None else (real + 1j * imag).astype(self.dtype)

    @property
    def conjugate(self) -> Complex:
        return Complex(self.real, -self.imag)

    @property
    def norm(self) -> Value:
        """The square of the absolute value."""
        return self.real * self.real + self.imag * self.imag

    def __add__(self, other: Any) -> Complex:
        if isinstance(other, Complex):
            return Complex(self.real + other.real, self.imag + other.imag)
        return Complex(self.real + other, self.imag)

    def __sub__(self, other: Any) -> Complex:
        if isinstance(other, Complex):
            return Complex(self.real - other.real, self.imag - other.imag)
        return Complex(self.real - other, self.imag)

    def __mul__(self, other: Any) -> Complex:
        if isinstance(other, Complex):
            return Complex(
                self.real * other.real - self.imag * other.imag, self.real * other.imag + self.imag * other.real
            )
        return Complex(self.real * other, self.imag * other)

    def __truediv__(self, other: Any) -> Complex:
        if isinstance(other, Complex):
            return self * other.conjugate / other.norm
        return Complex(self.real / other, self.imag / other)

    def __neg__(self) -> Complex:
        return Complex(-self.real, -self.imag)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Complex:
        return -self + other


def holds_complex(inputs: list[Any]) -> bool:
    """Whether any of a node's lowered inputs is complex."""
    return any(type(x) is Complex for x in inputs)


def paired(op: Any, value: Any) -> Any:
    """A complex constant as a pair; everything else unchanged."""
    if isinstance(value, Value) and value.dtype.kind == "c":
        array = value.array
        if array is None:
            raise Unsupported(f"ONNX Runtime has no {value.dtype.name} tensors")
        return Complex.constant(op, array)
    return value


def call(lowering: Lowering | None, op: Any, node: Any, inputs: list[Any], context: Any) -> Any:
    """Lowers a node with complex inputs.

    Raises:
        Unsupported: an op that has no complex form here.
    """
    if node.op in COMPLEX:
        return COMPLEX[node.op].call(op, node, inputs, context)
    if lowering is not None and node.op in SHAPE_ONLY:
        return lowering.call(op, node, [x.real if type(x) is Complex else x for x in inputs], context)
    if lowering is not None and node.op in BY_PARTS:
        return _by_parts(lowering, op, node, inputs, context)
    if lowering is not None and node.op in BILINEAR and len(inputs) == 2:
        return _bilinear(lowering, op, node, inputs, context)
    raise Unsupported("has no lowering for complex numbers")


def _by_parts(lowering: Lowering, op: Any, node: Any, inputs: list[Any], context: Any) -> Any:
    real, imag = (
        lowering.call(op, node, [getattr(x, part) if type(x) is Complex else x for x in inputs], context)
        for part in ("real", "imag")
    )
    if isinstance(real, Value):
        return Complex(real, imag)
    return tuple(Complex(r, i) for r, i in zip(real, imag, strict=True))


def _bilinear(lowering: Lowering, op: Any, node: Any, inputs: list[Any], context: Any) -> Complex:
    left, right = inputs
    if node.attrs.get("adj_x"):
        left = left.conjugate
    if node.attrs.get("adj_y"):
        right = right.conjugate

    def product(a: Value, b: Value) -> Value:
        return lowering.call(op, node, [a, b], context)

    return Complex(
        product(left.real, right.real) - product(left.imag, right.imag),
        product(left.real, right.imag) + product(left.imag, right.real),
    )
