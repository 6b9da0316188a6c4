"""Which nodes compute in integers, which only keep their weights so, and why the others stay as they are."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.errors import InvalidArgumentError
from onward.tools.quantize.message import Message

if TYPE_CHECKING:
    import onnx

# What can become of a node.
INTEGERS = "integers"  # quantised inputs and outputs by calibrated ranges, an integer kernel
BETWEEN = "between"  # computes in integers where what it takes is there in integers anyway
DYNAMIC = "dynamic"  # inputs quantised anew in every run, by their own range
WEIGHTS = "weights"  # int8 weights, made float again in every run
ROWS = "rows"  # a table of int8 rows with a scale each
BLOCKS = "blocks"  # int4 weights, a scale for each block of 32

# Operators by what becomes of them, for each kind of quantisation.
TREATMENTS: dict[str, dict[str, str]] = {
    "int8": {
        **dict.fromkeys(("Conv", "Gemm", "MatMul"), INTEGERS),
        **dict.fromkeys(("Add", "AveragePool", "Concat", "GlobalAveragePool", "MaxPool", "Resize"), BETWEEN),
        **dict.fromkeys(("ConvTranspose", "GRU", "LSTM", "RNN"), WEIGHTS),
        "Gather": ROWS,
    },
    "int8-dynamic": {
        **dict.fromkeys(("Gemm", "LSTM", "MatMul"), DYNAMIC),
        **dict.fromkeys(("Conv", "ConvTranspose", "GRU", "RNN"), WEIGHTS),
        "Gather": ROWS,
    },
    "int4": {
        **dict.fromkeys(("Gemm", "MatMul"), BLOCKS),
        **dict.fromkeys(("Conv", "ConvTranspose", "GRU", "LSTM", "RNN"), WEIGHTS),
        "Gather": ROWS,
    },
}
# Where an operator's weights are among its inputs. The axis of the channels is `channel_axis`.
WEIGHT_INPUTS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul"), (1,)),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), (1, 2)),
    "Gather": (0,),
}
# Movement: what comes in as integers goes out as integers, at no cost in accuracy.
MOVEMENT = frozenset({"Flatten", "MaxPool", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"})
CLIPPING = frozenset({"Clip", "Relu"})  # part of whatever quantises its output
FLOAT_OUTPUT = frozenset({"Gemm", "MatMul"})  # integer products whose sums need not become integers again
SMALLEST = 64  # elements of a weight that is worth it

# Why an operator is left in float, in words for the report.
REASONS = {
    "Softmax": "its small probabilities would all round to zero",
    "LayerNormalization": "its sums of squares need float's range",
    "Sigmoid": "float costs little and is exact",
    "Gelu": "there is no integer kernel",
    "Attention": "there is no integer kernel",
}
NOT_CONSTANT = "multiplies activations with each other"
SMALL = "its weights are small"


@dataclass(frozen=True)
class Unit:
    """A node that can be quantised.

    Attributes:
        node: its name.
        op: its operator.
        treatment: what becomes of it.
        parameters: how many weights it has.
        layer: the Keras layer it comes from, where the file says so.
    """

    node: str
    op: str
    treatment: str
    parameters: int
    layer: str = ""

    def __str__(self) -> str:
        named = self.layer and self.layer not in self.node
        return f"{self.op} '{self.node}'" + (f" (layer '{self.layer}')" if named else "")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"node": self.node, "op": self.op, "layer": self.layer, "parameters": self.parameters}


@dataclass
class Flow:
    """What is in integers, gathered along the graph.

    Attributes:
        nodes: those that compute in integers.
        through: those that move or clip integers.
        tensors: what they make, if it is integers.
    """

    nodes: list[str] = field(default_factory=list)
    through: list[str] = field(default_factory=list)
    tensors: set[str] = field(default_factory=set)

    def add(self, node: onnx.NodeProto) -> None:
        """Takes in a node that computes in integers."""
        self.nodes.append(node.name)
        if node.op_type not in FLOAT_OUTPUT:
            self.tensors.update(node.output)

    def feeds(self, model: Message, node: onnx.NodeProto) -> bool:
        """Whether all that a node computes with is there in integers."""
        reals = [name for name in node.input if name in model.makers] if node.op_type == "Resize" else list(node.input)
        return bool(reals) and all(name in self.tensors for name in reals)


@dataclass(frozen=True)
class Plan:
    """What can be quantised.

    Attributes:
        kind: ``int8``, ``int8-dynamic`` or ``int4``.
        units: the nodes that can be, in the order of the graph.
        left: how many nodes of each operator that computes reals are left as they are, and why.
        asked: of these, what the caller wants to keep.
    """

    kind: str
    units: tuple[Unit, ...]
    left: dict[str, tuple[int, str]]
    asked: tuple[Unit, ...] = ()

    def names(self, *treatments: str, kept: Iterable[Unit] = ()) -> list[str]:
        """The nodes of these treatments that are not kept."""
        kept = set(kept)
        return [unit.node for unit in self.units if unit.treatment in treatments and unit not in kept]

    def flow(self, model: Message, kept: Iterable[Unit] = ()) -> Flow:
        """What is in integers when some units are kept."""
        found, chosen = Flow(), set(self.names(INTEGERS, BETWEEN, kept=kept))
        between = set(self.names(BETWEEN))
        for node in model.proto.graph.node:
            if node.name in chosen and (node.name not in between or found.feeds(model, node)):
                found.add(node)
            elif node.op_type in MOVEMENT | CLIPPING and node.input[0] in found.tensors:
                found.through.append(node.name)
                found.tensors.update(node.output)
        return found


def make(model: Message, kind: str, keep: Iterable[str]) -> Plan:
    """Goes through the graph.

    Args:
        keep: nodes, operators or Keras layers that stay as they are.

    Raises:
        InvalidArgumentError: nothing is called so.
    """
    kept = set(keep)
    known = {name for node in model.proto.graph.node for name in _names(node)}
    for name in sorted(kept - known):
        close = difflib.get_close_matches(name, known, 1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        raise InvalidArgumentError(f"keep: no node, operator or layer is called '{name}'{hint}")
    units, asked, left, reasons = [], [], Counter[str](), {}
    flow = Flow()
    for node in model.proto.graph.node:
        treatment, reason = _treatment(model, node, TREATMENTS[kind].get(node.op_type, ""), flow)
        if treatment:
            unit = Unit(node.name, node.op_type, treatment, _parameters(model, node), _layer(node))
            if _names(node) & kept:
                asked.append(unit)
                continue
            units.append(unit)
            if treatment in (INTEGERS, BETWEEN):
                flow.add(node)
        elif node.op_type in MOVEMENT | CLIPPING and node.input[0] in flow.tensors:
            flow.tensors.update(node.output)
        elif reason or node.op_type in REASONS:
            left[node.op_type] += 1
            reasons[node.op_type] = reason or REASONS[node.op_type]
    return Plan(kind, tuple(units), {op: (left[op], reasons[op]) for op in sorted(left)}, tuple(asked))


def _names(node: onnx.NodeProto) -> set[str]:
    """What a node may be called by: its name here and in a file of another's, its operator, its Keras layer."""
    return {node.name, node.name.removesuffix(f"/{node.op_type}"), node.op_type, _layer(node)} - {""}


