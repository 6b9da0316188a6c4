"""What ONNX's operators take and give, as of each opset.

From a table that ``scripts/generate_operators.py`` makes of onnx's own schemas and describes; an operator is parsed
when first asked for. Importing onnx for them would take longer than lowering a network.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from onward.dtypes import SCHEMA_TYPES

MIN_OPSET, MAX_OPSET = 13, 26
ML_DOMAIN, ML_OPSET = "ai.onnx.ml", 4


class Formal(NamedTuple):
    """An input or output of an operator: the type variable (or concrete type) and the dtypes it admits."""

    name: str
    type: str
    dtypes: frozenset[np.dtype]
    optional: bool
    variadic: bool


class Signature(NamedTuple):
    """What an operator takes and gives at one opset."""

    op: str
    domain: str
    since: int
    inputs: tuple[Formal, ...]
    outputs: tuple[Formal, ...]
    attributes: frozenset[str]
    positions: dict[str, int]

    def bind(self, args: tuple, kwargs: dict[str, Any]) -> tuple[list, dict[str, Any]]:
        """Sorts arguments into input slots and attributes, whichever this opset wants them to be.

        Raises:
            TypeError: an argument that the operator has neither as an input nor as an attribute.
        """
        slots, attrs = list(args), {}
        for name, value in kwargs.items():
            if value is None:
                continue
            if name in self.attributes:
                attrs[name] = value
            elif name in self.positions:
                position = self.positions[name]
                slots.extend([None] * (position + 1 - len(slots)))
                slots[position] = value
            else:
                raise TypeError(f"ONNX {self.op}-{self.since} has no input or attribute {name!r}")
        while slots and slots[-1] is None:
            slots.pop()
        if len(slots) > len(self.inputs) and not (self.inputs and self.inputs[-1].variadic):
            raise TypeError(f"ONNX {self.op}-{self.since} takes {len(self.inputs)} inputs, not {len(slots)}")
        return slots, attrs

    def formal(self, index: int) -> Formal:
        """The formal input at a position; the last one repeats where it is variadic."""
        return self.inputs[min(index, len(self.inputs) - 1)]


@cache
def signature(op: str, opset: int, domain: str = "") -> Signature | None:
    """The operator as of an opset, None where that opset does not have it (or no longer)."""
    limit = ML_OPSET if domain == ML_DOMAIN else opset
    known = [version for version in _versions().get((domain, op), ()) if version[0] <= limit]
    if not known:
        return None
    since, line = max(known)
    fields = line.split("\t")[3:]
    if not fields:  # deprecated
        return None
    variables = dict(variable.split("=") for variable in fields[3].split())
    inputs, outputs = (tuple(_formal(text, variables) for text in field.split()) for field in fields[:2])
    attributes = frozenset(fields[2].split())
    return Signature(
        op, domain, since, inputs, outputs, attributes, {formal.name: i for i, formal in enumerate(inputs)}
    )


def introduced(op: str) -> int | None:
    """The opset that first has the operator, None where ONNX has none of the name."""
    return min((since for since, _ in _versions().get(("", op), ())), default=None)


def admitting(op: str, type_name: str, dtype: np.dtype) -> int | None:
    """The opset from which on the operator takes a dtype for one of its type variables, None where none does."""
    for since in sorted(since for since, _ in _versions().get(("", op), ())):
        formal = signature(op, since)
        if formal is not None and any(i.type == type_name and dtype in i.dtypes for i in formal.inputs):
            return since
    return None


def _formal(text: str, variables: dict[str, str]) -> Formal:
    name, kind = text.rstrip("?*").split(":")
    admitted = variables.get(kind, kind).split(",")
    dtypes = frozenset(SCHEMA_TYPES[t] for t in admitted if t in SCHEMA_TYPES)
    return Formal(name, kind, dtypes, text.endswith("?"), text.endswith("*"))


@cache
def _versions() -> dict[tuple[str, str], list[tuple[int, str]]]:
    """The table's lines by domain and operator, each with the opset it begins at."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for line in Path(__file__).with_name("operators.tsv").read_text(encoding="utf-8").splitlines():
        domain, op, since = line.split("\t", 3)[:3]
        found.setdefault((domain, op), []).append((int(since), line))
    return found
