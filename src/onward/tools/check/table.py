"""What targets take, read from the tables in ``targets/``: one file a target, and ``limits.tsv`` for all.

A table's head says of which version it is, where its facts are from and when they were recorded;
``scripts/generate_targets.py`` renews it. Its rows are operator, first and last version, and dtypes by type variable or
operand, ``-`` where the source says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from onward.errors import InvalidArgumentError
from onward.tools.javascript import OPSET, VERSION

FOLDER = Path(__file__).with_name("targets")

# Names by which a target can be asked for, and the table that answers.
TABLES = {
    "cpu": "cpu",
    "cuda": "cuda",
    "tensorrt-10": "tensorrt-10",
    "tensorrt-11": "tensorrt-11",
    "openvino": "openvino",
    "directml": "directml",
    "coreml": "coreml",
    "coreml-neuralnetwork": "coreml-neuralnetwork",
    "qnn": "qnn",
    "nnapi": "nnapi",
    "migraphx": "migraphx",
    "web-wasm": "cpu",
    "web-webgpu": "web-webgpu",
    "web-webnn": "web-webnn",
    "node": "cpu",
}
ALIASES = {
    "tensorrt": "tensorrt-11",
    "windowsml": "directml",
    "winml": "directml",
    "dml": "directml",
    "coreml-mlprogram": "coreml",
    "rocm": "migraphx",
    "wasm": "web-wasm",
    "webgpu": "web-webgpu",
    "webnn": "web-webnn",
    "onnxruntime": "cpu",
}
TITLES = {"web-wasm": "ONNX Runtime Web, WebAssembly", "node": "ONNX Runtime for Node.js"}


@dataclass(frozen=True)
class Row:
    """An operator in a range of its versions, and the dtypes it has by type variable; no last version: open."""

    first: int
    last: int | None
    types: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Target:
    """What a runtime takes.

    Attributes:
        name: as it is asked for.
        title, version, source: of what, and where the facts are from; ``date``: when they were recorded.
        opset: the newest opset it promises to read; ``loads``: the newest that it loads at all, where that is known.
        versions: what a row without a last version covers: the version it begins with ("kernels", as in ONNX Runtime),
            those up to the target's opset ("listed"), or all ("any").
        rest: who runs what it does not take: "cpu", ONNX Runtime's, or "nobody".
        static: every size must be known.
        dtypes: of first operands, where no row or limit says otherwise; None for any.
        rows: by operator, with its domain unless that is ONNX's own.
        limits: the rules of ``limits.tsv`` by operator.
    """

    name: str
    title: str
    version: str
    date: str
    source: str
    opset: int
    loads: int | None
    versions: str
    rest: str
    static: bool
    dtypes: frozenset[str] | None
    rows: Mapping[str, tuple[Row, ...]]
    limits: Mapping[str, tuple[str, ...]]

    @property
    def kernels(self) -> bool:
        """Whether the rows are ONNX Runtime's kernels."""
        return self.versions == "kernels"

    def __str__(self) -> str:
        return f"{self.title} {self.version}"


def names(asked: str | list[str] | tuple[str, ...]) -> list[str]:
    """The targets that are asked for, by their own names; "all" for all of them.

    Raises:
        InvalidArgumentError: there is no target of that name.
    """
    parts = asked.split(",") if isinstance(asked, str) else list(asked)
    found: list[str] = []
    for part in parts:
        name = part.strip().lower()
        name = ALIASES.get(name, name)
        if name != "all" and name not in TABLES:
            raise InvalidArgumentError(f"no target '{part.strip()}': choose among {', '.join(TABLES)}, or all")
        found.extend(TABLES if name == "all" else [name])
    return list(dict.fromkeys(found))


