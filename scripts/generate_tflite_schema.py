"""Write src/onward/formats/tflite.tsv: the tables and enumerations of TFLite's schema, as TensorFlow's package has it.

One of them a line, tab-separated.

    table   Name, then a field each: name:type=default. The fields are in the order of their slots ("-" for one that
            is no longer used). Types are those of numpy, ``string``, ``union``, a table's name, or vectors: [int32]
    enum    =Name, then a value each: NAME=number

Run it after a new TensorFlow release: `python scripts/generate_tflite_schema.py`; `--check` compares and writes
nothing.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

TARGET = Path(__file__).parent.parent / "src" / "onward" / "formats" / "tflite.tsv"
_FIRST_SLOT = 4  # bytes into a vtable


def main() -> int:
    from tensorflow.lite.python import schema_py_generated

    tree = ast.parse(Path(schema_py_generated.__file__).read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    lines = [line for node in classes if (line := enumeration(node) or table(node))]
    text = "".join(line + "\n" for line in sorted(lines))
    if "--check" in sys.argv[1:]:
        return int(TARGET.read_text(encoding="utf-8") != text)
    TARGET.write_text(text, encoding="utf-8")
    return 0


def enumeration(node: ast.ClassDef) -> str | None:
    values = [part for part in node.body if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant)]
    if len(values) != len(node.body):
        return None
    return "\t".join([f"={node.name}", *(f"{ast.unparse(v.targets[0])}={v.value.value}" for v in values)])


def table(node: ast.ClassDef) -> str | None:
    slots: dict[int, str] = {}
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and (found := field(method)):
            slots.setdefault(*found)
    if "Init" not in {part.name for part in node.body if isinstance(part, ast.FunctionDef)}:
        return None  # the mutable twin of a table
    return "\t".join([node.name, *(slots.get(i, "-") for i in range(max(slots, default=-1) + 1))])


def field(method: ast.FunctionDef) -> tuple[int, str] | None:
    """The slot and the description of the field that an accessor reads; None for the other methods."""
    text = ast.unparse(method)
    slot = re.search(r"_tab\.Offset\((\d+)\)", text)
    if slot is None or "_tab.VectorLen" in text or "AsNumpy" in text or "return o == 0" in text:
        return None
    scalar = re.search(r"_tab\.Get\([\w.]*?(\w+)Flags", text)
    if "_tab.String" in text:
        kind = "string"
    elif "_tab.Union" in text:
        kind = "union"
    elif scalar is not None:
        kind = scalar.group(1).lower()
    else:
        kind = re.search(r"obj = (\w+)\(\)", text).group(1)
    vector = len(method.args.args) > 1
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", method.name).lower()
    default = re.search(r"return (\S+)$", text).group(1)
    plain = scalar is not None and not vector and default not in ("0", "False", "0.0")
    described = f"{name}:[{kind}]" if vector else f"{name}:{kind}"
    return (int(slot.group(1)) - _FIRST_SLOT) // 2, described + (f"={default}" if plain else "")


if __name__ == "__main__":
    sys.exit(main())
