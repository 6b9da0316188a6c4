"""Symbolic sizes: what a dimension is before it is known.

A size is an ``int`` or a ``Dim``. A ``Dim`` is a polynomial with integer coefficients over atoms; an atom is a
named symbol (``batch``), an unnamed unknown, a floor division, or a minimum or maximum of two sizes. The form is
canonical, so two sizes are known to be equal exactly when they compare equal. Symbols stand for sizes and are
never negative.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Union

Size = Union[int, "Dim"]
Shape = tuple[Size, ...]
Atom = tuple  # ("symbol", name) | ("unknown", number) | ("floor" | "min" | "max", Size, Size)
Monomial = tuple[Atom, ...]

_numbers = itertools.count()


class Dim:
    """A size that is not a plain integer. Immutable; supports ``+ - * // %``, equality and hashing."""

    __slots__ = ("_hash", "_named", "_written", "terms")

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        self.terms = dict(terms)
        self._hash = hash(frozenset(self.terms.items()))
        self._written: str | None = None  # sizes nest as deep as a network, and each is written with all inside it
        self._named: bool | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self._hash == other._hash and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __add__(self, other: Size) -> Size:
        terms = dict(self.terms)
        for monomial, factor in _terms(other).items():
            terms[monomial] = terms.get(monomial, 0) + factor
        return _size(terms)

    def __mul__(self, other: Size) -> Size:
        terms: dict[Monomial, int] = {}
        for (a, x), (b, y) in itertools.product(self.terms.items(), _terms(other).items()):
            monomial = tuple(sorted(a + b, key=_key)) if a and b else a or b
            terms[monomial] = terms.get(monomial, 0) + x * y
        return _size(terms)

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return self + other * -1

    def __rsub__(self, other: Size) -> Size:
        return self * -1 + other

    __radd__, __rmul__ = __add__, __mul__

    def __floordiv__(self, other: Size) -> Size:
        return floordiv(self, other)

    def __rfloordiv__(self, other: Size) -> Size:
        return floordiv(other, self)

    def __mod__(self, other: Size) -> Size:
        return self - floordiv(self, other) * other

    def __rmod__(self, other: Size) -> Size:
        return self * floordiv(other, self) * -1 + other

    def __repr__(self) -> str:
        if self._written is None:
            self._written = self._write()
        return self._written

    def _write(self) -> str:
        parts = []
        for monomial, factor in sorted(self.terms.items(), key=lambda t: (not t[0], [_key(a) for a in t[0]])):
            text = "*".join(_text(atom) for atom in monomial)
            if not monomial:
                text = str(abs(factor))
            elif abs(factor) != 1:
                text = f"{abs(factor)}*{text}"
            parts.append(("- " if factor < 0 else "+ ") + text)
        joined = " ".join(parts)
        return joined[2:] if joined.startswith("+ ") else "-" + joined[2:]

    def atoms(self) -> set[Atom]:
        """All atoms that occur directly in this polynomial."""
        return {atom for monomial in self.terms for atom in monomial}

    @property
    def named(self) -> bool:
        """Whether every leaf is a named symbol, so that the text means something to a reader."""
        if self._named is None:
            self._named = all(
                atom[0] == "symbol"
                or (atom[0] != "unknown" and all(not isinstance(s, Dim) or s.named for s in atom[1:]))
                for atom in self.atoms()
            )
        return self._named


def symbol(name: str) -> Dim:
    """The size called ``name``; the same name is the same size."""
    return Dim({(("symbol", name),): 1})


def unknown() -> Dim:
    """A size about which nothing is known, unequal to every other."""
    return Dim({(("unknown", next(_numbers)),): 1})


