"""One subgraph of a TFLite model, being read into nodes.

A quantised tensor has two forms: ``stored``, the integers of the file, and ``real``, what they stand for. Operators ask
for the one that they work on, and whichever is missing is made by quantising or dequantising; as only what the outputs
need stays in the graph, forms that nobody asks for cost nothing. With ``dequantize`` there is the real form alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onward.arrays import LazyArray, values_of
from onward.dtypes import FLOAT32
from onward.errors import InvalidSourceError
from onward.formats.opdefs import OpDef, opdef
from onward.formats.tflite import Operator, Quantization, Subgraph
from onward.formats.tflite import Tensor as Stored
from onward.graph import Node, Tensor

if TYPE_CHECKING:
    from onward.sources.tflite.state import State


class Flow:
    """The nodes of a subgraph so far.

    Args:
        subgraph: what is read.
        dequantize: compute in floating point what the file computes in integers.
        state: what the model's subgraphs share.
        caller: the flow of the subgraph that this one is put into, None where it stays on its own.

    Attributes:
        effects: nodes that nothing reads but that change something (assignments), in order.
    """

    def __init__(self, subgraph: Subgraph, dequantize: bool, state: State, caller: Flow | None = None) -> None:
        self.subgraph = subgraph
        self.dequantize = dequantize
        self.state = state
        self.effects: list[Node] = [] if caller is None else caller.effects
        self._observers: list[Node] = [] if caller is None else caller._observers
        self._stored: dict[int, Tensor] = {}
        self._real: dict[int, Tensor] = {}
        self._dtypes: dict[Tensor, np.dtype[Any]] = {} if caller is None else caller._dtypes
        self._names: set[str] = set() if caller is None else caller._names
        self._scope = ""
        self._absent: Tensor | None = None

    # --- tensors of the file ----------------------------------------------------------------------------------------

    def tensor(self, index: int) -> Stored:
        """What the file says about a tensor."""
        return self.subgraph.tensor(index)

    def is_quantized(self, index: int) -> bool:
        """Whether a tensor's integers stand for reals. Of int64 ones only biases do."""
        if index < 0:
            return False
        tensor = self.tensor(index)
        if tensor.quantization is None or tensor.dtype.kind not in "iu":
            return False
        return tensor.dtype.itemsize < 8 or tensor.value is not None

    def form(self, index: int) -> np.dtype[Any]:
        """The dtype of what flows for a tensor: float32 for a quantised one where ``dequantize`` was asked for."""
        return FLOAT32 if self.dequantize and self.is_quantized(index) else self.tensor(index).dtype

    def value(self, index: int) -> NDArray[Any] | None:
        """The values of a constant as the file has them, None for anything else."""
        value = self.tensor(index).value if index >= 0 and index not in self._stored | self._real else None
        return None if value is None else np.asarray(values_of(value))

    def stored(self, index: int) -> Tensor:
        """A tensor as the file has it; with ``dequantize``, a quantised one in floating point."""
        if index < 0:
            return self.absent()
        if self.dequantize and self.is_quantized(index):
            return self.real(index)
        if index not in self._stored:
            if index in self._real:
                self._stored[index] = self.quantized(self._real[index], index)
            else:
                self._stored[index] = self._constant(index, self._read(index))
        return self._stored[index]

    def real(self, index: int) -> Tensor:
        """A tensor's reals: dequantised where it is quantised, else as it is."""
        if not self.is_quantized(index):
            return self.stored(index)
        if index not in self._real:
            if self.dequantize or self.tensor(index).dtype == np.int64:
                self._real[index] = self._constant(index, self.reals(index))
            else:
                self._real[index] = self.dequantized(self.stored(index), self._quantization(index))
        return self._real[index]

    def put(self, index: int, tensor: Tensor) -> None:
        """Sets what a tensor is, in the file's own form."""
        if index >= 0:
            self._real.pop(index, None)
            forms = self._real if self.dequantize and self.is_quantized(index) else self._stored
            forms[index] = tensor

    def put_real(self, index: int, tensor: Tensor) -> None:
        """Sets what a tensor is from its reals."""
        if self.is_quantized(index) and not self.dequantize:
            tensor = self.quantized(tensor, index)
        self.put(index, tensor)

    def offer_real(self, index: int, tensor: Tensor) -> None:
        """Gives the reals of a tensor that is ``put`` already, to whom they serve better than dequantising would."""
        if self.is_quantized(index) and not self.dequantize:
            self._real[index] = tensor

    def holds(self, index: int) -> bool:
        """Whether something was put for a tensor."""
        return index in self._stored or index in self._real

    def initial(self, index: int) -> NDArray[Any] | LazyArray:
        """The value of a constant, or of a variable before the first run, in the form in which it flows."""
        return self.reals(index) if self.dequantize and self.is_quantized(index) else self._read(index)

    def quantized(self, real: Tensor, index: int) -> Tensor:
        """Reals as a tensor of the file holds them."""
        return self.node(
            "tfl.quantize", [real], dtype=self.tensor(index).dtype, **_described(self._quantization(index))
        )

    def dequantized(self, stored: Tensor, quantization: Quantization, bits: int = 8) -> Tensor:
        """The reals that integers stand for."""
        return self.node("tfl.dequantize", [stored], dtype=FLOAT32, **_described(quantization))

    def _quantization(self, index: int) -> Quantization:
        found = self.tensor(index).quantization
        assert found is not None
        return found

    def _read(self, index: int) -> NDArray[Any] | LazyArray:
        tensor = self.tensor(index)
        if tensor.value is not None:
            return tensor.value
        if tensor.is_variable and tensor.shape is not None and None not in tensor.shape:
            shape = tuple(d for d in tensor.shape if d is not None)
            zero = 0 if tensor.quantization is None else int(tensor.quantization.zero_point[0])
            if tensor.dtype.kind in "iu" and not np.iinfo(tensor.dtype).min <= zero <= np.iinfo(tensor.dtype).max:
                raise self.subgraph.model.file.damaged(f"'{tensor.name}' has the zero point {zero}")
            return np.broadcast_to(np.asarray(zero, tensor.dtype), shape)
        if tensor.shape is not None and 0 in tensor.shape and None not in tensor.shape:
            return np.zeros([d or 0 for d in tensor.shape], tensor.dtype)
        raise InvalidSourceError(f"{self.subgraph.model.path}: '{tensor.name}' is read before anything computes it")

    def reals(self, index: int) -> LazyArray:
        """A constant, dequantised."""
        source, quantization = self._read(index), self._quantization(index)
        shape = tuple(source.shape)

        def load() -> NDArray[Any]:
            scale, zero = (
                _along(v, quantization.axis, len(shape)) for v in (quantization.scale, quantization.zero_point)
            )
            exact = np.float32 if source.dtype.itemsize <= 2 else np.float64  # as kernels compute it
            centred = np.asarray(values_of(source)).astype(exact) - zero.astype(exact)
            return np.asarray((centred * scale).astype(np.float32))

        return LazyArray(shape, FLOAT32, load)

    def _constant(self, index: int, value: NDArray[Any] | LazyArray) -> Tensor:
        return self.const(value, clean(self.tensor(index).name) or f"constant_{index}")

    # --- nodes ------------------------------------------------------------------------------------------------------

    def begin(self, operator: Operator) -> None:
        """The nodes that follow are made for this operator and called after its first output."""
        name = next((self.tensor(i).name for i in operator.outputs if i >= 0), "")
        self._scope = clean(name) or operator.op.lower()

    def claim(self, name: str) -> str:
        """The name, with a number behind it where it is taken."""
        candidate, number = name, 0
        while candidate in self._names:
            number += 1
            candidate = f"{name}_{number}"
        self._names.add(candidate)
        return candidate

    def absent(self) -> Tensor:
        """What stands for an input that is left out."""
        if self._absent is None:
            self._absent = self.node("tfl.no_value", [])
        return self._absent

    def const(self, value: Any, name: str = "") -> Tensor:
        """A constant."""
        if not isinstance(value, (np.ndarray, LazyArray)):
            value = np.asarray(value)
        node = Node(self.claim(name or f"{self._scope}/Const"), "Const", (), {"dtype": value.dtype}, value=value)
        return self.known(Tensor(node, 0), value.dtype)

    def add(self, node: Node, dtype: np.dtype[Any]) -> Tensor:
        """A node that was made elsewhere (an input)."""
        node.name = self.claim(node.name)
        return self.known(Tensor(node, 0), dtype)

    def node(self, op: str, inputs: Sequence[Tensor], *, outputs: int = 1, **attrs: Any) -> Tensor:
        """A node's first output. Attributes that say types or counts follow from the inputs."""
        return self.nodes(op, inputs, outputs=outputs, **attrs)[0]

    def nodes(self, op: str, inputs: Sequence[Tensor], *, outputs: int = 1, **attrs: Any) -> list[Tensor]:
        """All outputs of a new node."""
        node = self.make(op, inputs, outputs, **attrs)
        return [Tensor(node, i) for i in range(outputs)]

    def make(self, op: str, inputs: Sequence[Tensor], outputs: int = 0, **attrs: Any) -> Node:
        """A new node, the dtypes of its outputs noted."""
        try:
            definition: OpDef | None = opdef(op)
        except KeyError:
            definition = None
        dtypes = [self._dtypes[t] for t in inputs]
        if definition is not None:
            attrs = {**_types(definition, dtypes), **attrs}
        name = self.claim(f"{self._scope}/{op}" if self._scope in self._names else self._scope or op)
        node = Node(name, op, inputs, attrs)
        for i in range(outputs):
            self.known(Tensor(node, i), _output_type(definition, attrs, i, dtypes))
        return node

    def observes(self, node: Node) -> None:
        """Notes a node that reads variables: what changed them before comes first."""
        node.controls += self.effects[-1:]
        self._observers.append(node)

    def acts(self, node: Node) -> None:
        """Notes a node that changes variables: it follows what changed or read them before."""
        node.controls += [*self._observers, *self.effects[-1:]]
        self._observers.clear()
        self.effects.append(node)

    def dtype(self, tensor: Tensor) -> np.dtype[Any]:
        """The dtype of a node's output."""
        return self._dtypes[tensor]

    def known(self, tensor: Tensor, dtype: np.dtype[Any]) -> Tensor:
        """A tensor of a node that was made elsewhere, its dtype noted."""
        self._dtypes[tensor] = dtype
        return tensor


