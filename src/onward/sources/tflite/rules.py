"""How one TFLite operator becomes nodes: the two kinds of rule that most follow, and what special ones build on.

Attributes in a rule are named after TensorFlow's; each is an option's name, a function of the call, or a plain value
wrapped in :class:`Is`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import FLOAT32
from onward.formats.tflite import Operator
from onward.graph import Tensor
from onward.sources.tflite.flow import Flow

# The ops that fused activations stand for, and the range of reals that each lets through.
ACTIVATIONS: dict[str, tuple[str, float, float]] = {
    "RELU": ("Relu", 0.0, np.inf),
    "RELU6": ("Relu6", 0.0, 6.0),
    "RELU_N1_TO_1": ("tfl.relu_n1_to_1", -1.0, 1.0),
    "TANH": ("Tanh", -np.inf, -np.inf),
    "SIGN_BIT": ("tfl.sign_bit", -np.inf, -np.inf),
}


class Call:
    """One operator of a subgraph: its operands as nodes, its options, and where its results go."""

    def __init__(self, flow: Flow, operator: Operator) -> None:
        self.flow = flow
        self.operator = operator
        self.inputs = operator.inputs
        self.outputs = operator.outputs

    def option(self, name: str) -> Any:
        """An option by the schema's name."""
        return self.operator.options[name]

    def has(self, position: int) -> bool:
        """Whether an input is given."""
        return position < len(self.inputs) and self.inputs[position] >= 0

    def index(self, position: int) -> int:
        """The index of an input's tensor, -1 where it is left out."""
        return self.inputs[position] if position < len(self.inputs) else -1

    def stored(self, position: int) -> Tensor:
        """An input as the file has it."""
        return self.flow.stored(self.index(position))

    def real(self, position: int) -> Tensor:
        """An input's reals."""
        return self.flow.real(self.index(position))

    def value(self, position: int) -> NDArray[Any] | None:
        """A constant input's values, as the file has them."""
        return self.flow.value(self.index(position))

    def dtype(self, output: int = 0) -> np.dtype[Any]:
        """The dtype in which an output flows."""
        return self.flow.form(self.outputs[output])

    def node(self, op: str, *inputs: Tensor, **attrs: Any) -> Tensor:
        """A new node's first output."""
        return self.flow.node(op, inputs, **attrs)

    def ints(self, *numbers: int) -> Tensor:
        """An int32 constant of rank 1."""
        return self.flow.const(np.array(numbers, np.int32))

    def scalar(self, number: int) -> Tensor:
        """An int32 scalar."""
        return self.flow.const(np.array(number, np.int32))

    def activated(self, y: Tensor) -> Tensor:
        """`y` after the operator's fused activation, which is left out where the output's integers imply it."""
        if "fused_activation_function" not in self.operator.options:
            return y
        name = self.operator.options.enum("fused_activation_function", "ActivationFunctionType")
        if name == "NONE":
            return y
        op, low, high = ACTIVATIONS[name]
        return y if self._implied(low, high) else self.node(op, y)

    def put(self, y: Tensor, output: int = 0) -> None:
        """Sets an output in the file's form."""
        if output < len(self.outputs):
            self.flow.put(self.outputs[output], y)

    def put_real(self, y: Tensor, output: int = 0) -> None:
        """Sets an output from its reals, activated."""
        if output < len(self.outputs):
            self.flow.put_real(self.outputs[output], self.activated(y) if output == 0 else y)

    def _implied(self, low: float, high: float) -> bool:
        tensor = self.flow.tensor(self.outputs[0])
        quantization = tensor.quantization
        if self.flow.dequantize or quantization is None or not quantization.per_tensor or tensor.dtype.kind not in "iu":
            return False
        limits = np.iinfo(tensor.dtype)
        scale, zero = float(quantization.scale[0]), int(quantization.zero_point[0])
        above = np.isinf(high) and high > 0
        return (limits.min - zero) * scale >= low and (above or zero + round(high / scale) >= limits.max)


