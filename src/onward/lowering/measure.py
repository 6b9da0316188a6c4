"""From symbolic sizes back to tensors: where a size can be read, and the arithmetic that computes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onward.dims import Dim, Size
from onward.ir import Value

if TYPE_CHECKING:
    from onward.lowering.builder import Builder


class Sizes:
    """What one scope (a graph or a subgraph) knows about sizes.

    Attributes:
        sources: for each symbolic size the first value, and its axis, that has it.
        made: tensors already computed for values of known elements, by the value's identity.
    """

    def __init__(self, op: Builder) -> None:
        self._op = op
        self.sources: dict[Dim, tuple[Value, int]] = {}
        self.made: dict[int, Value] = {}
        self.told: dict[Value, np.ndarray] = {}  # the elements of what was made
        self._kept: list[Value] = []  # keeps the identities in ``made`` alive
        self._scalars: dict[Size, Value] = {}
        self._shapes: dict[Value, Value] = {}

    def note(self, value: Value) -> None:
        """Remembers where the value's symbolic sizes can be read."""
        for axis, size in enumerate(value.shape or ()):
            if isinstance(size, Dim) and size not in self.sources:
                self.sources[size] = (value, axis)

    def tensor(self, value: Value) -> Value:
        """Emits nodes for a value whose elements are known sizes."""
        elements, op = value.known, self._op
        assert elements is not None
        if elements.ndim == 0:
            result = self._scalar(elements.item())
        else:
            flat = list(elements.flat)
            result = self._whole_shape(flat) or self._concatenated(flat)
            if elements.ndim != 1:
                result = op.Reshape(result, list(elements.shape))
        result = op.Cast(result, to=value.dtype)
        self.told[result] = elements
        self.made[id(value)] = result
        self._kept.append(value)
        return result

    def _whole_shape(self, flat: list[Size]) -> Value | None:
        first = next(s for s in flat if isinstance(s, Dim))
        source = self._op.find_size(first)
        if source is not None and source[0].shape is not None and list(source[0].shape) == flat:
            return self._shape(source[0])
        return None

    def _concatenated(self, flat: list[Size]) -> Value:
        op = self._op
        pieces: list[Value] = []
        run: list[int] = []
        for size in [*flat, None]:
            if isinstance(size, int):
                run.append(size)
                continue
            if run:
                pieces.append(op.constant(np.array(run, np.int64)))
                run = []
            if size is not None:
                pieces.append(self._vector(size))
        return pieces[0] if len(pieces) == 1 else op.append("Concat", list(pieces), {"axis": 0})

    def _shape(self, value: Value) -> Value:
        if value not in self._shapes:
            self._shapes[value] = self._op.append("Shape", [value], {})
        return self._shapes[value]

    def _vector(self, size: Dim) -> Value:
        source = self._op.find_size(size)
        if source is not None:
            value, axis = source
            if value.rank == 1:
                return self._shape(value)
            return self._op.append(
                "Slice", [self._shape(value), *(self._op.constant(np.array([i])) for i in (axis, axis + 1))], {}
            )
        return self._op.append("Unsqueeze", [self._scalar(size), self._op.constant(np.array([0]))], {})

    def _scalar(self, size: Size) -> Value:
        """A size as a 0-D int64 tensor, read from a value that has it or computed from its atoms."""
        op = self._op
        if isinstance(size, int):
            return op.constant(np.array(size, np.int64))
        if size not in self._scalars:
            source = op.find_size(size)
            if source is not None:
                value, axis = source
                result = op.append("Gather", [self._shape(value), op.constant(np.array(axis, np.int64))], {"axis": 0})
            else:
                result = self._polynomial(size)
            self._scalars[size] = result
        return self._scalars[size]

    def _polynomial(self, size: Dim) -> Value:
        op = self._op
        total: Value | None = None
        for monomial, factor in size.terms.items():
            term: Value | None = None
            for atom in monomial:
                value = self._atom(atom)
                term = value if term is None else op.Mul(term, value)
            if term is None:
                term = op.constant(np.array(factor, np.int64))
            elif factor != 1:
                term = op.Mul(term, op.constant(np.array(factor, np.int64)))
            total = term if total is None else op.Add(total, term)
        assert total is not None
        return total

    def _atom(self, atom: tuple) -> Value:
        op = self._op
        source = op.find_size(Dim({(atom,): 1}))
        if source is not None:
            return self._scalar(Dim({(atom,): 1}))
        kind, *operands = atom
        if kind not in ("floor", "min", "max"):
            raise ValueError(f"no tensor in scope has the size {Dim({(atom,): 1})}")
        a, b = (self._scalar(o) for o in operands)
        if kind == "floor" and not _never_negative(operands[0]):  # ONNX's Div rounds towards zero
            a = op.append("Sub", [a, op.append("Mod", [a, b], {})], {})
        return op.append({"floor": "Div", "min": "Min", "max": "Max"}[kind], [a, b], {})


def _never_negative(size: Size) -> bool:
    """Whether the form of a size shows that it is not negative."""
    if isinstance(size, int):
        return size >= 0
    return all(
        factor > 0 and all(_atom_never_negative(atom) for atom in monomial) for monomial, factor in size.terms.items()
    )


def _atom_never_negative(atom: tuple) -> bool:
    kind, *operands = atom
    if kind in ("symbol", "unknown"):
        return True
    return (any if kind == "max" else all)(_never_negative(operand) for operand in operands)
