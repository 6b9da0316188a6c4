"""Write src/onward/lowering/operators.tsv: ONNX's operators as of every opset that Onward writes.

Converting needs names, types and arity only; reading them there spares every conversion the import of onnx.
Run it when onnx knows a newer opset: `python scripts/generate_operators.py`.

One line for each version of an operator: domain, name, the opset it begins at, inputs, outputs, attributes, type
variables; a deprecated one ends after the opset. A parameter is `name:type`, then `?` if it may be left out or `*` if
it repeats; the type is a variable's name, or what it is. A variable is `name=type,type,..`: all that it may stand for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx

from onward.lowering.schema import MAX_OPSET, MIN_OPSET, ML_DOMAIN, ML_OPSET

TARGET = Path(__file__).parent.parent / "src" / "onward" / "lowering" / "operators.tsv"
_RANGES = {"": (MIN_OPSET, MAX_OPSET), ML_DOMAIN: (ML_OPSET, ML_OPSET)}
_OPTION = onnx.defs.OpSchema.FormalParameterOption
_MARKS = {_OPTION.Single: "", _OPTION.Optional: "?", _OPTION.Variadic: "*"}


def table() -> str:
    """The table's text."""
    lines = set()
    names = {(s.domain, s.name) for s in onnx.defs.get_all_schemas_with_history() if s.domain in _RANGES}
    for domain, name in names:
        low, high = _RANGES[domain]
        for opset in range(low, high + 1):
            try:
                lines.add(_line(onnx.defs.get_schema(name, opset, domain)))
            except onnx.defs.SchemaError:
                continue  # begins later
    return "".join(f"{line}\n" for line in sorted(lines))


def _line(schema: Any) -> str:
    fields = [schema.domain, schema.name, f"{schema.since_version:02}"]
    if not schema.deprecated:
        variables = {c.type_param_str: ",".join(_plain(c.allowed_type_strs)) for c in schema.type_constraints}
        fields += [_formals(schema.inputs, variables), _formals(schema.outputs, variables)]
        fields.append(" ".join(sorted(schema.attributes)))
        fields.append(" ".join(f"{name}={types}" for name, types in variables.items()))
    return "\t".join(fields)


def _formals(parameters: Any, variables: dict[str, str]) -> str:
    return " ".join(f"{p.name}:{_type(p, variables)}{_MARKS[p.option]}" for p in parameters)


def _type(parameter: Any, variables: dict[str, str]) -> str:
    return parameter.type_str if parameter.type_str in variables else ",".join(_plain(parameter.types))


def _plain(types: Any) -> list[str]:
    """Tensor types without the word; sequences, maps and optionals are not Onward's."""
    return sorted(t[len("tensor(") : -1] for t in types if t.startswith("tensor("))


if __name__ == "__main__":
    TARGET.write_text(table(), encoding="utf-8")
