"""A model against a target's table, node by node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from onward.tools.check import limits
from onward.tools.check.nodes import View, compute, views
from onward.tools.check.table import Row, Target
from onward.tools.check.verdict import Shortfall, Verdict

if TYPE_CHECKING:
    import onnx

TAKEN, EXPANDED, FALLEN, UNKNOWN, MISSING = range(5)  # from best to worst
PASSING = frozenset({"Constant"})  # become weights


@dataclass(frozen=True)
class Outcome:
    """What becomes of a node, and why it is not simply taken."""

    rank: int
    fall: Shortfall | None = None


def judge(model: onnx.ModelProto, target: Target, cpu: Target) -> Verdict:
    """Says what a target makes of a model whose types are inferred; ``cpu`` is who runs the rest."""
    court = _Court(model, target, cpu)
    seen = [view for view in views(model) if view.operator not in PASSING]
    outcomes = [court.outcome(view) for view in seen]
    falls: dict[int, list[Shortfall]] = {rank: [] for rank in range(5)}
    for outcome in outcomes:
        if outcome.fall is not None:
            falls[outcome.rank].append(outcome.fall)
    taken = [outcome.rank <= EXPANDED for outcome in outcomes]
    costs = [compute(view) for view in seen]
    return Verdict(
        target=target.name,
        title=target.title,
        version=target.version,
        date=target.date,
        source=target.source,
        nodes=len(seen),
        taken=sum(taken),
        compute=sum(c for c, yes in zip(costs, taken, strict=True) if yes) / sum(costs) if sum(costs) else None,
        partitions=_pieces(seen, taken),
        expanded=tuple(falls[EXPANDED]),
        fallen=tuple(falls[FALLEN]),
        missing=tuple(falls[MISSING]),
        unknown=tuple(falls[UNKNOWN]),
        caveats=tuple(_caveats(model, target, seen)),
    )


class _Court:
    def __init__(self, model: onnx.ModelProto, target: Target, cpu: Target) -> None:
        self._target, self._cpu = target, cpu
        self._opsets = list(model.opset_import)
        self._opset = next((e.version for e in model.opset_import if e.domain in ("", "ai.onnx")), 1)

    def outcome(self, view: View) -> Outcome:
        fall = shortfall(self._target, view)
        if fall is None:
            return Outcome(TAKEN)
        if self._target.rest == "cpu" and shortfall(self._cpu, view) is None:
            return Outcome(FALLEN, fall)
        if self._target.kernels or self._target.rest == "cpu":  # ONNX Runtime runs definitions
            parts = self._parts(view)
            if parts:
                worst = max((self.outcome(part) for part in parts), key=lambda outcome: outcome.rank)
                if worst.rank <= FALLEN:
                    return Outcome(max(worst.rank, EXPANDED), fall)
                inner = worst.fall
                if inner is not None and inner.operator != fall.operator:
                    fall = replace(fall, why=f"{fall.why}, nor {inner.operator}, which it consists of")
        if ":" in view.operator and self._target.rest == "nobody" and not self._target.kernels:
            return Outcome(UNKNOWN, replace(fall, why="the table says nothing of operators outside ONNX"))
        return Outcome(MISSING, fall)

    def _parts(self, view: View) -> list[View]:
        """The operators of a node's definition, where ONNX Runtime uses that."""
        import onnx
        import onnx.inliner

        if ":" in view.operator or view.schema is None or not _defined(view.operator, self._opset):
            return []
        inputs = [_info(o) for o in view.inputs if o is not None and o.tensor is None]
        weights = [o.tensor for o in view.inputs if o is not None and o.tensor is not None]
        outputs = [_info(o) for o in view.outputs if o is not None]
        unique = {info.name: info for info in inputs}
        graph = onnx.helper.make_graph([view.proto], "definition", list(unique.values()), outputs)
        graph.initializer.extend({tensor.name: tensor for tensor in weights}.values())
        model = onnx.helper.make_model(graph, opset_imports=self._opsets)
        inlined = onnx.inliner.inline_selected_functions(
            model, [("", view.proto.op_type)], inline_schema_functions=True
        )
        if any(node.op_type == view.proto.op_type for node in inlined.graph.node):
            return []
        typed = onnx.shape_inference.infer_shapes(inlined)
        return [part for part in views(typed) if part.operator not in PASSING]


def _info(operand: Any) -> onnx.ValueInfoProto:
    import onnx

    if not operand.dtype:
        return onnx.helper.make_empty_tensor_value_info(operand.name)
    number = onnx.TensorProto.DataType.Value(operand.dtype.upper())
    return onnx.helper.make_tensor_value_info(operand.name, number, operand.shape)


def shortfall(target: Target, view: View) -> Shortfall | None:
    """What keeps a target from taking a node; None where nothing does."""
    operator, bound = view.operator, view.bound()
    if operator == "CastLike" and target.kernels:
        operator = "Cast"  # what ONNX Runtime makes of it
    rows = target.rows.get(operator, ())

    def fall(kind: str, why: str, cure: str = "") -> Shortfall:
        dtypes = tuple(sorted(set(bound.values())))
        return Shortfall(view.proto.name, operator, dtypes, why, kind, cure, view.layer, view.source)

    if not rows:
        return fall("operator", f"there is no {operator}", _decomposed(view))
    serving = [row for row in rows if covers(target, row, view.version)] if operator == view.operator else list(rows)
    if not serving:
        other = _other_opset(target, view, rows)
        return fall("version", f"{operator}-{view.version} is not among its versions", other)
    if not any(_takes(target, row, bound, view) for row in serving):
        return fall(*_dtype_reason(target, serving, bound, view))
    return _limited(target, view, fall)