def floordiv(a: Size, b: Size) -> Size:
    """``floor(a / b)``, exact where the multiples of ``b`` in ``a`` can be split off."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    if a == b:
        return 1
    whole: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    divisor = _terms(b)
    if len(divisor) == 1:
        ((monomial, factor),) = divisor.items()
        for term, x in _terms(a).items():
            remainder = _without(term, monomial)
            if remainder is not None and x % factor == 0:
                whole[remainder] = x // factor
            else:
                rest[term] = x
    else:
        exact = _quotient(_terms(a), divisor)
        if exact is not None:
            return _size(exact)
        rest = _terms(a)
    left = _size(rest)
    if left == 0:
        return _size(whole)
    if isinstance(left, int) and isinstance(b, int):
        return _size(whole) + left // b
    return _size(whole) + Dim({(("floor", left, b),): 1})


def ceildiv(a: Size, b: Size) -> Size:
    """``ceil(a / b)`` for a positive ``b``."""
    return floordiv(a + b - 1, b)


def maximum(a: Size, b: Size) -> Size:
    """The larger of two sizes; symbols count as non-negative."""
    return _extreme("max", a, b)


def minimum(a: Size, b: Size) -> Size:
    """The smaller of two sizes; symbols count as non-negative."""
    return _extreme("min", a, b)


def product(sizes: Iterable[Size]) -> Size:
    """The product of sizes, 1 for none."""
    total: Size = 1
    for size in sizes:
        total = total * size
    return total


def _extreme(kind: str, a: Size, b: Size) -> Size:
    difference = a - b
    if isinstance(difference, int):
        return (a if difference >= 0 else b) if kind == "max" else (a if difference <= 0 else b)
    for larger, smaller in ((a, b), (b, a)):
        gap = larger - smaller
        if isinstance(gap, Dim) and all(factor > 0 for factor in gap.terms.values()) and _plain(gap):
            return larger if kind == "max" else smaller
    first, second = sorted((a, b), key=repr)
    return Dim({((kind, first, second),): 1})


def _plain(size: Dim) -> bool:
    return all(atom[0] in ("symbol", "unknown") for atom in size.atoms())


def _terms(size: Size) -> dict[Monomial, int]:
    return size.terms if isinstance(size, Dim) else ({(): int(size)} if size else {})


def _size(terms: Mapping[Monomial, int]) -> Size:
    terms = {monomial: factor for monomial, factor in terms.items() if factor}
    if not terms:
        return 0
    if len(terms) == 1 and () in terms:
        return terms[()]
    return Dim(terms)


_LONGEST = 64  # terms of a quotient that is looked for


def _quotient(a: Mapping[Monomial, int], b: Mapping[Monomial, int]) -> dict[Monomial, int] | None:
    """The polynomial whose product with ``b`` is ``a``, by long division; None if there is none."""
    atoms = sorted({atom for terms in (a, b) for monomial in terms for atom in monomial}, key=_key)

    def order(monomial: Monomial) -> tuple[int, ...]:
        return (len(monomial), *(monomial.count(atom) for atom in atoms))

    lead = max(b, key=order)
    rest: dict[Monomial, int] = dict(a)
    quotient: dict[Monomial, int] = {}
    for _ in range(_LONGEST):
        if not rest:
            return quotient
        highest = max(rest, key=order)
        left = _without(highest, lead)
        if left is None or rest[highest] % b[lead]:
            return None
        factor = quotient[left] = rest[highest] // b[lead]
        for monomial, x in b.items():
            term = tuple(sorted((*left, *monomial), key=_key))
            rest[term] = rest.get(term, 0) - factor * x
            if not rest[term]:
                del rest[term]
    return None


def _without(term: Monomial, divisor: Monomial) -> Monomial | None:
    left = list(term)
    for atom in divisor:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)


def _key(atom: Atom) -> str:
    return f"?{atom[1]:012}" if atom[0] == "unknown" else _text(atom)


def _text(atom: Atom) -> str:
    kind = atom[0]
    if kind == "symbol":
        return str(atom[1])
    if kind == "unknown":
        return f"?{atom[1]}"
    if kind == "floor":
        return f"floor({_operand(atom[1])}/{_operand(atom[2])})"
    return f"{kind}({atom[1]}, {atom[2]})"


def _operand(size: Size) -> str:
    simple = isinstance(size, int) or (len(size.terms) == 1 and () not in size.terms)
    return str(size) if simple else f"({size})"