Rule = Callable[[Call], None]


class Is(NamedTuple):
    """An attribute's value as it is."""

    value: Any


def attributes(call: Call, wanted: dict[str, Any]) -> dict[str, Any]:
    """The attributes that a rule asks for."""
    found = {}
    for name, source in wanted.items():
        if isinstance(source, Is):
            found[name] = source.value
        else:
            found[name] = call.option(source) if isinstance(source, str) else source(call)
    return found


def of_output(number: int = 0) -> Callable[[Call], np.dtype[Any]]:
    """The dtype of an output, for an attribute."""
    return lambda call: call.dtype(number)


def of_reals(call: Call) -> np.dtype[Any]:
    """The dtype of the first output's reals, for an attribute."""
    return FLOAT32 if call.flow.is_quantized(call.outputs[0]) else call.dtype()


def real(op: str, *, then: Sequence[str] = (), **attrs: Any) -> Rule:
    """Arithmetic: the op computes with reals.

    Args:
        op: TensorFlow's name.
        then: options that TensorFlow takes as further inputs.
        attrs: TensorFlow's attributes.
    """

    def rule(call: Call) -> None:
        inputs = [call.real(i) for i in range(len(call.inputs))] + _constants(call, then)
        _finish(call, op, inputs, attrs, real=True)

    return rule


def moved(
    op: str, *, data: Sequence[int] | None = (0,), then: Sequence[str] = (), first: bool = False, **attrs: Any
) -> Rule:
    """Movement: the op takes elements as they are, integers or not, where inputs and outputs mean the same by them.

    Args:
        op: TensorFlow's name.
        data: which inputs hold what is moved; None for all.
        then: options that TensorFlow takes as further inputs.
        first: those come before the others.
        attrs: TensorFlow's attributes.
    """

    def rule(call: Call) -> None:
        places = range(len(call.inputs)) if data is None else data
        as_stored = alike(call, [call.index(i) for i in places])
        inputs = [
            call.real(i) if i in places and not as_stored else call.stored(i) for i in range(len(call.inputs))
        ]  # fmt: skip
        extra = _constants(call, then)
        _finish(call, op, extra + inputs if first else inputs + extra, attrs, real=not as_stored)

    return rule


def alike(call: Call, inputs: Sequence[int]) -> bool:
    """Whether the integers of these tensors become the outputs' as they are.

    They do where they stand for equal reals, and from a single input in any case: TFLite's kernels copy them, even
    where a converter gave the output another scale. Nothing may be fused on.
    """
    tensors = [call.flow.tensor(i) for i in [*inputs, *call.outputs] if call.flow.is_quantized(i)]
    if call.flow.dequantize or not tensors:
        return True
    if any(i >= 0 and call.flow.tensor(i).dtype.kind == "f" for i in call.outputs):
        return False
    copied = len(inputs) == 1 and len({t.dtype for t in tensors}) == 1
    first = tensors[0].quantization
    same = copied or all(t.quantization is not None and t.quantization.same(first) for t in tensors)
    return same and all(t.quantization is not None and t.quantization.per_tensor for t in tensors) and not _fuses(call)


def _fuses(call: Call) -> bool:
    options = call.operator.options
    return "fused_activation_function" in options and bool(options["fused_activation_function"])


def _constants(call: Call, names: Sequence[str]) -> list[Tensor]:
    return [call.scalar(int(call.option(name))) for name in names]


def _finish(call: Call, op: str, inputs: list[Tensor], attrs: dict[str, Any], *, real: bool) -> None:
    made = call.flow.nodes(op, inputs, outputs=len(call.outputs), **attributes(call, attrs))
    for i, tensor in enumerate(made):
        if real and call.flow.is_quantized(call.outputs[i]):
            call.put_real(tensor, i)
        else:
            call.put(call.activated(tensor) if i == 0 else tensor, i)
