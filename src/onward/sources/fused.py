"""Nodes in which a graph optimiser put several operations, taken apart again.

TensorFlow's remapper (``_FusedConv2D``, ``_FusedMatMul``, ...) and the converter of TensorFlow.js, which adds
``FusedDepthwiseConv2dNative`` and ``Prelu``, write them. They list what follows the first operation in ``fused_ops``,
and its further operands after the first two inputs.
"""

from __future__ import annotations

import math
from typing import Any

from onward.errors import InvalidSourceError
from onward.formats.protos import message

# What the first operation is, with the attributes that it keeps.
_CONV = ("T", "strides", "padding", "explicit_paddings", "data_format", "dilations")
_FIRST: dict[str, tuple[str, tuple[str, ...]]] = {
    "_FusedConv2D": ("Conv2D", (*_CONV, "use_cudnn_on_gpu")),
    "_FusedConv3D": ("Conv3D", _CONV),
    "_FusedDepthwiseConv2dNative": ("DepthwiseConv2dNative", _CONV),
    "FusedDepthwiseConv2dNative": ("DepthwiseConv2dNative", _CONV),
    "_FusedMatMul": ("MatMul", ("T", "transpose_a", "transpose_b")),
}
_ACTIVATIONS = frozenset({"Elu", "LeakyRelu", "Relu", "Relu6", "Selu", "Sigmoid", "Tanh"})
_GELU = ("GeluApproximate", "GeluExact")
_PRELU = "Prelu"
_NORM = "_FusedBatchNormEx"
_FUSED = frozenset({*_FIRST, _PRELU, _NORM})
_FLOAT = 1  # DT_FLOAT
_SLOPE = 0.2  # of LeakyRelu where none is stated


def split_fused(graph_def: Any, name: str) -> None:
    """Replaces fused nodes of a graph and its functions by the operations in them; the last one keeps the name.

    Raises:
        InvalidSourceError: something is fused that is unknown, or operands are missing; `name` says where.
    """
    for nodes in (graph_def.node, *(function.node_def for function in graph_def.library.function)):
        if any(node.op in _FUSED for node in nodes):
            taken = {node.name for node in nodes}
            split = [part for node in nodes for part in _parts(node, name, taken)]
            del nodes[:]
            nodes.extend(split)


def _parts(node: Any, name: str, taken: set[str]) -> list[Any]:
    if node.op not in _FUSED:
        return [node]
    splitter = _Splitter(node, name, taken)
    if node.op in _FIRST:
        return splitter.contraction()
    return splitter.prelu_alone() if node.op == _PRELU else splitter.norm_alone()


