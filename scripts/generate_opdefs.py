"""Write src/onward/formats/opdefs.tsv: the definition of every op of the TensorFlow that is installed.

One op a line, tab-separated: name, flags (``s`` stateful), inputs, outputs, attributes.

    argument    name=float32 | name=$T (the type is attribute T) | name=$N*$T (attribute N of them) | name=@Tlist (one
                per type of a list attribute), with & before the type for a reference
    attribute   name:type, then =default as JSON without spaces, then {allowed,allowed}; tensors as defaults (two ops,
                a test and a summary) are left out

Run it after a new TensorFlow release: `python scripts/generate_opdefs.py`; `--check` compares and writes nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "src" / "onward" / "formats" / "opdefs.tsv"


def main() -> int:
    text = "".join(line(op) + "\n" for op in sorted(definitions(), key=lambda op: op.name))
    if "--check" in sys.argv[1:]:
        return int(TARGET.read_text(encoding="utf-8") != text)
    TARGET.write_text(text, encoding="utf-8")
    return 0


def definitions() -> list[Any]:
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    ops = op_def_pb2.OpList()
    ops.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return list(ops.op)


def line(op: Any) -> str:
    inputs = " ".join(map(argument, op.input_arg))
    outputs = " ".join(map(argument, op.output_arg))
    return "\t".join((op.name, "s" * op.is_stateful, inputs, outputs, " ".join(map(attribute, op.attr))))


def argument(arg: Any) -> str:
    if arg.type_list_attr:
        kind = f"@{arg.type_list_attr}"
    else:
        kind = f"${arg.type_attr}" if arg.type_attr else type_name(arg.type)
        kind = f"${arg.number_attr}*{kind}" if arg.number_attr else kind
    return f"{arg.name}={'&' * arg.is_ref}{kind}"


def attribute(attr: Any) -> str:
    text = f"{attr.name}:{attr.type}"
    if attr.HasField("default_value") and "tensor" not in attr.type:
        default = json.dumps(plain(attr.default_value, attr.type), separators=(",", ":"))
        text += "=" + default.replace(" ", "\\u0020")
    if attr.HasField("allowed_values"):
        allowed = attr.allowed_values.list
        text += "{" + ",".join([type_name(t) for t in allowed.type] or [s.decode() for s in allowed.s]) + "}"
    return text


def plain(value: Any, kind: str) -> Any:
    if kind.startswith("list("):
        return [single(v, kind[5:-1]) for v in getattr(value.list, FIELDS[kind[5:-1]])]
    return single(getattr(value, FIELDS[kind]), kind)


def single(value: Any, kind: str) -> Any:
    if kind == "type":
        return type_name(value)
    if kind == "string":
        return value.decode("latin-1")
    if kind == "shape":
        return None if value.unknown_rank else [None if d.size < 0 else d.size for d in value.dim]
    if kind == "func":
        return value.name
    return value


def type_name(number: int) -> str:
    from tensorflow import dtypes

    return dtypes.as_dtype(number).name


FIELDS = {
    "type": "type", "string": "s", "int": "i", "float": "f", "bool": "b", "shape": "shape", "func": "func",
    "tensor": "tensor",
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
