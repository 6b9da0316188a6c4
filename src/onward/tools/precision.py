"""float16 and bfloat16 in place of float32, wherever the answers stay what they were.

A model keeps float32 where a half cannot follow: operators that do not take halves, values beyond float16's range (seen
by running the model), and, kind by kind of operator, whatever the measured error asks for.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onward import ir
from onward.arrays import LazyArray, values_of
from onward.dtypes import BFLOAT16, FLOAT16, FLOAT32, ONNX_NUMBERS
from onward.errors import InvalidArgumentError, VerificationError
from onward.ir import Node, Value
from onward.logs import listened
from onward.lowering.builder import Builder
from onward.lowering.schema import signature
from onward.passes.finish import finish
from onward.program import ONNXProgram
from onward.progress import Progress
from onward.reporting import Page, Reported, Section, Table
from onward.runtime import Session
from onward.serialize import constants
from onward.tools import golden
from onward.tools.load import read
from onward.tools.optimize import Original
from onward.tools.report import histogram_text
from onward.tools.verify import Verification, against_examples

DTYPES = {"float16": FLOAT16, "bfloat16": BFLOAT16}
Change = Callable[[Builder, ir.Graph, "set[Node]", np.dtype], None]
HEADROOM = 4.0  # how far below the largest float16 a value seen in a trial run must stay
ANY_TYPE = frozenset({"Cast", "Shape", "Size"})  # what they make does not depend on how wide their input is
# Their floats are sizes, steps or seeds rather than data, or they state a dtype of their own.
KEPT = frozenset(
    {"ConstantOfShape", "CumSum", "DequantizeLinear", "EyeLike", "If", "Loop", "NonMaxSuppression", "QuantizeLinear"}
    | {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Range", "Scan"}
)


@dataclass(frozen=True)
class Precision(Reported):
    """A model in half precision.

    Attributes:
        program: the model.
        rounded: a float32 model that rounds every value as the halves would.
        halved: how many nodes of each operator compute in the half type.
        kept: the same of those that stayed in float32, by the reason: ``type``, ``range`` or ``accuracy``.
        verification: how it compares with the original.
    """

    program: ONNXProgram
    rounded: ONNXProgram
    halved: dict[str, int]
    kept: dict[str, dict[str, int]]
    verification: Verification

    def __str__(self) -> str:
        lines = [f"half precision: {histogram_text(self.halved)}"]
        lines += [f"float32 for its {reason}: {histogram_text(ops)}" for reason, ops in self.kept.items()]
        return "\n".join([*lines, self.verification.summary()])

    def page(self) -> Page:
        """What computes in which precision and why, and how far the answers moved."""
        rows = [(op, number, "half", "") for op, number in self.halved.items()]
        rows += [(op, number, "float32", reason) for reason, ops in self.kept.items() for op, number in ops.items()]
        halved, kept = sum(self.halved.values()), sum(sum(ops.values()) for ops in self.kept.values())
        return Page(
            "Half precision",
            self.verification.summary(),
            self.verification.verdict,
            {"nodes in halves": halved, "nodes in float32": kept},
            [
                Section("Precision", [Table(("operator", "nodes", "computes in", "because of its"), rows)]),
                *self.verification.sections(),
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"halved": self.halved, "kept": self.kept, "verification": self.verification.to_dict()}


def halve(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    dtype: str = "float16",
    data: str | os.PathLike[str] | Mapping[str, Any] | Sequence[golden.Arrays] | None = None,
    tolerance: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Precision:
    """Turns a float32 model into one that computes in half precision and answers as before.

    Inputs and outputs stay float32. The answers are measured on a float32 model that rounds every value as the halves
    would: ONNX Runtime's CPU has few operators for halves, and computes the others wider than an accelerator does.

    Args:
        model: an ONNX file.
        output: where to write the result; a file appears only when the answers hold.
        dtype: ``float16`` or ``bfloat16``.
        data: inputs to measure on instead of drawn ones: an ``.npz`` file, arrays by name, or several of these.
        tolerance: absolute and relative together; 1e-2 for float16 and 4e-2 for bfloat16 if not given.
        seed: of the inputs drawn.

    Raises:
        InvalidArgumentError: another dtype.
        InvalidSourceError: the file cannot be read.
        VerificationError: the answers hold only if everything stays float32.
    """
    if dtype not in DTYPES:
        raise InvalidArgumentError(f"dtype is float16 or bfloat16, not {dtype!r}")
    progress = progress or Progress()
    half, path = DTYPES[dtype], Path(model)
    tolerance = {"float16": 1e-2, "bfloat16": 4e-2}[dtype] if tolerance is None else tolerance
    given = None if data is None else golden.read_inputs(data)
    with progress.stage("run"):
        examples = list(Original(path).examples(given, seed))
        beyond = _beyond(path, examples) if half == FLOAT16 else set()
    trial = _Trials(path, half, beyond, examples, tolerance)
    with progress.stage("measure"):
        found = trial.search()
    if not found.halved or not found.verification.passed:
        raise VerificationError(f"no operator can compute in {dtype} with a tolerance of {tolerance:g}: {found}")
    if output is not None:
        with progress.stage("write"):
            found.program.save(output)
    return found


class _Trials:
    """Tries with ever more kinds of operators in float32, the one that mends most first."""

    def __init__(
        self, path: Path, half: np.dtype, beyond: set[str], examples: Sequence[golden.Example], tolerance: float
    ) -> None:
        self._path, self._half, self._beyond = path, half, beyond
        self._examples, self._tolerance = examples, tolerance

    def search(self) -> Precision:
        """The first that holds the tolerance, or the best there is."""
        kept: frozenset[str] = frozenset()
        best = self._try(kept)
        while not best.verification.passed:
            kinds = best.halved.keys() - {"Cast"}
            tries = [(self._try(kept | {kind}), kind) for kind in sorted(kinds)]
            if not tries:
                break
            best, kind = min(tries, key=lambda each: _error(each[0].verification))
            kept |= {kind}
        return best

    def _try(self, kept: frozenset[str]) -> Precision:
        program, halved, reasons = self._changed(kept, _convert)
        rounded, _, _ = self._changed(kept, _round)
        verification = against_examples(rounded.session, self._examples, self._path.name, self._tolerance, Progress())
        log = listened()
        if log is not None:
            log.info("%s in float32: %s", ", ".join(sorted(kept)) or "nothing more", verification.summary())
        return Precision(program, rounded, halved, reasons, verification)

    def _changed(
        self, kept: frozenset[str], change: Change
    ) -> tuple[ONNXProgram, dict[str, int], dict[str, dict[str, int]]]:
        op, model = read(self._path)
        reasons: dict[str, Counter[str]] = {}
        chosen = set()
        for node in model.graph.nodes:
            reason = self._reason(node, op.opset, kept)
            if reason is None:
                chosen.add(node)
            elif reason:
                reasons.setdefault(reason, Counter())[node.op] += 1
        halved = Counter(node.op for node in chosen)
        change(op, model.graph, chosen, self._half)
        finish(op, model.graph, [output.name for output in model.graph.outputs])
        return ONNXProgram(model), dict(halved), {reason: dict(ops) for reason, ops in reasons.items()}

    def _reason(self, node: Node, opset: int, kept: frozenset[str]) -> str | None:
        """Why a node stays float32: None if it does not, empty if it has no floats at all."""
        if not any(v.dtype == FLOAT32 for v in (*node.inputs, *node.outputs) if v is not None):
            return ""
        if node.op in KEPT or not _takes(node, opset, self._half):
            return "type"
        if any(v.name in self._beyond for v in (*node.inputs, *node.outputs) if v is not None and v.dtype == FLOAT32):
            return "range"
        return "accuracy" if node.op in kept else None


def _takes(node: Node, opset: int, half: np.dtype) -> bool:
    """Whether the operator admits halves for its first float input, or its output."""
    found = signature(node.op, opset, node.domain)
    if found is None:
        return False
    formals = [found.formal(i) for i, v in enumerate(node.inputs) if v is not None and v.dtype == FLOAT32]
    formals = formals or [found.outputs[0]]
    return half in formals[0].dtypes


def _convert(op: Builder, graph: ir.Graph, chosen: set[Node], half: np.dtype) -> None:
    """Lets the chosen nodes compute in halves, with casts to and from those that do not."""
    nodes = [node for node in graph.nodes if node in chosen]
    for node in nodes:
        for value in node.outputs:
            if value.dtype == FLOAT32:
                value.dtype = half
        if node.op == "Cast":
            node.attrs["to"] = ONNX_NUMBERS[node.output.dtype]
    narrow: dict[Value, Value] = {}
    for node in nodes:
        for i in _float_inputs(node, op.opset, half):
            wide = node.inputs[i]
            assert wide is not None
            if wide not in narrow:
                narrow[wide] = _constant(op, wide, half) if wide.is_const else _cast(op, wide, half)
            node.set_input(i, narrow[wide])
    for node in nodes:
        for value in node.outputs:
            others = [user for user in value.users if user not in chosen]
            if value.dtype == half and (others or any(v is value for v in graph.outputs)):
                name, value.name = value.name, f"{value.name}/half"
                _redirect(graph, value, _cast(op, value, FLOAT32, name), others)


def _float_inputs(node: Node, opset: int, half: np.dtype) -> list[int]:
    """Which float32 inputs of a node that computes in halves become halves."""
    formal = signature(node.op, opset, node.domain)
    assert formal is not None
    wide = [i for i, value in enumerate(node.inputs) if value is not None and value.dtype == FLOAT32]
    return [i for i in wide if half in formal.formal(i).dtypes and node.op not in ANY_TYPE]


def _cast(op: Builder, value: Value, dtype: np.dtype, name: str = "") -> Value:
    (result,) = op.node("Cast", [value], {"to": ONNX_NUMBERS[dtype]}, [(dtype, value.shape)])
    result.name = name
    return result


def _round(op: Builder, graph: ir.Graph, chosen: set[Node], half: np.dtype) -> None:
    """What the halves would give, computed in float32."""
    rounded: dict[Value, Value] = {}
    for node in [n for n in graph.nodes if n in chosen]:
        for i in _float_inputs(node, op.opset, half):
            value = node.inputs[i]
            assert value is not None
            if value.is_const and value not in rounded:
                array = np.asarray(_constant(op, value, half).const).astype(FLOAT32)
                rounded[value] = op.constant(array, name=value.name)
            elif value.producer not in chosen and value not in rounded:
                rounded[value] = _cast(op, _cast(op, value, half), FLOAT32)
            node.set_input(i, rounded.get(value, value))
        for value in node.outputs:
            if value.dtype == FLOAT32:
                users = list(value.users)
                name, value.name = value.name, f"{value.name}/exact"
                wide = _cast(op, _cast(op, value, half), FLOAT32, name)
                rounded[wide] = wide
                _redirect(graph, value, wide, users)


def _redirect(graph: ir.Graph, old: Value, new: Value, users: Sequence[Node]) -> None:
    """Lets these users, and the graph's outputs, take another value."""
    for user in users:
        for i, used in enumerate(user.inputs):
            if used is old:
                user.set_input(i, new)
    graph.outputs = [new if v is old else v for v in graph.outputs]