def _limited(target: Target, view: View, fall: Any) -> Shortfall | None:
    rules = [*target.limits.get("*", ()), *target.limits.get(view.operator, ())]
    first = next((o for o in view.inputs if o is not None), None)
    allowed = next((r[6:].split(",") for r in reversed(rules) if r.startswith("dtype=")), target.dtypes)
    if first is not None and first.dtype and allowed is not None and first.dtype not in allowed:
        return fall(
            "dtype", f"its operand is {first.dtype}, not {' or '.join(sorted(allowed))}", _retyped(first.dtype, allowed)
        )
    if target.static:
        loose = [o for o in (*view.inputs, *view.outputs) if o is not None and not o.static and not o.constant]
        if loose:
            return fall("size", f"the sizes of {loose[0].name} are not all known", "fix them: --dim NAME=SIZE")
    for rule in rules:
        why = limits.broken(rule, view)
        if why is not None:
            kind = "size" if rule.startswith(("constant", "static")) else "limit"
            return fall(kind, why, "fix the sizes it depends on: --dim NAME=SIZE" if kind == "size" else "")
    return None


def covers(target: Target, row: Row, version: int) -> bool:
    """Whether a row holds for a version of an operator."""
    if target.versions == "kernels":  # one without a last version serves the version it begins with
        return row.first == version or (row.last is not None and row.first < version <= row.last)
    last = row.last or (target.opset if target.versions == "listed" else version)
    return row.first <= version <= last


def _takes(target: Target, row: Row, bound: dict[str, str], view: View) -> bool:
    for variable, allowed in row.types.items():
        dtype = _of(variable, bound, view)
        halves = dtype == "float16" and "float" in allowed and target.kernels and target.rest == "nobody"
        if dtype and dtype not in allowed and not halves:  # ONNX Runtime casts halves to float for the CPU
            return False
    return True


def _of(variable: str, bound: dict[str, str], view: View) -> str:
    """The dtype of a type variable; ``*`` means the first operand."""
    if variable != "*":
        return bound.get(variable, "")
    first = next((o for o in (*view.inputs, *view.outputs) if o is not None), None)
    return "" if first is None else first.dtype


def _dtype_reason(target: Target, rows: Sequence[Row], bound: dict[str, str], view: View) -> tuple[str, str, str]:
    for row in rows:
        for variable, allowed in row.types.items():
            dtype = _of(variable, bound, view)
            if dtype and dtype not in allowed:
                return "dtype", f"no {dtype}, only {', '.join(sorted(allowed))}", _retyped(dtype, allowed)
    return "dtype", "not in these dtypes", ""


def _retyped(dtype: str, allowed: frozenset[str] | Sequence[str]) -> str:
    if dtype == "int64" and "int32" in allowed:
        return "narrow to int32: --fix, where the values are known to fit"
    if dtype == "double" and "float" in allowed:
        return "compute in float32: --fix --float32"
    if dtype == "string":
        return "turn strings into numbers before the model"
    return ""


def _other_opset(target: Target, view: View, rows: Sequence[Row]) -> str:
    """The nearest lower opset whose version of the operator the target has."""
    import onnx

    for opset in range(view.version - 1, 6, -1):
        if ":" in view.operator or not onnx.defs.has(view.operator, opset, ""):
            return ""
        version = onnx.defs.get_schema(view.operator, opset, "").since_version
        if any(covers(target, row, version) for row in rows):
            return f"lower the opset to {opset}: --fix"
    return ""


def _decomposed(view: View) -> str:
    from onward.lowering.expand import EXPANSIONS

    schema: Any = view.schema  # its stubs lack the definitions
    written = schema is not None and (schema.has_function or schema.has_context_dependent_function)
    return "write it with other operators: --fix" if view.operator in EXPANSIONS or written else ""


def _defined(operator: str, opset: int) -> bool:
    """Whether ONNX Runtime uses the operator's definition: none whose operators changed after it was written."""
    import onnx

    schema: Any = onnx.defs.get_schema(operator, opset, "")  # its stubs lack the definitions
    written = [version for version in schema.function_opset_versions if version <= opset]
    if not written:
        return any(version <= opset for version in schema.context_dependent_function_opset_versions)
    body = onnx.FunctionProto.FromString(schema.get_function_with_opset_version(max(written)))
    return all(
        onnx.defs.get_schema(node.op_type, max(written), "").since_version
        == onnx.defs.get_schema(node.op_type, opset, "").since_version
        for node in body.node
    )


def _pieces(seen: Sequence[View], taken: Sequence[bool]) -> int:
    """How many pieces of taken nodes there are, when all that can run side by side makes one.

    A node's depth counts how often the graph changed sides on the way to it.
    """
    depth: dict[str, tuple[int, bool]] = {}
    pieces = set()
    for view, here in zip(seen, taken, strict=True):
        before = [depth[o.name] for o in view.inputs if o is not None and o.name in depth]
        mine = max((d + (side != here) for d, side in before), default=0 if here else 1)
        mine += (mine % 2 == 0) != here  # taken ones are even
        if here:
            pieces.add(mine)
        for output in view.outputs:
            if output is not None:
                depth[output.name] = (mine, here)
    return len(pieces)


def _caveats(model: onnx.ModelProto, target: Target, seen: Sequence[View]) -> Iterator[str]:
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)
    if opset > target.opset:
        yield f"the model's opset is {opset}; {target} promises to read them up to {target.opset}"
    said: dict[str, set[str]] = {}
    for view in seen:
        for rule in (*target.limits.get("*", ()), *target.limits.get(view.operator, ())):
            if rule.startswith("note="):
                said.setdefault(rule[5:], set()).add(view.operator)
    for note, operators in said.items():
        everywhere = f"note={note}" in target.limits.get("*", ())
        yield note if everywhere else f"{', '.join(sorted(operators))}: {note}"
