"""Renews the operator tables in src/onward/tools/check/targets from what publishes them.

    python scripts/generate_targets.py cpu                              # the installed onnxruntime
    python scripts/generate_targets.py openvino                         # the installed openvino
    python scripts/generate_targets.py cuda OperatorKernels.md --version 1.32.0
    python scripts/generate_targets.py web-webnn webnn-operators.md --version 1.30.0

The document is a local copy of the one that the table's ``# source`` names. What stands in the table's head
stays, but for the version and the day of recording; the limits in limits.tsv are kept by hand. The table in
docs/check.md follows.
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx.defs

TABLES = Path(__file__).parents[1] / "src/onward/tools/check/targets"
PAGE = Path(__file__).parents[1] / "docs/check.md"
BEGIN, END = "<!-- targets -->", "<!-- end of targets -->"
OPEN = 2**31 - 1
OLDEST = 7  # the opset that every runtime reads

Row = tuple[str, int, int | None, str]
"""Operator, first and last version (None: open), and dtypes as ``T=float,float16``."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=sorted(READERS))
    parser.add_argument("document", nargs="?", type=Path)
    parser.add_argument("--version", help="of the runtime that the document describes")
    arguments = parser.parse_args()
    reader = READERS[arguments.target]
    installed = arguments.target in INSTALLED
    version = INSTALLED[arguments.target]() if installed else arguments.version
    if not installed and (arguments.document is None or version is None):
        parser.error(f"{arguments.target} needs the document and --version")
    text = "" if installed else arguments.document.read_text(encoding="utf-8")
    write(TABLES / f"{arguments.target}.tsv", reader(text), version)
    document()


def document() -> None:
    """Puts the overview of all tables into docs/check.md."""
    from onward.tools.check.table import overview

    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{overview()}\n{END}{rest.partition(END)[2]}")


def write(path: Path, rows: Iterable[Row], version: str) -> None:
    """Replaces the rows of a table, and says of which version they are and when they were recorded."""
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    said = {"version": version, "date": datetime.date.today().isoformat()}
    head = [f"# {key}: {said[key]}" if (key := line[2:].partition(":")[0]) in said else line for line in head]
    merged: dict[tuple[str, int, int | None], dict[str, set[str]]] = {}
    for operator, first, last, types in rows:
        found = merged.setdefault((operator, first, last), {})
        for part in types.split():
            name, _, dtypes = part.partition("=")
            found.setdefault(name, set()).update(dtypes.split(","))
    lines = [
        "\t".join([operator, str(first), "-" if last is None else str(last), _types(merged[operator, first, last])])
        for operator, first, last in sorted(merged, key=lambda key: (":" in key[0], key[0], key[1], key[2] or OPEN))
    ]
    path.write_text("\n".join([*head, *lines]) + "\n")


def _types(types: dict[str, set[str]]) -> str:
    return " ".join(f"{name}={','.join(sorted(dtypes))}" for name, dtypes in sorted(types.items())) or "-"


# --- installed packages -----------------------------------------------------------------------------------------------


def _onnxruntime_version() -> str:
    import onnxruntime

    return onnxruntime.__version__