def clean(name: str) -> str:
    """A tensor's name as people write it: the first of those that a fused operator carries, without the ``:0``."""
    return name.split(";")[0].removesuffix(":0")


def _described(quantization: Quantization) -> dict[str, Any]:
    if quantization.per_tensor:
        return {"scale": quantization.scale[0], "zero_point": quantization.zero_point[0], "axis": 0}
    return {"scale": quantization.scale, "zero_point": quantization.zero_point, "axis": quantization.axis}


def _along(numbers: NDArray[Any], axis: int, rank: int) -> NDArray[Any]:
    shape = [1] * rank
    if numbers.size > 1:
        shape[axis] = numbers.size
    return numbers.reshape(shape)


def _types(definition: OpDef, dtypes: Sequence[np.dtype[Any]]) -> dict[str, Any]:
    """The attributes of a node that its inputs decide.

    Raises:
        IndexError: there are more or fewer than the op takes.
    """
    lists = any(arg.number_attr or arg.type_list_attr for arg in definition.inputs)
    if not lists and len(dtypes) != len(definition.inputs):
        raise IndexError(f"{len(dtypes)} where {len(definition.inputs)} are meant")
    attrs: dict[str, Any] = {}
    at = 0
    for i, arg in enumerate(definition.inputs):
        later = len(definition.inputs) - 1 - i
        count = len(dtypes) - at - later if arg.number_attr or arg.type_list_attr else 1
        if arg.number_attr:
            attrs[arg.number_attr] = count
        if arg.type_list_attr:
            attrs[arg.type_list_attr] = list(dtypes[at : at + count])
        elif arg.type_attr and at < len(dtypes):
            attrs.setdefault(arg.type_attr, dtypes[at])
        at += count
    return attrs


def _output_type(
    definition: OpDef | None, attrs: dict[str, Any], index: int, dtypes: Sequence[np.dtype[Any]]
) -> np.dtype[Any]:
    if definition is None:
        return attrs.get("dtype") or (dtypes[0] if dtypes else FLOAT32)
    at = 0
    for arg in definition.outputs:
        if arg.type_list_attr:
            types = attrs[arg.type_list_attr]
            if index < at + len(types):
                return types[index - at]
            at += len(types)
            continue
        at += attrs[arg.number_attr] if arg.number_attr else 1
        if index < at:
            known = arg.type or attrs.get(arg.type_attr or "")
            default = definition.attrs[arg.type_attr].default if known is None and arg.type_attr else known
            return default if isinstance(default, np.dtype) else FLOAT32
    raise IndexError(index)