class _Splitter:
    """Takes one node apart; `taken` are the names that the graph has."""

    def __init__(self, node: Any, name: str, taken: set[str]) -> None:
        self.node = node
        self.name = name
        self.taken = taken
        self.operands = [reference for reference in node.input if not reference.startswith("^")]
        self.controls = [reference for reference in node.input if reference.startswith("^")]
        self.dtype = node.attr["T"].type or _FLOAT
        self.made: list[Any] = []

    def contraction(self) -> list[Any]:
        """A convolution or matrix product, and what follows it."""
        op, kept = _FIRST[self.node.op]
        first = self._add(op, self._take(), self._take(), controls=True)
        for key in kept:
            if key in self.node.attr:
                first.attr[key].CopyFrom(self.node.attr[key])
        value = first.name
        for step in self.node.attr["fused_ops"].list.s:
            value = self._follow(step.decode("utf-8", "replace"), value)
        if self.made[-1].op == "FusedBatchNormV3":
            self._add("Identity", value)  # the whole has one output, a normalisation several
        return self._named()

    def prelu_alone(self) -> list[Any]:
        self._prelu(self._take(), controls=True)
        return self._named()

    def norm_alone(self) -> list[Any]:
        """A batch normalisation with a summand and an activation."""
        norm = self._add("FusedBatchNormV3", *(self._take() for _ in range(5)), controls=True)
        for key, attr in self.node.attr.items():
            if key not in ("num_side_inputs", "activation_mode") and not key.startswith("_"):
                norm.attr[key].CopyFrom(attr)
        value = norm.name
        if self.operands:
            value = self._add("AddV2", value, self._take()).name
        activation = self.node.attr["activation_mode"].s.decode("utf-8", "replace")
        if activation not in ("", "Identity"):
            self._follow(activation, value)
        return self._named()

    def _follow(self, step: str, value: str) -> str:
        """The reference to `value` after one more operation."""
        if step in _ACTIVATIONS:
            activation = self._add(step, value)
            if step == "LeakyRelu":
                stated = "leakyrelu_alpha" in self.node.attr
                activation.attr["alpha"].f = self.node.attr["leakyrelu_alpha"].f if stated else _SLOPE
            return str(activation.name)
        if step == _PRELU:
            return self._prelu(value)
        if step in _GELU:
            return self._gelu(value, exact=step == "GeluExact")
        layout = self.node.attr["data_format"].s.decode("utf-8", "replace") if "data_format" in self.node.attr else ""
        if step in ("Add", "AddV2") or (step == "BiasAdd" and not layout.startswith("NC")):
            return str(self._add("AddV2", value, self._take()).name)  # a fused bias may have axes of one before its own
        if step not in ("BiasAdd", "FusedBatchNorm"):
            raise self._wrong(f"has '{step}' fused into it, which is unknown")
        if step == "BiasAdd":
            after = self._add("BiasAdd", value, self._take())
        else:
            after = self._add("FusedBatchNormV3", value, *(self._take() for _ in range(4)))
            after.attr["U"].type = _FLOAT
            after.attr["is_training"].b = False
            after.attr["epsilon"].f = self.node.attr["epsilon"].f
        if "data_format" in self.node.attr:
            after.attr["data_format"].CopyFrom(self.node.attr["data_format"])
        return str(after.name)

    def _prelu(self, x: str, controls: bool = False) -> str:
        """relu(x) - alpha * relu(-x), as Keras spells it."""
        alpha = self._take()
        positive = self._add("Relu", x, controls=controls).name
        negative = self._add("Relu", self._add("Neg", x).name).name
        scaled = self._add("Mul", self._add("Neg", alpha).name, negative).name
        return str(self._add("AddV2", positive, scaled).name)

    def _gelu(self, x: str, *, exact: bool) -> str:
        """x * (1 + erf(x / sqrt(2))) / 2, or with tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)) for the erf."""
        if exact:
            second = self._add("Erf", self._add("Mul", x, self._number(math.sqrt(0.5))).name)
        else:
            cube = self._add("Mul", self._add("Mul", x, x).name, x).name
            inner = self._add("AddV2", x, self._add("Mul", cube, self._number(0.044715)).name).name
            second = self._add("Tanh", self._add("Mul", inner, self._number(math.sqrt(2 / math.pi))).name)
        bracket = self._add("AddV2", second.name, self._number(1)).name
        half = self._add("Mul", x, self._number(0.5)).name
        return str(self._add("Mul", half, bracket).name)

    def _number(self, number: float) -> str:
        """A constant of the node's dtype: a Cast of a float, which every dtype has."""
        constant = self._add("Const")
        del constant.attr["T"]
        constant.attr["dtype"].type = _FLOAT
        constant.attr["value"].tensor.dtype = _FLOAT
        constant.attr["value"].tensor.tensor_shape.SetInParent()
        constant.attr["value"].tensor.float_val.append(number)
        if self.dtype == _FLOAT:
            return str(constant.name)
        cast = self._add("Cast", constant.name)
        del cast.attr["T"]
        cast.attr["SrcT"].type, cast.attr["DstT"].type = _FLOAT, self.dtype
        return str(cast.name)

    def _take(self) -> str:
        if not self.operands:
            raise self._wrong("lacks inputs")
        return str(self.operands.pop(0))

    def _add(self, op: str, *inputs: str, controls: bool = False) -> Any:
        name, number = f"{self.node.name}/{op}", 0
        while name in self.taken:
            number += 1
            name = f"{self.node.name}/{op}_{number}"
        self.taken.add(name)
        made = message("NodeDef")(name=name, op=op, input=[*inputs, *(self.controls if controls else ())])
        made.attr["T"].type = self.dtype
        self.made.append(made)
        return made

    def _named(self) -> list[Any]:
        """The nodes, the last of which gets the name and the recorded shapes of the whole."""
        last = self.made[-1]
        last.name = self.node.name
        if "_output_shapes" in self.node.attr:
            last.attr["_output_shapes"].CopyFrom(self.node.attr["_output_shapes"])
        return self.made

    def _wrong(self, what: str) -> InvalidSourceError:
        return InvalidSourceError(f"{self.name}: {self.node.op} '{self.node.name}' {what}")