def registry(_: str) -> Iterator[Row]:
    """The kernels of the installed ONNX Runtime's CPU provider."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    for kernel in state.get_all_opkernel_def():
        if kernel.provider == "CPUExecutionProvider" and kernel.domain in DOMAINS:
            first, last = kernel.version_range
            types = {
                name: ",".join(t[7:-1] for t in allowed if t.startswith("tensor("))
                for name, allowed in kernel.type_constraints.items()
            }
            stated = " ".join(f"{name}={dtypes}" for name, dtypes in types.items() if dtypes)
            yield _named(kernel.domain, kernel.op_name), first, None if last == OPEN else last, stated


DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")


def _named(domain: str, operator: str) -> str:
    return operator if domain in ("", "ai.onnx") else f"{domain}:{operator}"


def _openvino_version() -> str:
    import openvino

    return openvino.__version__.split("-")[0]


def frontend(_: str) -> Iterator[Row]:
    """The operators that the installed OpenVINO's reader of ONNX has a rule for, asked one by one.

    Each question has a process of its own: on nodes that are not whole the reader may crash, which is an answer too.
    """
    schemas = [s for s in onnx.defs.get_all_schemas_with_history() if s.domain in ("", "ai.onnx.ml")]
    newest = {domain: max(s.since_version for s in schemas if s.domain == domain) for domain in ("", "ai.onnx.ml")}
    known: dict[str, list[int]] = {}
    for schema in schemas:
        known.setdefault(_named(schema.domain, schema.name), []).append(schema.since_version)
    for operator, versions in sorted(known.items()):
        domain = "ai.onnx.ml" if ":" in operator else ""
        oldest = OLDEST if not domain else 1
        asked = sorted({max(v, oldest) for v in versions} | {newest[domain]})
        asked = [v for v in asked if onnx.defs.has(operator.split(":")[-1], v, domain)]
        spans: list[list[int]] = []
        last_yes = False
        for version in asked:
            yes = _isolated(operator, domain, version)
            if yes and last_yes:
                spans[-1][1] = version
            elif yes:
                spans.append([version, version])
            last_yes = yes
        for first, last in spans:
            open_ended = last == asked[-1]
            following = [v for v in asked if v > last]
            yield operator, 1 if first <= oldest else first, None if open_ended else following[0] - 1, ""


def _isolated(operator: str, domain: str, version: int) -> bool:
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    process = context.Process(target=_ask, args=(operator, domain, version, answer))
    process.start()
    process.join()
    return process.exitcode != 0 or answer.get()


def _ask(operator: str, domain: str, version: int, answer: multiprocessing.Queue[bool]) -> None:
    import openvino

    name = operator.split(":")[-1]
    schema = onnx.defs.get_schema(name, version, domain)
    inputs = [f"x{i}" for i in range(max(schema.min_input, 1 if schema.inputs else 0))]
    attributes = {a.name: _some(a) for a in schema.attributes.values() if a.required}
    node = onnx.helper.make_node(name, inputs, ["y"], domain=domain, **attributes)
    ports = [onnx.helper.make_tensor_value_info(x, onnx.TensorProto.FLOAT, [2, 3]) for x in inputs]
    graph = onnx.helper.make_graph([node], "g", ports, [onnx.helper.make_empty_tensor_value_info("y")])
    opsets = [onnx.helper.make_opsetid("", version if not domain else 21)]
    opsets += [onnx.helper.make_opsetid(domain, version)] if domain else []
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)
    try:
        openvino.Core().read_model(model.SerializeToString())
    except RuntimeError as error:  # that a rule refuses a node that makes no sense says nothing against it
        answer.put("No conversion rule found" not in str(error) and operator not in FAILING)
        return
    answer.put(True)


FAILING = {"Bernoulli"}  # made of an operator whose rule then refuses it


def _some(attribute: onnx.defs.OpSchema.Attribute) -> object:
    kinds = onnx.defs.OpSchema.AttrType
    if attribute.type in (kinds.GRAPH, kinds.GRAPHS):
        return onnx.helper.make_graph([], "inner", [], [])
    some: dict[object, object] = {
        kinds.INT: 1, kinds.FLOAT: 1.0, kinds.STRING: "a", kinds.INTS: [1], kinds.FLOATS: [1.0], kinds.STRINGS: ["a"],
    }  # fmt: skip
    return some.get(attribute.type, onnx.numpy_helper.from_array(np.zeros(1, np.float32)))


# --- documents --------------------------------------------------------------------------------------------------------


def kernels(provider: str) -> Callable[[str], Iterator[Row]]:
    """ONNX Runtime's docs/OperatorKernels.md, of one provider: operator | parameters | versions | types."""

    def read(text: str) -> Iterator[Row]:
        part = text.split(f"## Operators implemented by {provider}")[1].split("\n## ")[0]
        domain = operator = ""
        named: dict[str, str] = {}
        for line in part.splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
            if line.startswith("|||"):
                cells = ["", "", *cells[-2:]] if len(cells) < 4 else cells
            if found := re.match(r"\*\*Operator Domain:\*\* \*(.+)\*", cells[0] if cells else ""):
                domain = found[1]
            elif len(cells) == 4 and "**" in cells[3] and domain in DOMAINS:
                operator = cells[0] or operator
                named = _fixed(cells[1]) if cells[1] else named
                first, last = _range(cells[2])
                types = {n: ",".join(re.findall(r"(?<![(\w])tensor\((\w+)\)", v)) for n, v in _variables(cells[3])}
                stated = " ".join(f"{n}={v}" for n, v in {**named, **types}.items() if v)
                yield _named(domain, operator), first, last, stated

    return read