@cache
def target(name: str) -> Target:
    """A target by its name, as its table says."""
    head: dict[str, str] = {}
    rows: dict[str, list[Row]] = {}
    for line in (FOLDER / f"{TABLES[name]}.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            key, _, value = line[2:].partition(": ")
            head[key] = value
            continue
        operator, first, last, types = line.split("\t")
        rows.setdefault(operator, []).append(Row(int(first), None if last == "-" else int(last), _types(types)))
    read = Target(
        name=name,
        title=head["title"],
        version=head["version"],
        date=head["date"],
        source=head["source"],
        opset=int(head["opset"]),
        loads=None if head["loads"] == "?" else int(head["loads"]),
        versions=head["versions"],
        rest=head["rest"],
        static=head["shapes"] == "static",
        dtypes=None if head["dtypes"] == "any" else frozenset(head["dtypes"].split(",")),
        rows={operator: tuple(found) for operator, found in rows.items()},
        limits=_limits(TABLES[name]),
    )
    if name in TITLES:  # the CPU's kernels, in a build of its own
        source = f"{read.source}; the opset as onnxruntime-node and onnxruntime-web {VERSION} load it"
        return replace(read, title=TITLES[name], version=VERSION, opset=OPSET, loads=OPSET, source=source)
    return read


def installed_cpu() -> Target:
    """ONNX Runtime's CPU provider as installed, by its own registry; as recorded where there is none."""
    recorded = target("cpu")
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except ImportError:
        return recorded
    rows: dict[str, list[Row]] = {}
    for kernel in state.get_all_opkernel_def():
        if kernel.provider != "CPUExecutionProvider":
            continue
        domain = "" if kernel.domain == "ai.onnx" else kernel.domain
        first, last = kernel.version_range
        types = {
            name: frozenset(t[7:-1] for t in allowed if t.startswith("tensor("))
            for name, allowed in kernel.type_constraints.items()
        }
        row = Row(first, None if last == _OPEN else last, types)
        rows.setdefault(f"{domain}:{kernel.op_name}" if domain else kernel.op_name, []).append(row)
    return replace(
        recorded,
        version=onnxruntime.__version__,
        source="the kernel registry of the installed onnxruntime",
        rows={operator: tuple(found) for operator, found in rows.items()},
    )


def beside(name: str, cpu: Target) -> Target:
    """Who runs what a target does not: the CPU provider, in onnxruntime-web with the kernels of the build at hand.

    The build for WebGPU and WebNN leaves kernels out; these are known from trying (docs/runtimes.md).
    """
    if name not in ("web-webgpu", "web-webnn"):
        return cpu
    rows = {operator: found for operator, found in cpu.rows.items() if not operator.startswith("ai.onnx.ml:")}
    rows["MatMul"] = tuple(
        replace(row, types={variable: dtypes - {"double"} for variable, dtypes in row.types.items()})
        for row in rows["MatMul"]
    )
    return replace(cpu, rows=rows)


_OPEN = 2**31 - 1  # the last version of a kernel that serves only the version it begins with


def _types(text: str) -> dict[str, frozenset[str]]:
    if text == "-":
        return {}
    return {name: frozenset(dtypes.split(",")) for name, _, dtypes in (part.partition("=") for part in text.split())}


def _limits(table: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for line in (FOLDER / "limits.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        tables, operators, rule = line.split("\t")
        if table in tables.split():
            for operator in operators.split():
                found.setdefault(operator, []).append(rule)
    return {operator: tuple(rules) for operator, rules in found.items()}


def overview() -> str:
    """All targets in a table of Markdown, as docs/check.md shows it."""
    lines = [
        "| target | what | table of | opset | operators | dtypes | sizes | the rest runs on | source |",
        "|---|---|---|---:|---:|---|---|---|---|",
    ]
    for name in TABLES:
        read = target(name)
        dtypes = "by operator" if read.dtypes is None else ", ".join(sorted(read.dtypes))
        sizes = "must be known" if read.static else "may be dynamic"
        rest = "ONNX Runtime's CPU" if read.rest == "cpu" else "nothing"
        cells = (f"`{name}`", read.title, read.version, read.opset, len(read.rows), dtypes, sizes, rest)
        lines.append(f"| {' | '.join(map(str, cells))} | {read.source}; recorded {read.date} |")
    return "\n".join(lines)
