"""Between which bounds the integers of a graph lie, as far as that follows from where they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from onward.dims import Dim
from onward.dtypes import INT64, ONNX_DTYPES
from onward.ir import Value

Range = tuple[int, int]
INT32_RANGE: Range = (-(2**31), 2**31 - 1)
SIZE: Range = (0, 2**31 - 1)  # of a dimension, or a position in one: larger tensors than that fit no memory


class Ranges:
    """The bounds of values, noted as they are emitted."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Value, Range]] = {}  # with the value, so that its id stays its own

    def of(self, value: Value | None) -> Range | None:
        """A value's bounds; None where nothing tells."""
        if value is None:
            return None
        if value.is_const and value.dtype.kind in "iub":
            array = np.asarray(value.array)
            return (int(array.min()), int(array.max())) if array.size else (0, 0)
        if value.known is not None:
            parts = [_of_size(element) for element in value.known.flat]
            return None if any(part is None for part in parts) else _union([part for part in parts if part is not None])
        if id(value) in self._known:
            return self._known[id(value)][1]
        if value.dtype.kind == "b":
            return 0, 1
        if value.dtype.kind in "iu" and value.dtype.itemsize < 8:
            info = np.iinfo(value.dtype)
            return int(info.min), int(info.max)
        return None

    def fits(self, value: Value | None) -> bool:
        """Whether all of a value is known to fit into int32."""
        return _within(self.of(value))

    def result_fits(self, operator: str, inputs: Sequence[Value | None], attrs: Mapping[str, Any]) -> bool:
        """Whether what an operator makes of these operands is known to fit into int32."""
        free = operator in FREE or (operator == "Cast" and ONNX_DTYPES[attrs["to"]].kind not in "iu")
        return free or _within(self._result(operator, inputs, attrs))

    def note(
        self, operator: str, inputs: Sequence[Value | None], attrs: Mapping[str, Any], outputs: Sequence[Value]
    ) -> None:
        """Remembers the bounds of what an operator made."""
        if operator == "TopK":
            self._known[id(outputs[1])] = outputs[1], _positions(inputs, attrs, -1)
            return
        found = self._result(operator, inputs, attrs)
        for output in outputs:
            if found is not None and output.dtype == INT64:
                self._known[id(output)] = output, found

    def _result(self, operator: str, inputs: Sequence[Value | None], attrs: Mapping[str, Any]) -> Range | None:
        if operator in ("ArgMax", "ArgMin"):
            return _positions(inputs, attrs, 0)
        if operator in POSITIONS:
            return SIZE
        if operator == "Cast":
            source = inputs[0]
            integer = source is not None and source.dtype.kind in "iub" and ONNX_DTYPES[attrs["to"]].kind in "iu"
            return self.of(source) if integer else None
        rule = RULES.get(operator)
        if rule is None:
            return None
        operands = [self.of(value) for value in inputs[slice(*rule[0])] if value is not None]
        if not operands or any(operand is None for operand in operands):
            return None
        return rule[1]([operand for operand in operands if operand is not None])


def _positions(inputs: Sequence[Value | None], attrs: Mapping[str, Any], axis: int) -> Range:
    """The positions along an axis."""
    source = inputs[0]
    size = None if source is None or not source.shape else source.shape[attrs.get("axis", axis)]
    return (0, max(size - 1, 0)) if isinstance(size, int) else SIZE


def _of_size(size: Dim | int) -> Range | None:
    """The bounds of an integer or of one dynamic size; what is computed of several has none that are sure."""
    if not isinstance(size, Dim):
        return size, size
    [(monomial, factor), *more] = size.terms.items()
    return SIZE if not more and factor == 1 and len(monomial) == 1 else None


def _within(found: Range | None) -> bool:
    return found is not None and INT32_RANGE[0] <= found[0] and found[1] <= INT32_RANGE[1]


def _union(ranges: Sequence[Range]) -> Range:
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _corners(combine: Callable[[int, int], int]) -> Callable[[Sequence[Range]], Range]:
    def over(ranges: Sequence[Range]) -> Range:
        result = ranges[0]
        for other in ranges[1:]:
            corners = [combine(a, b) for a in result for b in other]
            result = min(corners), max(corners)
        return result

    return over


def _negated(ranges: Sequence[Range]) -> Range:
    return -ranges[0][1], -ranges[0][0]


def _modulus(ranges: Sequence[Range]) -> Range:
    bound = max(abs(ranges[1][0]), abs(ranges[1][1]))
    return -bound, bound


def _absolute(ranges: Sequence[Range]) -> Range:
    return 0, max(abs(ranges[0][0]), abs(ranges[0][1]))


POSITIONS = frozenset({"Shape", "NonZero"})
FREE = frozenset({"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"})  # give no integers
PASSING = (
    "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Expand", "Tile", "Flatten", "Identity", "Slice", "Gather",
    "GatherElements", "GatherND", "Split", "ReduceMax", "ReduceMin", "ReverseSequence", "DepthToSpace", "SpaceToDepth",
    "Compress",
)  # fmt: skip
FIRST = (0, 1)
RULES: dict[str, tuple[tuple[int, int | None], Callable[[Sequence[Range]], Range]]] = {
    **dict.fromkeys(PASSING, (FIRST, _union)),
    **dict.fromkeys(("Concat", "Max", "Min"), ((0, None), _union)),
    "Where": ((1, None), _union),
    "Range": ((0, 2), _union),
    "Add": ((0, None), _corners(lambda a, b: a + b)),
    "Sub": ((0, None), _corners(lambda a, b: a - b)),
    "Mul": ((0, None), _corners(lambda a, b: a * b)),
    "Mod": ((0, None), _modulus),
    "Neg": (FIRST, _negated),
    "Abs": (FIRST, _absolute),
    "Clip": ((0, 3), _union),
}  # fmt: skip
