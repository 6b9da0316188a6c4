"""Lists that loops fill, which TFLite's converter keeps in plain tensors.

What was ``TensorListSetItem`` is there a concatenation of what lies before the place, the item, and what lies behind: a
copy of everything in every round. Found again, it is written as TensorFlow has it, and the loop collects the items.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onward.arrays import values_of
from onward.formats.tflite import Operator, Subgraph


class Write(NamedTuple):
    """What a round of a loop writes into a list.

    Attributes:
        place: of the list among the loop's variables.
        at: the tensor that says where.
        item: the tensor that is written.
        is_row: whether it has the list's first dimension too, of size one.
    """

    place: int
    at: int
    item: int
    is_row: bool


def writes(condition: Subgraph, body: Subgraph) -> list[Write]:
    """The lists among a loop's variables of which nothing but a write is made in every round."""
    reader = _Reader(body)
    found = [reader.write(place) for place in range(len(body.outputs))]
    asked = {tensor for operator in condition.operators for tensor in operator.inputs} | set(condition.outputs)
    return [w for w in found if w is not None and condition.inputs[w.place] not in asked]


class _Reader:
    def __init__(self, body: Subgraph) -> None:
        self.body = body
        self.makers = {tensor: operator for operator in body.operators for tensor in operator.outputs}
        self.uses: dict[int, int] = {}
        for tensor in [*body.outputs, *(i for operator in body.operators for i in operator.inputs)]:
            self.uses[tensor] = self.uses.get(tensor, 0) + 1

    def write(self, place: int) -> Write | None:
        """What becomes of a variable, None where it is no such write."""
        whole, result = self.body.inputs[place], self.body.outputs[place]
        joined = self._maker(result, "CONCATENATION")
        if joined is None or joined.options["axis"] != 0 or len(joined.inputs) != 3 or self.uses[result] != 1:
            return None
        before, item, after = joined.inputs
        index = self._before(whole, before)
        if index is None or index != self._after(whole, after) or not self._alike(whole, item, result):
            return None
        if self.uses[whole] != 2 or self.uses[before] != 1 or self.uses[after] != 1:
            return None
        inner = self._maker(item, "RESHAPE")
        shape = self.body.tensor(item).shape
        if (
            inner is not None
            and shape is not None
            and shape == (1, *(self.body.tensor(inner.inputs[0]).shape or (None,)))
        ):
            return Write(place, index, inner.inputs[0], False)
        return Write(place, index, item, True)

    def _before(self, whole: int, part: int) -> int | None:
        """The place up to which a part of a list goes from the first on."""
        cut = self._slice(whole, part)
        if cut is None or not self._holds(cut.inputs[1], 0):
            return None
        return self._counted(cut.inputs[2], -1)

    def _after(self, whole: int, part: int) -> int | None:
        """The place behind which a part of a list goes to the last."""
        cut = self._slice(whole, part)
        if cut is None or not self._holds(cut.inputs[2], -1):
            return None
        following = self._counted(cut.inputs[1], 0)
        add = None if following is None else self._maker(following, "ADD")
        if add is None:
            return None
        return next((i for i, one in (add.inputs, add.inputs[::-1]) if self._holds(one, 1)), None)

    def _slice(self, whole: int, part: int) -> Operator | None:
        cut = self._maker(part, "SLICE")
        return cut if cut is not None and cut.inputs[0] == whole else None

    def _counted(self, numbers: int, others: int) -> int | None:
        """The scalar that a list of numbers begins with, where all others are constant and the same."""
        joined = self._maker(numbers, "CONCATENATION")
        if joined is not None and len(joined.inputs) == 2 and self._holds(joined.inputs[1], others):
            first = self._maker(joined.inputs[0], "RESHAPE") or self._maker(joined.inputs[0], "EXPAND_DIMS")
            return first.inputs[0] if first is not None and self.body.tensor(first.inputs[0]).shape == () else None
        packed = self._maker(numbers, "PACK")
        if packed is not None and all(self._holds(i, others) for i in packed.inputs[1:]):
            return packed.inputs[0]
        return None

    def _holds(self, tensor: int, number: int) -> bool:
        """Whether a tensor is constant, and that number throughout."""
        value = self._value(tensor)
        return value is not None and bool((value == number).all())

    def _value(self, tensor: int) -> NDArray[np.generic] | None:
        value = self.body.tensor(tensor).value if tensor >= 0 else None
        return None if value is None else np.asarray(values_of(value))

    def _alike(self, *tensors: int) -> bool:
        """Whether equal elements stand for equal reals."""
        found = [self.body.tensor(t) for t in tensors]
        same = [t.quantization is None if found[0].quantization is None else found[0].quantization.same(t.quantization)
                for t in found]  # fmt: skip
        return all(same)

    def _maker(self, tensor: int, op: str) -> Operator | None:
        operator = self.makers.get(tensor)
        return operator if operator is not None and operator.op == op and not operator.is_custom else None