def _constant(op: Builder, value: Value, half: np.dtype) -> Value:
    wide = value.const
    assert wide is not None

    def values() -> np.ndarray:
        limit = np.float32(65504) if half == FLOAT16 else np.float32(np.inf)
        return np.asarray(np.clip(np.asarray(values_of(wide)), -limit, limit)).astype(half)

    return op.constant(LazyArray(tuple(wide.shape), half, values), name=value.name)


def _beyond(path: Path, examples: Sequence[golden.Example]) -> set[str]:
    """The constants beyond float16's range, and the values that come near its end when the model runs."""
    from onnx import ValueInfoProto

    _, model = read(path)
    proto = ONNXProgram(model).model_proto
    named = {output.name for output in proto.graph.output}
    for node in model.graph.nodes:
        for value in node.outputs:
            if value.dtype == FLOAT32 and value.name not in named:
                proto.graph.output.append(ValueInfoProto(name=value.name))
    session = Session(proto.SerializeToString())
    limit = float(np.finfo(np.float16).max) / HEADROOM
    found = {value.name for value in constants(model.graph) if value.dtype == FLOAT32 and _largest(value.array) > 65504}
    for example in examples:
        for name, array in session.run(example.inputs).items():
            if array.dtype == FLOAT32 and _largest(array) > limit:
                found.add(name)
    return found


def _largest(array: Any) -> float:
    """The largest finite magnitude."""
    return float(np.abs(array[np.isfinite(array)]).max(initial=0))


def _error(verification: Verification) -> float:
    """The largest error of any output, relative to what it is compared with; infinite where the model fails."""
    if any(run.problem for run in verification.runs):
        return float("inf")
    figures = [o.relative if o.relative is not None else float("inf") for run in verification.runs for o in run.outputs]
    return max(figures, default=0.0)
