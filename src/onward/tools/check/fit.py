"""Whether a target takes a node, what keeps it from that, and the cure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from onward.lowering.expand import EXPANSIONS
from onward.tools.check import limits
from onward.tools.check.definitions import definition, is_defined
from onward.tools.check.nodes import View, called
from onward.tools.check.table import Row, Target
from onward.tools.check.verdict import Shortfall

CURES = {
    "opset": "lower the opset to {}: --fix",
    "sizes": "fix the sizes it depends on: --dim NAME=SIZE",
    "narrow": "narrow to int32: --fix, where the values are known to fit",
    "float32": "compute in float32: --fix --float32",
    "decompose": "write it with other operators: --fix",
    "lift": "give it a second side, of 1: --fix",
    "pairs": "take its operands two by two: --fix",
    "strings": "turn strings into numbers before the model",
}
LIFTED = frozenset({"Conv", "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"})
PAIRED = frozenset({"Min", "Max", "Sum"})
LOOPING = frozenset({"Range", "SequenceMap", "Bernoulli"})  # their definitions cost more than they help


def shortfall(target: Target, view: View) -> Shortfall | None:
    """What keeps a target from taking a node; None where nothing does."""
    rows = target.rows.get("Cast" if view.operator == "CastLike" and target.kernels else view.operator, ())
    if not rows:
        return _fall(view, "operator", f"there is no {view.operator}", "decompose" if _decomposes(target, view) else "")
    serving = rows
    if view.operator != "CastLike":  # which ONNX Runtime makes a Cast
        serving = tuple(row for row in rows if covers(target, row, view.version))
    if not serving:
        opset = _other_opset(target, view, rows)
        why = f"{view.operator}-{view.version} is not among its versions"
        return _fall(view, "version", why, "opset" if opset else "", opset)
    wrong = [_wrong(target, row, view) for row in serving]
    if all(wrong):
        dtype, allowed = next(pair for pair in wrong if pair is not None)
        return _fall(view, "dtype", f"no {dtype}, only {', '.join(sorted(allowed))}", _retyped(dtype, allowed))
    return _dtype(target, view) or _size(target, view) or _limit(target, view)


def too_new(target: Target, opset: int) -> Shortfall:
    """What keeps a runtime from loading any model of an opset."""
    why = f"it is of opset {opset}, and {target} loads up to {target.loads}"
    return Shortfall("", "the model", (), why, "version", CURES["opset"].format(target.loads), "opset")


def covers(target: Target, row: Row, version: int) -> bool:
    """Whether a row holds for a version of an operator."""
    if target.kernels:  # one without a last version serves the version it begins with
        return row.first == version or (row.last is not None and row.first < version <= row.last)
    return row.first <= version <= (row.last or (target.opset if target.versions == "listed" else version))


def _fall(view: View, kind: str, why: str, remedy: str = "", detail: object = "") -> Shortfall:
    dtypes = tuple(sorted(set(view.bound().values())))
    cure = CURES[remedy].format(detail) if remedy else ""
    return Shortfall(called(view.proto), view.operator, dtypes, why, kind, cure, remedy, view.layer, view.source)


def _wrong(target: Target, row: Row, view: View) -> tuple[str, frozenset[str]] | None:
    """The first dtype that a row does not have, and those it has; ``*`` means the first operand."""
    bound = view.bound()
    first = next((o for o in (*view.inputs, *view.outputs) if o is not None), None)
    for variable, allowed in row.types.items():
        dtype = bound.get(variable, "") if variable != "*" else "" if first is None else first.dtype
        halves = dtype == "float16" and "float" in allowed and target.kernels and target.rest == "nobody"
        if dtype and dtype not in allowed and not halves:  # ONNX Runtime casts halves to float for the CPU
            return dtype, allowed
    return None


def _rules(target: Target, view: View) -> tuple[str, ...]:
    return (*target.limits.get("*", ()), *target.limits.get(view.operator, ()))


def _dtype(target: Target, view: View) -> Shortfall | None:
    """The first operand's, where no kernel tells: the target's dtypes, or those of a limit."""
    stated = next((rule[6:].split(",") for rule in _rules(target, view)[::-1] if rule.startswith("dtype=")), None)
    allowed: Collection[str] | None = target.dtypes if stated is None else stated
    first = next((o for o in view.inputs if o is not None), None)
    if first is None or not first.dtype or allowed is None or first.dtype in allowed:
        return None
    why = f"its operand is {first.dtype}, not {' or '.join(sorted(allowed))}"
    return _fall(view, "dtype", why, _retyped(first.dtype, allowed))


def _size(target: Target, view: View) -> Shortfall | None:
    if not target.static:
        return None
    loose = [o for o in (*view.inputs, *view.outputs) if o is not None and not o.static and not o.constant]
    return _fall(view, "size", f"the sizes of {loose[0].name} are not all known", "sizes") if loose else None


def _limit(target: Target, view: View) -> Shortfall | None:
    for rule in _rules(target, view):
        why = limits.broken(rule, view)
        if why is None:
            continue
        if rule.startswith(("constant", "static")):
            return _fall(view, "size", why, "sizes")
        first = view.inputs[0] if view.inputs else None
        flat = first is not None and first.shape is not None and len(first.shape) == 3
        if rule.startswith("rank=") and flat and "4" in rule and view.operator in LIFTED:
            return _fall(view, "limit", why, "lift")
        if rule.startswith(("result=", "data=")):
            return _fall(view, "dtype", why)
        if rule.startswith("inputs<=2") and view.operator in PAIRED:
            return _fall(view, "limit", why, "pairs")
        return _fall(view, "limit", why)
    return None


def _retyped(dtype: str, allowed: Collection[str]) -> str:
    if dtype == "int64" and "int32" in allowed:
        return "narrow"
    if dtype == "double" and "float" in allowed:
        return "float32"
    return "strings" if dtype == "string" else ""


def _other_opset(target: Target, view: View, rows: Sequence[Row]) -> int | None:
    """The nearest lower opset whose version of the operator the target has."""
    import onnx

    for opset in range(view.version - 1, 6, -1):
        if ":" in view.operator or not onnx.defs.has(view.operator, opset, ""):
            return None
        version = onnx.defs.get_schema(view.operator, opset, "").since_version
        if any(covers(target, row, version) for row in rows):
            return opset
    return None


def _decomposes(target: Target, view: View) -> bool:
    """Whether other operators, which the target takes, can stand for a node."""
    if ":" in view.operator or view.operator in LOOPING:
        return False
    if view.operator in EXPANSIONS:
        return True
    if not is_defined(view):
        return False
    parts = definition(view)
    return bool(parts) and all(part.operator == "CastLike" or shortfall(target, part) is None for part in parts)