def _treatment(model: Message, node: onnx.NodeProto, treatment: str, flow: Flow) -> tuple[str, str]:
    """What becomes of a node, or why nothing does."""
    if treatment == BETWEEN:
        return (treatment if flow.feeds(model, node) else ""), ""
    if not treatment:
        return "", ""
    indices = WEIGHT_INPUTS[node.op_type]
    if not all(len(node.input) > i and model.is_weight(node.input[i]) for i in indices):
        return "", NOT_CONSTANT if node.op_type in ("MatMul", "Gemm", "Conv") else ""
    if any(np.prod(model.constants[node.input[i]].dims) < SMALLEST for i in indices):
        return "", SMALL
    ranks = {len(model.constants[node.input[i]].dims) for i in indices}
    if node.op_type == "Gather" and (ranks != {2} or _axis(node) != 0):
        return "", ""
    if node.op_type == "MatMul" and ranks != {2}:
        return "", "its weights are a stack of matrices"
    return treatment, ""


def channel_axis(node: onnx.NodeProto, rank: int) -> int:
    """The axis of a node's weights along which each output channel has a scale of its own."""
    if node.op_type == "Gemm":
        return 0 if any(a.name == "transB" and a.i for a in node.attribute) else 1
    return {"Conv": 0, "ConvTranspose": 1, "Gather": 0}.get(node.op_type, rank - 1 if node.op_type == "MatMul" else 1)


def _axis(node: onnx.NodeProto) -> int:
    return next((a.i for a in node.attribute if a.name == "axis"), 0)


def _parameters(model: Message, node: onnx.NodeProto) -> int:
    return int(sum(np.prod(model.constants[name].dims) for name in node.input if name in model.constants))


def _layer(node: onnx.NodeProto) -> str:
    return next((entry.value for entry in node.metadata_props if "layer" in entry.key), "")
