"""ONNX operator schemas, read once and kept in the form the builder needs."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import onnx

from onward.dtypes import SCHEMA_DTYPES

MIN_OPSET, MAX_OPSET = 13, 26
ML_DOMAIN, ML_OPSET = "ai.onnx.ml", 4
_Option = onnx.defs.OpSchema.FormalParameterOption


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
    attributes: dict[str, Any]
    positions: dict[str, int]
    schema: Any

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
    if not onnx.defs.has(op, domain):
        return None
    try:
        schema = onnx.defs.get_schema(op, ML_OPSET if domain == ML_DOMAIN else opset, domain)
    except onnx.defs.SchemaError:
        return None
    if schema.deprecated:
        return None
    constraints = {
        c.type_param_str: frozenset(SCHEMA_DTYPES[t] for t in c.allowed_type_strs if t in SCHEMA_DTYPES)
        for c in schema.type_constraints
    }

    def formals(parameters: Any) -> tuple[Formal, ...]:
        return tuple(
            Formal(
                p.name,
                p.type_str,
                constraints.get(p.type_str) or frozenset(SCHEMA_DTYPES[t] for t in p.types if t in SCHEMA_DTYPES),
                p.option == _Option.Optional,
                p.option == _Option.Variadic,
            )
            for p in parameters
        )

    inputs = formals(schema.inputs)
    return Signature(
        op,
        domain,
        schema.since_version,
        inputs,
        formals(schema.outputs),
        dict(schema.attributes),
        {formal.name: i for i, formal in enumerate(inputs)},
        schema,
    )