def _variables(cell: str) -> list[tuple[str, str]]:
    return re.findall(r"\*\*(\w+)\*\* = ([^*]*)", cell)


def _fixed(cell: str) -> dict[str, str]:
    """The parameters whose dtype is the same in every kernel."""
    return dict(re.findall(r"\*(?:in|out)\* (\w+):\*\*tensor\((\w+)\)\*\*", cell))


def _range(cell: str) -> tuple[int, int | None]:
    numbers = [int(n) for n in re.findall(r"\d+", cell)]
    return numbers[0], None if "+" in cell else numbers[-1]


def versions(text: str) -> Iterator[Row]:
    """ONNX Runtime Web's tables: operator | ``ai.onnx(7-12, 13+)``."""
    for operator, opsets in re.findall(r"^\|\s*(\w+)\s*\|\s*([^|]+)\|", text, re.MULTILINE):
        for domain, ranges in re.findall(r"([\w.]+)\(([^)]*)\)", opsets):
            for part in ranges.split(",") if domain in DOMAINS else ():
                first, last = _range(part)
                yield _named(domain, operator), first, last, ""


def listed(text: str) -> Iterator[Row]:
    """Lists of operators without versions: ``|ai.onnx:Add|note|``."""
    for domain, operator in re.findall(r"^\|\s*([\w.]+)[:.](\w+)\|", text, re.MULTILINE):
        spelled = {"Argmax": "ArgMax"}.get(operator, operator)
        yield _named(domain, spelled), 1, None, ""


def provider_source(text: str) -> Iterator[Row]:
    """The set of operators in the source of ONNX Runtime's MIGraphX provider."""
    names = re.search(r"mgx_supported_ops = \{(.*?)\}", text, re.DOTALL)
    assert names is not None, "no mgx_supported_ops in the source"
    spelled = {"IsNan": "IsNaN", "Roialign": "RoiAlign"}
    for name in re.findall(r'"(\w+)"', names[1]):
        operator = spelled.get(name, name)
        yield (operator if onnx.defs.has(operator) else f"com.microsoft:{operator}"), 1, None, ""


def tensorrt(text: str) -> Iterator[Row]:
    """onnx-tensorrt's docs/operators.md: operator | Y or N | dtypes | restrictions."""
    for operator, dtypes in re.findall(r"^\|\s*(\w+)\s*\|\s*Y[^|]*\|([^|\n]*)", text, re.MULTILINE):
        names = [TENSORRT_DTYPES[word] for word in re.findall(r"\w+", dtypes)]
        yield operator, 1, None, f"*={','.join(names)}"


TENSORRT_DTYPES = {
    "FP32": "float", "FP16": "float16", "BF16": "bfloat16", "FP8": "float8e4m3fn", "FP4": "float4e2m1", "INT4": "int4",
    "INT8": "int8", "UINT8": "uint8", "INT32": "int32", "INT64": "int64", "BOOL": "bool",
}  # fmt: skip

READERS: dict[str, Callable[[str], Iterator[Row]]] = {
    "cpu": registry,
    "openvino": frontend,
    "cuda": kernels("CUDAExecutionProvider"),
    "directml": kernels("DmlExecutionProvider"),
    "web-webgpu": versions,
    "web-webnn": versions,
    "coreml": listed,
    "coreml-neuralnetwork": listed,
    "nnapi": listed,
    "qnn": listed,
    "migraphx": provider_source,
    "tensorrt-10": tensorrt,
    "tensorrt-11": tensorrt,
}
INSTALLED = {"cpu": _onnxruntime_version, "openvino": _openvino_version}

if __name__ == "__main__":
    main()
